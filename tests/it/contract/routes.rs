//! Every place that names routes names the same ones: the template, the emulator's table, the functions' routers and the
//! published document. (The table of callers in `authz` is compared there.)

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use terrapi::http::document;
use terrapi_local::Template;

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

/// The emulator's table: pattern → function.
fn emulator() -> BTreeMap<String, String> {
    let manifest = include_str!("../../../Cargo.toml");
    let section = manifest.split("[workspace.metadata.lambda.watch.router]").nth(1).unwrap();
    let lines = section.lines().skip(1).take_while(|line| line.starts_with('"'));
    let entry = |line: &str| {
        let [_, path, _, function, _] = line.split('"').collect::<Vec<_>>().try_into().unwrap();
        (path.to_owned(), function.to_owned())
    };
    lines.map(entry).collect()
}

#[test]
fn the_template_routes_what_the_routers_answer_and_nothing_else() {
    assert_eq!(in_template(), in_routers());
    let routes = &Template::project().unwrap().routes;
    for (path, reason) in TEMPLATE_ALONE {
        let route = routes.iter().find(|route| route.path.replace("+}", "}") == path).expect(path);
        assert!(reason.starts_with(&format!("{}: ", route.function)), "{path}");
    }
    assert!(routes.iter().all(|route| route.method == "ANY"), "the routers decide on methods");
}

#[test]
fn the_emulator_routes_what_the_routers_answer_and_nothing_else() {
    let table = emulator();
    let mut router = matchit::Router::new();
    for (pattern, function) in &table {
        router.insert(pattern.clone(), (pattern.clone(), function.clone())).unwrap();
    }
    let mut used = BTreeSet::from(["/{*path}".to_owned(), "/".to_owned()]);
    for (path, function) in in_routers() {
        let (pattern, answering) = router.at(&path).unwrap().value;
        assert_eq!(*answering, function, "{path}");
        used.insert(pattern.clone());
    }
    assert_eq!(used, table.into_keys().collect(), "a pattern that no route needs");
}

#[test]
fn the_document_describes_what_the_routers_answer() {
    let described = published().document["paths"].as_object().unwrap().keys();
    let described: BTreeSet<_> = described.filter(|path| *path != "/").collect();
    assert_eq!(described, in_routers().iter().map(|(path, _)| path).collect());
}

#[tokio::test]
async fn every_described_operation_is_answered_and_no_other_method_is() {
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
