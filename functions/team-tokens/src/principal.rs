//! The caller: an organization or a team with its token, or a person with an access token or a session.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use http::request::Parts;
use terrapi::domain::organization::{
    Authority, Creator, Organization, OrganizationCode, Role, Team, TeamId, TeamToken, user_number,
};
use terrapi::domain::rate::RateLimitKey;
use terrapi::domain::{
    AuditAction, AuditEntry, AuditOutcome, AuditedOrganization, Caller, Capability, Credential, Error, KeyId,
    PermissionChange, Profile, Result, UserId, Vcs,
};
use terrapi::http::{ClientInfo, Holder, ProvenToken, UnverifiedCredential, authenticate, charged, prove_team_token};
use terrapi::runtime::App;
use terrapi::store::{Decision, OrganizationSnapshot};

use crate::jsonapi::Problem;

/// How many times a change is decided, if what it is based on changes each time.
const DECISIONS: usize = 16;

/// The caller of a route.
pub struct Principal {
    pub who: Who,
    client: ClientInfo,
    decisions: usize,
}

/// The kinds of caller.
pub enum Who {
    /// An organization or a team with this token.
    Holder(Box<ProvenToken>),
    /// A person whose credential may create credentials.
    Person(Caller),
}

impl FromRequestParts<App> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let payer = |who: &Who| RateLimitKey::Principal(who.user());
        let who = charged(parts, app, payer, Box::pin(Who::authenticate(parts, app))).await?;
        let caller = Self { who, client: ClientInfo::of(parts), decisions: 1 };
        caller.audit_use(app);
        Ok(caller)
    }
}

impl Who {
    async fn authenticate(parts: &Parts, app: &App) -> Result<Self> {
        let credential = UnverifiedCredential::of(&parts.headers)?;
        if let UnverifiedCredential::TeamToken(text) = credential {
            return Ok(Self::Holder(Box::new(prove_team_token(text, parts, app).await?)));
        }
        let caller = authenticate(credential, parts, app).await?.caller.clone();
        // Team tokens are credentials, so managing them needs the same capability as creating API keys.
        caller.require(&Capability::AccessTokenCreate)?;
        Ok(Self::Person(caller))
    }

    /// The person, or the service user of the team or organization.
    pub fn user(&self) -> UserId {
        match self {
            Self::Holder(proven) => proven.holder.service_user(),
            Self::Person(caller) => caller.user,
        }
    }
}

impl Principal {
    /// The team token that the caller presented. `None` for a person.
    pub fn token(&self) -> Option<&TeamToken> {
        match &self.who {
            Who::Holder(proven) => Some(&proven.token),
            Who::Person(_) => None,
        }
    }

    /// The organization of the caller's token. `None` for a person.
    pub fn organization(&self) -> Option<OrganizationCode> {
        self.token().map(|token| token.id.organization())
    }

    /// The caller's role in an organization. Costs no read for a token; for a person one query, and one read of the
    /// membership in its installation.
    pub async fn role_in(&self, code: OrganizationCode, app: &App) -> Result<Option<Role>> {
        if let Who::Holder(proven) = &self.who {
            return Ok(role_of(proven, code));
        }
        match app.store.find_organization_snapshot(code).await? {
            Some(snapshot) => self.role_among(&snapshot, app).await,
            None => Ok(None),
        }
    }

    /// As [`Self::role_in`], if the organization has been read already. A person has a role only while they and at
    /// least one owner are members of the installation, and only if the limits of their credential allow the
    /// installation. For a person who is not an owner, this costs another read for each owner up to the first member.
    pub async fn role_among(&self, snapshot: &OrganizationSnapshot, app: &App) -> Result<Option<Role>> {
        let caller = match &self.who {
            Who::Holder(proven) => return Ok(role_of(proven, snapshot.organization.id.organization())),
            Who::Person(caller) => caller,
        };
        let teams: Vec<Team> =
            snapshot.teams.iter().filter(|team| team.users.contains(&caller.user)).cloned().collect();
        let namespace = snapshot.organization.namespace;
        if teams.is_empty() || !caller.capabilities.reaches(namespace) {
            return Ok(None);
        }
        if !app.is_member(caller.user, namespace).await? {
            return Ok(None);
        }
        let role = Role::of_person(caller.user, namespace, teams);
        // An organization works only while one of its owners is a member. If the caller is one, nobody else needs to be
        // read.
        let in_force = role.as_ref().is_some_and(Role::owns) || app.any_member(&snapshot.owners(), namespace).await?;
        Ok(role.filter(|_| in_force))
    }

    /// The holder of the caller's token. `None` for a person.
    pub fn holder(&self) -> Option<&Holder> {
        match &self.who {
            Who::Holder(proven) => Some(&proven.holder),
            Who::Person(_) => None,
        }
    }

