//! Decides whether and where an item belongs on a page of a `Query`, for deleted items that a stale read brings back.

use std::cmp::Ordering;

use base64::Engine as _;
use serde_json::Value;

/// Whether `item` satisfies the key condition of a query and comes after `last`, the end of the page before.
/// `schema`: the names of the key attributes, partition key first.
pub(super) fn belongs(query: &Value, schema: &[String], last: Option<&Value>, item: &Value) -> bool {
    let Some(sort) = schema.get(1) else {
        return false;
    };
    let descending = query["ScanIndexForward"] == Value::Bool(false);
    let after = |start: &Value| {
        let order = compare(&item[sort], &start[sort]);
        if descending { order.reverse() } else { order }
    };
    satisfies(query, item)
        && query.get("ExclusiveStartKey").is_none_or(|start| after(start) == Ordering::Greater)
        && last.is_none_or(|last| after(last) == Ordering::Less)
}

/// Sorts items into the order of the query.
pub(super) fn sort(query: &Value, schema: &[String], items: &mut [Value]) {
    let Some(sort) = schema.get(1) else { return };
    items.sort_by(|one, other| compare(&one[sort], &other[sort]));
    if query["ScanIndexForward"] == Value::Bool(false) {
        items.reverse();
    }
}

/// Evaluates `KeyConditionExpression`: comparisons, `BETWEEN` and `begins_with`, joined by `AND`.
fn satisfies(query: &Value, item: &Value) -> bool {
    let text = query["KeyConditionExpression"].as_str().unwrap_or_default();
    let mut spaced = String::new();
    let is_operator = |letter: char| "<=>".contains(letter);
    for letter in text.chars() {
        if is_operator(letter) != spaced.chars().next_back().is_some_and(is_operator) {
            spaced.push(' ');
        }
        spaced.push(if "(,)".contains(letter) { ' ' } else { letter });
    }
    let mut words = spaced.split_whitespace();
    let attribute = |name: &str| &item[query["ExpressionAttributeNames"][name].as_str().unwrap_or(name)];
    let value = |name: Option<&str>| &query["ExpressionAttributeValues"][name.unwrap_or_default()];
    let mut holds = true;
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("and") {
            continue;
        }
        holds &= if word == "begins_with" {
            let attribute = attribute(words.next().unwrap_or_default());
            bytes(attribute).starts_with(&bytes(value(words.next())))
        } else {
            let attribute = attribute(word);
            let operator = words.next().unwrap_or_default();
            let order = compare(attribute, value(words.next()));
            match operator {
                "=" => order == Ordering::Equal,
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                ">" => order == Ordering::Greater,
                ">=" => order != Ordering::Less,
                _ => {
                    // BETWEEN :low AND :high
                    words.next();
                    order != Ordering::Less && compare(attribute, value(words.next())) != Ordering::Greater
                }
            }
        };
    }
    holds
}

/// Compares two key attributes of the same type.
fn compare(one: &Value, other: &Value) -> Ordering {
    let number = |value: &Value| value["N"].as_str().and_then(|digits| digits.parse::<f64>().ok());
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => bytes(one).cmp(&bytes(other)),
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    match (value["S"].as_str(), value["B"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (_, Some(base64)) => base64::engine::general_purpose::STANDARD.decode(base64).unwrap_or_default(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn item_is_sorted_where_its_query_finds_it() {
        let table = [
            ("pk = :p", true),
            ("#p=:p", true),
            ("pk = :q", false),
            ("pk = :p AND sk > :a", true),
            ("pk=:p and sk<:a", false),
            ("pk = :p AND begins_with(sk, :b)", true),
            ("pk = :p AND begins_with ( #s , :c )", false),
            ("pk = :p AND sk BETWEEN :a AND :c", true),
            ("pk = :p AND sk BETWEEN :c AND :d", false),
            ("sk >= :bb AND pk = :p", true),
        ];
        let schema = ["pk".to_owned(), "sk".to_owned()];
        let item = json!({ "pk": { "S": "p" }, "sk": { "S": "bb" } });
        let values = ["p", "q", "a", "b", "c", "d", "bb"].map(|text| (format!(":{text}"), json!({ "S": text })));
        for (condition, expected) in table {
            let query = json!({
                "KeyConditionExpression": condition, "ExpressionAttributeNames": { "#p": "pk", "#s": "sk" },
                "ExpressionAttributeValues": serde_json::Map::from_iter(values.clone()),
            });
            assert_eq!(belongs(&query, &schema, None, &item), expected, "{condition}");
        }
    }

    #[test]
    fn numbers_and_bytes_sort_by_their_type() {
        assert_eq!(compare(&json!({ "N": "9" }), &json!({ "N": "10" })), Ordering::Less);
        assert_eq!(compare(&json!({ "B": "AA==" }), &json!({ "B": "/w==" })), Ordering::Less);
        assert_eq!(compare(&json!({ "S": "a" }), &json!({ "S": "B" })), Ordering::Greater);
    }
}
