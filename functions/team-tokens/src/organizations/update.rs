//! Changes an organization.

use std::collections::BTreeMap;

use axum::extract::State;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::Organization;
use terrapi::runtime::App;
use terrapi::store::{OrganizationChange, Written};

use super::TYPE;
use super::document::{OrganizationResource, resource};
use super::read::{OrganizationPayload, change, name_taken, word};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::lookup::{Granted, Owns};
use crate::principal::Note;

/// Change an organization
///
/// Requires an owner. Absent attributes do not change. A new name changes the organization's paths.
#[utoipa::path(patch, path = "/api/v2/organizations/{organization_name}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    request_body(content = OrganizationPayload, content_type = MEDIA_TYPE),
    responses((status = 200, body = Document<OrganizationResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn update_organization(
    State(app): State<App>,
    mut owned: Granted<Organization, Owns>,
    payload: Payload,
) -> Result<Answer<Document<OrganizationResource>>, Problem> {
    let sent = change(&payload.attributes(&[TYPE])?)?;
    loop {
        let old = &owned.found.organization;
        let change = sent.clone().differing_from(old);
        let note = Note::new(AuditAction::OrganizationChanged, old, None, changed(&change));
        let decision = owned.decision(vec![note], &app)?;
        match app.store.update_organization(old, &change, &decision).await? {
            Written::Done => break,
            Written::Taken => return Err(name_taken()),
            Written::Outdated => owned.read_again(&app).await?,
        }
    }
    // Concurrent requests may have changed other attributes.
    let code = owned.found.organization.id.organization();
    let new = app.store.find_organization(code).await?.ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(Document { data: resource(&new, &owned.role) }))
}

/// The attributes in a change, with their new values except for the email address.
fn changed(change: &OrganizationChange) -> BTreeMap<String, Option<String>> {
    let name = change.name.as_ref().map(|name| ("name".to_owned(), Some(name.to_string())));
    let email = change.email.as_ref().map(|_| ("email".to_owned(), None));
    let mode = change.execution_mode.map(|mode| ("default_execution_mode".to_owned(), Some(word(mode).to_owned())));
    let flags = change.settings.each().into_iter().map(|(name, value)| (name.to_owned(), Some(value.to_string())));
    name.into_iter().chain(email).chain(mode).chain(flags).collect()
}
