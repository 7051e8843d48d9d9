//! Which function answers which path, for a path matcher.

use std::collections::{BTreeMap, HashMap};

use crate::template::Route;

/// The functions by pattern, in the syntax of the path matcher `matchit`: `{name}` for one segment, `{*name}`
/// for the rest.
///
/// The matcher wants one parameter name per position and no parameter beside a rest. So the first name at a position
/// stands for the others, and a rest stands for the routes of the same function below it.
pub fn table(routes: &[Route]) -> BTreeMap<String, String> {
    let below_a_rest = |route: &Route| {
        let covers = |other: &Route| {
            let base = rest_base(&other.path);
            base.is_some_and(|base| route.path.starts_with(base) && route.path != other.path)
        };
        routes.iter().any(|other| other.function == route.function && covers(other))
    };
    let (mut table, mut names) = (BTreeMap::new(), HashMap::new());
    let mut sorted: Vec<_> = routes.iter().filter(|route| !below_a_rest(route)).collect();
    sorted.sort_by_key(|route| &route.path);
    for route in sorted {
        if route.path == "$default" {
            table.extend(["/", "/{*proxy}"].map(|pattern| (pattern.to_owned(), route.function.clone())));
        } else {
            table.insert(pattern(&route.path, &mut names), route.function.clone());
        }
    }
    table
}

/// `/api/v2/` of `/api/v2/{proxy+}`.
fn rest_base(path: &str) -> Option<&str> {
    path.strip_suffix("+}")?.rsplit_once('{').map(|(base, _)| base)
}

/// The pattern of a path. `names` holds the parameter name of each position, by the pattern before it.
fn pattern(path: &str, names: &mut HashMap<String, String>) -> String {
    let mut pattern = String::new();
    for segment in path.split('/').skip(1) {
        pattern.push('/');
        let rest = segment.strip_prefix('{').and_then(|name| name.strip_suffix("+}"));
        if let Some(name) = rest {
            pattern.extend(["{*", name, "}"]);
        } else if segment.starts_with('{') {
            let name = names.entry(pattern.clone()).or_insert_with(|| segment.to_owned());
            pattern.push_str(name);
        } else {
            pattern.push_str(segment);
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table_of(routes: &[(&str, &str)]) -> Vec<(String, String)> {
        let route = |(path, function): &(&str, &str)| Route {
            function: (*function).into(),
            path: (*path).into(),
            method: "ANY".into(),
        };
        table(&routes.iter().map(route).collect::<Vec<_>>()).into_iter().collect()
    }

    fn entries(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(pattern, function)| ((*pattern).to_owned(), (*function).to_owned())).collect()
    }

    #[test]
    fn rest_stands_for_its_functions_routes_only() {
        let table = table_of(&[("/a/{id}", "one"), ("/a/{proxy+}", "one"), ("/a/b", "two"), ("/b/{key+}", "two")]);
        assert_eq!(table, entries(&[("/a/b", "two"), ("/a/{*proxy}", "one"), ("/b/{*key}", "two")]));
    }

    #[test]
    fn position_has_one_parameter_name() {
        let table = table_of(&[("/a/{id}/x", "one"), ("/a/{name}/y/{id}", "two"), ("/b/{name}", "two")]);
        assert_eq!(table, entries(&[("/a/{id}/x", "one"), ("/a/{id}/y/{id}", "two"), ("/b/{name}", "two")]));
    }

    #[test]
    fn default_route_is_the_root_and_the_rest() {
        assert_eq!(table_of(&[("$default", "one")]), entries(&[("/", "one"), ("/{*proxy}", "one")]));
    }
}
