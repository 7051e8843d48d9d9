//! How to connect to the local stack: a file for programs, and commands for people.

use serde::Serialize;

use crate::{
    bootstrap::Credentials,
    error::Result,
    folder::{DataFolder, write_json},
    organization,
};

/// The file in the data folder.
const FILE: &str = "connection.json";

#[derive(Debug, Clone, Serialize)]
pub struct Connection {
    pub base_url: String,
    /// The local administrator's API key, for the exchange.
    pub api_key: String,
    /// The cookie of the local administrator's session: `session=<value>`.
    pub session_cookie: String,
    /// The cookie of the second user's session.
    pub other_session_cookie: String,
    /// The segment `{vcs}` of paths.
    pub vcs: String,
    /// An installation of the administrator alone.
    pub installation_id: String,
    /// An installation of both users.
    pub other_installation_id: String,
    /// An organization of the administrator.
    pub organization: String,
    /// The organization's own token.
    pub organization_token: String,
    /// A team of the organization that may use the KV store.
    pub team_id: String,
    /// The URL of the embedded database, which is new at each start. Absent if no port leads to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamodb_endpoint: Option<String>,
}

impl Connection {
    pub fn new(base_url: String, credentials: &Credentials, dynamodb_endpoint: Option<String>) -> Self {
        Self {
            base_url,
            api_key: credentials.api_key.clone(),
            session_cookie: credentials.session_cookie.clone(),
            other_session_cookie: credentials.other_session_cookie.clone(),
            vcs: credentials.vcs.clone(),
            installation_id: credentials.installation_id.clone(),
            other_installation_id: credentials.other_installation_id.clone(),
            organization: organization::NAME.to_owned(),
            organization_token: credentials.organization_token.clone(),
            team_id: credentials.team_id.clone(),
            dynamodb_endpoint,
        }
    }

    /// Writes `connection.json`. Only its owner may read it, because it contains credentials.
    ///
    /// # Errors
    /// [`Error::DataFolder`](crate::Error::DataFolder).
    pub fn write(&self, folder: &DataFolder) -> Result<()> {
        write_json(&folder.path().join(FILE), self)
    }

    /// Commands that demonstrate the service.
    pub fn curl_lines(&self) -> String {
        let Self { base_url, api_key, session_cookie, other_session_cookie, vcs, .. } = self;
        let Self { installation_id, other_installation_id, organization, organization_token, team_id, .. } = self;
        format!(
            r#"terrapi answers on {base_url} (Ctrl-C stops it). To try it:

  TOKEN=$(curl -sf -X POST {base_url}/api/v1/access-token/refresh -H "Authorization: Bearer {api_key}" \
    | sed 's/.*"token": *"\([^"]*\)".*/\1/')
  curl -s {base_url}/api/v1/whoami -H "Authorization: Bearer $TOKEN"
  curl -s -X PUT {base_url}/api/v1/{vcs}/kv/{installation_id}/key/hello -H "Authorization: Bearer $TOKEN" \
    -H "Content-Type: application/json" -d '{{"data": "world"}}'
  curl -s {base_url}/api/v1/{vcs}/kv/{installation_id}/key/hello -H "Authorization: Bearer $TOKEN"

As a browser would, signed in as the local administrator and as somebody who may see less:

  curl -s {base_url}/api/v1/whoami -H "Cookie: {session_cookie}"
  curl -s {base_url}/api/v1/{vcs}/kv/{other_installation_id}/iter/ -H "Cookie: {other_session_cookie}"

As a client of the HCP Terraform API: a token of a team, and the tokens of all:

  curl -s -X POST {base_url}/api/v2/teams/{team_id}/authentication-token -H "Authorization: Bearer {organization_token}"
  curl -s {base_url}/api/v2/organizations/{organization}/team-tokens -H "Authorization: Bearer {organization_token}"

A token lives for a minute: exchange the key again when it is refused. The API is described at {base_url}/docs."#
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_commands_can_be_pasted_into_a_shell() {
        let connection = Connection {
            base_url: "http://127.0.0.1:9000".into(),
            api_key: "key".into(),
            session_cookie: "session=a".into(),
            other_session_cookie: "session=b".into(),
            vcs: "github".into(),
            installation_id: "12345".into(),
            other_installation_id: "67890".into(),
            organization: "local".into(),
            organization_token: "secret".into(),
            team_id: "team-1".into(),
            dynamodb_endpoint: None,
        };
        let lines = connection.curl_lines();
        assert!(lines.contains("http://127.0.0.1:9000/api/v1/github/kv/12345/key/hello"));
        assert!(lines.contains(r#"-H "Cookie: session=a""#) && lines.contains(r#"-H "Cookie: session=b""#));
        assert!(lines.contains(r#"-d '{"data": "world"}'"#));
        assert!(lines.contains("/api/v2/teams/team-1/authentication-token -H \"Authorization: Bearer secret\""));
    }
}
