//! What schemas are put together from.

use serde_json::{Map, Value, json};

use crate::{
    agent::MAX_ID,
    names::{FlagTable, errno, signal},
    output::MAX_NUMBER,
};

/// A name with its schema: a key of an object, or a definition.
pub(super) type Named = (&'static str, Value);

/// A definition, by name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A schema with what there is to say about it in front.
pub(super) fn described(text: &str, schema: Value) -> Value {
    let mut all = Map::new();
    all.insert("description".to_owned(), text.into());
    match schema {
        Value::Object(keywords) => all.extend(keywords),
        other => _ = all.insert("allOf".to_owned(), json!([other])),
    }
    all.into()
}

/// An object that has these keys, and no others.
pub(super) fn object(keys: impl IntoIterator<Item = Named>) -> Value {
    let properties: Map<String, Value> =
        keys.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    let required: Vec<Value> = properties.keys().map(|key| key.as_str().into()).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A number for each of some names.
pub(super) fn counts(names: Value) -> Value {
    json!({ "type": "object", "propertyNames": names, "additionalProperties": reference("uint64") })
}

/// One of these.
pub(super) fn any_of(schemas: impl Into<Value>) -> Value {
    json!({ "anyOf": schemas.into() })
}

/// This, or null.
pub(super) fn or_null(schema: Value) -> Value {
    any_of([schema, json!({ "type": "null" })].to_vec())
}

/// One of these names.
pub(super) fn names(names: impl IntoIterator<Item = &'static str>) -> Value {
    json!({ "enum": names.into_iter().collect::<Vec<_>>() })
}

/// One of these names, or what there is without one.
pub(super) fn names_or(known: impl IntoIterator<Item = &'static str>, number: Value) -> Value {
    any_of([names(known), number].to_vec())
}

/// A word of flags.
pub(super) fn flags(table: &FlagTable) -> Value {
    json!({
        "description": "Names of bits; bits without a name come last, as one number.",
        "type": "array",
        "items": names_or(table.0.iter().map(|(_, name)| *name), reference("address")),
        "uniqueItems": true,
        "contains": reference("address"),
        "minContains": 0,
        "maxContains": 1,
    })
}

/// A number in this range.
pub(super) fn integer(minimum: impl Into<Value>, maximum: impl Into<Value>) -> Value {
    json!({ "type": "integer", "minimum": minimum.into(), "maximum": maximum.into() })
}

/// An integer that is a number from this on as long as readers have whole numbers, and a string beyond.
fn wide(minimum: impl Into<Value>, pattern: &str) -> Value {
    any_of(vec![
        integer(minimum, MAX_NUMBER),
        json!({
            "description": "Its digits, if it has more than 53 bits.",
            "type": "string",
            "pattern": pattern,
        }),
    ])
}

/// The definitions of all this.
pub(super) fn definitions() -> impl IntoIterator<Item = Named> {
    let text = |text, pattern| json!({ "description": text, "type": "string", "pattern": pattern });
    let errors = (0..).take(usize::from(u16::MAX)).filter_map(errno::name);
    let not_read = |key, text| described(text, object([(key, reference("hex"))]));
    [
        (
            "time",
            text(
                "Wall clock, UTC, to the nanosecond.",
                "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{9}Z$",
            ),
        ),
        (
            "signal",
            described("A signal's name.", names((1..=signal::MAX).filter_map(signal::name))),
        ),
        ("error", described("An error's name.", names(errors))),
        (
            "not_read",
            any_of(vec![
                json!({ "description": "The caller gave NULL.", "type": "null" }),
                not_read(
                    "unreadable",
                    "The memory at this address could not be read, or not before the call wrote to it.",
                ),
                not_read(
                    "address",
                    "The memory at this address was not read: the size argument is wrong, or the \
                     call failed, or was not seen to return, and this is an output.",
                ),
            ]),
        ),
        (
            "address",
            text("An address, or bits, in hexadecimal; not 0.", "^0x[1-9a-f][0-9a-f]{0,15}$"),
        ),
        ("hex", text("A number in hexadecimal.", "^0x(0|[1-9a-f][0-9a-f]{0,15})$")),
        ("id", integer(0, MAX_ID)),
        ("int32", integer(i32::MIN, i32::MAX)),
        ("uint32", integer(0, u32::MAX)),
        ("int64", wide(-MAX_NUMBER.cast_signed(), "^-?[1-9][0-9]{15,18}$")),
        ("uint64", wide(0, "^[1-9][0-9]{15,19}$")),
    ]
}
