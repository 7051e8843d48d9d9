//! Tokens that were verified a moment ago. A signature costs as much as a storage read, and clients use a token for
//! almost all of its minute.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest;

use super::access_token::Claims;
use crate::domain::{Caller, Namespace, Seconds};

/// How many tokens are remembered.
const MAX_TOKENS: usize = 1_000;

/// A verified credential, and the installations its owner has since been seen to be a member of.
pub struct Verified {
    /// Who it speaks for.
    pub caller: Caller,
    memberships: Mutex<HashSet<Namespace>>,
}

impl Verified {
    /// Takes a caller whose credential was checked.
    pub fn new(caller: Caller) -> Self {
        Self { caller, memberships: Mutex::default() }
    }

    /// Whether membership was confirmed before.
    pub fn member_of(&self, namespace: Namespace) -> bool {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner).contains(&namespace)
    }

    /// Remembers a confirmed membership, for as long as this is kept: a token's minute, a session's request.
    pub fn remember_member_of(&self, namespace: Namespace) {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner).insert(namespace);
    }
}

/// A token's claims, and what they proved.
type Remembered = (Claims, Arc<Verified>);

/// The table: SHA-256 of the whole token → what is known of it.
#[derive(Default)]
pub struct VerifiedTokens(Mutex<HashMap<[u8; 32], Remembered>>);

impl VerifiedTokens {
    /// The token's entry, if it was verified before and is still good.
    pub fn find(&self, token: &str, now: Seconds) -> Option<Arc<Verified>> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, verified) = tokens.get(&hash(token)).filter(|(claims, _)| claims.good_at(now))?;
        Some(Arc::clone(verified))
    }

    /// Remembers a token that was just verified. A full table drops what has expired, and failing that everything.
    pub fn insert(&self, token: &str, claims: Claims, now: Seconds) -> Arc<Verified> {
        let verified = Arc::new(Verified::new(claims.clone().into_caller()));
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, (claims, _)| claims.good_at(now));
        }
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(hash(token), (claims, Arc::clone(&verified)));
        verified
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}
