//! Who is calling: an organization or a team by its token, or a person by an access token or a session.

use axum::extract::FromRequestParts;
use http::request::Parts;
use terrapi::domain::organization::{Creator, Organization, OrganizationCode, Role, Team, TeamToken, user_number};
use terrapi::domain::rate::Subject;
use terrapi::domain::{AuditAction, AuditOutcome, Caller, Capability, Error, Result, UserId, Vcs};
use terrapi::http::{ClientInfo, Holder, ProvenToken, authenticate, charge, network, prove_team_token};
use terrapi::runtime::App;
use terrapi::store::Roster;

use crate::jsonapi::Problem;

/// Whoever calls.
pub struct Principal {
    /// What they are.
    pub who: Who,
    client: ClientInfo,
}

/// What somebody is.
pub enum Who {
    /// An organization or a team, by this token.
    Holder(Box<ProvenToken>),
    /// A person, whose credential lets them hand out others.
    Person(Caller),
}

impl FromRequestParts<App> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(client) = ClientInfo::from_request_parts(parts, app).await;
        match identified(parts, app).await {
            Ok(who) => {
                charge(parts, app, Subject::Principal(who.user())).await?;
                let caller = Self { who, client };
                caller.audit_use(app);
                Ok(caller)
            }
            Err(error @ (Error::Unauthenticated { .. } | Error::Forbidden { .. })) => {
                charge(parts, app, Subject::Stranger(network(parts))).await?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn identified(parts: &mut Parts, app: &App) -> Result<Who> {
    if let Some(proven) = prove_team_token(parts, app).await? {
        return Ok(Who::Holder(Box::new(proven)));
    }
    let caller = authenticate(parts, app).await?.caller.clone();
    // Tokens are credentials: whoever may not hand out keys may not hand out these.
    caller.require(&Capability::AccessTokenCreate)?;
    Ok(Who::Person(caller))
}

impl Who {
    /// The person, or the service user of the holder.
    pub fn user(&self) -> UserId {
        match self {
            Self::Holder(proven) => proven.holder.service_user(),
            Self::Person(caller) => caller.user,
        }
    }
}

impl Principal {
    /// The token in use.
    pub fn token(&self) -> Option<&TeamToken> {
        match &self.who {
            Who::Holder(proven) => Some(&proven.token),
            Who::Person(_) => None,
        }
    }

    /// The caller's own organization.
    pub fn organization(&self) -> Option<OrganizationCode> {
        self.token().map(|token| token.id.organization())
    }

    /// The caller's part in an organization. No read for a token; for a person one query, and one read of their
    /// membership in its installation.
    pub async fn role_in(&self, code: OrganizationCode, app: &App) -> Result<Option<Role>> {
        if let Who::Holder(proven) = &self.who {
            return Ok(role_of(proven, code));
        }
        match app.store.find_roster(code).await? {
            Some(roster) => self.role_among(&roster, app).await,
            None => Ok(None),
        }
    }

    /// The same, when the organization has been read already. A person's part ends with their membership in the
    /// installation, or with that of the last owner, and is out of reach for a token that is limited to other installations.
    /// One further read for each owner, up to the first member, when the person is no owner.
    pub async fn role_among(&self, roster: &Roster, app: &App) -> Result<Option<Role>> {
        let caller = match &self.who {
            Who::Holder(proven) => return Ok(role_of(proven, roster.organization.id.organization())),
            Who::Person(caller) => caller,
        };
        let teams: Vec<Team> = roster.teams.iter().filter(|team| team.users.contains(&caller.user)).cloned().collect();
        let namespace = roster.organization.namespace;
        if teams.is_empty() || !caller.capabilities.reaches(namespace) {
            return Ok(None);
        }
        if !app.is_member(caller.user, namespace).await? {
            return Ok(None);
        }
        let role = Role::of(teams);
        // A member who is an owner keeps the organization in force; for everybody else one of its owners must.
        let in_force = role.as_ref().is_some_and(Role::owns) || app.any_member(&roster.owners(), namespace).await?;
        Ok(role.filter(|_| in_force))
    }

    /// As whom the caller creates a token in an organization.
    pub async fn creator(&self, app: &App) -> Result<Creator> {
        Ok(match &self.who {
            Who::Holder(proven) => match &proven.holder {
                Holder::Team(team) => Creator::Team(team.id),
                Holder::Organization(Organization { id, .. }) => Creator::Organization(*id),
            },
            Who::Person(caller) => Creator::User(caller.user, user_name(caller.user, app).await?),
        })
    }

    fn audit_use(&self, app: &App) {
        match &self.who {
            Who::Holder(proven) if proven.news => self.audit(AuditAction::TeamTokenUsed, &proven.token, app),
            _ => {}
        }
    }

    /// Adds to the audit trail beside the answer: a creation that was committed is not answered with a failure.
    pub fn audit(&self, action: AuditAction, token: &TeamToken, app: &App) {
        let done = (action, AuditOutcome::Success);
        let entry = self.client.clone().audited(app.clock.now(), done, self.who.user(), Some(token.id.key_id()));
        app.audit_beside(entry);
    }
}

fn role_of(proven: &ProvenToken, code: OrganizationCode) -> Option<Role> {
    let role = match &proven.holder {
        Holder::Organization(_) => Role::Organization,
        Holder::Team(team) => Role::Member(vec![team.clone()]),
    };
    (proven.token.id.organization() == code).then_some(role)
}

/// What a person is called: their login at a provider, and failing that a number.
pub async fn user_name(user: UserId, app: &App) -> Result<String> {
    for vcs in Vcs::ALL {
        if let Some(identity) = app.store.find_identity(user, vcs).await? {
            return Ok(identity.profile.login);
        }
    }
    Ok(format!("user-{}", user_number(user)))
}
