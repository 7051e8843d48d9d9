//! The owners of an organization: it works only while one of them is a member of its installation.

use std::collections::BTreeSet;

use super::super::client::Store;
use super::super::item::{Attributes, s};
use super::super::keys;
use super::codec;
use crate::domain::organization::{Organization, OrganizationCode, TeamId};
use crate::domain::{Result, UserId};

/// The attribute of an organization's row that names its owners' team. It never changes.
pub(super) const OWNERS_TEAM: &str = "owners_team";

/// An organization and the people in its owners' team.
#[derive(Clone, Debug)]
pub struct Ownership {
    /// The organization.
    pub organization: Organization,
    /// Its owners.
    pub owners: BTreeSet<UserId>,
}

impl Store {
    /// An organization with its owners; strongly consistent. Two reads, or a read and a query for a row that does not name
    /// the owners' team yet.
    pub async fn find_ownership(&self, code: OrganizationCode) -> Result<Option<Ownership>> {
        let (pk, sk) = (s(keys::organization(code)), s(keys::ORGANIZATION));
        let Some(item) = self.get(&self.tables.identity, pk, sk).await? else { return Ok(None) };
        let team = item.find_text(OWNERS_TEAM).map(|id| TeamId::parse(id).ok_or_else(codec::damaged)).transpose()?;
        let owners = match team {
            Some(team) => self.find_team(team).await?.map(|team| team.users),
            None => self.find_organization_snapshot(code).await?.map(|snapshot| snapshot.owners()),
        };
        Ok(Some(Ownership { organization: codec::organization(&item)?, owners: owners.unwrap_or_default() }))
    }
}
