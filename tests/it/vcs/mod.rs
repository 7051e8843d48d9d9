mod discovery;
mod faults;
mod github;
mod gitlab;
pub mod misconfigured;
mod secrets;
mod sign_in;
