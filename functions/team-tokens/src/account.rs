//! Says who is calling, the way clients of the HCP Terraform API ask.

use axum::extract::State;
use serde::Serialize;
use terrapi::domain::organization::user_number;
use terrapi::http::Holder;
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::jsonapi::{Answer, Document, ErrorDocument, Identifier, MEDIA_TYPE, Problem, ToOne};
use crate::principal::{Principal, Who, profile_of};

/// The picture of somebody who has none: a grey square. Some clients want an address.
const NO_AVATAR: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'%3E%3Crect width='1' height='1' fill='%23999'/%3E%3C/svg%3E";

/// A user: a person, or the service user of a team or an organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    /// `user-…`
    #[schema(pattern = "^user-[1-9A-HJ-NP-Za-km-z]{16}$")]
    id: String,
    /// `users`
    r#type: &'static str,
    /// What is known of them.
    attributes: AccountAttributes,
    /// What they stand for.
    relationships: AccountRelationships,
    /// Where they are.
    links: AccountLinks,
}

/// What is known of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AccountAttributes {
    /// A login, or `api-team_…` and `api-org_…`.
    username: String,
    /// Whether this is no person.
    is_service_account: bool,
    /// A picture.
    avatar_url: String,
    /// Always false.
    v2_only: bool,
    /// Of no use here: people sign in elsewhere.
    two_factor: TwoFactor,
    /// What they may do to themselves.
    permissions: AccountPermissions,
    /// As the provider told it; only for those who manage the organization's teams.
    email: Option<String>,
    /// Not told.
    unconfirmed_email: Option<String>,
}

impl AccountAttributes {
    /// A person, as others see them.
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

/// A second factor.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct TwoFactor {
    /// Always false.
    enabled: bool,
    /// Always false.
    verified: bool,
}

/// What a user may do. Of others, nothing is told.
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

/// What a user stands for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AccountRelationships {
    /// A person stands for themselves.
    authenticated_resource: ToOne,
}

/// Where a user and their credential are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AccountLinks {
    /// This document.
    #[serde(rename = "self")]
    own: &'static str,
    /// The token in use; none for an access token or a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    auth_token: Option<String>,
}

/// Say who is calling
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
