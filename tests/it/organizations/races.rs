//! Many at once.

use futures::future::join_all;
use serde_json::json;

use super::{LIST, data, described, legacy, secret, status};
use crate::support::World;

#[tokio::test]
async fn of_twenty_creations_at_once_each_succeeds_and_one_token_is_left() {
    let world = World::new().await;
    let acme = world.acme().await;
    let path = legacy();
    // They all read the team before the first of them writes.
    let gate = world.faulty.on("TransactWriteItems").first(20).hold_before_store();
    let creations = join_all((0..20).map(|_| world.post(&path, &acme.organization_token, json!({}))));
    let (replies, ()) = tokio::join!(creations, async {
        gate.arrived(20).await;
        gate.release();
    });
    let secrets: Vec<_> = replies.iter().map(|reply| secret(&data(reply, 201))).collect();
    let statuses = join_all(secrets.iter().map(|secret| status(&world, secret))).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(world.get(LIST, &acme.organization_token).await.ok()["meta"]["pagination"]["total-count"], 1);
    assert_eq!(status(&world, &acme.team_token).await, 401);
}

#[tokio::test]
async fn of_ten_tokens_with_one_description_at_once_one_is_created() {
    let world = World::new().await;
    let acme = world.acme().await;
    let body = json!({"data": {"attributes": {"description": "ci"}}});
    let path = described();
    let gate = world.faulty.on("TransactWriteItems").first(10).hold_before_store();
    let creations = join_all((0..10).map(|_| world.post(&path, &acme.organization_token, body.clone())));
    let (replies, ()) = tokio::join!(creations, async {
        gate.arrived(10).await;
        gate.release();
    });
    let mut statuses: Vec<_> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[201][..], &[422; 9]].concat());
}
