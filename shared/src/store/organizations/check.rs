//! The checks of organizations, teams and tokens.

use std::collections::BTreeSet;

use super::super::check::Check;
use super::super::item::{self, Attributes, Item};
use super::super::{keys, memberships};
use super::teams::OWNERS_TEAM;
use super::{codec, teams, tokens};
use crate::domain::Result;
use crate::domain::organization::{OrganizationId, TeamId, TeamToken, TokenHolder};

impl Check<'_> {
    /// `false` if there is no such entity here.
    pub(in crate::store) async fn organization_item(&mut self, entity: &str) -> Result<bool> {
        match entity {
            "organization-name" => self.organization_name().await?,
            "organization" => self.organization().await?,
            "team" => self.team().await?,
            "team-token" => self.team_token().await?,
            // The organization compares them with the names and descriptions that are in use.
            "team-name" | "token-description" => self.uniqueness_marker().await?,
            "team-membership" => self.team_membership().await?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Leads to the organization with this name.
    async fn organization_name(&mut self) -> Result<()> {
        let id = self.item.find_text("id").and_then(OrganizationId::parse);
        let Some(id) = self.present(id, "it names no organization") else { return Ok(()) };
        let problem = "its organization is missing or has another name";
        let name = self.item.get(keys::PK).cloned();
        let same = |row: &Item| {
            codec::organization(row).is_ok_and(|found| codec::name_key(&found.name).get(keys::PK) == name.as_ref())
        };
        self.require_item(codec::key(id.organization(), keys::ORGANIZATION), problem, same).await
    }

    /// Has its name, is listed, has its owners' team and its token, and exactly the uniqueness markers that are in use.
    async fn organization(&mut self) -> Result<()> {
        let Some(organization) = self.decoded(codec::organization(self.item)) else { return Ok(()) };
        let code = organization.id.organization();
        self.require_key(&codec::key(code, keys::ORGANIZATION));
        let id = organization.id.to_string();
        let problem = "its name is not reserved for it";
        self.require_item(codec::name_key(&organization.name), problem, |row| row.find_text("id") == Some(&id)).await?;
        let listed = self.item.find_text(keys::BY_INSTALLATION);
        let own = keys::organizations_in(organization.namespace);
        self.require(listed == Some(&own), "it is not listed under its installation");
        if let Some(owners) = self.item.find_text(OWNERS_TEAM) {
            let key = TeamId::parse(owners).map(teams::row_key).unwrap_or_default();
            self.require_item(key, "its owners' team is missing", |_| true).await?;
        }
        if let Some(token) = organization.token {
            self.require_item(tokens::row_key(token), "its token is missing", |_| true).await?;
        }
        // `!` sorts before every letter.
        self.markers(&self.store.rows_between(code, "!", "~").await?);
        Ok(())
    }

    /// A name or description without a marker could be used twice; a marker without a use reserves it forever.
    fn markers(&mut self, rows: &[Item]) {
        let (mut used, mut reserved) = (BTreeSet::new(), BTreeSet::new());
        for row in rows {
            match row.find_text("entity") {
                Some("team") => used.extend(marker_of_team(row)),
                Some("team-token") => used.extend(marker_of_token(row)),
                Some("team-name" | "token-description") => reserved.extend(sort_key(row)),
                _ => {}
            }
        }
        for marker in used.difference(&reserved) {
            self.problem(format!("the uniqueness marker {marker} is missing"));
        }
        for marker in reserved.difference(&used) {
            self.problem(format!("the uniqueness marker {marker} belongs to no team or token"));
        }
    }

    /// Belongs to an organization, in whose installation its service user is a member. Its members and its token know it.
    async fn team(&mut self) -> Result<()> {
        let Some(team) = self.decoded(codec::team(self.item)) else { return Ok(()) };
        self.require_key(&teams::row_key(team.id));
        let Some(row) = self.find(&codec::key(team.id.organization(), keys::ORGANIZATION)).await? else {
            self.warn("its organization was deleted");
            return Ok(());
        };
        if let Ok(organization) = codec::organization(&row) {
            let service_user = memberships::key(team.service_user(), organization.namespace);
            self.require_item(service_user, "its service user is no member of the installation", |_| true).await?;
        }
        for user in &team.users {
            let problem = format!("its member {user} does not know the team");
            self.require_item(codec::of_user_key(*user, team.id), &problem, |_| true).await?;
        }
        if let Some(token) = team.token {
            self.require_item(tokens::row_key(token), "its token is missing", |_| true).await?;
        }
        Ok(())
    }

    /// Has a holder. A token without a description is the one that its holder names.
    async fn team_token(&mut self) -> Result<()> {
        let Some(token) = self.decoded(codec::team_token(self.item)) else { return Ok(()) };
        self.require_key(&tokens::row_key(token.id));
        let Some(holder) = self.find(&tokens::holder_key(&token)).await? else {
            self.warn("its holder was deleted");
            return Ok(());
        };
        if described(&token) {
            return Ok(());
        }
        let named = holder.find_text("token") == Some(&token.id.to_string());
        self.require(named, "it has no description, and its holder does not name it");
        Ok(())
    }

    async fn uniqueness_marker(&mut self) -> Result<()> {
        let organization = item::key(self.partition(), keys::ORGANIZATION);
        if self.find(&organization).await?.is_none() {
            self.warn("its organization was deleted");
        }
        Ok(())
    }

    /// Is a membership in a team that knows the user.
    async fn team_membership(&mut self) -> Result<()> {
        let user = self.present(keys::parse_user(self.partition()), "its key names no user");
        let team = self.sort_key().strip_prefix(keys::TEAMS).and_then(TeamId::of_digits);
        let (Some(user), Some(team)) = (user, self.present(team, "its key names no team")) else { return Ok(()) };
        let Some(row) = self.find(&teams::row_key(team)).await? else {
            self.warn("its team was deleted");
            return Ok(());
        };
        let knows = codec::team(&row).is_ok_and(|team| team.users.contains(&user));
        self.require(knows, "its team does not have this member");
        Ok(())
    }
}

/// Whether the token is one of several of its team.
fn described(token: &TeamToken) -> bool {
    token.description.is_some() && matches!(token.holder, TokenHolder::Team(_))
}

/// The sort key of the marker that a team's name has. A team that cannot be read is a problem of its row.
fn marker_of_team(row: &Item) -> Option<String> {
    let team = codec::team(row).ok()?;
    sort_key(&teams::name_key(team.id, &team.name))
}

/// The sort key of the marker that a token's description has, if it has one.
fn marker_of_token(row: &Item) -> Option<String> {
    sort_key(&tokens::description_key(&codec::team_token(row).ok()?)?)
}

fn sort_key(key: &Item) -> Option<String> {
    key.find_text(keys::SK).map(str::to_owned)
}
