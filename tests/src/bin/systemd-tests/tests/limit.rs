//! What a flood may leave in the journal, which has the logs of others, too.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use crate::service::Service;
use crate::workload::{Sleeper, Storm, kill};
use crate::{journal, wait};

super::trials![
    a_flood_leaves_no_more_in_the_journal_than_the_limit_of_the_unit,
    arguments_replace_the_limit_of_the_unit,
];

/// Bytes a second, as docs/service.md has it, and what can be written at once.
const LIMIT: u64 = 16 << 10;
const BURST: u64 = 30 * LIMIT;
/// How long the storm goes on once it has had its burst.
const WATCHED: Duration = Duration::from_secs(5);

fn a_flood_leaves_no_more_in_the_journal_than_the_limit_of_the_unit() -> Result<()> {
    let (service, begun) = (Service::as_shipped()?, Instant::now());
    service.start()?;
    let storm = Storm::start()?;
    wait::until("the storm is over the limit", || Ok((limited()? > 0).then_some(())))?;
    std::thread::sleep(WATCHED);
    let sent = storm.sent();
    service.stop()?;
    let took = begun.elapsed();
    drop(storm);
    let stats = wait::until("the accounting is there", journal::stats)?;
    let (calls, bytes) = (journal::events()?.len() as u64, journal::bytes_of_events()?);
    assert_eq!(sum(&stats["printed"]), calls, "{stats}");
    // Others send signals, too.
    let merged = stats["merged"].as_u64().unwrap_or_default();
    assert!(calls + merged + sum(&stats["lost"]) >= sent, "{sent} were sent: {stats}");
    assert_eq!(stats["lost"]["rate_limited"].as_u64(), Some(limited()?), "{stats}");
    let (line, at_limit) = (bytes / calls, LIMIT * took.as_millis() as u64 / 1000);
    assert!(sent * line > 2 * (BURST + at_limit), "{sent} signals are no flood");
    // The last line may be beyond the limit.
    let most = BURST + at_limit + 2 * line;
    assert!((BURST..=most).contains(&bytes), "{bytes} of {most} bytes in {took:?}");
    Ok(())
}

fn arguments_replace_the_limit_of_the_unit() -> Result<()> {
    let service = Service::with_args("--syscall kill --max-output-rate 1")?;
    service.start()?;
    let sleeper = Sleeper::start()?;
    for _ in 0..10 {
        kill(sleeper.pid(), libc::SIGURG)?;
    }
    service.stop()?;
    let stats = wait::until("the accounting is there", journal::stats)?;
    let printed = sum(&stats["printed"]);
    assert_eq!((journal::events()?.len() as u64, printed), (1, 1), "{stats}");
    assert!(stats["lost"]["rate_limited"].as_u64() >= Some(9), "{stats}");
    Ok(())
}

/// How many calls were told of as lost to the limit, all `lost` events together.
fn limited() -> Result<u64> {
    let lost = journal::losses()?;
    Ok(lost.iter().filter_map(|event| event["rate_limited"].as_u64()).sum())
}

fn sum(counts: &Value) -> u64 {
    let counts = counts.as_object().into_iter().flat_map(|counts| counts.values());
    counts.filter_map(Value::as_u64).sum()
}
