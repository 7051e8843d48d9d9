//! Organizations, teams and their tokens, as clients of the HCP Terraform API use them.

mod budget;
mod flow;
