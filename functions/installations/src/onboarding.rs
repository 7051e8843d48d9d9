//! Sets up a GitLab group: a maintainer reads the settings of its webhook, and stores the token for its repositories.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use terrapi::domain::{Code, Error, Installation, InstallationState, Result, SecretText};
use terrapi::http::{ApiError, ErrorBody, InGroup, JsonBody, NoStore, Origin};
use terrapi::runtime::App;
use terrapi::store::operations::InstallationSecret::{AccessToken, Webhook};
use utoipa::ToSchema;

use crate::groups::{MAINTAINER, require_level};

/// The maximum length of a token in bytes. GitLab's have about 30.
const MAX_TOKEN_BYTES: usize = 1_024;

/// The settings for a group's webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"state": "pending", "webhook_url": "https://api.example.com/api/v1/gitlab/events",
    "webhook_secret": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}))]
pub struct GitlabWebhook {
    /// `pending` until the first call of the webhook, then `installed`.
    state: InstallationState,
    /// The URL that the webhook calls.
    webhook_url: String,
    /// The secret that the webhook sends.
    #[schema(value_type = String)]
    webhook_secret: SecretText,
}

/// Show the settings for a group's webhook
///
/// For maintainers and owners of the group; GitLab is asked. The first request sets the group up.
#[utoipa::path(get, path = "/api/v1/gitlab/installations/{id}/webhook", tag = "installations",
    security(("bearer" = [])),
    responses((status = 200, body = GitlabWebhook), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn get_gitlab_webhook(
    State(app): State<App>,
    caller: InGroup,
    origin: Origin,
) -> Result<NoStore<Json<GitlabWebhook>>, ApiError> {
    let installation = set_up(&app, &caller).await?;
    let webhook_secret = webhook_secret(&app, &caller).await?;
    let webhook_url = origin.url("/api/v1/gitlab/events");
    let webhook = GitlabWebhook { state: installation.state, webhook_url, webhook_secret };
    Ok(NoStore(Json(webhook)))
}

/// The token to store.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"access_token": "glpat-…"}))]
pub struct GitlabAccessToken {
    /// A token of the group, or of an account in it.
    #[schema(value_type = String, min_length = 1, max_length = 1024)]
    access_token: SecretText,
}

/// Store the token that reads a group
///
/// For maintainers and owners of the group; GitLab is asked. The token is encrypted, and no route shows it.
#[utoipa::path(put, path = "/api/v1/gitlab/installations/{installation_id}/access-token", tag = "installations",
    security(("bearer" = [])), request_body = GitlabAccessToken,
    responses((status = 200, description = "Stored; no body"), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn put_gitlab_access_token(
    State(app): State<App>,
    caller: InGroup,
    JsonBody(body): JsonBody<GitlabAccessToken>,
) -> Result<StatusCode, ApiError> {
    let text = body.access_token.reveal();
    if text.is_empty() || text.len() > MAX_TOKEN_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem = "access_token is 1 to 1,024 characters of ASCII without spaces";
        return Err(Error::invalid_because(Code::InvalidBody, problem).into());
    }
    set_up(&app, &caller).await?;
    let sealed = app.seal_secret(&body.access_token, &AccessToken.binding(caller.group))?;
    let by = (caller.caller().user, app.clock.now());
    app.store.put_installation_secret(caller.group, AccessToken, &sealed, by).await?;
    Ok(StatusCode::OK)
}

/// The group as an installation, which is created if needed. The caller has been checked to be a maintainer.
async fn set_up(app: &App, caller: &InGroup) -> Result<Installation> {
    let token = require_level(app, caller, MAINTAINER).await?;
    let name = app.providers.groups()?.group_name(&token, caller.group.installation).await?;
    let fresh = Installation::new(caller.group, name, InstallationState::Pending, app.clock.now());
    app.store.find_or_create_installation(&fresh).await
}

async fn webhook_secret(app: &App, caller: &InGroup) -> Result<SecretText> {
    let (group, bound_to) = (caller.group, Webhook.binding(caller.group));
    if let Some(sealed) = app.store.find_installation_secret(group, Webhook).await? {
        return app.open_secret(&sealed, &bound_to);
    }
    // 32 random bytes in hex.
    let halves = [app.random.bytes()?, app.random.bytes()?].map(u128::from_be_bytes);
    let fresh = SecretText::new(halves.map(|half| format!("{half:032x}")).concat());
    let fresh = app.seal_secret(&fresh, &bound_to)?;
    let by = (caller.caller().user, app.clock.now());
    let sealed = app.store.find_or_create_installation_secret(group, Webhook, fresh, by).await?;
    app.open_secret(&sealed, &bound_to)
}
