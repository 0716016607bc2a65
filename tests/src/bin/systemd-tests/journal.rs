//! What the journal has of the service.

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;
use sigtrace_tests::harness::fits_schema;

use crate::command::{output, shell};

/// Empties the journal, so that a test sees only what is its own.
pub(crate) fn empty() -> Result<()> {
    output("journalctl --sync")?;
    output("journalctl --rotate --vacuum-size=1").map(drop)
}

/// All lines.
pub(crate) fn lines() -> Result<Vec<String>> {
    output("journalctl --sync")?;
    Ok(output("journalctl -o cat -u sigtrace")?.lines().map(str::to_owned).collect())
}

/// The events of calls, in order.
pub(crate) fn events() -> Result<Vec<Value>> {
    of_kind("syscall")
}

/// The bytes of these, with the ends of their lines.
pub(crate) fn bytes_of_events() -> Result<u64> {
    let lines = lines()?;
    let events = lines.iter().filter(|line| line.starts_with(r#"{"event":"syscall""#));
    Ok(events.map(|line| line.len() as u64 + 1).sum())
}

/// The events of losses, in order.
pub(crate) fn losses() -> Result<Vec<Value>> {
    of_kind("lost")
}

/// The totals that were told of last; `None` if they have not been yet.
pub(crate) fn stats() -> Result<Option<Value>> {
    Ok(of_kind("stats")?.pop())
}

/// The events of a kind, in order. Every line that begins as JSON must be JSON that fits the schema.
fn of_kind(kind: &str) -> Result<Vec<Value>> {
    let lines = lines()?;
    let json = lines.iter().filter(|line| line.starts_with('{'));
    let parsed = json.map(|line| {
        let event = serde_json::from_str::<Value>(line);
        let event = event.with_context(|| format!("this is no JSON: {line}"))?;
        fits_schema(&event).map_err(|problem| anyhow!("{problem}: {line}"))?;
        Ok(event)
    });
    let mut events = parsed.collect::<Result<Vec<_>>>()?;
    events.retain(|event| event["event"] == kind);
    Ok(events)
}

/// What sigtrace said in the end of calls it printed; `None` if it has not yet.
pub(crate) fn accounted_events() -> Result<Option<usize>> {
    let Some(stats) = stats()? else { return Ok(None) };
    let printed = stats["printed"].as_object().context("no calls printed")?;
    let counts = printed.values().map(|count| count.as_u64().and_then(|n| usize::try_from(n).ok()));
    counts.sum::<Option<usize>>().map(Some).context("a count is no number")
}

/// The output of jq, reading the journal as the documentation has it done.
pub(crate) fn through_jq(program: &str) -> Result<String> {
    output("journalctl --sync")?;
    shell(&format!("journalctl -o cat -u sigtrace | jq {program}"))
}
