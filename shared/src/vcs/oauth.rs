//! Sign-in with the authorization code (RFC 6749 §4.1) and PKCE (RFC 7636), and renewal of tokens.

use std::borrow::Cow;
use std::sync::Arc;

use ::http::{Response, StatusCode};
use bytes::Bytes;
use futures::future::BoxFuture;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse,
    TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::{Failure, Result};
use super::http::Http;
use crate::domain::{self, Error, Millis, SecretText, UserTokens};

/// Errors of the token endpoint that concern this service and not the person (RFC 6749 §5.2, and GitHub's own codes).
const SERVICE_ERRORS: [&str; 5] = [
    "invalid_client",
    "incorrect_client_credentials",
    "invalid_request",
    "unauthorized_client",
    "redirect_uri_mismatch",
];

/// The values that both steps of one sign-in must share.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    /// RFC 7636 §4.1: 43 to 128 unreserved characters, new for each sign-in.
    pub verifier: &'a SecretText,
    /// Where the provider redirects the browser afterwards.
    pub redirect_uri: &'a str,
}

/// GitHub's extension: the lifetime of the refresh token.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct RefreshLifetime {
    refresh_token_expires_in: Option<i64>,
}

impl ExtraTokenFields for RefreshLifetime {}

type Answer = StandardTokenResponse<RefreshLifetime, BasicTokenType>;
type OAuthClient = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The sign-in of one provider.
pub struct OAuth {
    client: OAuthClient,
    scope: Option<&'static str>,
    http: Arc<Http>,
}

/// The OAuth endpoints of a provider.
pub struct Endpoints {
    /// The page on which a person gives their consent.
    pub authorize: String,
    /// Exchanges codes and refresh tokens for access tokens.
    pub token: String,
}

impl OAuth {
    /// # Errors
    /// Internal if an address is not a URL.
    pub fn new(
        endpoints: Endpoints,
        client_id: &str,
        secret: &SecretText,
        scope: Option<&'static str>,
        http: Arc<Http>,
    ) -> domain::Result<Self> {
        let not_url = |error| Error::internal("parsing a provider's URL", error);
        let client = Client::new(ClientId::new(client_id.to_owned()))
            .set_client_secret(ClientSecret::new(secret.reveal().to_owned()))
            .set_auth_uri(AuthUrl::new(endpoints.authorize).map_err(not_url)?)
            .set_token_uri(TokenUrl::new(endpoints.token).map_err(not_url)?)
            .set_auth_type(AuthType::RequestBody);
        Ok(Self { client, scope, http })
    }

    /// The URL to which a browser is sent. It returns to `redirect_uri` with a code and `state`.
    pub fn authorize_url(&self, sign_in: SignIn<'_>, state: &str) -> domain::Result<String> {
        let verifier = PkceCodeVerifier::new(sign_in.verifier.reveal().to_owned());
        let request = self.client.authorize_url(|| CsrfToken::new(state.to_owned()));
        let request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        let request = request.set_redirect_uri(Cow::Owned(redirect(sign_in)?));
        let request = request.add_scopes(self.scope.map(|scope| Scope::new(scope.to_owned())));
        Ok(request.url().0.into())
    }

    /// Exchanges a code for tokens. A code works once.
    ///
    /// # Errors
    /// [`Failure::Rejected`] if the code is wrong, expired or used, or belongs to another verifier.
    pub async fn exchange(&self, code: &str, sign_in: SignIn<'_>, now: Millis) -> Result<UserTokens> {
        let redirect = redirect(sign_in).map_err(Failure::unavailable)?;
        let request = self.client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(sign_in.verifier.reveal().to_owned()));
        let answer = request.set_redirect_uri(Cow::Owned(redirect)).request_async(self).await;
        answer.map(|answer| tokens(&answer, now)).map_err(failure)
    }

    /// Exchanges a refresh token for new tokens. That uses it up.
    ///
    /// # Errors
    /// [`Failure::Rejected`] if it is used, revoked or expired.
    pub async fn refresh(&self, refresh: &SecretText, now: Millis) -> Result<UserTokens> {
        let refresh = RefreshToken::new(refresh.reveal().to_owned());
        let answer = self.client.exchange_refresh_token(&refresh).request_async(self).await;
        answer.map(|answer| tokens(&answer, now)).map_err(failure)
    }
}

impl<'c> AsyncHttpClient<'c> for OAuth {
    type Error = Failure;
    type Future = BoxFuture<'c, Result<HttpResponse>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { Ok(with_error_status(self.http.send(request.map(Bytes::from)).await?)) })
    }
}

/// GitHub answers a rejected code with 200 and an error in the body. This sets the matching error status.
fn with_error_status(answer: Response<Bytes>) -> HttpResponse {
    let refusal = serde_json::from_slice(answer.body()).is_ok_and(|body: Value| body.get("error").is_some());
    let mut answer = answer.map(|body| body.to_vec());
    if refusal {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
    }
    answer
}

fn redirect(sign_in: SignIn<'_>) -> domain::Result<RedirectUrl> {
    RedirectUrl::new(sign_in.redirect_uri.to_owned())
        .map_err(|error| Error::internal("parsing this service's URL", error))
}

fn tokens(answer: &Answer, now: Millis) -> UserTokens {
    let secret = |token: &str| SecretText::new(token.to_owned());
    let after = |seconds: i64| now.seconds().plus(seconds);
    let lifetime = answer.expires_in().and_then(|lifetime| i64::try_from(lifetime.as_secs()).ok());
    UserTokens {
        access: secret(AccessToken::secret(answer.access_token())),
        expires_at: lifetime.map(after),
        refresh: answer.refresh_token().map(|token| secret(token.secret())),
        refresh_expires_at: answer.extra_fields().refresh_token_expires_in.map(after),
    }
}

fn failure(error: RequestTokenError<Failure, BasicErrorResponse>) -> Failure {
    match error {
        RequestTokenError::ServerResponse(refusal) => {
            let code = refusal.error().as_ref().to_owned();
            if SERVICE_ERRORS.contains(&code.as_str()) {
                Failure::unavailable(format!("the provider answered with the error {code}"))
            } else {
                Failure::Rejected
            }
        }
        RequestTokenError::Request(failure) => failure,
        // Its text would quote the answer, which may contain tokens.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Failure::unavailable("the provider's answer has no token")
        }
    }
}
