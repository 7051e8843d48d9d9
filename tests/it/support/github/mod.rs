//! A test double of GitHub: sign-in, users, installations, repositories.

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

pub use self::state::{Installation, Repository, State as Hub};
use super::stand_in::oauth::{Flavour, OAuth};
use super::stand_in::{Description, Desk, Server, answer, form, locked};

const DOCUMENT: &str = include_str!("../../../data/github/openapi.json");
/// Parsed once for all services.
static DESCRIPTION: LazyLock<Arc<Description>> = LazyLock::new(|| Arc::new(Description::new(DOCUMENT, "/")));
pub const APP_PEM: &str = include_str!("../../../data/github/app.pem");
pub const APP_ID: &str = "424242";

/// GitHub's user tokens live for eight hours and their refresh tokens for six months.
const FLAVOUR: Flavour = Flavour {
    client_id: "Iv1.stand-in",
    client_secret: "github-client-secret",
    prefix: "gh",
    scope: None,
    access_seconds: 8 * 3600,
    refresh_seconds: Some(15_897_600),
};

/// The test double's server. It stops when dropped.
pub struct Github {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    origin: String,
    desk: Arc<Desk>,
    hub: Mutex<Hub>,
}

impl Github {
    /// With user 583231 (`octocat`), a member of installations 12345 (of `acme`) and 67890 (their own).
    pub async fn start(clock: Arc<dyn Clock>) -> Self {
        let mut shared = None;
        let server = Server::start(DESCRIPTION.clone(), |origin, desk| {
            let hub = Hub::new(OAuth::new(FLAVOUR, clock.clone()), clock);
            let state = Arc::new(Shared { origin: origin.to_owned(), desk: desk.clone(), hub: Mutex::new(hub) });
            shared = Some(state.clone());
            router(state)
        });
        let server = server.await;
        let github = Self { server, shared: shared.unwrap() };
        github.hub(|hub| {
            hub.person(583_231, "octocat");
            hub.installations.insert(12345, Installation::of("acme", "Organization").with_member(583_231));
            hub.installations.insert(67890, Installation::of("octocat", "User").with_member(583_231));
        });
        github
    }

    pub fn origin(&self) -> &str {
        &self.server.origin
    }

    pub fn desk(&self) -> &Desk {
        &self.server.desk
    }

    /// Reads or changes GitHub's state.
    pub fn hub<T>(&self, change: impl FnOnce(&mut Hub) -> T) -> T {
        change(&mut locked(&self.shared.hub))
    }

    /// The configuration variables of a service that uses this GitHub.
    pub fn variables(&self) -> BTreeMap<String, SecretText> {
        let pairs = [
            ("GITHUB_APP_ID", APP_ID),
            ("GITHUB_APP_PEM", APP_PEM),
            ("GITHUB_APP_CLIENT_ID", FLAVOUR.client_id),
            ("GITHUB_APP_CLIENT_SECRET", FLAVOUR.client_secret),
            ("GITHUB_API_BASE_URL", self.origin()),
            ("GITHUB_WEB_BASE_URL", self.origin()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), SecretText::new(value.to_owned()))).collect()
    }

    /// Opens the authorization page `url` as a user who agrees. Returns the URL of the redirect.
    pub fn agree(&self, url: &str, person: u64) -> Result<String, String> {
        let query = url.strip_prefix(&format!("{}/login/oauth/authorize?", self.origin())).ok_or("another page")?;
        self.hub(|hub| hub.oauth.authorize(query, person))
    }

    /// Tokens of a user who has signed in.
    pub fn tokens(&self, person: u64) -> UserTokens {
        self.hub(|hub| {
            let answer = hub.oauth.token_of(person);
            let secret = |name: &str| SecretText::new(answer[name].as_str().unwrap().to_owned());
            let end = |name: &str| Some(hub.clock.now().seconds().plus(answer[name].as_i64()?));
            UserTokens {
                access: secret("access_token"),
                expires_at: end("expires_in"),
                refresh: Some(secret("refresh_token")),
                refresh_expires_at: end("refresh_token_expires_in"),
            }
        })
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/login/oauth/authorize", get(authorize))
        .route("/login/oauth/access_token", post(token))
        .merge(api::routes())
        .with_state(shared)
}

/// Without a user in the request, the first user agrees.
async fn authorize(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let mut hub = locked(&shared.hub);
    let person = *hub.people.keys().next().unwrap();
    match hub.oauth.authorize(&query.unwrap_or_default(), person) {
        Ok(location) => Redirect::to(&location).into_response(),
        Err(problem) => answer(404, json!({"message": problem})),
    }
}

/// GitHub reports errors with status 200 and its own format.
async fn token(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match locked(&shared.hub).oauth.token(form(&body)) {
        Ok(tokens) => answer(200, tokens),
        Err(word) => {
            let word = match word {
                "invalid_grant" => "bad_verification_code",
                "invalid_client" => "incorrect_client_credentials",
                word => word,
            };
            answer(200, json!({"error": word, "error_description": "The text of GitHub."}))
        }
    }
}
