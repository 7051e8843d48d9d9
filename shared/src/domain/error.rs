//! Failures, divided into the cases that a caller of the API can distinguish. This module knows no HTTP:
//! `http/error.rs` gives each case its status.

use std::borrow::Cow;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The result of every fallible function of this library, unless it says otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable `id` of a failure in an answer. Clients compare it, so a code's text never changes.
        ///
        /// ```
        /// use terrapi::domain::Code;
        ///
        /// assert_eq!(Code::VersionMismatch.as_str(), "VERSION_MISMATCH");
        /// assert_eq!(Code::parse("VERSION_MISMATCH"), Some(Code::VersionMismatch));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code. The API's description and the guide list them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The text in answers, for example `NOT_FOUND`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The code with this text; `None` if there is none.
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
    /// The route is for administrators. The caller is none, or the access token's key was not created for these routes.
    AdministratorRequired = "ADMINISTRATOR_REQUIRED",
    /// GitHub or GitLab no longer accepts the caller's sign-in: they have to sign in again.
    ProviderRejected = "PROVIDER_REJECTED",
    /// GitHub or GitLab does not allow the caller to do this.
    ProviderForbidden = "PROVIDER_FORBIDDEN",
    /// A browser returned from a sign-in that it did not start, that took too long, or that had been finished before.
    InvalidState = "INVALID_STATE",
    /// The provider refused the sign-in, or the person cancelled it.
    SignInRefused = "SIGN_IN_REFUSED",
    /// The resource does not exist, or the caller may not see it.
    NotFound = "NOT_FOUND",
    /// The path is known, the method is not.
    MethodNotAllowed = "METHOD_NOT_ALLOWED",
    /// The gateway's event is not an HTTP request, or its body is not the base64 that it says.
    MalformedRequest = "MALFORMED_REQUEST",
    /// A path segment or its percent encoding is malformed.
    InvalidPath = "INVALID_PATH",
    /// A query parameter is malformed or out of range.
    InvalidQuery = "INVALID_QUERY",
    /// The body is not JSON, or not of the right shape.
    InvalidBody = "INVALID_BODY",
    /// A member of a JSON:API document is refused. Such documents show the pointer to it, and not this word.
    InvalidAttribute = "INVALID_ATTRIBUTE",
    /// A KV key is empty, too long, or holds a NUL.
    InvalidKey = "INVALID_KEY",
    /// An index is out of range.
    InvalidIdx = "INVALID_IDX",
    /// A `select` path cannot be read.
    InvalidSelect = "INVALID_SELECT",
    /// A cursor was not issued by this service, or belongs to another listing.
    InvalidCursor = "INVALID_CURSOR",
    /// A capability is unknown or malformed.
    InvalidCapability = "INVALID_CAPABILITY",
    /// The request asks for capabilities that the caller does not have; `data` lists all of them, separated by commas.
    CapabilityNotHeld = "CAPABILITY_NOT_HELD",
    /// The new key would descend from more than a thousand keys.
    LineageTooLong = "LINEAGE_TOO_LONG",
    /// A compare-and-set expected another version; `data` is the current version, or `absent`.
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
    /// The parts that `select` picks are larger than an answer may be.
    SelectionTooLarge = "SELECTION_TOO_LARGE",
    /// The caller sends more than its rate allows.
    RateLimited = "RATE_LIMITED",
    /// Storage or a provider is busy or does not answer. Nothing was changed, or repeating is safe.
    Unavailable = "UNAVAILABLE",
    /// It could not be found out whether a write took effect.
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    /// A fault in the service itself.
    Internal = "INTERNAL",
    /// A fault of the service: the answer's body could not be read to its end.
    AnswerBroken = "INTERNAL_ERROR",
    /// The answer is larger than Lambda passes on.
    AnswerTooLarge = "ANSWER_TOO_LARGE",
}

