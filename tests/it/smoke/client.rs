//! A client of the running service, over TCP.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use terrapi_watch::function;

use super::stack::Connection;
use crate::support::Reply;

/// The time limit of a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// Acts as the local administrator. Its token is valid for a minute: long enough for one part of the test.
pub struct Client<'a> {
    pub connection: &'a Connection,
    http: reqwest::Client,
    token: String,
}

impl<'a> Client<'a> {
    pub async fn new(connection: &'a Connection) -> Self {
        let mut client = Self { connection, http: function::client().unwrap(), token: connection.api_key.clone() };
        let answer = client.call(Method::POST, "/api/v1/access-token/refresh", None).await.ok();
        answer["token"].as_str().unwrap().clone_into(&mut client.token);
        client
    }

    /// Like [`Self::new`], with a token that is limited to the installation.
    pub async fn in_installation(connection: &'a Connection) -> Self {
        let client = Self::new(connection).await;
        let named = json!({"name": "installation_id", "id": connection.installation_id});
        let path = format!("/api/v1/{}/access-token", connection.vcs);
        let key =
            client.call(Method::POST, &path, Some(&json!({"name": "refresh", "capabilities": [named]}))).await.ok();
        let mut client = Self { token: key["refresh_token"].as_str().unwrap().to_owned(), ..client };
        let answer = client.call(Method::POST, "/api/v1/access-token/refresh", None).await.ok();
        answer["token"].as_str().unwrap().clone_into(&mut client.token);
        client
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        self.try_call(method, path, body).await.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// Like [`Self::call`]. An error means that there was no whole answer.
    pub async fn try_call(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<Reply> {
        let url = format!("{}{path}", self.connection.base_url);
        send(self.http.request(method, &url).bearer_auth(&self.token), body).await
    }

    /// Sends a request as a page of the service's own origin does, with this cookie.
    pub async fn browse(&self, method: Method, path: &str, cookie: &str, body: Option<&Value>) -> Reply {
        let origin = &self.connection.base_url;
        let request = self.http.request(method, format!("{origin}{path}"));
        let answer = send(request.header("cookie", cookie).header("origin", origin), body).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The path of an installation's KV store.
    pub fn kv(&self) -> String {
        format!("/api/v1/{}/kv/{}", self.connection.vcs, self.connection.installation_id)
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, &format!("{}/{path}", self.kv()), None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Value {
        self.call(Method::PUT, &format!("{}/{path}", self.kv()), Some(body)).await.ok()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, &format!("{}/{path}", self.kv()), Some(body)).await.ok()
    }

    pub async fn delete(&self, path: &str) -> Value {
        self.call(Method::DELETE, &format!("{}/{path}", self.kv()), None).await.ok()
    }
}

async fn send(mut request: reqwest::RequestBuilder, body: Option<&Value>) -> reqwest::Result<Reply> {
    request = request.timeout(PATIENCE);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    Ok(Reply { status, headers, bytes: answer.bytes().await? })
}
