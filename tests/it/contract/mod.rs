//! What is published, routed and described is one and the same.

mod docs;
mod document;
mod guide;
mod published;
mod routes;
