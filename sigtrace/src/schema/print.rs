//! JSON for people: what fits in a line is on one line.

use serde_json::Value;

const WIDTH: usize = 100;

/// The text of a value.
pub(super) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, 0, &mut text);
    text
}

/// Writes a value that begins in this column, within lines that begin in that of `indent`.
fn write(value: &Value, indent: usize, column: usize, out: &mut String) {
    let line = line(value);
    // A comma may follow.
    if column + line.len() < WIDTH {
        return out.push_str(&line);
    }
    let inner = indent + 2;
    let next = format!("\n{:inner$}", "");
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                let begun = out.len() - out.rfind('\n').map_or(0, |end| end + 1);
                if index > 0 && is_plain(item) && begun + self::line(item).len() + 1 < WIDTH {
                    out.push(' ');
                } else {
                    out.push_str(&next);
                }
                write(item, inner, inner, out);
            }
            out.push_str(&format!("\n{:indent$}]", ""));
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                let key = format!("{}: ", Value::from(key.as_str()));
                out.push_str(&next);
                out.push_str(&key);
                write(member, inner, inner + key.len(), out);
            }
            out.push_str(&format!("\n{:indent$}}}", ""));
        }
        _ => out.push_str(&line),
    }
}

/// All of a value on one line.
fn line(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", join(items.iter().map(line).collect())),
        Value::Object(members) if !members.is_empty() => {
            let member = |(key, member): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), line(member))
            };
            format!("{{ {} }}", join(members.iter().map(member).collect()))
        }
        plain => plain.to_string(),
    }
}

/// Whether a value has no parts.
fn is_plain(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_in_a_line_is_on_one() {
        let value = json!({ "a": [1, null], "b": {}, "c": "\"" });
        assert_eq!(pretty(&value), r#"{ "a": [1, null], "b": {}, "c": "\"" }"#);
    }

    #[test]
    fn what_does_not_is_taken_apart() {
        let (name, names) = ("x".repeat(30), vec!["y".repeat(30); 4]);
        let text = pretty(&json!({ "a": name, "b": names, "c": [{ "d": 1 }] }));
        let [x, y] = ["x", "y"].map(|letter| letter.repeat(30));
        assert_eq!(
            text,
            format!(
                "{{\n  \"a\": \"{x}\",\n  \"b\": [\n    \"{y}\", \"{y}\",\n    \"{y}\", \
                 \"{y}\"\n  ],\n  \"c\": [{{ \"d\": 1 }}]\n}}"
            )
        );
    }

    #[test]
    fn nothing_is_lost() {
        let document = super::super::document();
        let again: Value = serde_json::from_str(&pretty(&document)).unwrap();
        assert_eq!(again, document);
    }
}
