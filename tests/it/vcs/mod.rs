mod discovery;
mod faults;
mod github;
mod gitlab;
pub mod misconfigured;
mod processes;
mod secrets;
mod sign_in;
