//! The organizations of an installation.

use super::super::client::Store;
use super::super::item::s;
use super::super::keys;
use super::super::query::Query;
use super::codec;
use crate::domain::organization::{Organization, OrganizationId};
use crate::domain::{Code, Error, Namespace, Result};

impl Store {
    /// A page of an installation's organizations in the order of their ids, and the id after which the next page
    /// begins. It is read from an index, where a change appears within about a second.
    pub async fn list_organizations_in(
        &self,
        namespace: Namespace,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Organization>, Option<String>)> {
        let after = after.map(|id| OrganizationId::parse(id).ok_or(Error::invalid(Code::InvalidCursor))).transpose()?;
        // Sorts before the key of every organization.
        let after = after.map_or_else(|| "organization#".to_owned(), |id| keys::organization(id.organization()));
        let values = [(":namespace", s(keys::organizations_in(namespace))), (":after", s(after))];
        let query = Query::new(&self.tables.identity, "by_installation = :namespace AND pk > :after", values);
        let page = query.index(keys::BY_INSTALLATION).limit(limit).page(self).await?;
        let found = page.items.iter().map(codec::organization).collect::<Result<Vec<_>>>()?;
        let next = found.last().filter(|_| page.next.is_some()).map(|organization| organization.id.to_string());
        Ok((found, next))
    }
}
