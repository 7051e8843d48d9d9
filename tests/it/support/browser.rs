//! A simulated browser: it keeps cookies and follows redirects, to the provider test doubles and back.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderValue, Method};
use serde_json::Value;
use terrapi::deadline::Deadline;
use terrapi::domain::Vcs;

use crate::support::routes::Gateway;
use crate::support::service::send_to;
use crate::support::{Reply, TestService};

const OWN: &str = "https://api.example.test";

pub struct Browser<'a> {
    service: &'a TestService,
    gateway: Gateway,
    pub jar: BTreeMap<String, String>,
    /// The time left for each later request, as the runtime reports it.
    pub remaining: Option<Duration>,
}

impl<'a> Browser<'a> {
    pub fn new(service: &'a TestService) -> Self {
        Self { service, gateway: service.gateway.clone(), jar: BTreeMap::new(), remaining: None }
    }

    /// A browser whose requests go to this gateway.
    pub fn on(service: &'a TestService, gateway: Gateway) -> Self {
        Self { gateway, ..Self::new(service) }
    }

    pub async fn get(&mut self, url: &str) -> Reply {
        self.send(Method::GET, url, None).await
    }

    /// Sends a request as one of our pages or the address bar does.
    pub async fn send(&mut self, method: Method, url: &str, body: Option<Value>) -> Reply {
        let path = url.strip_prefix(OWN).unwrap_or(url);
        assert!(path.starts_with('/'), "the browser is sent to {url}");
        let mut request = Request::builder().method(method.clone()).uri(path).header(HOST, "api.example.test");
        if method != Method::GET {
            request = request.header(ORIGIN, OWN).header("content-type", "application/json");
        }
        if !self.jar.is_empty() {
            let cookies: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, cookies.join("; "));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = request.body(body).unwrap();
        self.remaining.inspect(|remaining| {
            request.extensions_mut().insert(Deadline::after(*remaining));
        });
        let reply = send_to(&self.gateway, request).await;
        for cookie in reply.headers.get_all("set-cookie") {
            self.take(cookie);
        }
        reply
    }

    fn take(&mut self, cookie: &HeaderValue) {
        let mut parts = cookie.to_str().unwrap().split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<_> = parts.collect();
        for needed in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
            assert!(attributes.contains(&needed), "{cookie:?}");
        }
        assert!(!attributes.iter().any(|attribute| attribute.starts_with("Domain")), "{cookie:?}");
        if attributes.contains(&"Max-Age=0") {
            self.jar.remove(name);
        } else {
            self.jar.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> String {
        self.jar[name].clone()
    }

    /// Starts a sign-in. Returns the URL of the provider's page.
    pub async fn begin(&mut self, vcs: Vcs, query: &str) -> String {
        let reply = self.get(&format!("/api/v1/{vcs}/login{query}")).await;
        assert_eq!(reply.status, 302, "{reply:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        reply.header("location").unwrap().to_owned()
    }

    /// Agrees to the sign-in. Returns the URL of the redirect.
    pub fn agree(&self, page: &str, vcs: Vcs, person: u64) -> String {
        let back = match vcs {
            Vcs::Github => self.service.github.agree(page, person),
            Vcs::Gitlab => self.service.gitlab.agree(page, person),
        };
        back.unwrap()
    }

    /// Performs a whole sign-in. Returns the last response.
    pub async fn sign_in(&mut self, vcs: Vcs, person: u64, query: &str) -> Reply {
        let page = self.begin(vcs, query).await;
        let back = self.agree(&page, vcs, person);
        self.get(&back).await
    }

    /// Performs a sign-in that must succeed. Returns the user's id.
    pub async fn user(&mut self, vcs: Vcs, person: u64) -> String {
        let reply = self.sign_in(vcs, person, "").await;
        assert_eq!(reply.status, 303, "{}", String::from_utf8_lossy(&reply.bytes));
        self.get("/api/v1/whoami").await.ok()["id"].as_str().unwrap().to_owned()
    }
}
