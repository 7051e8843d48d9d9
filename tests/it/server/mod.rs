//! `terrapi serve` as a process: what the functions in one process need beyond the functions.

mod front;
mod kill;
mod stop;
mod tls;
