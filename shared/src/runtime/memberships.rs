//! Whether people belong where they want to act.

use std::collections::BTreeSet;

use super::app::App;
use crate::domain::{Namespace, Result, UserId};

impl App {
    /// Whether one of these people is a member of an installation. One read for each person up to the first that is.
    pub async fn any_member(&self, users: &BTreeSet<UserId>, namespace: Namespace) -> Result<bool> {
        for user in users {
            if self.store.is_member(*user, namespace).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
