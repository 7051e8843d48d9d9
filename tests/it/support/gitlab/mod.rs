//! A test double of GitLab: sign-in, users, groups, projects.

mod api;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::json;
use terrapi::domain::{SecretText, UserTokens};
use terrapi::runtime::Clock;

pub use self::state::{Group, Project, State as Lab};
use super::stand_in::oauth::{Flavour, OAuth};
use super::stand_in::{Description, Desk, Server, answer, form, locked};

const DOCUMENT: &str = include_str!("../../../data/gitlab/openapi.json");
/// Parsed once for all services.
static DESCRIPTION: LazyLock<Arc<Description>> = LazyLock::new(|| Arc::new(Description::new(DOCUMENT, "/api/")));

/// The token of the service account, and the account's user id.
pub const BOT_TOKEN: &str = "glpat-the-bots-own";
pub const BOT: u64 = 900;

/// GitLab's user tokens are valid for two hours; their refresh tokens do not expire, but can be used only once.
const FLAVOUR: Flavour = Flavour {
    client_id: "gitlab-stand-in",
    client_secret: "gitlab-app-secret",
    prefix: "gl",
    scope: Some("read_api"),
    access_seconds: 7200,
    refresh_seconds: None,
};

/// The test double's server. It stops when dropped.
pub struct Gitlab {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    origin: String,
    desk: Arc<Desk>,
    lab: Mutex<Lab>,
}

impl Gitlab {
    /// With user 77 (`tanuki`), who owns group 555 (`platform`), and the service account.
    pub async fn start(clock: Arc<dyn Clock>) -> Self {
        let mut shared = None;
        let server = Server::start(DESCRIPTION.clone(), |origin, desk| {
            let lab = Lab::new(OAuth::new(FLAVOUR, clock.clone()), clock);
            let state = Arc::new(Shared { origin: origin.to_owned(), desk: desk.clone(), lab: Mutex::new(lab) });
            shared = Some(state.clone());
            router(state)
        });
        let server = server.await;
        let gitlab = Self { server, shared: shared.unwrap() };
        gitlab.lab(|lab| {
            lab.people.insert(77, "tanuki".into());
            lab.people.insert(BOT, "terrapi-bot".into());
            lab.tokens.insert(BOT_TOKEN.into(), BOT);
            lab.groups.insert(555, Group::named("platform").with_member(77, 50));
        });
        gitlab
    }

    pub fn origin(&self) -> &str {
        &self.server.origin
    }

    pub fn desk(&self) -> &Desk {
        &self.server.desk
    }

    /// Reads or changes GitLab's state.
    pub fn lab<T>(&self, change: impl FnOnce(&mut Lab) -> T) -> T {
        change(&mut locked(&self.shared.lab))
    }

    /// The configuration variables of a service that uses this GitLab.
    pub fn variables(&self) -> BTreeMap<String, SecretText> {
        let pairs = [
            ("GITLAB_APP_ID", FLAVOUR.client_id),
            ("GITLAB_APP_SECRET", FLAVOUR.client_secret),
            ("GITLAB_ACCESS_TOKEN", BOT_TOKEN),
            ("GITLAB_API_BASE_URL", self.origin()),
            ("GITLAB_WEB_BASE_URL", self.origin()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), SecretText::new(value.to_owned()))).collect()
    }

    /// Opens the authorization page `url` as a user who agrees. Returns the URL of the redirect.
    pub fn agree(&self, url: &str, person: u64) -> Result<String, String> {
        let query = url.strip_prefix(&format!("{}/oauth/authorize?", self.origin())).ok_or("another page")?;
        self.lab(|lab| lab.oauth.authorize(query, person))
    }

    /// Tokens of a user who has signed in.
    pub fn tokens(&self, person: u64) -> UserTokens {
        self.lab(|lab| {
            let answer = lab.oauth.token_of(person);
            let secret = |name: &str| SecretText::new(answer[name].as_str().unwrap().to_owned());
            UserTokens {
                access: secret("access_token"),
                expires_at: Some(lab.clock.now().seconds().plus(FLAVOUR.access_seconds)),
                refresh: Some(secret("refresh_token")),
                refresh_expires_at: None,
            }
        })
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/oauth/authorize", get(authorize))
        .route("/oauth/token", post(token))
        .merge(api::routes())
        .with_state(shared)
}

/// Without a user in the request, the first user agrees.
async fn authorize(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let mut lab = locked(&shared.lab);
    let person = *lab.people.keys().next().unwrap();
    match lab.oauth.authorize(&query.unwrap_or_default(), person) {
        Ok(location) => Redirect::to(&location).into_response(),
        Err(problem) => answer(400, json!({"message": problem})),
    }
}

async fn token(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match locked(&shared.lab).oauth.token(form(&body)) {
        Ok(tokens) => answer(200, tokens),
        Err("invalid_client") => answer(401, json!({"error": "invalid_client"})),
        Err(word) => answer(400, json!({"error": word, "error_description": "The text of GitLab."})),
    }
}
