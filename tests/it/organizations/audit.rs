//! What the audit trail tells of tokens.

use serde_json::{Value, json};

use super::{by_id, data, described, legacy, status};
use crate::support::World;
use crate::support::organizations::Acme;

/// The trail from its beginning: (action, outcome, token).
async fn trail(world: &World) -> Vec<[Value; 3]> {
    world.app.background.settle().await;
    let page = world.get("/api/v1/admin/audit?limit=100", &world.admin_token(&[])).await.ok();
    let entries = page["results"].as_array().unwrap().iter().rev();
    entries.map(|entry| ["action", "outcome", "token_id"].map(|member| entry[member].clone())).collect()
}

fn done(action: &str, token: &Value) -> [Value; 3] {
    [json!(action), json!("success"), token.clone()]
}

#[tokio::test]
async fn creation_replacement_use_exchange_refusal_and_deletion_are_in_the_trail() {
    let world = World::new().await;
    let Acme { organization_token, team_token, .. } = world.acme().await;
    let own = json!("at-acme0000acme0000");
    let step = || world.clock.advance_ms(10);
    let replaced = data(&world.post(&legacy(), &organization_token, json!({})).await, 201);
    world.app.background.settle().await;
    step();
    let body = json!({"data": {"attributes": {"description": "ci"}}});
    let created = data(&world.post(&described(), &organization_token, body).await, 201);
    step();
    assert_eq!(status(&world, &super::secret(&created)).await, 200);
    world.app.background.settle().await;
    step();
    world.post("/api/v1/access-token/refresh", &super::secret(&created), json!({})).await.ok();
    step();
    assert_eq!(status(&world, &team_token).await, 401);
    assert_eq!(status(&world, &super::secret(&created).replace(".atlasv1.", ".atlasv2.")).await, 401);
    let secret = super::secret(&created);
    let (head, last) = secret.split_at(89);
    let wrong = format!("{head}{}", if last == "0" { "1" } else { "0" });
    assert_eq!(status(&world, &wrong).await, 401);
    step();
    assert_eq!(world.delete(&by_id(&created), &organization_token).await.status, 204);
    let mut trail = trail(&world).await;
    let expected = [
        done("team_token_used", &own),
        done("team_token_replaced", &replaced["id"]),
        done("team_token_created", &created["id"]),
        done("team_token_used", &created["id"]),
        done("key_refreshed", &created["id"]),
        [json!("team_token_used"), json!("refused"), created["id"].clone()],
        done("team_token_deleted", &created["id"]),
    ];
    trail[..2].sort_by_key(|entry| entry[0] == "team_token_replaced");
    assert_eq!(trail, expected);
}
