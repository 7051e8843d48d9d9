//! The owners of an organization. The organization works only while at least one of them is a member of its
//! installation.

use std::collections::BTreeSet;

use super::super::client::Store;
use super::super::item::{Attributes, s};
use super::super::keys;
use super::codec;
use crate::domain::organization::{Organization, OrganizationCode, TeamId};
use crate::domain::{Result, UserId};

/// The attribute of an organization's row that names its owners' team. It never changes.
pub(super) const OWNERS_TEAM: &str = "owners_team";

/// An organization and the members of its owners' team.
#[derive(Clone, Debug)]
pub struct Ownership {
    pub organization: Organization,
    pub owners: BTreeSet<UserId>,
}

impl Store {
    /// An organization with its owners. Strongly consistent. Costs two reads, or a read and a query if the organization
    /// was written before its row named the owners' team.
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