    /// A team. Costs one read, unless the caller uses its token.
    pub async fn find_team(&self, id: TeamId, app: &App) -> Result<Option<Team>> {
        match self.holder() {
            Some(Holder::Team(own)) if own.id == id => Ok(Some(own.clone())),
            _ => app.store.find_team(id).await,
        }
    }

    /// An organization. Costs one read, unless the caller uses its token.
    pub async fn find_organization(&self, code: OrganizationCode, app: &App) -> Result<Option<Organization>> {
        match self.holder() {
            Some(Holder::Organization(own)) if own.id.organization() == code => Ok(Some(own.clone())),
            _ => app.store.find_organization(code).await,
        }
    }

    /// Reads the caller's token and its holder again, after a change failed because something that was read had
    /// changed.
    ///
    /// # Errors
    /// Unauthenticated if the token has been deleted. Unavailable after [`DECISIONS`] attempts.
    pub async fn read_again(&mut self, app: &App) -> Result<()> {
        self.decisions += 1;
        if self.decisions > DECISIONS {
            return Err(Error::unavailable("too many concurrent changes of what a change is based on"));
        }
        match &mut self.who {
            Who::Holder(proven) => proven.reread(app).await,
            Who::Person(_) => Ok(()),
        }
    }

    /// A decision based on this authority and the caller's token. `notes` are written with the change.
    pub fn decision(&self, authority: Authority, notes: Vec<Note>, app: &App) -> Result<Decision> {
        let authority = Authority { token: self.token().map(|token| token.id), ..authority };
        let note = |note: Note| {
            let done = (note.action, AuditOutcome::Success);
            let entry = self.client.clone().audited(app.clock.now(), done, self.who.user(), self.key());
            app.audit_record(AuditEntry { organization: Some(note.organization), subject: note.subject, ..entry })
        };
        Ok(Decision { authority, notes: notes.into_iter().map(note).collect::<Result<_>>()? })
    }

    /// The id of the credential in audit entries. `None` for a session.
    fn key(&self) -> Option<KeyId> {
        match &self.who {
            Who::Holder(proven) => Some(proven.token.id.key_id()),
            Who::Person(caller) => match caller.credential {
                Credential::AccessToken(key) => Some(key),
                Credential::Session(_) => None,
            },
        }
    }

    /// The caller as the creator of a token.
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
            Who::Holder(proven) if proven.records_use => self.audit(AuditAction::TeamTokenUsed, &proven.token, app),
            _ => {}
        }
    }

    /// Writes an audit entry in the background: if that fails, the committed change is still answered with success.
    pub fn audit(&self, action: AuditAction, token: &TeamToken, app: &App) {
        let done = (action, AuditOutcome::Success);
        let entry = self.client.clone().audited(app.clock.now(), done, self.who.user(), Some(token.id.key_id()));
        app.audit_beside(entry);
    }
}

/// An audit entry that is written in the same transaction as a change.
pub struct Note {
    pub action: AuditAction,
    /// The organization or team that is changed.
    pub organization: AuditedOrganization,
    /// The person whose permission changes.
    pub subject: Option<PermissionChange>,
}

impl Note {
    /// A change of an organization or of one of its teams. `changed` are the changed attributes with their new values.
    pub fn new(
        action: AuditAction,
        organization: &Organization,
        team: Option<&Team>,
        changed: BTreeMap<String, Option<String>>,
    ) -> Self {
        let organization = AuditedOrganization {
            id: organization.id.to_string(),
            name: organization.name.to_string(),
            team_id: team.map(|team| team.id.to_string()),
            team: team.map(|team| team.name.to_string()),
            changed,
        };
        Self { action, organization, subject: None }
    }
}

fn role_of(proven: &ProvenToken, code: OrganizationCode) -> Option<Role> {
    let role = match &proven.holder {
        Holder::Organization(_) => Role::Organization,
        Holder::Team(team) => Role::Team(team.clone()),
    };
    (proven.token.id.organization() == code).then_some(role)
}

/// A person's profile at the first provider where they have signed in.
pub async fn profile_of(user: UserId, app: &App) -> Result<Option<Profile>> {
    for vcs in Vcs::ALL {
        if let Some(identity) = app.store.find_identity(user, vcs).await? {
            return Ok(Some(identity.profile));
        }
    }
    Ok(None)
}

/// A person's login at a provider, or else a name with their number.
async fn user_name(user: UserId, app: &App) -> Result<String> {
    let login = profile_of(user, app).await?.map(|profile| profile.login);
    Ok(login.unwrap_or_else(|| format!("user-{}", user_number(user))))
}
