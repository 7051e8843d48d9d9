//! GitLab's state.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use terrapi::runtime::Clock;

use super::OAuth;

pub struct State {
    pub oauth: OAuth,
    pub clock: Arc<dyn Clock>,
    /// User names by user id.
    pub people: BTreeMap<u64, String>,
    pub groups: BTreeMap<u64, Group>,
    /// Personal and group access tokens, with the user each acts as.
    pub tokens: HashMap<String, u64>,
}

#[derive(Debug, Clone)]
pub struct Group {
    /// Both path and name.
    pub name: String,
    /// Access level by user id.
    pub members: BTreeMap<u64, u32>,
    pub projects: Vec<Project>,
}

#[derive(Debug, Clone)]
pub struct Project {
    pub id: u64,
    pub name: String,
    pub archived: bool,
    pub files: BTreeSet<String>,
}

impl Group {
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), members: BTreeMap::new(), projects: Vec::new() }
    }

    pub fn with_member(mut self, person: u64, level: u32) -> Self {
        self.members.insert(person, level);
        self
    }

    /// Adds a project without files.
    pub fn add(&mut self, id: u64, name: &str) -> &mut Project {
        self.projects.push(Project { id, name: name.to_owned(), archived: false, files: BTreeSet::new() });
        self.projects.last_mut().unwrap()
    }
}

impl State {
    pub fn new(oauth: OAuth, clock: Arc<dyn Clock>) -> Self {
        let (people, groups, tokens) = Default::default();
        Self { oauth, clock, people, groups, tokens }
    }

    pub fn group(&mut self, id: u64) -> &mut Group {
        self.groups.get_mut(&id).unwrap()
    }

    /// The user that a token acts as.
    pub fn person(&self, token: &str) -> Option<u64> {
        self.oauth.person(token).or_else(|| self.tokens.get(token).copied())
    }

    /// A group by id or path.
    pub fn find_group(&self, id: &str) -> Option<(u64, &Group)> {
        let mut groups = self.groups.iter().map(|(id, group)| (*id, group));
        groups.find(|(number, group)| number.to_string() == id || group.name == id)
    }
}
