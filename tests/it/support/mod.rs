//! What the tests share.

pub mod faulty;
