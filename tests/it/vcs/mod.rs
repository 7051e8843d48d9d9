mod discovery;
mod faults;
mod github;
mod gitlab;
mod secrets;
mod sign_in;
