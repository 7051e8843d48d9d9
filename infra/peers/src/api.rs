//! The requests that a peer understands, as data: the program sends them itself or hands them to wrk.

use serde_json::Value;

/// A request without its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: &'static str,
    /// Begins with a slash, percent-encoded.
    pub path: String,
    /// JSON. Empty for none.
    pub body: String,
}

impl Request {
    pub fn new(method: &'static str, path: impl Into<String>, body: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: body.into() }
    }
}

/// Name and value of the header with a credential.
pub type Header = (&'static str, String);

/// Where a version stands in the body of a prepared compare-and-set. It occurs neither in keys nor in values.
pub const VERSION: &str = "@";

/// What the peers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reads a value.
    Read,
    /// Writes a value, whatever its version.
    Write,
    /// Writes a value if its version is the expected one.
    CompareAndSet,
    /// Exchanges a long-lived credential for a token.
    Login,
}

impl Operation {
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::CompareAndSet, Self::Login];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::CompareAndSet => "compare-and-set",
            Self::Login => "login",
        }
    }
}

/// How a peer spells the operations. Keys consist of letters, digits and hyphens; values of base64 digits.
pub trait Api {
    fn read(&self, key: &str) -> Request;

    fn write(&self, key: &str, value: &str) -> Request;

    /// `version` is a decimal number or [`VERSION`].
    fn compare_and_set(&self, key: &str, value: &str, version: &str) -> Request;

    /// The version of a new record, from the answer to the write that created it.
    fn version(&self, answer: &Value) -> Option<u64>;

    /// A text that an answer to a compare-and-set contains only if it succeeded. Empty if the status says it.
    fn success(&self) -> &'static str {
        ""
    }

    /// The value in the answer to a read.
    fn value<'a>(&self, answer: &'a Value) -> Option<&'a str>;

    /// The exchange, with the header of its credential. `None` if the peer is used without tokens.
    fn login(&self) -> Option<(Request, Option<Header>)>;

    /// The header that carries the token of a login's answer.
    fn token(&self, answer: &Value) -> Option<Header>;
}
