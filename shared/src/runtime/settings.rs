//! The settings that people write, as stack parameters on AWS: what each may be, and what is used in place of one that
//! cannot be read.

use tracing_subscriber::filter::Targets;

use super::limits::RateLimits;
use super::origins::{ListedOrigins, parse_origin};
use crate::domain::rate::Limit;
use crate::domain::{Administrators, MembershipMaxAge};

/// A limit's default when its variable is absent, and when it cannot be read: absent takes a limit away, but a mistake
/// must not.
struct Figure {
    variable: &'static str,
    absent: u32,
    unreadable: u32,
}

const fn figure(variable: &'static str, absent: u32, unreadable: u32) -> Figure {
    Figure { variable, absent, unreadable }
}

const CALLER_RATE: Figure = figure("RATE_LIMIT_PER_SECOND", 0, 50);
const CALLER_BURST: Figure = figure("RATE_LIMIT_BURST", 0, 100);
// What clients of such APIs are told to expect.
const PRINCIPAL_RATE: Figure = figure("RATE_LIMIT_PRINCIPALS_PER_SECOND", 30, 30);
const PRINCIPAL_BURST: Figure = figure("RATE_LIMIT_PRINCIPALS_BURST", 40, 40);
const STRANGER_RATE: Figure = figure("RATE_LIMIT_STRANGERS_PER_SECOND", 0, 5);
const STRANGER_BURST: Figure = figure("RATE_LIMIT_STRANGERS_BURST", 0, 50);
const MEMBERSHIP_MAX_AGE: Figure =
    figure("MEMBERSHIP_MAX_AGE_SECONDS", MembershipMaxAge::DEFAULT_SECONDS, MembershipMaxAge::DEFAULT_SECONDS);
const WRONG_SECRETS: Figure = figure("RATE_LIMIT_WRONG_SECRETS", 10, 10);

/// The settings, and what is wrong with them.
pub struct Parsed {
    pub public_base_url: Option<String>,
    pub listed_origins: ListedOrigins,
    pub rates: RateLimits,
    pub membership_max_age: MembershipMaxAge,
    pub administrators: Administrators,
    pub app_name: String,
    pub log_filter: String,
    /// One line for each value that is not used, with its variable.
    pub problems: Vec<String>,
}

impl Parsed {
    pub fn read(find: &impl Fn(&str) -> Option<String>) -> Self {
        let mut problems = Vec::new();
        let mut refuse = |variable: &str, value: &str, expected: &str, instead: &str| {
            problems.push(format!("{variable} is {value:?}, which is not {expected}: {instead}"));
        };
        let public_base_url = find("PUBLIC_BASE_URL").and_then(|text| {
            let origin = parse_origin(text.strip_suffix('/').unwrap_or(&text));
            if origin.is_none() {
                let instead = "links use the address in the request";
                refuse("PUBLIC_BASE_URL", &text, "like https://api.example.com", instead);
            }
            origin
        });
        let (listed_origins, unread) = ListedOrigins::parse_each(&find("CORS_ORIGINS").unwrap_or_default());
        for entry in unread {
            refuse("CORS_ORIGINS", &entry, "like https://console.example.com", "its pages may not call");
        }
        let names = find("TERRAPI_ADMINISTRATORS").unwrap_or_default();
        let (administrators, unread) = Administrators::parse_each(&names);
        for entry in unread {
            refuse("TERRAPI_ADMINISTRATORS", &entry, "like github:583231", "nobody becomes an administrator by it");
        }
        let mut number = |figure: &Figure| {
            let Some(text) = find(figure.variable) else { return figure.absent };
            text.parse().unwrap_or_else(|_| {
                let instead = format!("{} is used", figure.unreadable);
                refuse(figure.variable, &text, "a whole number from 0 to 4294967295", &instead);
                figure.unreadable
            })
        };
        let rates = RateLimits {
            callers: Limit::per_second(number(&CALLER_RATE), number(&CALLER_BURST)),
            principals: Limit::per_second(number(&PRINCIPAL_RATE), number(&PRINCIPAL_BURST)),
            anonymous: Limit::per_second(number(&STRANGER_RATE), number(&STRANGER_BURST)),
            failed_secrets: Limit::in_a_minute(number(&WRONG_SECRETS)),
            ..RateLimits::default()
        };
        let membership_max_age = MembershipMaxAge::new(number(&MEMBERSHIP_MAX_AGE));
        let printable = |name: &String| name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let app_name = find("TFP_APP_NAME").unwrap_or_else(|| APP_NAME.into());
        let app_name = if printable(&app_name) {
            app_name
        } else {
            refuse("TFP_APP_NAME", &app_name, "printable ASCII", "the default is used");
            APP_NAME.into()
        };
        let log_filter = find("RUST_LOG").unwrap_or_else(|| LOG_FILTER.into());
        let log_filter = if log_filter.parse::<Targets>().is_ok() {
            log_filter
        } else {
            refuse("RUST_LOG", &log_filter, "a level or a list of <target>=<level>", "info is used");
            LOG_FILTER.into()
        };
        Self {
            public_base_url,
            listed_origins,
            rates,
            membership_max_age,
            administrators,
            app_name,
            log_filter,
            problems,
        }
    }
}

const APP_NAME: &str = "HCP Terraform";
const LOG_FILTER: &str = "info";
