//! The schema that the sigtrace under test prints, and whether events fit it.

use std::sync::LazyLock;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::tracer::sigtrace;

/// Compiled once. A schema that is none fails whatever test comes first, and all after it.
static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let printed = sigtrace(&["schema"]);
    assert!(printed.status.success(), "sigtrace schema: {printed:#?}");
    let schema = serde_json::from_str(&printed.stdout)
        .unwrap_or_else(|error| panic!("the schema is no JSON: {error}"));
    jsonschema::meta::validate(&schema)
        .unwrap_or_else(|error| panic!("it is no schema: {error} in {}", error.instance_path()));
    // The faster of the engines: no pattern of ours looks around.
    let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
    options.build(&schema).unwrap_or_else(|error| panic!("the schema does not compile: {error}"))
});

/// Whether an event fits the schema, and if not, what is wrong with it and where.
pub fn fits_schema(event: &Value) -> Result<(), String> {
    let problem = |error: jsonschema::ValidationError<'_>| {
        format!("it does not fit the schema in `{}`: {error}", error.instance_path())
    };
    VALIDATOR.validate(event).map_err(problem)
}
