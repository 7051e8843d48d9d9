//! What is published, routed and described is one and the same.

mod docs;
mod document;
mod generated;
mod guide;
mod leading_keys;
mod published;
mod routes;
