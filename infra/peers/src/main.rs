//! `make bench-peers`: measures terrapi beside what a user could take instead, in one run, and prints ratios.
//!
//! The program starts all peers on 127.0.0.1 with data in temporary folders ([`peers`]), lets them take turns under the
//! load of wrk ([`rounds`], [`load`]), and stops them at its end, also when it fails or is interrupted. It fails if a
//! peer does not start or answers wrongly; a missed target ([`targets`]) is only reported.

mod api;
mod client;
mod document;
mod load;
mod machine;
mod peers;
mod process;
mod report;
mod results;
mod rounds;
mod settings;
mod stats;
mod targets;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use terrapi::runtime::Random;
use tokio::signal::unix::{SignalKind, signal};

use api::Operation;
use client::Client;
use load::Load;
use peers::{Peer, Stage, engine};
use rounds::Bench;
use settings::Settings;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [engine::ARGUMENT, folder, api_key] => engine::run(Path::new(folder), api_key),
        _ => bench(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-peers: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn bench(arguments: &[String]) -> Result<()> {
    let settings = Settings::parse(arguments)?;
    process::raise_file_limit()?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Dropping the run stops the peers.
    tokio::select! {
        outcome = run(&settings) => outcome,
        _ = interrupt.recv() => Err("interrupted".into()),
        _ = terminate.recv() => Err("terminated".into()),
    }
}

async fn run(settings: &Settings) -> Result<()> {
    let machine = machine::describe(settings);
    let stage = Stage { client: Client::new()?, workspace: settings.workspace.clone() };
    let mut running = Vec::new();
    for name in &settings.peers {
        eprintln!("starting {name}");
        running.push(Peer::start(name, &stage).await.map_err(|error| format!("{name}: {error}"))?);
    }
    let scripts = settings.workspace.join("infra/peers/wrk");
    let bench = Bench { client: stage.client, scripts: &scripts, random: Random::default() };
    let results = bench.measure(&running, settings).await?;
    let many = match running.iter().find(|peer| peer.name == peers::TERRAPI) {
        Some(terrapi) => {
            eprintln!("{} clients", targets::MANY);
            let load = Load { clients: targets::MANY, seconds: settings.seconds };
            Some(bench.load(terrapi, Operation::Read, load).await?)
        }
        None => None,
    };
    let section = [
        report::preface(settings),
        machine,
        many.map(|many| targets::markdown(&results, &many)).unwrap_or_default(),
        report::tables(&results, settings),
    ];
    let section = section.join("\n");
    println!("{section}");
    let failed = results.samples.iter().filter(|sample| sample.outcome.is_err()).count();
    if failed > 0 {
        return Err(format!("{failed} measures failed; the document is as it was").into());
    }
    if settings.complete() { document::write(&settings.workspace, &section) } else { Ok(()) }
}
