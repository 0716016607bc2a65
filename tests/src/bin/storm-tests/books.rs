//! What a stream comes to, line by line as it comes.

use std::io::{BufRead as _, BufReader, PipeReader};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::Value;
use sigtrace_tests::integer;

/// What the stream came to.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) events: u64,
    /// Events of calls whose return was missed.
    pub(crate) missed: u64,
    /// Calls merged into other events.
    pub(crate) merged: u64,
    pub(crate) lost: u64,
    pub(crate) stats: Value,
    /// What sigtrace took, in kB.
    pub(crate) resident: u64,
}

/// How far the books are while they are kept.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The calls in them.
    calls: AtomicU64,
    /// How often they have been the same since they were another number.
    same: AtomicU64,
}

impl Progress {
    /// Whether so many calls are in them, or there are no more to come.
    pub(crate) fn is_at_rest(&self, calls: u64) -> bool {
        self.calls.load(Relaxed) >= calls || self.same.load(Relaxed) >= 50
    }

    fn note(&self, stats: &Value) {
        let [filtered, merged] =
            ["filtered", "merged"].map(|key| integer::read::<u64>(&stats[key]).unwrap_or_default());
        let calls = sum(&stats["printed"]) + filtered + merged + sum(&stats["lost"]);
        if self.calls.swap(calls, Relaxed) == calls {
            self.same.fetch_add(1, Relaxed);
        } else {
            self.same.store(0, Relaxed);
        }
    }
}

/// The sum of counts by name.
pub(crate) fn sum(counts: &Value) -> u64 {
    counts
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, count)| integer::read::<u64>(count))
        .sum()
}

/// Reads the stream: whole lines, events numbered without gaps, losses in the order of time.
pub(crate) fn read(reader: PipeReader, progress: &Progress) -> Books {
    let mut books = Books::default();
    let (mut numbered, mut last) = (0_u64, String::new());
    for line in BufReader::new(reader).lines() {
        let line = line.unwrap_or_else(|error| panic!("{error}"));
        let (call, late) =
            (line.starts_with(r#"{"event":"syscall""#), line.starts_with(r#"{"event":"return""#));
        if call || late {
            // Of most of a million it is enough to know that they are there, and whole.
            assert!(line.ends_with('}'), "{line}");
            assert!(line.contains(&format!(r#","seq":{numbered},"#)), "{line}");
            numbered += 1;
            books.missed += u64::from(line.ends_with(r#","return":"missed"}"#));
            books.events += u64::from(call);
            continue;
        }
        let event: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let time = event["time"].as_str().unwrap_or_default().to_owned();
        assert!(last <= time, "{line} comes after {last}");
        last = time;
        if event["event"] == "repeated" {
            assert_eq!(event["seq"], numbered, "{line}");
            numbered += 1;
            books.merged += integer::read::<u64>(&event["count"]).unwrap_or_default();
        } else if event["event"] == "lost" {
            let counts = event.as_object().into_iter().flatten();
            let causes = counts.filter(|(key, _)| *key != "returns" && *key != "most");
            books.lost += causes.filter_map(|(_, count)| integer::read::<u64>(count)).sum::<u64>();
        } else {
            progress.note(&event);
            books.stats = event;
        }
    }
    books
}
