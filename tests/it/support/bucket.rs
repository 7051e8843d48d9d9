//! A bucket on loopback that answers as S3 does and holds each caller to its role in `template.yaml`.
//!
//! Whoever may not list a bucket is told 403, not 404, about an object that is missing
//! (S3 API reference, `GetObject`, "Permissions").

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, ETAG, LAST_MODIFIED};
use http::{Method, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::faulty::{Judge, caller_of};
use super::roles::refusal;

type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// The bucket. It stops when dropped.
pub struct Bucket {
    url: String,
    objects: Objects,
    serving: AbortHandle,
}

impl Bucket {
    pub async fn start() -> Self {
        Self::judged_by(Arc::new(refusal)).await
    }

    /// A bucket that asks another judge.
    pub async fn judged_by(judge: Judge) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/blobs", listener.local_addr().unwrap());
        let objects = Objects::default();
        let router = Router::new().fallback(serve).with_state((objects.clone(), judge));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, objects, serving: serving.abort_handle() }
    }

    /// What `TERRAPI_BLOBS` says.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The names of the objects, the oldest first: names end with time-ordered ids.
    pub fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(State((objects, judge)): State<(Objects, Judge)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let caller = caller_of(parts.headers[AUTHORIZATION].to_str().unwrap()).unwrap();
    let may = |operation: &str| judge(&caller, operation, &Value::Null).is_none();
    let name = parts.uri.path().strip_prefix("/blobs/").unwrap().to_owned();
    let operation = match parts.method {
        Method::GET => "GetObject",
        Method::PUT => "PutObject",
        Method::DELETE => "DeleteObject",
        other => panic!("{other} is no call of the store"),
    };
    let mut objects = objects.lock().unwrap();
    let (status, body) = match operation {
        _ if !may(operation) => (StatusCode::FORBIDDEN, Bytes::new()),
        "GetObject" => match objects.get(&name) {
            Some(object) => (StatusCode::OK, object.clone()),
            None if may("ListBucket") => (StatusCode::NOT_FOUND, Bytes::new()),
            None => (StatusCode::FORBIDDEN, Bytes::new()),
        },
        "PutObject" => {
            objects.insert(name, body);
            (StatusCode::OK, Bytes::new())
        }
        // S3 answers so whether or not there was such an object.
        _ => {
            objects.remove(&name);
            (StatusCode::NO_CONTENT, Bytes::new())
        }
    };
    let answer = Response::builder().status(status).header(ETAG, "\"1\"");
    answer.header(LAST_MODIFIED, "Sun, 22 Nov 2026 04:00:00 GMT").body(Body::from(body)).unwrap()
}
