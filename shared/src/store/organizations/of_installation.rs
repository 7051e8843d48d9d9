//! The organizations of an installation.

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::s;
use super::super::keys;
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
        let query = self.db.query().table_name(&self.tables.identity).index_name(keys::BY_INSTALLATION);
        let query = query.key_condition_expression("by_installation = :namespace AND pk > :after");
        let query = query.expression_attribute_values(":namespace", s(keys::organizations_in(namespace)));
        let query = query.expression_attribute_values(":after", s(after));
        let answer = query.limit(i32::try_from(limit).unwrap_or(i32::MAX)).send().await.map_err(Failure::of)?;
        let more = answer.last_evaluated_key.is_some();
        let found = answer.items.unwrap_or_default().iter().map(codec::organization).collect::<Result<Vec<_>>>()?;
        let next = found.last().filter(|_| more).map(|organization| organization.id.to_string());
        Ok((found, next))
    }
}
