//! The arguments: `[ROUNDS [SECONDS [PEER…]]]`.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::peers::NAMES;

const ROUNDS: usize = 5;
const SECONDS: u64 = 3;

pub struct Settings {
    pub rounds: usize,
    /// How long each measure takes in a round.
    pub seconds: u64,
    pub peers: Vec<&'static str>,
    /// The project's folder.
    pub workspace: PathBuf,
}

impl Settings {
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let number = |at: usize, what: &str, default: u64| match arguments.get(at).map(|text| text.parse()) {
            None => Ok(default),
            Some(Ok(number)) if number > 0 => Ok(number),
            Some(_) => Err(format!("{what} must be a whole number above 0")),
        };
        let wanted = arguments.get(2..).unwrap_or_default();
        let peers = NAMES.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|one| one == name));
        let peers: Vec<_> = peers.collect();
        if peers.is_empty() || wanted.len() > peers.len() {
            return Err(format!("the peers are: {}", NAMES.join("; ")).into());
        }
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no workspace")?.to_path_buf();
        let rounds = number(0, "ROUNDS", ROUNDS as u64)?.try_into()?;
        Ok(Self { rounds, seconds: number(1, "SECONDS", SECONDS)?, peers, workspace })
    }

    /// Whether the run has all peers, so that it may replace the document's section.
    pub fn complete(&self) -> bool {
        self.peers.len() == NAMES.len()
    }
}
