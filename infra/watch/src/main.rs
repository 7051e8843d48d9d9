//! `make watch`: the functions under an emulator of Lambda, with data that survives a restart. With the argument `routes`,
//! `make routes`.

use std::process::ExitCode;

use terrapi::runtime::Random;
use terrapi_local::connection::Connection;
use terrapi_local::expiry::sweep_expired;
use terrapi_local::pump::StreamPump;
use terrapi_local::{Engine, Template, bootstrap};
use terrapi_watch::emulator::{self, Emulator};
use terrapi_watch::front::Front;
use terrapi_watch::function::Function;
use terrapi_watch::settings::Settings;
use terrapi_watch::{Result, manifest, timer};
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = tokio::select! {
        outcome = run() => outcome,
        outcome = asked_to_stop() => outcome,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("terrapi-watch: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let settings = Settings::from_environment()?;
    if std::env::args().nth(1).as_deref() == Some("routes") {
        return manifest::write(&settings.workspace);
    }
    // The engine logs a warning for every failed condition, which is normal for this store.
    let filter = Targets::new().with_default(Level::WARN).with_target("dynoxide", Level::ERROR);
    tracing_subscriber::registry().with(fmt::layer().with_writer(std::io::stderr).with_filter(filter)).init();
    let template = Template::project()?;
    let _lock = settings.data.lock()?;
    let listener = settings.listen()?;
    emulator::check_tools().await?;
    let engine = Engine::at(settings.data.path())?;
    engine.embedded().create_tables(template)?;
    settings.data.create_secrets(&Random::default())?;
    let credentials = bootstrap::ensure(&bootstrap::store(&engine, template)?, &settings.data).await?;

    eprintln!("Compiling the functions; the first time this takes minutes.");
    emulator::build(&settings.workspace).await?;
    eprintln!("Starting the functions.");
    let environment = emulator::environment(&settings, template, &engine.endpoint());
    let emulator = Emulator::start(&settings, template, &environment).await?;
    let _front = Front::start(listener, emulator.address())?;

    for source in &template.streams {
        let function = Function::new(&emulator.base_url(), &source.function)?;
        let pump = StreamPump::new(engine.embedded(), source.clone(), function, settings.data.path())?;
        tokio::spawn(pump.run());
    }
    for timer in &template.timers {
        let function = Function::new(&emulator.base_url(), &timer.function)?;
        tokio::spawn(timer::run(timer.clone(), function));
    }
    tokio::spawn(sweep_expired(engine.embedded().clone(), template));

    let connection = Connection::new(settings.base_url(), &credentials, Some(engine.endpoint()));
    connection.write(&settings.data)?;
    println!("{}", connection.curl_lines());
    emulator.keep_running(&settings, template, &environment).await
}

async fn asked_to_stop() -> Result<()> {
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
