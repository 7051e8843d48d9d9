//! Support code that the tests share.

pub mod backend;
mod blobs;
pub mod browser;
pub mod bucket;
pub mod faulty;
pub mod forge;
pub mod github;
pub mod gitlab;
pub mod log;
pub mod moto;
pub mod openapi;
pub mod organizations;
pub mod provider_user;
pub mod providers;
pub mod python;
pub mod reply;
pub mod roles;
pub mod routes;
pub mod served;
pub mod service;
mod settled;
pub mod signed_tokens;
pub mod stand_in;
mod stream_pump;
pub mod terraform;

pub use reply::Reply;
pub use service::{MemberOf, TestService};
pub use stream_pump::StreamPump;
