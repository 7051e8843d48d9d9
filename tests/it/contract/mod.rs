//! The template, the routers and the published document describe the same API.

mod commands;
mod document;
mod generated;
mod guide;
mod layers;
mod leading_keys;
mod modules;
mod parameters;
mod published;
mod routes;
mod statuses;
mod stored;
mod template;
