//! GitHub's state.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use terrapi::runtime::{Clock, Random};

use super::OAuth;

pub struct State {
    pub oauth: OAuth,
    pub clock: Arc<dyn Clock>,
    /// Logins by user id.
    pub people: BTreeMap<u64, String>,
    pub installations: BTreeMap<u64, Installation>,
    /// By token: the installation, and its expiry in epoch seconds.
    pub installation_tokens: HashMap<String, (u64, i64)>,
}

#[derive(Debug, Clone)]
pub struct Installation {
    pub account: String,
    /// `Organization` or `User`.
    pub kind: &'static str,
    pub suspended: bool,
    pub members: BTreeSet<u64>,
    /// Administrators of the organization.
    pub administrators: BTreeSet<u64>,
    pub repositories: Vec<Repository>,
}

#[derive(Debug, Clone)]
pub struct Repository {
    pub id: u64,
    pub name: String,
    pub archived: bool,
    pub files: BTreeSet<String>,
}

impl Installation {
    pub fn of(account: &str, kind: &'static str) -> Self {
        Self {
            account: account.to_owned(),
            kind,
            suspended: false,
            members: BTreeSet::new(),
            administrators: BTreeSet::new(),
            repositories: Vec::new(),
        }
    }

    pub fn with_member(mut self, person: u64) -> Self {
        self.members.insert(person);
        self
    }

    /// Adds a repository without files.
    pub fn add(&mut self, id: u64, name: &str) -> &mut Repository {
        let repository = Repository { id, name: name.to_owned(), archived: false, files: BTreeSet::new() };
        self.repositories.push(repository);
        self.repositories.last_mut().unwrap()
    }
}

impl State {
    pub fn new(oauth: OAuth, clock: Arc<dyn Clock>) -> Self {
        let (people, installations, installation_tokens) = Default::default();
        Self { oauth, clock, people, installations, installation_tokens }
    }

    pub fn person(&mut self, id: u64, login: &str) {
        self.people.insert(id, login.to_owned());
    }

    pub fn installation(&mut self, id: u64) -> &mut Installation {
        self.installations.get_mut(&id).unwrap()
    }

    pub fn now(&self) -> i64 {
        self.clock.now().seconds().0
    }

    /// A new installation token that is valid for an hour, and its expiry.
    pub fn sell_token(&mut self, installation: u64) -> (String, i64) {
        let token = format!("ghs_{}", Random::default().id().unwrap().simple());
        let end = self.now() + 3600;
        self.installation_tokens.insert(token.clone(), (installation, end));
        (token, end)
    }

    /// The installation that a token belongs to.
    pub fn installation_of(&self, token: &str) -> Option<&Installation> {
        let (installation, end) = self.installation_tokens.get(token)?;
        (self.now() < *end).then(|| self.installations.get(installation))?
    }
}
