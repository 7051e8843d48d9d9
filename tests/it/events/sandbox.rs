//! The Lambda loop as a process, against a runtime API of our own: nothing an event holds ends the sandbox.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::{Barrier, watch};
use tokio::time::timeout;

use super::template::Golden;
use crate::support::faulty::wire::{Message, Peer};

/// How the sandbox reported an invocation: `response` or `error`, and the body.
pub type Report = (String, Value);

/// A runtime API that hands out these events, each once, and keeps what it is told.
pub struct RuntimeApi {
    address: String,
    reports: watch::Receiver<HashMap<String, Report>>,
    listening: tokio::task::AbortHandle,
}

impl RuntimeApi {
    pub async fn start(events: Vec<String>) -> Self {
        Self::observed(events, || {}).await
    }

    /// Calls `asked` whenever a sandbox asks for its next event, before it gets one.
    pub async fn observed(events: Vec<String>, asked: impl Fn() + Send + Sync + 'static) -> Self {
        let asked = Arc::new(asked);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (told, reports) = watch::channel(HashMap::new());
        let told = Arc::new(told);
        let queue = Arc::new(Mutex::new(events.into_iter().enumerate().collect::<Vec<_>>().into_iter()));
        let listening = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (queue, told, asked) = (Arc::clone(&queue), Arc::clone(&told), Arc::clone(&asked));
                tokio::spawn(async move {
                    let next = || {
                        asked();
                        queue.lock().unwrap().next()
                    };
                    Self::serve(socket, next, &told).await
                });
            }
        });
        Self { address, reports, listening: listening.abort_handle() }
    }

    async fn serve(
        socket: TcpStream,
        next: impl Fn() -> Option<(usize, String)>,
        told: &watch::Sender<HashMap<String, Report>>,
    ) -> std::io::Result<()> {
        let mut sandbox = Peer::new(socket);
        loop {
            let request = sandbox.receive().await?;
            let path: Vec<_> = request.start.split(['/', ' ']).collect();
            let answer = if path.contains(&"next") {
                let Some((id, event)) = next() else {
                    return std::future::pending().await;
                };
                let mut answer = Message::answer(200, &Value::Null);
                answer.body = event.into_bytes();
                answer.set_header("lambda-runtime-aws-request-id", id.to_string());
                answer.set_header("lambda-runtime-deadline-ms", "4102444800000".to_owned());
                answer
            } else {
                let [.., id, kind, _, _] = path[..] else { panic!("{path:?}") };
                told.send_modify(|reports| {
                    reports.insert(id.to_owned(), (kind.to_owned(), request.json()));
                });
                Message::answer(202, &json!({}))
            };
            sandbox.send(&answer.bytes()).await?;
        }
    }

    /// Runs the loop in a child process until every event is reported on; the reports in the order of the events.
    async fn run(mut self, events: usize, max_concurrency: &str) -> Vec<Report> {
        let mut child = self.child("events::sandbox::the_child_process_is_a_sandbox");
        let child = child.env("AWS_LAMBDA_MAX_CONCURRENCY", max_concurrency).spawn().unwrap();
        let reports = self.reports(events).await;
        drop(child);
        reports
    }

    /// This binary as a sandbox of this runtime API. It runs the test of this name.
    pub fn child(&self, test: &str) -> Command {
        let mut child = self.process(&std::env::current_exe().unwrap());
        child.args(["--exact", test]);
        child
    }

    /// What Lambda tells a sandbox.
    pub fn environment(&self) -> [(&'static str, &str); 6] {
        [
            ("AWS_LAMBDA_RUNTIME_API", &self.address),
            ("AWS_LAMBDA_FUNCTION_NAME", "sandbox"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", ""),
            ("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        ]
    }

    /// A program as a sandbox of this runtime API.
    pub fn process(&self, program: &std::path::Path) -> Command {
        let mut child = Command::new(program);
        child.envs(self.environment()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        child
    }

    /// The reports on the first events, in the order of the events.
    pub async fn reports(&mut self, events: usize) -> Vec<Report> {
        let all = self.reports.wait_for(|reports| reports.len() == events);
        let all = timeout(Duration::from_secs(60), all).await.expect("a report for every event").unwrap().clone();
        (0..events).map(|id| all[&id.to_string()].clone()).collect()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Does nothing, except in the child that [`RuntimeApi::run`] starts.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a child process is told by its environment that it is one")]
async fn the_child_process_is_a_sandbox() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return;
    }
    let meeting = Arc::new(Barrier::new(2));
    let router = Router::new()
        .route("/panic", get(|| async { Vec::<String>::new().remove(0) }))
        .route("/meet", get(move || async move { meeting.wait().await.is_leader().to_string() }))
        .route("/probe/{*key}", get(|Path(key): Path<String>| async { key }));
    terrapi::lambda::run(router).await.unwrap();
}

fn event(path: &str) -> String {
    Golden::HttpApi.event(path, "").to_string()
}

#[tokio::test]
async fn odd_events_and_panics_leave_the_sandbox_alive() {
    let odd = [json!({"key1": "value1"}).to_string(), "not JSON".to_owned(), String::new(), event("/panic")];
    for max_concurrency in ["", "2"] {
        let events = [vec![event("/probe/a%20b")], odd.to_vec(), vec![event("/probe/%25")]].concat();
        let api = RuntimeApi::start(events.clone()).await;
        let reports = api.run(events.len(), max_concurrency).await;
        assert_eq!(reports[0].1["body"], "a b");
        for (kind, answer) in &reports[1..4] {
            assert_eq!((kind.as_str(), &answer["statusCode"]), ("response", &json!(400)));
        }
        assert_eq!(reports[4].0, "error", "a router without a layer for panics");
        assert_eq!(reports[5].1["body"], "%");
    }
}

#[tokio::test]
async fn a_concurrent_sandbox_works_on_two_events_at_once() {
    let events = vec![event("/meet"), event("/meet")];
    let reports = RuntimeApi::start(events).await.run(2, "2").await;
    let mut bodies: Vec<_> = reports.iter().map(|(_, answer)| answer["body"].as_str().unwrap()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["false", "true"]);
}
