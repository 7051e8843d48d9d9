//! The one test binary: every router in process, against a DynamoDB-compatible engine.

mod admin;
mod authz;
mod budget;
mod contract;
mod cors;
mod events;
mod faults;
mod identity;
mod input;
mod keys;
mod kv;
mod limits;
mod linearizability;
mod memberships;
mod memory;
mod mutants;
mod operations;
mod organizations;
mod roles;
mod secrets;
mod smoke;
mod support;
mod vcs;
mod worker;
