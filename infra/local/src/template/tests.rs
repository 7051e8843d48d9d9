use super::*;

fn key(name: &str, kind: &str) -> KeyAttribute {
    KeyAttribute { name: name.into(), kind: kind.into() }
}

#[test]
fn tables_have_the_keys_the_store_relies_on() {
    let template = Template::project().unwrap();
    let shapes: Vec<_> = template
        .tables
        .iter()
        .map(|table| (table.role.as_str(), table.sort_key.clone().unwrap().kind, table.stream_view_type.is_some()))
        .collect();
    assert_eq!(shapes, [("identity", "S".into(), false), ("kv", "B".into(), true), ("operations", "S".into(), true)]);
    for table in &template.tables {
        assert_eq!(table.partition_key, key("pk", "S"), "{}", table.name);
        assert_eq!(table.sort_key.as_ref().unwrap().name, "sk", "{}", table.name);
        assert_eq!(table.ttl_attribute.as_deref(), Some("ttl"), "{}", table.name);
    }
}

#[test]
fn identity_table_has_an_index_for_each_listing() {
    let template = Template::project().unwrap();
    let trail = Index { name: "trail".into(), partition_key: key("trail", "S"), sort_key: Some(key("sk", "S")) };
    let installation = Index {
        name: "by_installation".into(),
        partition_key: key("by_installation", "S"),
        sort_key: Some(key("pk", "S")),
    };
    assert_eq!(template.table("identity").unwrap().indexes, [trail, installation]);
    assert_eq!(template.table("kv").unwrap().indexes, []);
}

#[test]
fn routes_name_the_function_that_answers() {
    let template = Template::project().unwrap();
    let route = |path: &str| template.routes.iter().find(|route| route.path == path).map(|route| &*route.function);
    assert_eq!(route("/api/v1/access-token/refresh"), Some("token-refresh"));
    assert_eq!(route("/api/v1/{vcs}/kv/{installation_id}/key/{key+}"), Some("kv-store"));
    assert_eq!(route("$default"), Some("console"));
    assert!(template.routes.iter().all(|route| route.method == "ANY"));
}

#[test]
fn worker_receives_filtered_changes_and_a_schedule() {
    let template = Template::project().unwrap();
    let sources: Vec<_> =
        template.streams.iter().map(|each| (&*each.function, &*each.table, each.filters.len())).collect();
    assert_eq!(sources, [("worker", "terrapi-kv", 4), ("worker", "terrapi-operations", 3)]);
    assert!(template.streams.iter().all(|source| source.maximum_retry_attempts > 0), "bounded");
    let timers: Vec<_> = template.timers.iter().map(|each| (&*each.function, each.period.as_secs())).collect();
    assert_eq!(timers, [("worker", 300)]);
}

#[test]
fn every_function_of_the_workspace_is_in_the_template() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions");
    let mut folders: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    let template = Template::project().unwrap();
    assert_eq!(template.uncalled, ["key-rotation"], "Secrets Manager calls it");
    let mut functions = [&template.functions[..], &template.uncalled[..]].concat();
    functions.sort();
    assert_eq!(functions, folders);
}

#[test]
fn table_without_a_partition_key_is_refused_by_name() {
    let text = "Resources: { OddTable: { Type: 'AWS::DynamoDB::Table', Properties: { KeySchema: [], AttributeDefinitions: [] } } }";
    assert_eq!(Template::parse(text).unwrap_err().to_string(), "template.yaml: OddTable has no partition key");
}

/// The emulator's routes are written by hand in `Cargo.toml`, in another syntax: they must send every path of the
/// template to the same function.
#[test]
fn emulator_sends_every_path_to_the_same_function() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml")).unwrap();
    let mut router = matchit::Router::new();
    let section = manifest.split("[workspace.metadata.lambda.watch.router]").nth(1).unwrap();
    for line in section.lines().skip(1).take_while(|line| line.starts_with('"')) {
        let [_, path, _, function, _] = line.split('"').collect::<Vec<_>>().try_into().unwrap();
        router.insert(path.to_owned(), function.to_owned()).unwrap();
    }
    for route in &Template::project().unwrap().routes {
        let path = match route.path.as_str() {
            "$default" => "/no/such/path".to_owned(),
            path => path.replace("{key+}", "a/b").replace("{proxy+}", "1/other/").replace(['{', '}'], ""),
        };
        let matched = router.at(&path).unwrap_or_else(|_| panic!("{path} is not in Cargo.toml"));
        assert_eq!(matched.value, &route.function, "{path}");
    }
    for (path, function) in [("/", "console"), ("/api/v1/whoami/x", "console"), ("/api/v1/github", "console")] {
        assert_eq!(router.at(path).unwrap().value, function, "{path}");
    }
}
