//! `make run`: the whole service on one machine, with data that survives a restart. With the argument `routes`, `make routes`.

use std::process::ExitCode;

use terrapi_local::{
    Engine, Result, Template, bootstrap,
    connection::Connection,
    emulator::{self, Emulator},
    front::Front,
    pump::{LocalStreamPump, sweep_expired},
    routes,
    settings::Settings,
    timer,
};
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
            eprintln!("terrapi-local: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let settings = Settings::from_environment()?;
    if std::env::args().nth(1).as_deref() == Some("routes") {
        return routes::write(&settings.workspace);
    }
    // The engine logs a warning for every failed condition, which is normal for this store.
    let filter = Targets::new().with_default(Level::WARN).with_target("dynoxide", Level::ERROR);
    tracing_subscriber::registry().with(fmt::layer().with_writer(std::io::stderr).with_filter(filter)).init();
    let template = Template::project()?;
    let _lock = settings.lock_data_dir()?;
    let listener = settings.listen()?;
    emulator::check_tools().await?;
    let engine = Engine::at(&settings.data_dir)?;
    engine.create_tables(template)?;
    let credentials = bootstrap::ensure(&engine, template, &settings).await?;

    eprintln!("Compiling the functions; the first time this takes minutes.");
    emulator::build(&settings.workspace).await?;
    eprintln!("Starting the functions.");
    let environment = bootstrap::environment(&settings, template, &engine);
    let emulator = Emulator::start(&settings, template, &environment).await?;
    let _front = Front::start(listener, emulator.address())?;

    for source in &template.streams {
        let pump =
            LocalStreamPump::new(engine.database().clone(), source.clone(), &emulator.base_url(), &settings.data_dir)?;
        tokio::spawn(pump.run());
    }
    for timer in &template.timers {
        tokio::spawn(timer::run(timer.clone(), emulator.base_url()));
    }
    tokio::spawn(sweep_expired(engine.database().clone()));

    let connection = Connection::new(&settings, &credentials, engine.endpoint());
    connection.write(&settings.data_dir)?;
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
