//! Starts a sign-in: redirects a browser to a provider.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use terrapi::auth::OpaqueToken;
use terrapi::domain::{Code, Error, InstallationId, PendingSignIn, Result, ReturnTo, SecretText, Vcs};
use terrapi::http::{
    AnonymousRateLimit, ApiError, ErrorBody, NoStore, Origin, PathParams, Query, cookie_tokens, set_cookie,
};
use terrapi::runtime::App;
use terrapi::vcs::SignIn;

/// Sign in
///
/// For browsers: redirects to the provider, which sends the browser back to the callback. A cookie that is valid for
/// ten minutes binds both requests together. Rate limited by network.
#[utoipa::path(get, path = "/api/v1/{vcs}/login", tag = "identity", params(
        ("return_to" = Option<String>, Query, example = "/runs?page=2", description = "The path to return to; `/` if absent. Anything but a path on this origin counts as `/`."),
        ("installation_id" = Option<String>, Query, pattern = "^(0|[1-9][0-9]{0,18})$", example = "12345", description = "Added to the query of `return_to`.")),
    responses((status = 302, description = "Redirect to the provider", headers(("location" = String), ("set-cookie" = String))),
        (status = 429), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn begin_sign_in(
    State(app): State<App>,
    _: AnonymousRateLimit,
    path: PathParams,
    query: Query,
    headers: HeaderMap,
    origin: Origin,
) -> Result<Response, ApiError> {
    let vcs = path.vcs()?;
    let provider = app.providers.get(vcs)?;
    let installation = installation(&query)?;
    // A browser may sign in in two tabs at once. If it sends several secrets, this service may have set none of them.
    let mut known = browsers(&headers, &origin);
    let known = known.pop().filter(|_| known.is_empty());
    let browser = known.map_or_else(|| app.random.bytes().map(OpaqueToken::new), Ok)?;
    let state = OpaqueToken::new(app.random.bytes()?);
    let pending = PendingSignIn {
        state: state.hash(),
        browser: browser.hash(),
        vcs,
        return_to: ReturnTo::new(query.text("return_to")?),
        installation,
        ends_at: app.clock.now().seconds().plus(PendingSignIn::LIFETIME_SECONDS),
    };
    let (verifier, redirect_uri) = (verifier(&browser, &state), redirect_uri(&origin, vcs));
    let sign_in = SignIn { verifier: &verifier, redirect_uri: &redirect_uri };
    let location = provider.oauth().authorize_url(sign_in, &state.reveal())?;
    app.store.put_sign_in(&pending).await?;
    let cookie = set_cookie(cookie_name(&origin), &browser.reveal(), PendingSignIn::LIFETIME_SECONDS, &origin)?;
    let headers = [(LOCATION, location.as_str())];
    Ok(NoStore((StatusCode::FOUND, headers, [(SET_COOKIE, cookie)])).into_response())
}

/// The query parameter `installation_id`.
pub fn installation(query: &Query) -> Result<Option<InstallationId>> {
    let problem = || Error::invalid_because(Code::InvalidQuery, "installation_id is a number");
    query.text("installation_id")?.map(|id| InstallationId::parse(id).ok_or_else(problem)).transpose()
}

/// The secrets in the browser's cookies. Usually one, unless another service has set a cookie with this name.
pub fn browsers(headers: &HeaderMap, origin: &Origin) -> Vec<OpaqueToken> {
    cookie_tokens(headers, cookie_name(origin))
}

/// With the prefix `__Host-`, browsers accept the cookie from this host only, not from sibling domains. It requires
/// TLS.
fn cookie_name(origin: &Origin) -> &'static str {
    if origin.is_plain_loopback() { "sign_in" } else { "__Host-sign_in" }
}

/// The PKCE verifier (RFC 7636), which proves to the provider that the browser with the code began the sign-in. It is
/// derived from the browser's secret, so stored data does not reveal it.
pub fn verifier(browser: &OpaqueToken, state: &OpaqueToken) -> SecretText {
    SecretText::new(browser.derive(&state.hash()).reveal())
}

/// The URL to which the provider sends the browser back.
pub fn redirect_uri(origin: &Origin, vcs: Vcs) -> String {
    origin.url(match vcs {
        Vcs::Github => "/api/github/v1/callback",
        Vcs::Gitlab => "/api/v1/gitlab/callback",
    })
}
