//! Writes an authorized change: one transaction with the change, the conditions that the authorization was decided on,
//! and the audit entries.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::super::audit::NewAuditEntry;
use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Item, s};
use super::super::keys;
use super::super::memberships;
use super::super::transaction::require;
use super::codec;
use crate::domain::Result;
use crate::domain::organization::{Authority, Right};

/// What a write was decided on, and the audit entries that are written with it. Empty if the service itself makes the
/// change.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    pub authority: Authority,
    pub notes: Vec<NewAuditEntry>,
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a write that was decided on outdated reads has changed nothing"]
pub enum Written {
    Done,
    /// Nothing was written: the name or the description is taken.
    Taken,
    /// Nothing was written: something that was read before the decision has changed. Read and decide again.
    Outdated,
}

/// A condition on one row.
struct Condition {
    key: Item,
    expression: String,
    names: Vec<(&'static str, &'static str)>,
    values: Vec<(&'static str, AttributeValue)>,
}

impl Store {
    /// Sends a change with the conditions and the audit entries of its decision. `false` if a condition failed.
    pub(super) async fn write_decided(
        &self,
        mut items: Vec<TransactWriteItem>,
        decision: &Decision,
        jitter_seed: u64,
    ) -> Result<Result<bool, Failure>> {
        let table = &self.tables.identity;
        for condition in conditions(&decision.authority) {
            if let Some(item) = items.iter_mut().find(|item| concerns(item, &condition.key)) {
                add_condition(item, condition);
            } else {
                let mut check = require(table, condition.key.clone(), "attribute_exists(pk)")?;
                add_condition(&mut check, condition);
                items.push(check);
            }
        }
        for audit_entry in &decision.notes {
            items.push(self.audit_write(audit_entry)?);
        }
        Ok(match self.transact_with_retries(items, jitter_seed).await {
            Err(Failure::Condition(_)) => Ok(false),
            other => other.map(|()| true),
        })
    }
}

fn conditions(authority: &Authority) -> Vec<Condition> {
    let there =
        |key| Condition { key, expression: "attribute_exists(pk)".to_owned(), names: Vec::new(), values: Vec::new() };
    let token = authority.token.map(|token| there(codec::key(token.organization(), keys::team_token(token))));
    let member = authority.member.map(|(user, namespace)| there(memberships::key(user, namespace)));
    let team = authority.team.map(|(team, right)| {
        let key = codec::key(team.organization(), keys::team(team));
        let yes = (":right_yes", AttributeValue::Bool(true));
        let (expression, names, mut values) = match right {
            Right::Own => ("#right_owners = :right_yes", vec![("#right_owners", "owners")], vec![yes]),
            Right::ManageOwnTokens => ("token_management = :right_yes", vec![], vec![yes]),
            // A team that was written before each flag had its own attribute has all of them in one text.
            Right::ManageTeams => (
                "(access_manage_teams = :right_yes OR (attribute_not_exists(access_manage_teams) AND \
                 contains(#right_access, :right_manage)))",
                vec![("#right_access", codec::ACCESS)],
                vec![yes, (":right_manage", s(r#""manage-teams":true"#))],
            ),
        };
        let (mut expression, mut names) = (expression.to_owned(), names);
        if let Some((user, _)) = authority.member {
            expression.push_str(" AND contains(#right_users, :right_user)");
            names.push(("#right_users", "users"));
            values.push((":right_user", s(user.to_string())));
        }
        Condition { key, expression, names, values }
    });
    [token, member, team].into_iter().flatten().collect()
}

/// Whether a write concerns the row with this key. DynamoDB allows at most one write for each row in a transaction.
fn concerns(item: &TransactWriteItem, key: &Item) -> bool {
    let of = [
        item.update.as_ref().map(|update| &update.key),
        item.delete.as_ref().map(|delete| &delete.key),
        item.condition_check.as_ref().map(|check| &check.key),
        item.put.as_ref().map(|put| &put.item),
    ];
    let same = |own: &Item| [keys::PK, keys::SK].iter().all(|name| own.get(*name) == key.get(*name));
    of.into_iter().flatten().any(same)
}

/// Adds a condition to a write.
fn add_condition(item: &mut TransactWriteItem, condition: Condition) {
    let both = |own: Option<String>| match own {
        Some(own) => format!("({own}) AND {}", condition.expression),
        None => condition.expression.clone(),
    };
    let (names, values) = if let Some(update) = &mut item.update {
        update.condition_expression = Some(both(update.condition_expression.take()));
        (&mut update.expression_attribute_names, &mut update.expression_attribute_values)
    } else if let Some(delete) = &mut item.delete {
        delete.condition_expression = Some(both(delete.condition_expression.take()));
        (&mut delete.expression_attribute_names, &mut delete.expression_attribute_values)
    } else if let Some(put) = &mut item.put {
        put.condition_expression = Some(both(put.condition_expression.take()));
        (&mut put.expression_attribute_names, &mut put.expression_attribute_values)
    } else if let Some(check) = &mut item.condition_check {
        check.condition_expression = both(Some(std::mem::take(&mut check.condition_expression)));
        (&mut check.expression_attribute_names, &mut check.expression_attribute_values)
    } else {
        return;
    };
    if !condition.names.is_empty() {
        let own = names.get_or_insert_default();
        own.extend(condition.names.into_iter().map(|(name, attribute)| (name.to_owned(), attribute.to_owned())));
    }
    if !condition.values.is_empty() {
        let own = values.get_or_insert_default();
        own.extend(condition.values.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
}
