//! What terrapi is held to. A missed target is reported; it does not fail the command.

use std::fmt::Write as _;

use crate::api::Operation;
use crate::load::Counted;
use crate::peers::{OPENBAO_RAFT, TERRAPI};
use crate::report::{count, number};
use crate::results::{Cell, Results};
use crate::rounds::CLIENTS;

/// How many clients read at the same time without a refusal.
pub const MANY: usize = 1_000;
/// The least that terrapi answers, as a multiple of what `OpenBao` on raft answers.
const SPEED: f64 = 1.0;
/// The most memory that terrapi needs, as a multiple of `OpenBao`'s on raft.
const MEMORY: f64 = 0.25;
/// The most memory that terrapi needs before a load, in MiB.
const AT_REST: f64 = 64.0;

/// The table of targets. A figure that was not measured (NaN) misses its target.
pub fn markdown(results: &Results, many: &Counted) -> String {
    let mut text = "| target | limit | figure | verdict |\n|---|---|---|---|\n".to_owned();
    let mut row = |what: &str, limit: &str, figure: &str, met: bool| {
        let verdict = if met { "met" } else { "**missed**" };
        let _ = writeln!(text, "| target: {what} | {limit} | {figure} | {verdict} |");
    };
    for operation in Operation::ALL {
        for clients in CLIENTS {
            let ratio = results.ratio(OPENBAO_RAFT, Cell { operation, clients });
            let what = format!("{} ÷ {OPENBAO_RAFT}, {}", operation.name(), count(clients, "client"));
            let figure = format!("{}× ({}–{})", number(ratio.median), number(ratio.smallest), number(ratio.largest));
            row(&what, &format!("≥ {}×", number(SPEED)), &figure, ratio.median >= SPEED);
        }
    }
    let at_rest = results.at_rest(TERRAPI);
    for (what, memory) in [
        ("memory before the load", at_rest / results.at_rest(OPENBAO_RAFT)),
        ("largest memory after a load", results.largest_memory(TERRAPI) / results.largest_memory(OPENBAO_RAFT)),
    ] {
        let what = format!("{what} ÷ {OPENBAO_RAFT}");
        row(&what, &format!("≤ {MEMORY}×"), &format!("{}×", number(memory)), memory <= MEMORY);
    }
    row(
        "memory before the load",
        &format!("≤ {} MiB", number(AT_REST)),
        &format!("{} MiB", number(at_rest)),
        at_rest <= AT_REST,
    );
    let errors = many.status + many.socket + many.timeout;
    let figure = format!(
        "{} answers, {errors} refused, broken or late; {} per second, p99 {} ms",
        many.requests,
        number(many.per_second()),
        number(many.p99())
    );
    row(&format!("reads of {MANY} simultaneous clients"), "0 refused", &figure, errors == 0 && many.requests > 0);
    text
}
