//! `select`: a small language of paths that picks members out of a value.
//!
//! Shape: `name=path`; a path is member names joined by dots, with `[n]` for an array's item and double quotes around
//! names that hold other characters. What is not there is `null`.

use serde_json::{Map, Value};

use crate::domain::{Code, Error, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
}

/// A parsed `select`: what a reader wants of each value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select(Vec<(String, Vec<Step>)>);

impl Select {
    /// Reads the elements; empty ones are dropped, so that a bare `select=` selects nothing.
    ///
    /// # Errors
    /// [`Code::InvalidSelect`] when an element has no name, no path, or a path that cannot be read.
    pub fn parse<'a>(elements: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let elements = elements.into_iter().filter(|element| !element.is_empty());
        elements.map(parse_element).collect::<Result<_>>().map(Self)
    }

    /// The selected members of `value`, in an object. Of two with one name the last wins.
    pub fn apply(&self, value: &Value) -> Value {
        let pick =
            |(name, path): &(String, Vec<Step>)| (name.clone(), walk(value, path).cloned().unwrap_or(Value::Null));
        Value::Object(self.0.iter().map(pick).collect::<Map<_, _>>())
    }
}

fn walk<'a>(value: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Member(name) => value.as_object()?.get(name),
        Step::Item(position) => value.as_array()?.get(*position),
    })
}

fn parse_element(element: &str) -> Result<(String, Vec<Step>)> {
    let (name, path) = element.split_once('=').ok_or_else(|| bad("an element is name=path"))?;
    if name.is_empty() {
        return Err(bad("an element needs a name"));
    }
    Ok((name.to_owned(), parse_path(path)?))
}

fn parse_path(path: &str) -> Result<Vec<Step>> {
    let (first, mut rest) = parse_member(path)?;
    let mut steps = vec![first];
    while !rest.is_empty() {
        let (step, after) =
            if let Some(member) = rest.strip_prefix('.') { parse_member(member)? } else { parse_item(rest)? };
        steps.push(step);
        rest = after;
    }
    Ok(steps)
}

fn parse_member(text: &str) -> Result<(Step, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        return parse_quoted(quoted);
    }
    let end = text.find(['.', '[', ']', '"']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Err(bad("a member name is missing"));
    }
    Ok((Step::Member(name.to_owned()), rest))
}

fn parse_quoted(text: &str) -> Result<(Step, &str)> {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((Step::Member(name), text.get(at + 1..).unwrap_or_default())),
            '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
            other => name.push(other),
        }
    }
    Err(bad("a quote is not closed"))
}

fn parse_item(text: &str) -> Result<(Step, &str)> {
    let inside = text.strip_prefix('[').and_then(|text| text.split_once(']'));
    let (digits, rest) = inside.ok_or_else(|| bad("a path continues with .name or [n]"))?;
    let position = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    Ok((Step::Item(position.ok_or_else(|| bad("[n] takes a number"))?), rest))
}

fn bad(problem: &str) -> Error {
    Error::invalid_because(Code::InvalidSelect, problem)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn select(elements: &[&str], value: &Value) -> Value {
        Select::parse(elements.iter().copied()).unwrap().apply(value)
    }

    #[test]
    fn members_items_and_quoted_names_are_picked() {
        let value = json!({"a": {"b": [1, {"c-d": 2}]}, "x.y": 3});
        assert_eq!(select(&["p=a.b[0]", r#"q=a.b[1]."c-d""#, r#"r="x.y""#], &value), json!({"p": 1, "q": 2, "r": 3}));
    }

    #[test]
    fn what_is_not_there_is_null_and_so_is_a_member_of_an_array_or_scalar() {
        assert_eq!(
            select(&["p=a.b", "q=z", "r=l.m", "s=l[9]"], &json!({"a": 1, "l": [{"m": 1}]})),
            json!({"p": null, "q": null, "r": null, "s": null})
        );
        assert_eq!(select(&["p=a"], &json!("text")), json!({"p": null}));
    }

    #[test]
    fn nothing_selected_is_an_empty_object() {
        assert_eq!(select(&[""], &json!([1])), json!({}));
    }

    #[test]
    fn broken_paths_are_refused() {
        for element in [
            "a", "=a", "n=", "n=.a", "n=a.", "n=a[", "n=a[x]", "n=a[-1]", "n=a[+1]", "n=a]", "n=\"a", "n=a\"b\"",
            "n=a..b", "n=[0]",
        ] {
            assert!(Select::parse([element]).is_err(), "{element}");
        }
    }
}
