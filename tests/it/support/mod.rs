//! What the tests share.

mod blobs;
pub mod faulty;
pub mod forge;
pub mod openapi;
pub mod reply;
pub mod routes;
pub mod world;

pub use reply::Reply;
pub use world::{MemberOf, World};
