//! A provider's OpenAPI description, and the validation of calls against it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{Method, StatusCode};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{locked, pairs};

/// The part of an OpenAPI document for which calls are validated.
pub struct Description {
    document: Value,
    /// The URL prefix of the described paths in calls. May be empty.
    known: matchit::Router<String>,
    prefix: &'static str,
    /// Validators by the schema's text, since building one takes longer than a call.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The operation for a request.
pub struct Operation {
    /// Method and path template.
    pub route: String,
    method: Method,
    template: String,
}

impl Description {
    /// `prefix` is the URL prefix of the described paths. Every call below it must match an operation.
    pub fn new(document: &str, prefix: &'static str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap();
        let mut known = matchit::Router::new();
        for template in document["paths"].as_object().unwrap().keys() {
            // A file path within a repository has slashes.
            let pattern = template.replace("/contents/{path}", "/contents/{*path}");
            known.insert(pattern, template.clone()).unwrap();
        }
        Self { document, known, prefix, validators: Mutex::default() }
    }

    /// Whether calls of this URL path must match an operation.
    pub fn covers(&self, path: &str) -> bool {
        path.starts_with(self.prefix) && !path.starts_with("/login/oauth/")
    }

    fn operation(&self, operation: &Operation) -> &Value {
        &self.document["paths"][&operation.template][operation.method.as_str().to_lowercase()]
    }

    /// The example of an operation's answer in the description.
    pub fn example(&self, route: &str) -> Value {
        let (method, template) = route.split_once(' ').unwrap();
        let responses = &self.document["paths"][template][method.to_lowercase()]["responses"];
        let answer = responses.get("200").unwrap_or(&responses["201"]);
        let example = &answer["content"]["application/json"]["example"];
        assert!(!example.is_null(), "{route} has no example");
        example.clone()
    }

    /// Validates a request: path, method, every parameter, and the body.
    pub fn request(&self, parts: &Parts, body: &[u8]) -> Result<Operation, String> {
        let context = format!("{} {}", parts.method, parts.uri);
        let found = self.known.at(parts.uri.path()).map_err(|_| format!("{context}: no such path"))?;
        let template = found.value.clone();
        let route = format!("{} {template}", parts.method);
        let operation = Operation { route, method: parts.method.clone(), template };
        let described = self.operation(&operation);
        if described.is_null() {
            return Err(format!("{context}: no such method"));
        }
        let mut given: Vec<(&str, String, String)> = pairs(parts.uri.query().unwrap_or_default())
            .into_iter()
            .map(|(name, value)| ("query", name, value))
            .collect();
        given.extend(found.params.iter().map(|(name, value)| ("path", name.to_owned(), value.to_owned())));
        let parameters = described["parameters"].as_array().unwrap();
        for (kind, name, value) in &given {
            let described = parameters.iter().find(|each| each["in"] == *kind && each["name"] == *name);
            let described = described.ok_or_else(|| format!("{context}: there is no parameter {name}"))?;
            self.parameter(&described["schema"], value).map_err(|problem| format!("{context}: {name}: {problem}"))?;
            if given.iter().filter(|(other_kind, other, _)| (other_kind, other) == (kind, name)).count() > 1 {
                return Err(format!("{context}: {name} twice"));
            }
        }
        let is_given = |each: &Value| given.iter().any(|(kind, name, _)| each["in"] == *kind && each["name"] == *name);
        if let Some(missing) = parameters.iter().find(|each| each["required"] == true && !is_given(each)) {
            return Err(format!("{context}: {} is missing", missing["name"]));
        }
        self.body(described, body).map_err(|problem| format!("{context}: {problem}"))?;
        if !parts.headers.contains_key("authorization") {
            return Err(format!("{context}: without a credential"));
        }
        Ok(operation)
    }

    fn body(&self, described: &Value, body: &[u8]) -> Result<(), String> {
        let described = &described["requestBody"];
        if body.is_empty() {
            return if described["required"] == true { Err("the body is missing".into()) } else { Ok(()) };
        }
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_null() { Err("it takes no body".into()) } else { self.validate(schema, &body) }
    }

    /// Validates our own answer.
    pub fn answer(&self, operation: &Operation, status: StatusCode, body: &[u8]) -> Result<(), String> {
        let context = format!("{}: {status}", operation.route);
        let described = &self.operation(operation)["responses"][status.as_str()];
        if described.is_null() {
            // Credentials are checked first, so not every operation documents 401.
            let common = status == StatusCode::UNAUTHORIZED;
            return if common { Ok(()) } else { Err(format!("{context} is not described")) };
        }
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("{context}: {error}"))?;
        self.validate(schema, &body).map_err(|problem| format!("{context}: {problem}"))
    }

    /// Parses a parameter's text as a type that its schema accepts.
    fn parameter(&self, schema: &Value, text: &str) -> Result<(), String> {
        let as_text = self.validate(schema, &text.into());
        let as_value = serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
        as_text.or_else(|problem| as_value.and_then(|value| self.validate(schema, &value)).map_err(|_| problem))
    }

    fn validate(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let validator = self.validator(schema);
        let problems: Vec<_> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let build = || {
            let schema = json!({"allOf": [schema], "components": self.document["components"]});
            Arc::new(jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
        };
        locked(&self.validators).entry(schema.to_string()).or_insert_with(build).clone()
    }
}
