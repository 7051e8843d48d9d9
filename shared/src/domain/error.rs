//! What can go wrong, as a *caller* can tell it apart. No HTTP here: `http/error.rs` gives each case its status.

use std::borrow::Cow;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Shorthand for the library's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable `id` of an error on the wire. Never typed text, never user input.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, for the API's description.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The code whose word this is.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == word)
            }
        }
    };
}

codes! {
    /// No credential, or one that is malformed, unknown, revoked or expired.
    InvalidToken = "INVALID_TOKEN",
    /// An API key was used as if it were an access token.
    ApiKeyNotAccepted = "API_KEY_NOT_ACCEPTED",
    /// The API key behind the access token was deleted or has expired, and a key was to be created with it.
    KeyRevoked = "KEY_REVOKED",
    /// The token lacks a capability; `data` names it.
    InsufficientScope = "INSUFFICIENT_SCOPE",
    /// The token does not reach this installation.
    InstallationForbidden = "INSTALLATION_FORBIDDEN",
    /// The installation is suspended or uninstalled: it can be read, not changed.
    InstallationInactive = "INSTALLATION_INACTIVE",
    /// The caller's membership in the installation is old, and GitHub or GitLab has not confirmed it for three days.
    MembershipUnconfirmed = "MEMBERSHIP_UNCONFIRMED",
    /// The record's own capability list refuses the caller.
    RecordForbidden = "RECORD_FORBIDDEN",
    /// A write came with a session cookie from a page of another origin.
    CrossOrigin = "CROSS_ORIGIN",
    /// The route is for administrators; the caller is none, or the access token was not created for these routes.
    AdministratorRequired = "ADMINISTRATOR_REQUIRED",
    /// GitHub or GitLab does not accept what the caller signed in with any longer: they have to sign in again.
    ProviderRejected = "PROVIDER_REJECTED",
    /// GitHub or GitLab does not let the caller do this there.
    ProviderForbidden = "PROVIDER_FORBIDDEN",
    /// A browser came back from a sign-in that it did not begin, that took too long, or that was finished before.
    InvalidState = "INVALID_STATE",
    /// The provider did not let the person sign in, or they did not want to.
    SignInRefused = "SIGN_IN_REFUSED",
    /// Nothing is there, or nothing the caller may see.
    NotFound = "NOT_FOUND",
    /// The path is known, the method is not.
    MethodNotAllowed = "METHOD_NOT_ALLOWED",
    /// A path segment or its percent encoding is malformed.
    InvalidPath = "INVALID_PATH",
    /// A query parameter is malformed or out of range.
    InvalidQuery = "INVALID_QUERY",
    /// The body is not JSON, or not of the right shape.
    InvalidBody = "INVALID_BODY",
    /// A KV key is empty, too long, or holds a NUL.
    InvalidKey = "INVALID_KEY",
    /// An index is out of range.
    InvalidIdx = "INVALID_IDX",
    /// A `select` path cannot be read.
    InvalidSelect = "INVALID_SELECT",
    /// A cursor is not one of ours, or belongs to another listing.
    InvalidCursor = "INVALID_CURSOR",
    /// A capability is unknown or malformed.
    InvalidCapability = "INVALID_CAPABILITY",
    /// Capabilities were asked for that the caller does not hold; `data` names all of them, with commas between.
    CapabilityNotHeld = "CAPABILITY_NOT_HELD",
    /// A key was to be created by the last of a thousand keys that were each created by the one before.
    LineageTooLong = "LINEAGE_TOO_LONG",
    /// A compare-and-set lost; `data` is the current version or `absent`.
    VersionMismatch = "VERSION_MISMATCH",
    /// A strict commit lists a record that is absent or not writable.
    CommitRefused = "COMMIT_REFUSED",
    /// A commit lists more than it may.
    CommitTooLarge = "COMMIT_TOO_LARGE",
    /// The body's media type is not JSON.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
    /// The body or a value is over its limit.
    TooLarge = "TOO_LARGE",
    /// A key has more chunks than one request works on.
    TooManyChunks = "TOO_MANY_CHUNKS",
    /// What `select` picks is larger than an answer may be.
    SelectionTooLarge = "SELECTION_TOO_LARGE",
    /// The caller sends more than its rate allows.
    RateLimited = "RATE_LIMITED",
    /// Storage or a provider is busy or away; nothing was changed, or repeating is safe.
    Unavailable = "UNAVAILABLE",
    /// A write's outcome could not be learnt: it may or may not have taken effect.
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    /// A fault of the service.
    Internal = "INTERNAL",
}

/// A failure: what the caller is told, and beside it what only the log may know.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is malformed or its precondition failed.
    #[error("invalid request: {}", code.as_str())]
    Invalid {
        /// Which rule.
        code: Code,
        /// Text for people.
        data: Option<String>,
    },
    /// There is no valid credential.
    #[error("unauthenticated: {}", code.as_str())]
    Unauthenticated {
        /// Why, as far as the caller may know.
        code: Code,
    },
    /// The caller is known and may not.
    #[error("forbidden: {}", code.as_str())]
    Forbidden {
        /// Which rule.
        code: Code,
        /// The capability that was missing.
        missing: Option<Cow<'static, str>>,
    },
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// More than the limit.
    #[error("too large")]
    TooLarge,
    /// The caller is over its rate.
    #[error("over the rate for {retry_after_seconds} s")]
    RateLimited {
        /// When to try again: at least 1.
        retry_after_seconds: i64,
    },
    /// Storage or a provider could not be reached, or is over its rate.
    #[error("unavailable: {}", code.as_str())]
    Unavailable {
        /// Whether anything may have happened.
        code: Code,
        /// For the log.
        #[source]
        source: Option<Source>,
    },
    /// A fault of ours.
    #[error("internal: {context}")]
    Internal {
        /// What was being done. For the log only.
        context: &'static str,
        /// For the log.
        #[source]
        source: Option<Source>,
    },
}

impl Error {
    /// A malformed request, without details.
    pub const fn invalid(code: Code) -> Self {
        Self::Invalid { code, data: None }
    }

    /// A malformed request, with a text for people.
    pub fn invalid_because(code: Code, data: impl Into<String>) -> Self {
        Self::Invalid { code, data: Some(data.into()) }
    }

    /// No valid credential.
    pub const fn unauthenticated() -> Self {
        Self::Unauthenticated { code: Code::InvalidToken }
    }

    /// A refusal that names no capability.
    pub const fn forbidden(code: Code) -> Self {
        Self::Forbidden { code, missing: None }
    }

    /// A fault of ours with its cause.
    pub fn internal(context: &'static str, source: impl Into<Source>) -> Self {
        Self::Internal { context, source: Some(source.into()) }
    }

    /// This program or its configuration is wrong: a step that cannot fail has failed, or a setting is missing.
    pub const fn bug(context: &'static str) -> Self {
        Self::Internal { context, source: None }
    }

    /// A stored item has a shape that this program never writes.
    pub const fn corrupt_item(context: &'static str) -> Self {
        Self::Internal { context, source: None }
    }

    /// Storage is away or busy.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable { code: Code::Unavailable, source: Some(source.into()) }
    }
}
