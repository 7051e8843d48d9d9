//! What was measured, and how it is looked up.

use crate::api::Operation;
use crate::peers::TERRAPI;
use crate::stats::Spread;

/// One cell of the measurement: an operation under a number of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub operation: Operation,
    pub clients: usize,
}

#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub per_second: f64,
    /// Latencies in milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// Resident memory right after the load, in MiB.
    pub memory: f64,
    pub conflicts: u64,
}

/// The figures of one peer in one round, or why there are none.
#[derive(Debug)]
pub struct Sample {
    pub peer: &'static str,
    pub round: usize,
    pub cell: Cell,
    pub outcome: Result<Figures, String>,
}

/// The memory of a peer that has answered one request, in MiB.
#[derive(Debug)]
pub struct AtRest {
    pub peer: &'static str,
    pub memory: f64,
}

#[derive(Debug, Default)]
pub struct Results {
    pub at_rest: Vec<AtRest>,
    pub samples: Vec<Sample>,
}

impl Results {
    /// The figures of a peer by round.
    pub fn figures(&self, peer: &str, cell: Cell) -> impl Iterator<Item = (usize, Figures)> {
        let of_peer = self.samples.iter().filter(move |sample| sample.peer == peer && sample.cell == cell);
        of_peer.filter_map(|sample| Some((sample.round, *sample.outcome.as_ref().ok()?)))
    }

    /// Why a cell of a peer failed. `None` if it did not.
    pub fn failure(&self, peer: &str, cell: Cell) -> Option<&str> {
        let of_peer = self.samples.iter().filter(|sample| sample.peer == peer && sample.cell == cell);
        of_peer.filter_map(|sample| sample.outcome.as_ref().err()).map(String::as_str).next()
    }

    /// terrapi's requests a second divided by the peer's, within each round.
    pub fn ratio(&self, peer: &str, cell: Cell) -> Spread {
        let own: Vec<_> = self.figures(TERRAPI, cell).collect();
        Spread::of(self.figures(peer, cell).filter_map(|(round, theirs)| {
            let (_, own) = own.iter().find(|(of, _)| *of == round)?;
            Some(own.per_second / theirs.per_second)
        }))
    }

    /// The memory of a peer before the load in MiB. NaN if it was not measured.
    pub fn at_rest(&self, peer: &str) -> f64 {
        self.at_rest.iter().find(|rest| rest.peer == peer).map_or(f64::NAN, |rest| rest.memory)
    }

    /// The largest memory of a peer after any load, in MiB. NaN if it was not measured.
    pub fn largest_memory(&self, peer: &str) -> f64 {
        let of_peer = self.samples.iter().filter(|sample| sample.peer == peer);
        Spread::of(of_peer.filter_map(|sample| Some(sample.outcome.as_ref().ok()?.memory))).largest
    }
}
