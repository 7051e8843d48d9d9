//! `make bench`: measures what the functions cost and prints a table with limits.
//!
//! Everything runs on 127.0.0.1 and ends by itself: an embedded engine, a Runtime API of our own ([`runtime_api`]), and
//! the functions as they ship, one process each. Figures that depend on the machine are given relative to a hello
//! function that is measured in the same minute. The command fails if a row marked **gate** exceeds its limit; the
//! gates do not depend on the clock.

mod events;
#[allow(
    dead_code,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unused_imports,
    reason = "the tests' own proxy, held to the tests' lints; only its ledger is used here"
)]
#[path = "../../../tests/it/support/faulty/mod.rs"]
mod faulty;
mod http;
mod machine;
mod organization;
mod process;
mod report;
mod rounds;
mod rows;
mod runtime_api;
mod sdk;
mod seed;
mod stats;

use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use faulty::Faulty;
use process::Programs;
use report::Row;
use seed::Stage;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The state that all rows share.
struct Bench {
    programs: Programs,
    stage: Stage,
    /// A proxy in front of the stage's engine that counts calls and units.
    meter: Faulty,
}

/// A family of rows: its name, and the function that measures it.
type Family = (&'static str, fn(&Bench) -> Result<Vec<Row>>);

const FAMILIES: &[Family] = &[
    ("a1", rows::latency::measure),
    ("a2", rows::instructions::measure),
    ("a3", rows::team_tokens::measure),
    ("b1", rows::size::measure),
    ("b2", rows::start::measure),
    ("b3", rows::instructions::measure_init),
    ("b4", rows::memory::measure_resident),
    ("b5", rows::memory::measure_growth),
    ("b6", rows::start::measure_random),
    ("d", rows::calls::measure),
    ("f", rows::scale::measure),
    ("g", rows::cost::measure),
];

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(rows::start::FIRST_RANDOM) {
        return rows::start::first_random();
    }
    // To work on one family: `cargo run --release -p terrapi-bench b5`. Only a complete run writes the document.
    let wanted: Vec<String> = first.into_iter().chain(arguments).collect();
    match run(&wanted).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every gate holds.
async fn run(wanted: &[String]) -> Result<bool> {
    let began = Instant::now();
    let load_before = machine::load();
    let programs = Programs::build()?;
    let machine = machine::describe(programs.workspace())?;
    println!("{machine}");
    let stage = Stage::new().await?;
    let meter = Faulty::start(&stage.endpoint(), 7).await;
    let bench = Bench { programs, stage, meter };
    let mut rows = Vec::new();
    for (name, measure) in FAMILIES.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|one| one == name))
    {
        eprintln!("{:>4} s  measuring {name}", began.elapsed().as_secs());
        let measured = measure(&bench).unwrap_or_else(|error| vec![Row::failed(name, &error.to_string())]);
        // A complete run takes long, so an interrupted one has printed what was measured until then.
        eprintln!("{}", report::markdown(&measured));
        rows.extend(measured);
    }
    let table = report::markdown(&rows);
    println!("{table}");
    if wanted.is_empty() {
        let load =
            format!("* Load average of 15 minutes: {load_before} before the run, {} at its end\n", machine::load());
        let folder = bench.programs.workspace().join("docs");
        fs::create_dir_all(&folder)?;
        let document = folder.join("benchmarks.md");
        let before = fs::read_to_string(&document).unwrap_or_default();
        let peers = report::peers(&before);
        let text = format!("# Benchmarks\n\n{machine}{load}\n{}\n{table}{peers}", report::PREFACE);
        fs::write(document, text)?;
    }
    let broken: Vec<_> = rows.iter().filter(|row| row.gate && row.misses()).collect();
    for row in &broken {
        eprintln!("gate {} is beyond its limit: {}", row.id, row.measure);
    }
    eprintln!("{} s in all", began.elapsed().as_secs());
    Ok(broken.is_empty())
}
