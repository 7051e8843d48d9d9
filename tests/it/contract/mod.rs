//! The template, the routers and the published document describe the same API.

mod commands;
mod docs;
mod document;
mod generated;
mod guide;
mod leading_keys;
mod parameters;
mod published;
mod routes;
mod template;
