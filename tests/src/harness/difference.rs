//! How two events differ.

use std::fmt::Write as _;

use serde_json::Value;

/// One line for each place where the two differ, expected and got beside each other; nothing if
/// they are the same, the order of keys included.
pub fn difference(expected: &Value, got: &Value) -> String {
    let mut lines = String::new();
    descend("", expected, got, &mut lines);
    lines
}

fn descend(path: &str, expected: &Value, got: &Value, lines: &mut String) {
    let (Value::Object(wanted), Value::Object(present)) = (expected, got) else {
        if expected != got {
            let _ = writeln!(lines, "    {path}: expected {expected}, got {got}");
        }
        return;
    };
    let nothing = Value::from("(nothing)");
    let more: Vec<_> = present.keys().filter(|key| !wanted.contains_key(*key)).collect();
    for key in wanted.keys().chain(more.iter().copied()) {
        let (wanted, present) = (wanted.get(key), present.get(key));
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        descend(&path, wanted.unwrap_or(&nothing), present.unwrap_or(&nothing), lines);
    }
    if more.is_empty() && wanted.len() == present.len() && !wanted.keys().eq(present.keys()) {
        let _ = writeln!(lines, "    {path}: the keys are in another order");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::difference;

    #[test]
    fn the_same_has_no_difference() {
        assert_eq!(difference(&json!({"a": {"b": [1]}}), &json!({"a": {"b": [1]}})), "");
    }

    #[test]
    fn each_place_has_a_line() {
        assert_eq!(
            difference(
                &json!({"a": {"b": 1, "c": 2}, "d": 3}),
                &json!({"a": {"b": 0, "e": 2}, "d": 3})
            ),
            "    a.b: expected 1, got 0\n    a.c: expected 2, got \"(nothing)\"\n    \
             a.e: expected \"(nothing)\", got 2\n"
        );
    }

    #[test]
    fn the_order_of_keys_counts() {
        assert_eq!(
            difference(&json!({"a": {"b": 1, "c": 2}}), &json!({"a": {"c": 2, "b": 1}})),
            "    a: the keys are in another order\n"
        );
    }
}
