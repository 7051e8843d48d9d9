//! The AWS SDK's connection to the embedded engine in the same process: requests and answers of the wire protocol, without
//! a network.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bootstrap::REGION;
use crate::embedded::EmbeddedEngine;

/// How many items a page reads if the request has no limit. The engine would read everything that is left, and then return
/// what fits into a megabyte. Clients notice no difference, because a page may end anywhere.
const PAGE: usize = 250;
/// The header that names the operation, and what precedes the name.
const TARGET: &str = "x-amz-target";
const TARGET_PREFIX: &str = "DynamoDB_20120810.";
/// A URL for the SDK, which requires one. Nothing connects to it.
pub const ENDPOINT: &str = "http://embedded.invalid";

/// What the SDK needs to know to call the engine. Its requests are not signed.
pub fn aws(engine: &EmbeddedEngine) -> SdkConfig {
    let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(REGION));
    aws.http_client(SharedHttpClient::new(InProcess(engine.clone()))).build()
}

#[derive(Clone)]
struct InProcess(EmbeddedEngine);

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let engine = self.0.clone();
        HttpConnectorFuture::new(async move {
            let (status, body) = answer(&engine, &request);
            engine.durable().await.map_err(|error| ConnectorError::io(error.into()))?;
            let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
            Ok(HttpResponse::new(status, SdkBody::from(body)))
        })
    }
}

/// The status and the body of the engine's answer.
fn answer(engine: &EmbeddedEngine, request: &HttpRequest) -> (u16, String) {
    let operation = request.headers().get(TARGET).and_then(|target| target.strip_prefix(TARGET_PREFIX));
    let Some(Operation { run, writes }) = operation.and_then(find) else {
        return (400, r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#.to_owned());
    };
    let body = request.body().bytes().unwrap_or_default();
    // A refusal (400) has written nothing.
    let wrote =
        |outcome: &Result<_, DynoxideError>| writes && !outcome.as_ref().is_err_and(|error| error.status_code() == 400);
    let outcome = engine.call(|database| run(database, body), wrote);
    match outcome {
        Ok(body) => (200, body),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

/// An operation of the protocol.
struct Operation {
    run: fn(&Database, &[u8]) -> Result<String, DynoxideError>,
    writes: bool,
}

/// The operations that the service uses.
fn find(name: &str) -> Option<Operation> {
    let read = |run| Some(Operation { run, writes: false });
    let write = |run| Some(Operation { run, writes: true });
    match name {
        "GetItem" => read(|db, body| run(body, |request| db.get_item(request))),
        "Query" => read(|db, body| {
            run(body, |request: QueryRequest| db.query(QueryRequest { limit: request.limit.or(Some(PAGE)), ..request }))
        }),
        "Scan" => read(|db, body| {
            run(body, |request: ScanRequest| db.scan(ScanRequest { limit: request.limit.or(Some(PAGE)), ..request }))
        }),
        "BatchGetItem" => read(|db, body| run(body, |request| db.batch_get_item(request))),
        "TransactGetItems" => read(|db, body| run(body, |request| db.transact_get_items(request))),
        "PutItem" => write(|db, body| run(body, |request| db.put_item(request))),
        "UpdateItem" => write(|db, body| run(body, |request| db.update_item(request))),
        "DeleteItem" => write(|db, body| run(body, |request| db.delete_item(request))),
        "BatchWriteItem" => write(|db, body| run(body, |request| db.batch_write_item(request))),
        "TransactWriteItems" => write(|db, body| run(body, |request| db.transact_write_items(request))),
        _ => None,
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    call: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let unreadable = |error: serde_json::Error| DynoxideError::SerializationException(error.to_string());
    let answer = call(serde_json::from_slice(body).map_err(unreadable)?)?;
    serde_json::to_string(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
