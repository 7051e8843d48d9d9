//! What the stack must not lose: alarms, retries of the streams, protection of the data, and each function's settings.

use std::collections::{BTreeMap, BTreeSet};

use yaml_serde::Value;

use crate::support::roles::roles;

const DEPLOYMENT: &str = include_str!("../../../docs/deployment.md");
const OPERATIONS: &str = include_str!("../../../docs/operations.md");
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The resources of a type, by logical id.
fn resources(kind: &str) -> BTreeMap<String, Value> {
    let template: Value = yaml_serde::from_str(TEMPLATE).unwrap();
    let all = template["Resources"].as_mapping().unwrap().clone().into_iter();
    let named = all.map(|(id, resource)| (id.as_str().unwrap().to_owned(), resource));
    named.filter(|(_, resource)| resource["Type"] == kind).collect()
}

/// What `!Ref` or `!GetAtt` names.
fn named(value: &Value) -> &str {
    match value {
        Value::Tagged(tagged) => tagged.value.as_str().unwrap(),
        value => value.as_str().unwrap(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().into_iter().flatten()
}

#[test]
fn error_and_throttle_alarms_watch_every_function() {
    let functions = resources("AWS::Serverless::Function");
    for (alarm, metric, elsewhere) in [
        // One failed step of a rotation must be enough, so it has an alarm of its own.
        ("ErrorsAlarm", "Errors", Some("KeyRotationFunction")),
        // Secrets Manager repeats a step that was throttled.
        ("ThrottlesAlarm", "Throttles", Some("KeyRotationFunction")),
    ] {
        let alarm = resources("AWS::CloudWatch::Alarm").remove(alarm).unwrap();
        let metrics: Vec<_> = list(&alarm["Properties"]["Metrics"]).collect();
        assert!(metrics.len() <= 10, "CloudWatch takes ten metrics");
        let watched = metrics.iter().filter(|metric| !metric["MetricStat"].is_null()).map(|watched| {
            let watched = &watched["MetricStat"]["Metric"];
            assert_eq!(watched["MetricName"], metric);
            named(&watched["Dimensions"][0]["Value"])
        });
        let watched: BTreeSet<_> = watched.chain(elsewhere).collect();
        assert_eq!(watched, functions.keys().map(String::as_str).collect());
    }
    assert_eq!(
        named(&resources("AWS::CloudWatch::Alarm")["KeyRotationAlarm"]["Properties"]["Dimensions"][0]["Value"]),
        "KeyRotationFunction"
    );
}

#[test]
fn documents_and_template_name_the_same_alarms() {
    let words = DEPLOYMENT.split('`').chain(OPERATIONS.split('`'));
    let documented: BTreeSet<_> = words.filter(|word| word.ends_with("Alarm") && !word.contains(' ')).collect();
    let alarms = resources("AWS::CloudWatch::Alarm");
    assert_eq!(documented, alarms.keys().map(String::as_str).collect());
    for (name, alarm) in alarms {
        let properties = &alarm["Properties"];
        assert!(!properties["AlarmActions"].is_null() && !properties["OKActions"].is_null(), "{name} tells nobody");
    }
}

#[test]
fn log_alarms_count_what_the_functions_log() {
    let worker = include_str!("../../../functions/worker/src/dead_letter.rs");
    let store = include_str!("../../../shared/src/store/kv/head.rs");
    for (filter, alarm, log, source) in [
        ("DeadLettersKept", "DeadLettersAlarm", "WorkerLog", worker),
        ("CommitsNotFolded", "UnfoldedCommitsAlarm", "KvStoreLog", store),
    ] {
        let filter = &resources("AWS::Logs::MetricFilter")[filter]["Properties"];
        let pattern = filter["FilterPattern"].as_str().unwrap();
        let start = pattern.strip_prefix("{ $.message = \"").unwrap().strip_suffix("*\" }").unwrap();
        assert!(source.contains(&format!("\"{start}")), "{log} has no {start}");
        assert_eq!(named(&filter["LogGroupName"]), log);
        let counted = &filter["MetricTransformations"][0];
        let alarm = &resources("AWS::CloudWatch::Alarm")[alarm]["Properties"];
        assert_eq!(alarm["MetricName"], counted["MetricName"]);
        assert_eq!(named(&alarm["Namespace"]), named(&counted["MetricNamespace"]));
    }
}

#[test]
fn streams_report_single_failures_and_keep_what_fails() {
    let worker = &resources("AWS::Serverless::Function")["WorkerFunction"]["Properties"];
    let events = worker["Events"].as_mapping().unwrap().values();
    let streams: Vec<_> =
        events.filter(|event| event["Type"] == "DynamoDB").map(|event| &event["Properties"]).collect();
    assert_eq!(streams.len(), 2);
    for stream in streams {
        let answers: Vec<_> = list(&stream["FunctionResponseTypes"]).collect();
        assert_eq!(answers, ["ReportBatchItemFailures"], "the worker's answer would be ignored");
        assert_eq!(stream["StartingPosition"], "TRIM_HORIZON");
        // The worker keeps a dead letter at the fifth failure.
        assert!(stream["MaximumRetryAttempts"].as_u64().unwrap() > 5);
        let failed = &stream["DestinationConfig"]["OnFailure"];
        assert_eq!((&failed["Type"], named(&failed["Destination"])), (&Value::from("SQS"), "DeadLetters.Arn"));
    }
}

#[test]
fn data_outlives_the_stack() {
    let tables = resources("AWS::DynamoDB::Table");
    let buckets = resources("AWS::S3::Bucket");
    assert_eq!((tables.len(), buckets.len()), (3, 1));
    for (name, resource) in tables.iter().chain(&buckets) {
        assert_eq!(
            (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]),
            (&"Retain".into(), &"Retain".into()),
            "{name}"
        );
    }
    for (name, table) in tables {
        let properties = &table["Properties"];
        assert_eq!(properties["DeletionProtectionEnabled"], true, "{name}");
        assert_eq!(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true, "{name}");
        assert_eq!(properties["SSESpecification"]["SSEEnabled"], true, "{name}");
        assert_eq!(properties["TimeToLiveSpecification"]["Enabled"], true, "{name}");
    }
    for (name, bucket) in buckets {
        let blocked = bucket["Properties"]["PublicAccessBlockConfiguration"].as_mapping().unwrap();
        assert!(blocked.len() == 4 && blocked.values().all(|value| *value == true), "{name}");
    }
}

/// A function finds what its role lets it use, and nothing else.
#[test]
fn variables_and_roles_name_the_same_resources() {
    let template: Value = yaml_serde::from_str(TEMPLATE).unwrap();
    let globals = &template["Globals"]["Function"]["Environment"]["Variables"];
    let uses = [
        ("TERRAPI_IDENTITY_TABLE", "IdentityTable"),
        ("TERRAPI_KV_TABLE", "KvTable"),
        ("TERRAPI_OPERATIONS_TABLE", "OperationsTable"),
        ("TERRAPI_SIGNING_KEYS", "SigningSeed"),
        ("TERRAPI_SECRET_ARN", "ProviderSecret"),
        ("TERRAPI_BLOBS", "https://${Blobs}.s3.${AWS::Region}.${AWS::URLSuffix}"),
    ];
    for (function, resource) in resources("AWS::Serverless::Function") {
        let properties = &resource["Properties"];
        let name = properties["CodeUri"].as_str().unwrap().strip_prefix("functions/").unwrap();
        for (variable, expected) in uses {
            let (own, global) = (&properties["Environment"]["Variables"][variable], &globals[variable]);
            let value = if own.is_null() { global } else { own };
            let id = if variable == "TERRAPI_BLOBS" { "Blobs" } else { expected };
            let used = roles()[name].resources().any(|resource| resource.split(['.', '/']).next() == Some(id));
            assert!(value.is_null() || named(value) == expected, "{function}: {variable}");
            assert!(!used || !value.is_null(), "{function} may use {id} but has no {variable}");
            assert!(used || own.is_null(), "{function} has {variable} but may not use {id}");
        }
    }
}

#[test]
fn functions_may_read_the_secrets_they_are_told_of() {
    let may = |function: &str, action: &str, secret: &str| {
        let action = format!("secretsmanager:{action}");
        assert!(roles()[function].allows(&action, secret), "{function} may not {action} {secret}");
    };
    may("token-refresh", "GetSecretValue", "SigningSeed");
    for function in ["identity", "installations", "worker"] {
        may(function, "GetSecretValue", "ProviderSecret");
    }
    for action in ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"] {
        may("key-rotation", action, "SigningSeed");
    }
    let caller = &resources("AWS::Lambda::Permission")["KeyRotationCaller"]["Properties"];
    assert_eq!(named(&caller["FunctionName"]), "KeyRotationFunction.Arn");
    assert_eq!(
        (&caller["Principal"], named(&caller["SourceArn"])),
        (&"secretsmanager.amazonaws.com".into(), "SigningSeed")
    );
    let schedule = &resources("AWS::SecretsManager::RotationSchedule")["SigningSeedRotation"]["Properties"];
    assert_eq!(named(&schedule["RotationLambdaARN"]), "KeyRotationFunction.Arn");
}

/// Service principals alone are the same in every partition.
#[test]
fn template_names_no_partition() {
    for line in TEMPLATE.lines().filter(|line| line.contains("amazonaws.com") || line.contains("arn:aws:")) {
        assert_eq!(line.trim(), "Principal: secretsmanager.amazonaws.com");
    }
}

/// A function that answers late by itself still answers before the gateway gives up after 30 s.
#[test]
fn routed_functions_may_take_29_seconds() {
    let template: Value = yaml_serde::from_str(TEMPLATE).unwrap();
    let global = &template["Globals"]["Function"]["Timeout"];
    for (name, function) in resources("AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let events = properties["Events"].as_mapping();
        if events.is_some_and(|events| events.values().any(|event| event["Type"] == "HttpApi")) {
            let own = &properties["Timeout"];
            assert_eq!(if own.is_null() { global } else { own }, 29, "{name}");
        }
    }
}
