//! What is published, routed and described is one and the same.

mod docs;
mod document;
mod published;
mod routes;
