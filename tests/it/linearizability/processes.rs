//! Functions as separate processes, behind a Runtime API that sends events to the next free process.
#![expect(clippy::disallowed_methods, reason = "the test starts itself again, and passes parameters to its children")]

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as PathParams, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use lambda_http::lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use terrapi::lambda::serve;
use terrapi::runtime::{App, Clock, SystemClock, load_providers, start};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::time::timeout;

use crate::support::TestService;

/// The environment variable that names the function of a child process.
const FUNCTION: &str = "TERRAPI_TEST_FUNCTION";
const CHILD: &str = "linearizability::processes::child_process_serves_a_function";
/// The time limit of an invocation, which is also the gateway's.
const INVOCATION: Duration = Duration::from_secs(30);

/// One function's processes. They are killed when this is dropped.
pub struct Function {
    events: mpsc::UnboundedSender<Invocation>,
    serving: tokio::task::AbortHandle,
    _children: Vec<Child>,
}

struct Invocation {
    event: String,
    answer: oneshot::Sender<Result<Value, String>>,
}

struct RuntimeApi {
    queue: AsyncMutex<mpsc::UnboundedReceiver<Invocation>>,
    under_way: Mutex<HashMap<String, oneshot::Sender<Result<Value, String>>>>,
    handed_out: AtomicU64,
}

impl Function {
    /// Starts `processes` processes of a function, each with `concurrency` concurrent events. They log to `folder`.
    pub async fn start(fixture: &TestService, name: &str, processes: usize, concurrency: usize, folder: &Path) -> Self {
        let (events, queue) = mpsc::unbounded_channel();
        let api =
            RuntimeApi { queue: AsyncMutex::new(queue), under_way: Mutex::default(), handed_out: AtomicU64::new(0) };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(responded))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::new(api));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        let children = (0..processes).map(|number| {
            let log = File::create(folder.join(format!("{name}-{number}.log"))).unwrap();
            child(fixture, name, &address, concurrency, log)
        });
        Self { events, serving, _children: children.collect() }
    }

    /// Sends one event to the next free process. An error means that the invocation failed or the process died.
    pub async fn invoke(&self, event: &Value) -> Result<Value, String> {
        let (answer, answered) = oneshot::channel();
        self.events.send(Invocation { event: event.to_string(), answer }).map_err(|error| error.to_string())?;
        let answered = timeout(INVOCATION, answered).await.map_err(|_| "no answer in time".to_owned())?;
        answered.map_err(|error| error.to_string())?
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn child(fixture: &TestService, name: &str, address: &str, concurrency: usize, log: File) -> Child {
    let tables = &fixture.backend.tables;
    let environment = [
        (FUNCTION, name),
        ("AWS_LAMBDA_RUNTIME_API", address),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        ("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        ("AWS_LAMBDA_MAX_CONCURRENCY", &concurrency.to_string()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL_DYNAMODB", fixture.faulty.endpoint()),
        ("TERRAPI_IDENTITY_TABLE", &tables.identity),
        ("TERRAPI_KV_TABLE", &tables.kv),
        ("TERRAPI_OPERATIONS_TABLE", &tables.operations),
        ("TERRAPI_BLOBS", &format!("file://{}", fixture.blobs.path().display())),
        ("RUST_LOG", "warn"),
    ];
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", CHILD, "--nocapture"]).envs(environment);
    command.stdout(Stdio::from(log.try_clone().unwrap())).stderr(Stdio::from(log)).kill_on_drop(true);
    command.spawn().unwrap()
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> (HeaderMap, String) {
    // When the test ends, the processes wait here until they are killed.
    let Some(invocation) = api.queue.lock().await.recv().await else { return std::future::pending().await };
    let id = format!("{:08x}-8f0f-4b4e-9f3f-6a8a0b3f5d21", api.handed_out.fetch_add(1, Ordering::SeqCst));
    let deadline = SystemClock.now().0 + i64::try_from(INVOCATION.as_millis()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("lambda-runtime-aws-request-id", id.parse().unwrap());
    headers.insert("lambda-runtime-deadline-ms", deadline.into());
    api.under_way.lock().unwrap().insert(id, invocation.answer);
    (headers, invocation.event)
}

async fn responded(State(api): State<Arc<RuntimeApi>>, PathParams(id): PathParams<String>, body: String) -> StatusCode {
    report(&api, &id, serde_json::from_str(&body).map_err(|error| error.to_string()))
}

async fn failed(State(api): State<Arc<RuntimeApi>>, PathParams(id): PathParams<String>, body: String) -> StatusCode {
    report(&api, &id, Err(body))
}

fn report(api: &RuntimeApi, id: &str, answer: Result<Value, String>) -> StatusCode {
    if let Some(waiting) = api.under_way.lock().unwrap().remove(id) {
        let _ = waiting.send(answer);
    }
    StatusCode::ACCEPTED
}

/// Does nothing, except in the processes that [`Function::start`] starts: there it runs the function's `main`.
#[tokio::test]
async fn child_process_serves_a_function() {
    let Ok(name) = std::env::var(FUNCTION) else { return };
    let config = start().await.unwrap();
    let app = App::from_config(&config).unwrap();
    if name == "kv-store" {
        return serve(kv_store::routes(), app).await.unwrap();
    }
    let app = app.with_providers(load_providers(&config).await.unwrap());
    let handler = service_fn(move |event: LambdaEvent<worker::WorkerEvent>| {
        let app = app.clone();
        async move {
            let until = worker::ends_at(event.context.deadline, app.clock.now());
            Ok::<_, lambda_http::Error>(worker::handle(&app, event.payload, until).await?)
        }
    });
    Runtime::new(handler).run_concurrent().await.unwrap();
}
