//! Tokens that were verified a moment ago. A signature costs as much as a storage read, and clients use a token for
//! almost all of its minute.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest;

use super::access_token::Claims;
use crate::domain::{Caller, Namespace, Seconds};

/// How many tokens are remembered.
const MAX_TOKENS: usize = 1_000;

/// A verified token, and the installations its owner has since been seen to be a member of.
pub struct Verified {
    /// Who it speaks for.
    pub caller: Caller,
    claims: Claims,
    memberships: Mutex<HashSet<Namespace>>,
}

impl Verified {
    /// Takes claims whose signature was checked.
    pub fn new(claims: Claims) -> Self {
        Self { caller: claims.clone().into_caller(), claims, memberships: Mutex::default() }
    }

    /// Whether membership was confirmed during this token's life.
    pub fn member_of(&self, namespace: Namespace) -> bool {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner).contains(&namespace)
    }

    /// Remembers a confirmed membership, for as long as the token lives and no longer.
    pub fn remember_member_of(&self, namespace: Namespace) {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner).insert(namespace);
    }
}

/// The table: SHA-256 of the whole token → its claims.
#[derive(Default)]
pub struct VerifiedTokens(Mutex<HashMap<[u8; 32], Arc<Verified>>>);

impl VerifiedTokens {
    /// The token's entry, if it was verified before and is still good.
    pub fn find(&self, token: &str, now: Seconds) -> Option<Arc<Verified>> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(&hash(token)).filter(|verified| verified.claims.good_at(now)).cloned()
    }

    /// Remembers a token that was just verified. A full table drops what has expired, and failing that everything.
    pub fn insert(&self, token: &str, claims: Claims, now: Seconds) -> Arc<Verified> {
        let verified = Arc::new(Verified::new(claims));
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, verified| verified.claims.good_at(now));
        }
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(hash(token), Arc::clone(&verified));
        verified
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}
