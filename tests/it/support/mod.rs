//! What the tests share.

mod blobs;
pub mod bucket;
pub mod faulty;
pub mod forge;
pub mod github;
pub mod gitlab;
pub mod log;
pub mod openapi;
pub mod organizations;
pub mod providers;
mod pump;
pub mod python;
pub mod reply;
pub mod roles;
pub mod routes;
pub mod served;
mod settled;
pub mod stand_in;
pub mod terraform;
pub mod world;

pub use pump::Pump;
pub use reply::Reply;
pub use world::{MemberOf, World};
