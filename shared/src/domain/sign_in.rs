//! A sign-in in progress: from the redirect to the provider until the browser returns.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Error, InstallationId, Result, Seconds, Vcs};

/// The characters that must be percent-encoded in a URI (RFC 3986 §2). `%` is not among them, so existing escapes stay
/// as they are.
const NOT_IN_URI: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// The path to which the browser is sent after the sign-in. It is always on the service's own origin, so that a sign-in
/// cannot be used to send people elsewhere.
///
/// ```
/// use terrapi::domain::ReturnTo;
///
/// assert_eq!(ReturnTo::new(Some("/docs?x=1")).as_str(), "/docs?x=1");
/// assert_eq!(ReturnTo::new(Some("//evil.example")).as_str(), "/");
/// assert_eq!(ReturnTo::new(None).as_str(), "/");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    const MAX_BYTES: usize = 2_048;

    /// A path with its query and fragment, up to 2,048 bytes. Anything longer, and anything that a browser might read
    /// as another origin, becomes `/`.
    pub fn new(asked: Option<&str>) -> Self {
        let path = asked.filter(|path| {
            let local = path.starts_with('/') && !path.starts_with("//");
            // Browsers drop tabs and line breaks from addresses, and take `\` for `/`.
            local
                && path.len() <= Self::MAX_BYTES
                && !path.contains(|letter: char| letter == '\\' || letter.is_control())
        });
        Self(path.unwrap_or("/").to_owned())
    }

    /// The path with its query and fragment, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, percent-encoded for a `Location` header.
    pub fn encoded(&self) -> String {
        utf8_percent_encode(&self.0, NOT_IN_URI).to_string()
    }

    /// The same with `installation_id=<id>` added to the query; unchanged without an installation.
    #[must_use]
    pub fn with_installation(&self, installation: Option<InstallationId>) -> Self {
        let Some(installation) = installation else { return self.clone() };
        let (address, fragment) = self.0.find('#').map_or((self.0.as_str(), ""), |at| self.0.split_at(at));
        let mark = if address.contains('?') { '&' } else { '?' };
        Self(format!("{address}{mark}installation_id={installation}{fragment}"))
    }
}

/// A sign-in that has started, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignIn {
    /// SHA-256 of the `state` parameter (RFC 6749 §4.1.1).
    pub state: [u8; 32],
    /// SHA-256 of the secret in the cookie of the browser that started it.
    pub browser: [u8; 32],
    pub vcs: Vcs,
    /// Where to send the browser afterwards.
    pub return_to: ReturnTo,
    /// The installation that GitHub named when it sent the browser here, without a state, after the App was installed.
    pub installation: Option<InstallationId>,
    /// The first second at which it can no longer be finished.
    pub ends_at: Seconds,
}

impl PendingSignIn {
    /// How many seconds a person may take at the provider.
    pub const LIFETIME_SECONDS: i64 = 600;
}

/// The people who become administrators by signing in, each named by the provider's number. A login would not do:
/// somebody else may take it over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Administrators(Vec<(Vcs, u64)>);

impl Administrators {
    /// Reads entries of the form `<vcs>:<number>`, separated by commas or white space.
    ///
    /// # Errors
    /// Internal: an entry has another form, for example a login.
    pub fn parse(text: &str) -> Result<Self> {
        match Self::parse_each(text) {
            (administrators, refused) if refused.is_empty() => Ok(administrators),
            (_, refused) => Err(Error::internal("reading the administrators", refused.join(", "))),
        }
    }

    /// Like [`Self::parse`], but ignores entries of another form. The second result contains them, for the log.
    pub fn parse_each(text: &str) -> (Self, Vec<String>) {
        let (mut known, mut refused) = (Vec::new(), Vec::new());
        for entry in text.split([',', ' ', '\n', '\t']).filter(|entry| !entry.is_empty()) {
            // A number as the providers write it: no sign, no leading zero.
            let id = |id: &str| id.parse().ok().filter(|number: &u64| *number > 0 && number.to_string() == id);
            match entry.split_once(':').and_then(|(vcs, number)| Vcs::parse(vcs).zip(id(number))) {
                Some(person) => known.push(person),
                None => refused.push(entry.to_owned()),
            }
        }
        (Self(known), refused)
    }

    /// Whether the list contains the person with this number at `vcs`.
    pub fn include(&self, vcs: Vcs, provider_id: u64) -> bool {
        self.0.contains(&(vcs, provider_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_path_must_be_on_our_own_origin() {
        for path in ["/", "/a/b", "/a?x=1&y=//z", "/a#b", "/ä b", "/a//b", "/:80"] {
            assert_eq!(ReturnTo::new(Some(path)).as_str(), path);
        }
        let long = format!("/{}", "a".repeat(2_048));
        let elsewhere = [
            "",
            "a",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "/a\\b",
            "https://evil.test",
            "javascript:alert(1)",
            "/\t/evil.test",
            "/\r\nset-cookie: a=b",
            "\t//evil.test",
            " /a",
            "/a\u{7f}",
            "/a\u{85}",
            &long,
        ];
        for path in elsewhere {
            assert_eq!(ReturnTo::new(Some(path)).as_str(), "/", "{path:?}");
        }
        assert_eq!(ReturnTo::new(None).as_str(), "/");
        assert_eq!(ReturnTo::new(Some("/ä b?c=%20#d")).encoded(), "/%C3%A4%20b?c=%20#d");
    }

    #[test]
    fn installation_is_added_to_the_query() {
        let table = [
            ("/", "/?installation_id=7"),
            ("/a?b=c", "/a?b=c&installation_id=7"),
            ("/a#b?c", "/a?installation_id=7#b?c"),
        ];
        for (path, expected) in table {
            let path = ReturnTo::new(Some(path));
            assert_eq!(path.with_installation(Some(InstallationId::new(7))).as_str(), expected);
            assert_eq!(path.with_installation(None), path);
        }
    }

    #[test]
    fn administrators_are_listed_by_numeric_id() {
        let administrators = Administrators::parse("github:1, gitlab:2\n github:3").unwrap();
        assert!(administrators.include(Vcs::Github, 1) && administrators.include(Vcs::Gitlab, 2));
        assert!(!administrators.include(Vcs::Gitlab, 1));
        assert_eq!(Administrators::parse(" ").unwrap(), Administrators::default());
        for bad in ["octocat", "github:octocat", "bitbucket:1", "github:", "1", "github:-1"] {
            assert!(Administrators::parse(bad).is_err(), "{bad}");
        }
    }
}
