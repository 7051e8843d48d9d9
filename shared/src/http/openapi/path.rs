//! Parameters of paths. A name means the same in every path, so no handler describes it.

use serde_json::{Value, json};

/// Adds the parameters of a path that its operation does not describe itself, before all others.
pub fn describe(path: &str, operation: &mut Value) {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let is_described = |name: &str| parameters.iter().any(|known| known["in"] == "path" && known["name"] == *name);
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let added: Vec<_> = names.filter(|name| !is_described(name)).filter_map(|name| parameter(path, name)).collect();
    if let Some(members) = operation.as_object_mut().filter(|_| !added.is_empty()) {
        members.insert("parameters".to_owned(), added.into_iter().chain(parameters).collect());
    }
}

fn parameter(path: &str, name: &str) -> Option<Value> {
    let number = |description, example: u32| {
        let schema = json!({"type": "string", "pattern": "^(0|[1-9][0-9]{0,18})$"});
        json!({"description": description, "example": example.to_string(), "schema": schema})
    };
    let text =
        |description, example| json!({"description": description, "example": example, "schema": {"type": "string"}});
    let mut parameter = match name {
        "vcs" => {
            let description = "The version control system. Any other word is an unknown path.";
            json!({"description": description, "schema": {"$ref": "#/components/schemas/Vcs"}})
        }
        "id" | "installation_id" if path.starts_with("/api/v1/gitlab/") => number("The group.", 555),
        "installation_id" if path.starts_with("/api/v1/installations/") => number("The GitHub installation.", 12345),
        "installation_id" => number("The installation (GitHub) or group (GitLab).", 12345),
        "key" => {
            let description = "The rest of the path, slashes included: 1 to 1,000 bytes of UTF-8 without NUL, \
                               percent-encoded once.";
            let schema = json!({"type": "string", "minLength": 1});
            json!({"description": description, "example": "deploy/prod/status", "schema": schema})
        }
        "organization_name" => text("The organization's name.", "acme"),
        "team_id" => text("The team's id.", "team-4nQvD8sYk2LmPx6R"),
        "token_id" => text("The token's id.", "at-9f3KqWm2Zr7TbXc4"),
        "membership_id" => text("The membership's id.", "ou-4nQvD8sYk2LmPx6R"),
        _ => return None,
    };
    let common = [("in", json!("path")), ("name", json!(name)), ("required", json!(true))];
    parameter.as_object_mut()?.extend(common.map(|(member, value)| (member.to_owned(), value)));
    Some(parameter)
}
