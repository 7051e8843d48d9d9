//! Sign-in at both providers: authorization code with PKCE, expiring tokens, and refresh tokens that can be used once.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::digest;
use serde_json::{Value, json};
use terrapi::runtime::{Clock, Random};

use super::pairs;

/// The differences between the providers' sign-in.
pub struct Flavour {
    pub client_id: &'static str,
    pub client_secret: &'static str,
    /// The prefix of tokens.
    pub prefix: &'static str,
    pub scope: Option<&'static str>,
    pub access_seconds: i64,
    /// `None`: refresh tokens do not expire.
    pub refresh_seconds: Option<i64>,
}

/// Issued codes and tokens.
pub struct OAuth {
    flavour: Flavour,
    clock: Arc<dyn Clock>,
    codes: HashMap<String, Code>,
    /// By access token: the user, and its expiry in epoch seconds.
    access: HashMap<String, (u64, i64)>,
    refresh: HashMap<String, (u64, i64)>,
}

struct Code {
    person: u64,
    redirect_uri: String,
    challenge: String,
}

impl OAuth {
    pub fn new(flavour: Flavour, clock: Arc<dyn Clock>) -> Self {
        Self { flavour, clock, codes: HashMap::new(), access: HashMap::new(), refresh: HashMap::new() }
    }

    fn now(&self) -> i64 {
        self.clock.now().seconds().0
    }

    fn fresh(&self, kind: &str) -> String {
        format!("{}{kind}_{}", self.flavour.prefix, Random::default().id().unwrap().simple())
    }

    /// The authorization page where `person` agrees. Returns the URL of the redirect.
    ///
    /// # Errors
    /// What is wrong with the authorization URL.
    pub fn authorize(&mut self, query: &str, person: u64) -> Result<String, String> {
        let query = Fields(pairs(query));
        query.only(&[
            "client_id",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
            "code_challenge",
            "code_challenge_method",
        ])?;
        query.is("client_id", self.flavour.client_id)?;
        query.is("response_type", "code")?;
        query.is("code_challenge_method", "S256")?;
        if query.find("scope") != self.flavour.scope {
            return Err(format!("the scope is {:?}", query.find("scope")));
        }
        let (redirect_uri, state) = (query.need("redirect_uri")?.to_owned(), query.need("state")?);
        let challenge = query.need("code_challenge")?.to_owned();
        let code = self.fresh("code");
        let state = utf8_percent_encode(state, NON_ALPHANUMERIC);
        let location = format!("{redirect_uri}?code={code}&state={state}");
        self.codes.insert(code, Code { person, redirect_uri, challenge });
        Ok(location)
    }

    /// The token endpoint.
    ///
    /// # Errors
    /// The OAuth error code.
    pub fn token(&mut self, fields: Vec<(String, String)>) -> Result<Value, &'static str> {
        let fields = Fields(fields);
        let wrong = |_| "invalid_request";
        let ours = fields.find("client_id") == Some(self.flavour.client_id);
        if !ours || fields.find("client_secret") != Some(self.flavour.client_secret) {
            return Err("invalid_client");
        }
        match fields.need("grant_type").map_err(wrong)? {
            "authorization_code" => {
                // A code is used up even if another parameter is wrong.
                let code = self.codes.remove(fields.need("code").map_err(wrong)?).ok_or("invalid_grant")?;
                let verifier = fields.need("code_verifier").map_err(wrong)?;
                let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
                let same = fields.find("redirect_uri") == Some(&code.redirect_uri) && challenge == code.challenge;
                if same { Ok(self.issue(code.person)) } else { Err("invalid_grant") }
            }
            "refresh_token" => {
                let token = fields.need("refresh_token").map_err(wrong)?;
                let (person, end) = self.refresh.remove(token).ok_or("invalid_grant")?;
                if self.now() < end { Ok(self.issue(person)) } else { Err("invalid_grant") }
            }
            _ => Err("unsupported_grant_type"),
        }
    }

    fn issue(&mut self, person: u64) -> Value {
        let (access, refresh) = (self.fresh("u"), self.fresh("r"));
        let now = self.now();
        self.access.insert(access.clone(), (person, now + self.flavour.access_seconds));
        let end = self.flavour.refresh_seconds.map_or(i64::MAX, |seconds| now + seconds);
        self.refresh.insert(refresh.clone(), (person, end));
        let mut answer = json!({
            "access_token": access, "token_type": "bearer", "expires_in": self.flavour.access_seconds,
            "refresh_token": refresh, "scope": self.flavour.scope.unwrap_or_default(),
        });
        match self.flavour.refresh_seconds {
            Some(seconds) => answer["refresh_token_expires_in"] = seconds.into(),
            None => answer["created_at"] = now.into(),
        }
        answer
    }

    /// A token of a user who signed in before the test began.
    pub fn token_of(&mut self, person: u64) -> Value {
        self.issue(person)
    }

    /// The user that a request's token acts as.
    pub fn person(&self, token: &str) -> Option<u64> {
        self.access.get(token).filter(|(_, end)| self.now() < *end).map(|(person, _)| *person)
    }

    /// Revokes all tokens of a user.
    pub fn revoke(&mut self, person: u64) {
        self.access.retain(|_, (whose, _)| *whose != person);
        self.refresh.retain(|_, (whose, _)| *whose != person);
    }
}

struct Fields(Vec<(String, String)>);

impl Fields {
    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn need(&self, name: &str) -> Result<&str, String> {
        self.find(name).filter(|value| !value.is_empty()).ok_or_else(|| format!("{name} is missing"))
    }

    fn is(&self, name: &str, expected: &str) -> Result<(), String> {
        let value = self.need(name)?;
        if value == expected { Ok(()) } else { Err(format!("{name} is {value}")) }
    }

    fn only(&self, known: &[&str]) -> Result<(), String> {
        let odd = self.0.iter().find(|(name, _)| !known.contains(&name.as_str()));
        odd.map_or(Ok(()), |(name, _)| Err(format!("there is no parameter {name}")))
    }
}
