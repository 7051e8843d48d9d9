//! What administrators look at.

mod audit;
