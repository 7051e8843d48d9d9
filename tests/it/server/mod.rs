//! `terrapi serve` and `terrapi admin` as processes: what the functions in one process need beyond the functions.

mod admin;
mod backup;
mod check;
mod front;
mod kill;
mod log;
mod program;
mod stop;
mod tls;
