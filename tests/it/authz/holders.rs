//! Every organization route × every caller who must be refused: 401 for an invalid credential, 404 for a caller without
//! the right. The answers reveal nothing more, and nothing is written.

use std::collections::BTreeSet;

use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use terrapi::auth::TeamSecret;
use terrapi::domain::organization::{
    Email, Organization, OrganizationId, OrganizationName, Team, TeamName, TeamTokenId,
};
use terrapi::domain::{Capability, UserId};
use terrapi::runtime::Random;
use terrapi::store::{Decision, Written};

use super::callers::{Headers, browser, browsers, unauthenticated};
use super::routes::{Access, Route, routes};
use super::{described, request};
use crate::support::organizations::Acme;
use crate::support::{MemberOf, TestService};

/// A caller and the expected status.
struct Refused {
    name: String,
    headers: Headers,
    status: u16,
}

fn refused(name: &str, token: &str, status: u16) -> Refused {
    let headers = vec![(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())];
    Refused { name: name.to_owned(), headers, status }
}

/// Callers with an invalid credential.
async fn invalid_credentials(service: &TestService, route: &Route) -> Vec<Refused> {
    let mut callers = unauthenticated(service, route).await;
    callers.extend(browsers(service, route).await);
    let status = |id: &str| if id == "CROSS_ORIGIN" { 404 } else { 401 };
    let common = callers.into_iter().map(|caller| {
        let status = status(caller.id);
        Refused { name: caller.name.to_owned(), headers: caller.headers, status }
    });
    let other = |id: &str| TeamSecret::new(TeamTokenId::parse(id).unwrap(), [7; 48]).reveal();
    let secrets = [
        ("a secret of no token", other("at-acme1111nobody00")),
        ("another secret of a token", other("at-acme1111p1atform")),
        ("a secret of nowhere", other("at-nowhere0nobody00")),
        ("half a secret", "acme1111p1atfo.atlasv1.rm".to_owned()),
    ];
    common.chain(secrets.map(|(name, secret)| refused(name, &secret, 401))).collect()
}

/// Users outside acme, and teams without the right that the route needs.
async fn outsiders(service: &TestService, acme: &Acme) -> Vec<Refused> {
    let stranger = UserId::new(Random::default().id().unwrap());
    service.join(stranger, MemberOf(12345)).await;
    let may = [Capability::AccessTokenCreate];
    let elsewhere = [Capability::AccessTokenCreate, Capability::InstallationId("67890".into())];
    let keyless = [Capability::KvStoreRead, Capability::KvStoreWrite];
    let foreign = foreign_token(service, acme).await;
    vec![
        refused("a member of the installation alone", &service.token_of(stranger, &may), 404),
        refused("an owner, limited to another installation", &service.token(&elsewhere), 404),
        refused("an owner who may not hand out credentials", &service.token(&keyless), 404),
        refused("another organization's token", &foreign, 404),
        Refused {
            name: "a stranger's session".to_owned(),
            headers: browser(&service.session_of(stranger).await),
            status: 404,
        },
    ]
}

/// The token of the owners team of another organization.
async fn foreign_token(service: &TestService, acme: &Acme) -> String {
    let organization = Organization {
        id: OrganizationId::parse("org-other000other000").unwrap(),
        name: OrganizationName::new("other").unwrap(),
        email: Email::new("a@b.test").unwrap(),
        ..acme.organization.clone()
    };
    let owners = Team { name: TeamName::new("owners").unwrap(), ..service.team("team-other000owners00", &[]) };
    let owners = Team { owners: true, users: acme.owners.users.clone(), ..owners };
    let created = service.app.store.create_organization(&organization, &owners, &Decision::default()).await.unwrap();
    assert_eq!(created, Written::Done);
    let team = service.team("team-other000managers", &[]);
    let access = acme.owners.access;
    service.team_with_token(&Team { access, ..team }).await
}

#[tokio::test]
async fn organization_routes_refuse_other_callers_unchanged() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let outsiders = outsiders(&service, &acme).await;
    for outsider in &outsiders {
        // Records the first use of the token, so that it is not counted below.
        let route = routes().into_iter().find(|route| route.path == "/api/v2/account/details").unwrap();
        service.send(request(&route, &outsider.headers, None)).await;
    }
    service.app.background.settle().await;
    let (mut refusals, mut seen) = (0, BTreeSet::new());
    for route in routes().iter().filter(|route| matches!(route.access, Access::Holder | Access::Person)) {
        let mut callers = invalid_credentials(&service, route).await;
        // Without a path parameter, a caller from another organization sees their own resources.
        if route.path.contains('{') {
            callers.extend(outsiders.iter().map(|one| Refused {
                name: one.name.clone(),
                headers: one.headers.clone(),
                status: one.status,
            }));
        }
        if route.access == Access::Person {
            callers.push(refused("an organization's token", &acme.organization_token, 404));
        }
        for caller in callers {
            let context = format!("{} {}: {}", route.method, route.url, caller.name);
            for body in [route.body.as_ref().map(Value::to_string), Some("{".to_owned())] {
                let send = service.send(request(route, &caller.headers, body.as_deref()));
                let (reply, calls) = service.faulty.ledger().during(send).await;
                let title = if caller.status == 401 { "unauthorized" } else { "not found" };
                let document = json!({"errors": [{"status": caller.status.to_string(), "title": title}]});
                assert_eq!(reply.json(), document, "{context}");
                let calls: Vec<_> = calls.iter().map(|call| described(&service, call)).collect();
                let harmless = |call: &String| {
                    ["GetItem identity ", "Query identity "].iter().any(|read| call.starts_with(read))
                        // Audit entries for a wrong secret and for the first use of the caller's own token.
                        || call.starts_with("PutItem identity audit#")
                        || call.starts_with("UpdateItem identity organization# token#")
                };
                assert!(calls.iter().all(harmless), "{context}: {calls:?}");
                refusals += 1;
            }
            seen.insert(caller.name);
        }
    }
    assert!(refusals > 500 && seen.len() > 25, "{refusals} {seen:?}");
    let secret = &acme.team_token;
    assert_eq!(service.call(Method::GET, "/api/v2/account/details", secret, None).await.status, 200, "nothing changed");
}
