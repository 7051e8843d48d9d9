//! `terrapi serve`: starts everything, and stops it again without losing a request.

use std::future::pending;
use std::net::{SocketAddr, TcpListener};
use std::path::absolute;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use terrapi::runtime::{App, LogTime, Random, Signing, load_providers, start_logging};
use terrapi_local::bootstrap;
use terrapi_local::connection::Connection;
use terrapi_local::expiry::sweep_expired;
use terrapi_local::folder::DataFolder;
use terrapi_local::pump::StreamPump;
use terrapi_local::{EmbeddedEngine, Template};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::admission::Admission;
use crate::error::{Error, Result};
use crate::front::Front;
use crate::functions::Functions;
use crate::health::Readiness;
use crate::metrics::Metrics;
use crate::options::ServeOptions;
use crate::worker::{Worker, run_timer};
use crate::{configuration, rotation, tls};

/// How long each answer asks its client to close the connection, before the process closes idle ones: a client that sends
/// a request at that moment does not learn whether it was carried out.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long running requests may take after the process was asked to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves until the process is asked to stop (SIGTERM or SIGINT).
///
/// # Errors
/// A part could not be started. The message says what to do.
pub async fn serve(options: ServeOptions) -> Result<()> {
    let template = Template::project()?;
    let folder = DataFolder::new(absolute(&options.data)?);
    let _lock = folder.lock()?;
    let certificate = tls::load(&options).await?;
    let listener = listen(options.listen)?;
    let address = listener.local_addr()?;
    let engine = EmbeddedEngine::open_with_group_commit(folder.path())?;
    engine.create_tables(template)?;
    folder.create_secrets(&Random::default())?;
    let config = configuration::read(options.public_url.as_deref(), options.dev, &folder, &engine, template)?;
    start_logging(&config, LogTime::Process);
    let app = App::from_config(&config)?.with_providers(load_providers(&config).await?);
    app.warm_up().await;
    let signing = Arc::new(Signing::load(&config, &app).await?);

    let (metrics, readiness) = (Metrics::default(), Readiness::new(app.clone()));
    let front = Front {
        functions: Functions::new(&app, signing, template)?,
        admission: Admission::default(),
        metrics: metrics.clone(),
        readiness: readiness.clone(),
        scheme: if certificate.is_some() { "https" } else { "http" },
        trust_proxy: options.trust_proxy,
    };
    let base_url = options.public_url.clone().unwrap_or_else(|| format!("{}://{address}", front.scheme));
    let mut tasks = start_tasks(&engine, &folder, template, &app, &metrics)?;
    if options.dev {
        let credentials = bootstrap::ensure(&app.store, &folder).await?;
        let connection = Connection::new(base_url, &credentials, None);
        connection.write(&folder)?;
        println!("{}", connection.curl_lines());
    } else {
        tracing::info!(url = base_url, data = %folder.path().display(), "terrapi serves");
    }

    let handle = Handle::new();
    tokio::spawn(stop_when_asked(handle.clone(), readiness));
    tokio::spawn(reload_when_asked(certificate.clone(), options));
    serve_requests(listener, certificate, handle, front).await?;
    // What the last answers left to do, then the tasks, which can be interrupted anywhere.
    app.background.settle().await;
    tasks.shutdown().await;
    Ok(())
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|source| Error::Listen { address, source })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// What runs beside the requests.
fn start_tasks(
    engine: &EmbeddedEngine,
    folder: &DataFolder,
    template: &'static Template,
    app: &App,
    metrics: &Metrics,
) -> Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    for source in &template.streams {
        let worker = Worker { app: app.clone(), metrics: metrics.clone(), folder: folder.clone() };
        tasks.spawn(StreamPump::new(engine, source.clone(), worker, folder.path())?.run());
    }
    for timer in &template.timers {
        tasks.spawn(run_timer(timer.clone(), app.clone()));
    }
    tasks.spawn(sweep_expired(engine.clone(), template));
    let (file, app) = (folder.signing_keys(), app.clone());
    let max_age = key_max_age(template)?;
    tasks.spawn(async move { rotation::run(&file, max_age, &app).await });
    Ok(tasks)
}

/// The age at which the signing key is replaced: the template's default.
fn key_max_age(template: &Template) -> Result<Duration> {
    let days = template.parameters.get("KeyRotationDays").and_then(|days| days.parse().ok());
    days.map(Duration::from_hours).map(|day| day * 24).ok_or_else(|| Error::Start("there is no KeyRotationDays".into()))
}

async fn serve_requests(
    listener: TcpListener,
    certificate: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
    front: Front,
) -> Result<()> {
    let service = front.router().into_make_service_with_connect_info::<SocketAddr>();
    match certificate {
        Some(certificate) => {
            axum_server::from_tcp_rustls(listener, certificate)?.handle(handle).serve(service).await?;
        }
        None => axum_server::from_tcp(listener)?.handle(handle).serve(service).await?,
    }
    Ok(())
}

async fn stop_when_asked(handle: Handle<SocketAddr>, readiness: Readiness) {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => terminate.recv().await,
            Err(_) => pending().await,
        }
    };
    tokio::select! {
        _ = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    readiness.stop();
    tracing::info!("stopping: running requests are answered");
    tokio::time::sleep(FAREWELL).await;
    handle.graceful_shutdown(Some(DRAIN));
}

/// A hang-up asks for the certificate to be read again.
async fn reload_when_asked(certificate: Option<RustlsConfig>, options: ServeOptions) {
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else { return };
    while hang_up.recv().await.is_some() {
        if let Some(certificate) = &certificate {
            tls::reload(certificate, &options).await;
        }
    }
}
