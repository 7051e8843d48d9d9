//! The stack's parameters: functions can parse every value that CloudFormation accepts.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use regex::Regex;
use terrapi::domain::Vcs;
use terrapi::runtime::Config;
use yaml_serde::Value;

use crate::support::backend::aws;

/// A parameter that functions read: its variable, values that both accept, and values that both refuse.
struct Parameter {
    name: &'static str,
    variable: &'static str,
    accepted: &'static [&'static str],
    refused: &'static [&'static str],
}

const NUMBERS: (&[&str], &[&str]) = (&["0", "1", "50", "999999"], &["0.5", "-1", "1e3", "fifty", "1 ", "1,000"]);
const ADDRESSES: &[&str] =
    &["https://api.example.com", "http://localhost:3000", "https://[::1]:8443", "https://a.example.com:443"];
const NO_ADDRESSES: &[&str] = &[
    "api.example.com",
    "//api.example.com",
    "https://a:b",
    "https://a:99999",
    "https://a:0",
    "https://a:08443",
    "https://a:",
    "https://",
    "ftp://a.example.com",
    "https://A.example.com",
    "https://a.example.com/console",
    "https://me@a.example.com",
    "https://a b",
    "*",
];

const fn number(name: &'static str, variable: &'static str) -> Parameter {
    Parameter { name, variable, accepted: NUMBERS.0, refused: NUMBERS.1 }
}

const PARAMETERS: [Parameter; 13] = [
    Parameter { name: "PublicBaseUrl", variable: "PUBLIC_BASE_URL", accepted: ADDRESSES, refused: NO_ADDRESSES },
    Parameter { name: "CorsOrigins", variable: "CORS_ORIGINS", accepted: ADDRESSES, refused: NO_ADDRESSES },
    Parameter {
        name: "Administrators",
        variable: "TERRAPI_ADMINISTRATORS",
        accepted: &["github:583231", "github:583231,gitlab:77", "gitlab:1"],
        refused: &["octocat", "github:octocat", "github:007", "github:+7", "github:0", "bitbucket:1", "github:", "7"],
    },
    Parameter {
        name: "LogLevel",
        variable: "RUST_LOG",
        accepted: &["info", "off", "warn,kv_store=debug", "terrapi::store=trace,error"],
        refused: &["info,kv_store=loud", "kv_store=debug=1"],
    },
    Parameter {
        name: "AppName",
        variable: "TFP_APP_NAME",
        accepted: &["HCP Terraform", "Terraform Enterprise", "x"],
        refused: &["Terr\u{e4}form", "a\nb", "a\u{7f}"],
    },
    number("CallerRate", "RATE_LIMIT_PER_SECOND"),
    number("CallerBurst", "RATE_LIMIT_BURST"),
    number("PrincipalRate", "RATE_LIMIT_PRINCIPALS_PER_SECOND"),
    number("PrincipalBurst", "RATE_LIMIT_PRINCIPALS_BURST"),
    number("StrangerRate", "RATE_LIMIT_STRANGERS_PER_SECOND"),
    number("StrangerBurst", "RATE_LIMIT_STRANGERS_BURST"),
    number("WrongSecrets", "RATE_LIMIT_WRONG_SECRETS"),
    number("MembershipMaxAgeSeconds", "MEMBERSHIP_MAX_AGE_SECONDS"),
];

fn template() -> Value {
    yaml_serde::from_str(include_str!("../../../template.yaml")).unwrap()
}

fn pattern(template: &Value, name: &str) -> String {
    let pattern = template["Parameters"][name]["AllowedPattern"].as_str();
    pattern.unwrap_or_else(|| panic!("{name} has no AllowedPattern")).to_owned()
}

/// The configuration that a function reads from an environment with this one setting.
fn read(variable: &str, value: &str) -> (Config, Vec<String>) {
    Config::read(aws("test"), |name| (name == variable && !value.is_empty()).then(|| value.to_owned()))
}

