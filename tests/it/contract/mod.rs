//! What is published, routed and described is one and the same.

mod commands;
mod docs;
mod document;
mod generated;
mod guide;
mod layers;
mod leading_keys;
mod parameters;
mod published;
mod routes;
mod stored;
mod template;
