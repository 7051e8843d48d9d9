//! The one test binary: every router in process, against a DynamoDB-compatible engine.

mod events;
mod faults;
mod keys;
mod kv;
mod secrets;
mod smoke;
mod support;