#[test]
fn patterns_and_parsers_agree_on_every_example() {
    let template = template();
    for Parameter { name, variable, accepted, refused } in PARAMETERS {
        let pattern = Regex::new(&pattern(&template, name)).unwrap();
        let default = template["Parameters"][name]["Default"].as_str().unwrap();
        for value in accepted.iter().copied().chain([default]) {
            assert!(pattern.is_match(value), "{name} refuses {value:?}");
            assert_eq!(read(variable, value).1, [""; 0], "{variable} refuses {value:?}");
        }
        for value in refused {
            assert!(!pattern.is_match(value), "{name} accepts {value:?}");
            let problems = read(variable, value).1;
            assert_eq!(problems.len(), 1, "{variable} accepts {value:?}");
            assert!(problems[0].starts_with(variable), "{problems:?}");
        }
    }
}

#[test]
fn parsers_accept_everything_the_patterns_accept() {
    let template = template();
    for Parameter { name, variable, .. } in PARAMETERS {
        let pattern = pattern(&template, name);
        let bare = pattern.trim_start_matches('^').trim_end_matches('$');
        TestRunner::deterministic()
            .run(&string_regex(bare).unwrap(), |value| {
                let problems = read(variable, &value).1;
                prop_assert!(problems.is_empty(), "{}", problems[0]);
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn every_parameter_that_reaches_a_function_is_checked() {
    let template = template();
    let globals = &template["Globals"]["Function"]["Environment"]["Variables"];
    let resources = template["Resources"].as_mapping().unwrap().values();
    let own = resources.map(|resource| &resource["Properties"]["Environment"]["Variables"]);
    let variables = own.chain([globals]).filter_map(Value::as_mapping).flatten();
    let parameter = |value: &Value| match value {
        Value::Tagged(tagged) => {
            tagged.value.as_str().filter(|name| !template["Parameters"][*name].is_null()).map(str::to_owned)
        }
        _ => None,
    };
    let read: BTreeSet<_> = variables
        .filter_map(|(variable, value)| Some((parameter(value)?, variable.as_str().unwrap().to_owned())))
        .collect();
    let checked = PARAMETERS.iter().map(|known| (known.name.to_owned(), known.variable.to_owned()));
    assert_eq!(read, checked.collect());
    for (name, parameter) in template["Parameters"].as_mapping().unwrap() {
        let limited = ["AllowedPattern", "AllowedValues", "MinValue"].iter().any(|limit| !parameter[*limit].is_null());
        assert!(limited, "{} takes anything", name.as_str().unwrap());
    }
}

#[test]
fn invalid_setting_never_grants_access() {
    let rates = |text: &'static str| {
        let with = |name: &str| name.starts_with("RATE_LIMIT").then(|| text.to_owned());
        Config::read(aws("test"), with).0.rates
    };
    let template = template();
    let (bad, parameters) = (rates("0.5"), template["Parameters"].as_mapping().unwrap());
    let of = |name: &str| parameters[name]["Default"].as_str().unwrap().parse::<i64>().unwrap();
    let limits = [
        (bad.callers, "CallerRate", "CallerBurst"),
        (bad.principals, "PrincipalRate", "PrincipalBurst"),
        (bad.anonymous, "StrangerRate", "StrangerBurst"),
    ];
    for (limit, rate, burst) in limits {
        let limit = limit.unwrap_or_else(|| panic!("{rate} is gone"));
        assert_eq!((limit.per_second_rate(), limit.burst()), (of(rate), of(burst)));
    }
    assert_eq!(bad.failed_secrets.unwrap().burst(), of("WrongSecrets"));
    let (config, problems) = read("TERRAPI_ADMINISTRATORS", "octocat,github:7");
    assert!(config.administrators.include(Vcs::Github, 7));
    assert!(problems[0].contains("octocat") && problems.len() == 1, "{problems:?}");
    let (config, _) = read("PUBLIC_BASE_URL", "api.example.com");
    assert_eq!(config.public_base_url, None);
    let (config, _) = read("PUBLIC_BASE_URL", "https://api.example.com/");
    assert_eq!(config.public_base_url.as_deref(), Some("https://api.example.com"));
}
