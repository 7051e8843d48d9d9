//! Changes an organization.

use std::collections::BTreeMap;

use axum::extract::State;
use terrapi::domain::AuditAction;
use terrapi::runtime::App;
use terrapi::store::{OrganizationChange, Written};

use super::TYPE;
use super::document::{OrganizationResource, resource};
use super::read::{OrganizationPayload, change, name_taken, word};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::lookup::{Named, OrganizationPath, With, organization};
use crate::principal::{Note, Principal};

/// Change an organization
///
/// For its owners. Only what is sent changes; a new name is part of its paths from then on.
#[utoipa::path(patch, path = "/api/v2/organizations/{organization_name}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(OrganizationPath),
    request_body(content = OrganizationPayload, content_type = MEDIA_TYPE),
    responses((status = 200, body = Document<OrganizationResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn update_organization(
    State(app): State<App>,
    mut caller: Principal,
    Named(path): Named,
    payload: Payload,
) -> Result<Answer<Document<OrganizationResource>>, Problem> {
    let (mut snapshot, mut role) = organization(&app, &caller, &path, With::Teams).await?;
    role.owner().ok_or_else(Problem::not_found)?;
    let sent = change(&payload.attributes(&[TYPE])?)?;
    loop {
        let old = &snapshot.organization;
        let authority = role.owner().ok_or_else(Problem::not_found)?;
        let change = sent.clone().differing_from(old);
        let note = Note::new(AuditAction::OrganizationChanged, old, None, changed(&change));
        let decision = caller.decision(authority, vec![note], &app)?;
        match app.store.update_organization(old, &change, &decision).await? {
            Written::Done => break,
            Written::Taken => return Err(name_taken()),
            Written::Outdated => caller.again(&app).await?,
        }
        (snapshot, role) = organization(&app, &caller, &path, With::Teams).await?;
    }
    // Others may have changed other attributes meanwhile.
    let code = snapshot.organization.id.organization();
    let new = app.store.find_organization(code).await?.ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(Document { data: resource(&new, &role) }))
}

/// Each attribute that a change names, with its new value but for the address.
fn changed(change: &OrganizationChange) -> BTreeMap<String, Option<String>> {
    let name = change.name.as_ref().map(|name| ("name".to_owned(), Some(name.to_string())));
    let email = change.email.as_ref().map(|_| ("email".to_owned(), None));
    let mode = change.execution_mode.map(|mode| ("default_execution_mode".to_owned(), Some(word(mode).to_owned())));
    let flags = change.settings.each().into_iter().map(|(name, value)| (name.to_owned(), Some(value.to_string())));
    name.into_iter().chain(email).chain(mode).chain(flags).collect()
}
