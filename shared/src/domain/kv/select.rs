//! `select`: a list of paths that pick parts out of a JSON value.
//!
//! Shape: `name=path`; a path is member names joined by dots, with `[n]` for an array's item and double quotes around
//! names that contain other characters. A part that does not exist is `null`. If a member name is repeated, the last
//! one counts.
//!
//! The text of a value is read once, however many paths there are. Each result is a part of that text, unchanged.

use std::collections::BTreeMap;
use std::ops::Range;

use super::scan::Scanner;
use crate::domain::{Code, Error, Result};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Member(String),
    Item(usize),
}

/// A parsed `select`: the names, and the paths of the parts that they stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    names: Vec<String>,
    root: Node,
}

/// All paths as one tree, so that a value is read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    /// The names whose path ends here, as positions in `Select::names`.
    ends: Vec<usize>,
    /// The names whose path ends here or continues below.
    below: Vec<usize>,
    members: BTreeMap<String, Node>,
    items: BTreeMap<usize, Node>,
}

/// The selected parts of one value's text, ordered by name.
#[derive(Clone, Debug)]
pub struct Selection {
    text: String,
    parts: Vec<(String, Option<Range<usize>>)>,
}

impl Selection {
    /// The length of all parts together, in bytes of JSON text.
    pub fn size_bytes(&self) -> usize {
        self.parts().map(|(_, part)| part.len()).sum()
    }

    /// The names and their parts, each a JSON text; `null` for a part that does not exist.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |part: &Option<Range<usize>>| part.clone().and_then(|part| self.text.get(part));
        self.parts.iter().map(move |(name, part)| (name.as_str(), text(part).unwrap_or("null")))
    }
}

impl Select {
    /// How many names a `select` may have.
    pub const MAX_NAMES: usize = 32;
    /// How many steps a path may have.
    pub const MAX_STEPS: usize = 128;

    /// Reads the elements; empty ones are dropped, so that a bare `select=` selects nothing. Of two with one name the
    /// last wins.
    ///
    /// # Errors
    /// [`Code::InvalidSelect`] when there are too many elements, or one has no name, no path, or a path that cannot be
    /// read.
    pub fn parse<'a>(elements: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let elements = elements.into_iter().filter(|element| !element.is_empty());
        let mut paths = BTreeMap::new();
        for (number, element) in elements.enumerate() {
            if number == Self::MAX_NAMES {
                return Err(bad("there are at most 32 names"));
            }
            let (name, path) = parse_element(element)?;
            paths.insert(name, path);
        }
        let mut root = Node::default();
        for (position, path) in paths.values().enumerate() {
            root.insert(path, position);
        }
        Ok(Self { names: paths.into_keys().collect(), root })
    }

    /// The selected parts of a value, whose text is compact JSON.
    ///
    /// # Errors
    /// Internal: the text is not JSON.
    pub fn take_from(&self, text: String) -> Result<Selection> {
        let mut found = vec![None; self.names.len()];
        if !self.names.is_empty() {
            let walked = walk(&mut Scanner::new(&text), &self.root, &mut found);
            walked.ok_or(Error::corrupt_item("a stored value is not JSON"))?;
        }
        Ok(Selection { text, parts: self.names.iter().cloned().zip(found).collect() })
    }
}

impl Node {
    fn insert(&mut self, path: &[Step], position: usize) {
        self.below.push(position);
        let Some((step, rest)) = path.split_first() else { return self.ends.push(position) };
        let next = match step {
            Step::Member(name) => self.members.entry(name.clone()).or_default(),
            Step::Item(number) => self.items.entry(*number).or_default(),
        };
        next.insert(rest, position);
    }
}

/// Reads the value at the scanner, noting the places of what ends at or below `node`. Its depth is that of the paths,
/// not that of the value.
fn walk(scanner: &mut Scanner<'_>, node: &Node, found: &mut [Option<Range<usize>>]) -> Option<()> {
    let start = scanner.position();
    match scanner.peek()? {
        b'{' if !node.members.is_empty() => walk_members(scanner, node, found)?,
        b'[' if !node.items.is_empty() => walk_items(scanner, node, found)?,
        _ => scanner.skip_value()?,
    }
    for end in &node.ends {
        *found.get_mut(*end)? = Some(start..scanner.position());
    }
    Some(())
}

fn walk_members(scanner: &mut Scanner<'_>, node: &Node, found: &mut [Option<Range<usize>>]) -> Option<()> {
    scanner.take(b'{')?;
    if scanner.peek()? == b'}' {
        return scanner.take(b'}');
    }
    loop {
        let name = scanner.name()?;
        scanner.take(b':')?;
        match node.members.get(name.as_ref()) {
            Some(next) => {
                // The name may have come before: nothing of what was found then counts.
                for position in &next.below {
                    *found.get_mut(*position)? = None;
                }
                walk(scanner, next, found)?;
            }
            None => scanner.skip_value()?,
        }
        if !scanner.another(b'}')? {
            return Some(());
        }
    }
}

