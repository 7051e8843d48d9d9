//! The one test binary: every router in process, against a DynamoDB-compatible engine.

// Each function's routes or events.
mod admin;
mod console;
mod identity;
mod installations;
mod key_rotation;
mod kv_store;
mod team_tokens;
mod token_refresh;
mod worker;

// What crosses the functions, and the fixtures.
mod authz;
mod budget;
mod contract;
mod cors;
mod credentials;
mod events;
mod faults;
mod input;
mod limits;
mod linearizability;
mod memory;
mod mutants;
mod providers;
mod roles;
mod server;
mod smoke;
mod support;
