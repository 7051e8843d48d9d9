mod discovery;
mod faults;
mod github;
mod gitlab;
mod misconfigured;
mod secrets;
mod sign_in;
