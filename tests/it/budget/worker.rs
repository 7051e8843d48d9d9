//! The cost of a refresh of repositories.

use http::Method;
use terrapi::domain::Capability::InstallationId;

use super::warm;
use crate::support::StreamPump;

#[tokio::test]
async fn unchanged_refresh_writes_once_per_repository() {
    let (service, _) = warm().await;
    let token = service.token(&[InstallationId("12345".into())]);
    let path = "/api/v1/github/installations/12345/repos/refresh";
    service.github.hub(|hub| (1..=3).for_each(|id| drop(hub.installation(12345).add(id, "r").clone())));
    let mut pump = StreamPump::new(&service, "operations");
    for _ in 0..2 {
        service.call(Method::POST, path, &token, None).await.ok();
        service.faulty.ledger().take();
        pump.run(&service).await;
    }
    let calls: Vec<_> = service.faulty.ledger().take().iter().map(|call| call.operation.clone()).collect();
    let (taking, page) = (["GetItem", "UpdateItem", "GetItem"], ["BatchGetItem"]);
    let expected: Vec<&str> = [&taking[..], &page, &["UpdateItem"; 3], &["Query", "TransactWriteItems"]].concat();
    assert_eq!(calls, expected, "task, installation; the page; each one; the removed ones; the end");
}
