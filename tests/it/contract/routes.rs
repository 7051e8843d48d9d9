//! Every place that names routes names the same ones: the template, the emulator's table, the functions' routers, the
//! tables at the head of their `lib.rs`, and the published document. (The table of callers in `authz` is compared there.)

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use terrapi::http::document;
use terrapi_local::Template;
use terrapi_local::routes::table;

use crate::support::openapi::{is_json_api, is_refused, published};
use crate::support::service::{TestService, routes, signer};

/// A path in OpenAPI's syntax, with the function that answers it.
type Paths = BTreeSet<(String, String)>;

/// What the template routes and no router describes, with the reason.
const TEMPLATE_ALONE: [(&str, &str); 3] = [
    ("/api/v2/{proxy}", "team-tokens: an unknown path is its 404, in its own shape"),
    ("/api/v1/{vcs}/kv/{proxy}", "kv-store: a key that is missing or empty is its 400, an unknown path its 404"),
    ("$default", "console: the answer to every other path"),
];

fn in_routers() -> Paths {
    let of = |(function, routes): (&'static str, _)| {
        let paths: Vec<_> = document(routes).paths.paths.into_keys().collect();
        paths.into_iter().map(move |path| (path, function.to_owned()))
    };
    let paths: Paths = routes(&signer()).into_iter().flat_map(of).collect();
    // The console's own root is what the gateway's default route leads to.
    paths.into_iter().filter(|(path, _)| path != "/").collect()
}

fn in_template() -> Paths {
    let routes = &Template::project().unwrap().routes;
    let paths = routes.iter().map(|route| (route.path.replace("+}", "}"), route.function.clone()));
    paths.filter(|(path, _)| TEMPLATE_ALONE.iter().all(|(alone, _)| alone != path)).collect()
}

/// The methods by path that the table at the head of a function's `lib.rs` lists.
fn at_the_head(function: &str) -> BTreeMap<String, BTreeSet<String>> {
    let path = format!("{}/../functions/{function}/src/lib.rs", env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(path).unwrap();
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let row = |row: &str| {
        let (path, methods) = row.split_once("` | ").unwrap();
        (path.to_owned(), methods.trim_end_matches(" |").split(", ").map(str::to_owned).collect())
    };
    rows.map(row).collect()
}

#[test]
fn lib_rs_lists_the_paths_of_its_function() {
    for (function, routes) in routes(&signer()) {
        let document = serde_json::to_value(document(routes)).unwrap();
        let paths = document["paths"].as_object().unwrap().iter();
        let described = paths.map(|(path, item)| {
            (path.clone(), item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect())
        });
        assert_eq!(at_the_head(function), described.collect(), "functions/{function}/src/lib.rs");
    }
}

#[test]
fn cargo_toml_has_the_routes_of_the_template() {
    let manifest = include_str!("../../../Cargo.toml");
    let generated = terrapi_watch::manifest::generate(manifest, Template::project().unwrap()).unwrap();
    assert!(generated == manifest, "Cargo.toml is out of date: run `make routes`, which writes\n{generated}");
}

#[test]
fn template_routes_equal_the_router_routes() {
    assert_eq!(in_template(), in_routers());
    let routes = &Template::project().unwrap().routes;
    for (path, reason) in TEMPLATE_ALONE {
        let route = routes.iter().find(|route| route.path.replace("+}", "}") == path).expect(path);
        assert!(reason.starts_with(&format!("{}: ", route.function)), "{path}");
    }
    assert!(routes.iter().all(|route| route.method == "ANY"), "the routers decide on methods");
}

#[test]
fn emulator_routes_equal_the_router_routes() {
    let table = table(&Template::project().unwrap().routes);
    let mut router = matchit::Router::new();
    for (pattern, function) in &table {
        router.insert(pattern.clone(), (pattern.clone(), function.clone())).unwrap();
    }
    let mut used = BTreeSet::from(["/{*proxy}".to_owned(), "/".to_owned()]);
    for (path, function) in in_routers() {
        let (pattern, answering) = router.at(&path).unwrap().value;
        assert_eq!(*answering, function, "{path}");
        used.insert(pattern.clone());
    }
    assert_eq!(used, table.into_keys().collect(), "a pattern that no route needs");
}

#[test]
fn document_routes_equal_the_router_routes() {
    let described = published().document["paths"].as_object().unwrap().keys();
    let described: BTreeSet<_> = described.filter(|path| *path != "/").collect();
    assert_eq!(described, in_routers().iter().map(|(path, _)| path).collect());
}

#[tokio::test]
async fn only_described_methods_are_routed() {
    let service = TestService::new().await;
    for (path, item) in published().document["paths"].as_object().unwrap() {
        let item = item.as_object().unwrap();
        let url = path.replace("{vcs}", "github").replace("{installation_id}", "12345").replace(['{', '}'], "");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            let status = service.call(method.clone(), &url, "", None).await.status;
            let described = item.contains_key(&method.as_str().to_lowercase());
            // Clients of the HCP Terraform API know no 405.
            let refused = if is_json_api(path) { 404 } else { 405 };
            let answered = described || is_refused(&method, &url);
            assert_eq!(answered, status != refused, "{method} {url}: {status}");
        }
    }
}