/// A failure. `code`, `data`, `missing` and `retry_after_seconds` are for the caller; `context` and `source` only for
/// the log, which may name tables, keys and upstream services.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is malformed or its precondition failed.
    #[error("invalid request: {}", code.as_str())]
    Invalid {
        /// Which rule was broken.
        code: Code,
        data: Option<String>,
    },
    /// There is no valid credential.
    #[error("unauthenticated: {}", code.as_str())]
    Unauthenticated {
        /// The reason, as far as the caller may know it.
        code: Code,
    },
    /// The caller is known, and may not do this.
    #[error("forbidden: {}", code.as_str())]
    Forbidden {
        /// Which rule forbids it.
        code: Code,
        /// The name of the capability that is missing, if that is the reason.
        missing: Option<Cow<'static, str>>,
    },
    /// The resource does not exist, or the caller may not see it.
    #[error("not found")]
    NotFound,
    /// The request is larger than its limit.
    #[error("too large")]
    TooLarge,
    /// The caller exceeds its rate limit.
    #[error("over the rate for {retry_after_seconds} s")]
    RateLimited {
        /// After how many seconds to try again; at least 1.
        retry_after_seconds: i64,
    },
    /// Storage or a provider did not answer, or refused because of its own rate limit.
    #[error("unavailable: {}", code.as_str())]
    Unavailable {
        /// [`Code::Unavailable`]: repeating is safe. [`Code::OutcomeUnknown`]: the write may have taken effect.
        code: Code,
        /// The cause, for the log.
        #[source]
        source: Option<Source>,
    },
    /// A fault in the service itself.
    #[error("internal: {context}")]
    Internal {
        /// Which fault.
        code: Code,
        /// What was being done, for the log.
        context: &'static str,
        /// The cause, for the log.
        #[source]
        source: Option<Source>,
    },
}

impl Error {
    /// The code on the wire.
    pub const fn code(&self) -> Code {
        match self {
            Self::Invalid { code, .. }
            | Self::Unauthenticated { code }
            | Self::Forbidden { code, .. }
            | Self::Unavailable { code, .. }
            | Self::Internal { code, .. } => *code,
            Self::NotFound => Code::NotFound,
            Self::TooLarge => Code::TooLarge,
            Self::RateLimited { .. } => Code::RateLimited,
        }
    }

    /// The request breaks the rule of `code`; the code says enough.
    pub const fn invalid(code: Code) -> Self {
        Self::Invalid { code, data: None }
    }

    /// The request breaks the rule of `code`; `data` explains it to people and is sent to the caller.
    pub fn invalid_because(code: Code, data: impl Into<String>) -> Self {
        Self::Invalid { code, data: Some(data.into()) }
    }

    /// The request has no valid credential ([`Code::InvalidToken`]).
    pub const fn unauthenticated() -> Self {
        Self::Unauthenticated { code: Code::InvalidToken }
    }

    /// The caller may not do this, for another reason than a missing capability.
    pub const fn forbidden(code: Code) -> Self {
        Self::Forbidden { code, missing: None }
    }

    /// A fault in the service, with its cause. `context` says what was being done.
    pub fn internal(context: &'static str, source: impl Into<Source>) -> Self {
        Self::Internal { code: Code::Internal, context, source: Some(source.into()) }
    }

    /// This program or its configuration is wrong: a step that cannot fail has failed, or a setting is missing.
    pub const fn bug(context: &'static str) -> Self {
        Self::Internal { code: Code::Internal, context, source: None }
    }

    /// A stored item has a shape that this program never writes.
    pub const fn corrupt_item(context: &'static str) -> Self {
        Self::Internal { code: Code::Internal, context, source: None }
    }

    /// Storage or a provider is busy or does not answer; repeating is safe ([`Code::Unavailable`]).
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable { code: Code::Unavailable, source: Some(source.into()) }
    }

    /// It could not be found out whether a write took effect ([`Code::OutcomeUnknown`]).
    pub const fn outcome_unknown() -> Self {
        Self::Unavailable { code: Code::OutcomeUnknown, source: None }
    }

    /// The failure of a request that had sent a write before: that write may have taken effect, so a fault becomes
    /// [`Code::OutcomeUnknown`]. A refusal is an answer to the write and stays.
    #[must_use]
    pub fn after_write(self) -> Self {
        match self {
            Self::Unavailable { source, .. } => Self::Unavailable { code: Code::OutcomeUnknown, source },
            Self::Internal { .. } => Self::Unavailable { code: Code::OutcomeUnknown, source: Some(self.into()) },
            refusal => refusal,
        }
    }
}
