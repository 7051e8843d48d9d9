//! The section as Markdown: tables of figures and of ratios.

use std::fmt::Write as _;

use crate::api::Operation;
use crate::peers::TERRAPI;
use crate::results::{Cell, Figures, Results};
use crate::rounds::CLIENTS;
use crate::settings::Settings;
use crate::stats::Spread;

/// The text above the tables.
pub fn preface(settings: &Settings) -> String {
    format!(
        "`make bench-peers` writes this section. It answers: how fast and how large is terrapi beside what a user could \
take instead? All peers run on this machine at the same time and take turns under the load of wrk, {} of {} s for \
each figure after a second of warm-up. Nothing is pinned to a core: servers and wrk share the cores. Figures are medians \
of the rounds; a ratio is the median of the ratios within a round, and above 1× means that terrapi answers more requests. \
Values have 1 KiB; reads and writes choose one of 1,000 keys at random; in a compare-and-set each client updates records \
of its own. Each read and write carries a token that is a few seconds old. Latencies are those of a closed loop, as \
wrk reports them. Memory is VmRSS of all processes of a peer, right after a load.\n\n\
* **terrapi**: `terrapi serve --dev`, one process with its data in a file, without rate limits; writes that come together are synced to disk together. \
An exchange writes an audit entry.\n\
* **OpenBao**: the KV store of version 2, with tokens of an AppRole and a policy; on raft, which syncs each write to disk, \
and in memory. A login writes a lease. No audit device.\n\
* **etcd**: its JSON gateway, synced to disk, without tokens. It is reported, not a target.\n\
* **Node**, **Python**: the same service in a few lines (`infra/peers`), one process each, on the embedded engine that \
terrapi uses, as a second process that syncs each write to disk. They check the signature of the token at each request, \
which terrapi does once for each token. An exchange writes nothing. Their memory contains the engine's.\n",
        count(settings.rounds, "round"),
        settings.seconds
    )
}

/// A Markdown table for each operation, and one for memory.
pub fn tables(results: &Results, settings: &Settings) -> String {
    let mut text = String::new();
    for operation in Operation::ALL {
        let _ = writeln!(text, "### {}\n", operation.name());
        text.push_str("| clients | peer | requests/s | p50 ms | p99 ms | memory MiB | conflicts | terrapi ÷ peer |\n");
        text.push_str("|---|---|---|---|---|---|---|---|\n");
        for clients in CLIENTS {
            let cell = Cell { operation, clients };
            for peer in &settings.peers {
                row(&mut text, results, peer, cell);
            }
        }
        text.push('\n');
    }
    text.push_str("### memory\n\n| peer | before the load, MiB | largest after a load, MiB | terrapi ÷ peer, before | largest |\n");
    text.push_str("|---|---|---|---|---|\n");
    for peer in &settings.peers {
        let (rest, largest) = (results.at_rest(peer), results.largest_memory(peer));
        let ratios = [results.at_rest(TERRAPI) / rest, results.largest_memory(TERRAPI) / largest].map(times);
        let _ = writeln!(text, "| {peer} | {} | {} | {} |", number(rest), number(largest), ratios.join(" | "));
    }
    text
}

fn row(text: &mut String, results: &Results, peer: &str, cell: Cell) {
    let clients = cell.clients;
    if let Some(reason) = results.failure(peer, cell) {
        let _ = writeln!(text, "| {clients} | {peer} | **failed**: {} |||||", reason.replace(['|', '\n'], " "));
        return;
    }
    let median =
        |of: fn(Figures) -> f64| number(Spread::of(results.figures(peer, cell).map(|(_, one)| of(one))).median);
    if results.figures(peer, cell).next().is_none() {
        return;
    }
    let conflicts: u64 = results.figures(peer, cell).map(|(_, figures)| figures.conflicts).sum();
    let _ = writeln!(
        text,
        "| {clients} | {peer} | {} | {} | {} | {} | {conflicts} | {} |",
        median(|one| one.per_second),
        median(|one| one.p50),
        median(|one| one.p99),
        median(|one| one.memory),
        times(results.ratio(peer, cell).median)
    );
}

/// A ratio, `–` if it was not measured.
fn times(ratio: f64) -> String {
    if ratio.is_nan() { "–".to_owned() } else { format!("{}×", number(ratio)) }
}

/// A number of things: `1 round`, `2 rounds`.
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Formats a value with three significant digits.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "not measured".into()
    } else if size >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
