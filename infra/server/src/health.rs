//! Whether the process can answer requests: for the program that starts it, or balances load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use terrapi::runtime::App;

/// What `/ready` reports. `/health`, which a function answers, says only that storage answers.
#[derive(Clone)]
pub struct Readiness {
    app: App,
    stopping: Arc<AtomicBool>,
}

impl Readiness {
    pub fn new(app: App) -> Self {
        Self { app, stopping: Arc::default() }
    }

    /// From now on, no new request should be sent here.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// 200 if storage answers and the process is not stopping, else 503 with the reason.
pub async fn ready(readiness: &Readiness) -> Response {
    let reason = if readiness.is_stopping() {
        Some("the process is stopping")
    } else if readiness.app.store.ping().await.is_err() {
        Some("storage does not answer")
    } else {
        None
    };
    match reason {
        None => Json(json!({"ready": true})).into_response(),
        Some(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "reason": reason}))).into_response()
        }
    }
}
