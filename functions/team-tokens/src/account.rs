//! Shows the caller's account, as clients of the HCP Terraform API expect it.

use axum::extract::State;
use serde::Serialize;
use terrapi::domain::organization::user_number;
use terrapi::http::Holder;
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::jsonapi::{Answer, Document, ErrorDocument, Identifier, MEDIA_TYPE, Problem, ToOne};
use crate::principal::{Principal, Who, profile_of};

/// The picture of a user who has none: a grey square. Some clients require an address.
const NO_AVATAR: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'%3E%3Crect width='1' height='1' fill='%23999'/%3E%3C/svg%3E";

/// A user: a person, or the service user of a team or an organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    /// `user-…`
    #[schema(pattern = "^user-[1-9A-HJ-NP-Za-km-z]{16}$")]
    id: String,
    /// `users`
    r#type: &'static str,
    /// Their attributes.
    attributes: AccountAttributes,
    /// Their relationships.
    relationships: AccountRelationships,
    /// The paths of the user and of their credential.
    links: AccountLinks,
}

/// The attributes of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AccountAttributes {
    /// The login of a person; `api-team_…` or `api-org_…` for a service user.
    username: String,
    /// Whether this is a service user.
    is_service_account: bool,
    /// The address of a picture.
    avatar_url: String,
    /// Always false.
    v2_only: bool,
    /// Always disabled: people sign in at GitHub or GitLab.
    two_factor: TwoFactor,
    /// What they may do with their account.
    permissions: AccountPermissions,
    /// Their email address at the provider. Only for callers who manage the organization's teams.
    email: Option<String>,
    /// Always null.
    unconfirmed_email: Option<String>,
}

impl AccountAttributes {
    /// The attributes of a person as others see them.
    pub fn new(username: String, email: Option<String>, avatar_url: Option<String>) -> Self {
        Self {
            username,
            is_service_account: false,
            avatar_url: avatar_url.unwrap_or_else(|| NO_AVATAR.to_owned()),
            v2_only: false,
            two_factor: TwoFactor::default(),
            permissions: AccountPermissions::default(),
            email,
            unconfirmed_email: None,
        }
    }
}

/// The second factor of a user.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct TwoFactor {
    /// Always false.
    enabled: bool,
    /// Always false.
    verified: bool,
}

/// What a user may do. All `false` for other users than the caller.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them")]
pub struct AccountPermissions {
    /// Whether they may create an organization.
    can_create_organizations: bool,
    /// Always false.
    can_change_email: bool,
    /// Always false.
    can_change_username: bool,
    /// Always false.
    can_manage_user_tokens: bool,
}

/// The relationships of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AccountRelationships {
    /// The person themselves, or the team or organization of a service user.
    authenticated_resource: ToOne,
}

/// The paths of a user and of their credential.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AccountLinks {
    /// The path of this document.
    #[serde(rename = "self")]
    own: &'static str,
    /// The path of the caller's team token. Absent for an access token or a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    auth_token: Option<String>,
}

/// Show the caller's account
#[utoipa::path(get, path = "/api/v2/account/details", tag = "organizations", security(("team_token" = []), ("bearer" = [])),
    responses((status = 200, body = Document<Account>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_account(State(app): State<App>, caller: Principal) -> Result<Answer<Document<Account>>, Problem> {
    let id = format!("user-{}", user_number(caller.who.user()));
    let profile = match &caller.who {
        Who::Person(person) => profile_of(person.user, &app).await?,
        Who::Holder(_) => None,
    };
    let (username, stands_for) = match &caller.who {
        Who::Person(_) => {
            let login = profile.as_ref().map(|profile| profile.login.clone());
            (login.unwrap_or_else(|| id.clone()), Identifier::new("users", &id))
        }
        Who::Holder(proven) => match &proven.holder {
            Holder::Team(team) => (format!("api-team_{}", team.id.digits()), Identifier::new("teams", &team.id)),
            Holder::Organization(organization) => {
                let name = &organization.name;
                (format!("api-org_{}", organization.id.digits()), Identifier::new("organizations", name))
            }
        },
    };
    let service = caller.token().is_some();
    let avatar_url = profile.and_then(|profile| profile.avatar_url);
    let attributes = AccountAttributes {
        permissions: AccountPermissions { can_create_organizations: !service, ..AccountPermissions::default() },
        is_service_account: service,
        ..AccountAttributes::new(username, None, avatar_url)
    };
    let links = AccountLinks {
        own: "/api/v2/account/details",
        auth_token: caller.token().map(|token| format!("/api/v2/authentication-tokens/{}", token.id)),
    };
    let relationships = AccountRelationships { authenticated_resource: stands_for.into() };
    Ok(Answer::ok(Document { data: Account { id, r#type: "users", attributes, relationships, links } }))
}
