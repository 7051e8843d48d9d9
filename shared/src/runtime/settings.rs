//! Parses the settings that operators write (stack parameters on AWS). An invalid value is reported and replaced by a
//! default.

use tracing_subscriber::filter::Targets;

use super::limits::RateLimits;
use super::origins::{ListedOrigins, parse_origin};
use crate::domain::rate::Limit;
use crate::domain::{Administrators, MembershipMaxAge};

/// A numeric setting and its defaults. An absent variable means no limit for most of them; an invalid value must not
/// remove the limit.
struct NumberSetting {
    variable: &'static str,
    absent: u32,
    unreadable: u32,
}

const fn number(variable: &'static str, absent: u32, unreadable: u32) -> NumberSetting {
    NumberSetting { variable, absent, unreadable }
}

const CALLER_RATE: NumberSetting = number("RATE_LIMIT_PER_SECOND", 0, 50);
const CALLER_BURST: NumberSetting = number("RATE_LIMIT_BURST", 0, 100);
// The rate that HCP Terraform documents for clients of its API.
const PRINCIPAL_RATE: NumberSetting = number("RATE_LIMIT_PRINCIPALS_PER_SECOND", 30, 30);
const PRINCIPAL_BURST: NumberSetting = number("RATE_LIMIT_PRINCIPALS_BURST", 40, 40);
const STRANGER_RATE: NumberSetting = number("RATE_LIMIT_STRANGERS_PER_SECOND", 0, 5);
const STRANGER_BURST: NumberSetting = number("RATE_LIMIT_STRANGERS_BURST", 0, 50);
const MEMBERSHIP_MAX_AGE: NumberSetting =
    number("MEMBERSHIP_MAX_AGE_SECONDS", MembershipMaxAge::DEFAULT_SECONDS, MembershipMaxAge::DEFAULT_SECONDS);
const WRONG_SECRETS: NumberSetting = number("RATE_LIMIT_WRONG_SECRETS", 10, 10);

/// The settings, and the problems with them.
pub struct Parsed {
    pub public_base_url: Option<String>,
    pub listed_origins: ListedOrigins,
    pub rates: RateLimits,
    pub membership_max_age: MembershipMaxAge,
    pub administrators: Administrators,
    pub app_name: String,
    pub log_filter: String,
    /// One line with the variable's name for each value that is not used.
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
        let mut number = |setting: &NumberSetting| {
            let Some(text) = find(setting.variable) else { return setting.absent };
            text.parse().unwrap_or_else(|_| {
                let instead = format!("{} is used", setting.unreadable);
                refuse(setting.variable, &text, "a whole number from 0 to 4294967295", &instead);
                setting.unreadable
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