fn walk_items(scanner: &mut Scanner<'_>, node: &Node, found: &mut [Option<Range<usize>>]) -> Option<()> {
    scanner.take(b'[')?;
    if scanner.peek()? == b']' {
        return scanner.take(b']');
    }
    for number in 0.. {
        match node.items.get(&number) {
            Some(next) => walk(scanner, next, found)?,
            None => scanner.skip_value()?,
        }
        if !scanner.another(b']')? {
            break;
        }
    }
    Some(())
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
        if steps.len() > Select::MAX_STEPS {
            return Err(bad("a path has at most 128 steps"));
        }
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
    use super::*;

    /// What is picked out of `value`, as JSON text.
    fn select(elements: &[&str], value: &str) -> String {
        let selection = Select::parse(elements.iter().copied()).unwrap().take_from(value.to_owned()).unwrap();
        let parts: Vec<_> = selection.parts().map(|(name, part)| format!("{name}:{part}")).collect();
        parts.join(" ")
    }

    #[test]
    fn members_items_and_quoted_names_are_picked() {
        let value = r#"{"a":{"b":[1,{"c-d":2}]},"x.y":3}"#;
        assert_eq!(select(&["p=a.b[0]", r#"q=a.b[1]."c-d""#, r#"r="x.y""#], value), "p:1 q:2 r:3");
    }

    #[test]
    fn a_part_keeps_its_text() {
        let value = r#"{"n":12345678901234567890123,"d":1.10,"e":1e400,"s":"\u00e9\/","o":{"b":1,"a":2,"b":3}}"#;
        let picked = select(&["n=n", "d=d", "e=e", "s=s", "o=o"], value);
        assert_eq!(picked, r#"d:1.10 e:1e400 n:12345678901234567890123 o:{"b":1,"a":2,"b":3} s:"\u00e9\/""#);
    }

    #[test]
    fn missing_parts_and_members_of_arrays_or_scalars_are_null() {
        let value = r#"{"a":1,"l":[{"m":1}],"o":{},"e":[]}"#;
        let elements = ["p=a.b", "q=z", "r=l.m", "s=l[9]", "t=o.x", "u=e[0]", "v=o[0]"];
        assert_eq!(select(&elements, value), "p:null q:null r:null s:null t:null u:null v:null");
        for scalar in [r#""text""#, "1", "null", "[]", "{}"] {
            assert_eq!(select(&["p=a"], scalar), "p:null");
        }
    }

    #[test]
    fn the_last_of_repeated_names_counts() {
        assert_eq!(select(&["p=a"], r#"{"a":1,"b":0,"a":2}"#), "p:2");
        assert_eq!(select(&["p=a.b"], r#"{"a":{"b":1},"a":{"c":2}}"#), "p:null");
        assert_eq!(select(&["p=a.b", "q=a"], r#"{"a":{"b":1},"a":3}"#), "p:null q:3");
        assert_eq!(select(&["p=a", "p=b"], r#"{"a":1,"b":2}"#), "p:2");
    }

    #[test]
    fn names_are_compared_as_text_not_as_escapes() {
        assert_eq!(select(&["p=é", r#"q="\"""#], r#"{"\u00e9":1,"\"":2}"#), "p:1 q:2");
        assert_eq!(select(&["p=a"], r#"{"b\\":1,"a":"\"}","c":0}"#), r#"p:"\"}""#);
    }

    #[test]
    fn paths_may_overlap() {
        let value = r#"{"a":{"b":{"c":[1,2]}}}"#;
        let picked = select(&["p=a", "q=a.b", "r=a.b.c[1]", "s=a.b"], value);
        assert_eq!(picked, r#"p:{"b":{"c":[1,2]}} q:{"c":[1,2]} r:2 s:{"c":[1,2]}"#);
    }

    #[test]
    fn nothing_selected_is_an_empty_object() {
        assert_eq!(select(&[""], "[1]"), "");
    }

    #[test]
    fn a_deeply_nested_value_is_skipped_without_a_stack() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(select(&["p=b"], &format!(r#"{{"a":{deep},"b":1}}"#)), "p:1");
    }

    #[test]
    fn names_and_steps_are_limited() {
        let names = |count: usize| Select::parse(vec!["n=a"; count]);
        assert!(names(32).is_ok() && names(33).is_err());
        let steps = |count: usize| Select::parse([format!("n=a{}", ".a".repeat(count - 1)).as_str()]);
        assert!(steps(128).is_ok() && steps(129).is_err());
    }

    #[test]
    fn text_that_is_not_json_is_an_error_not_a_panic() {
        let select = Select::parse(["p=a.b", "q=a[0]"]).unwrap();
        for text in ["", "{", "[", r#"{"a"#, r#"{"a":"#, r#"{"a":[1"#, r#"{"a":{"b":"x"#, r#"{"a":1,"#, "{1:2}", "{,}"]
        {
            assert!(select.take_from(text.to_owned()).is_err(), "{text}");
        }
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
