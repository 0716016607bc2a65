//! The bars: what each figure has to reach.

use anyhow::{Context as _, Result};

use super::results::{Calls, PerCall, Results};

/// Of bpftrace's overhead and of strace's, sigtrace's is at most this part.
const OF_BPFTRACE: f64 = 0.40;
const OF_STRACE: f64 = 0.08;
/// A call that is filtered out costs at most this many times one with an empty pair.
const OF_EMPTY_PAIR: f64 = 1.25;
/// What is not traced costs what it always did, give or take a measurement's last digit.
const UNTRACED: f64 = 1.0;
const INSTRUCTIONS_PER_EVENT: f64 = 8000.0;
const RESIDENT_MB: f64 = 16.0;
const START_MILLIONS: f64 = 2000.0;
const ALLOCATIONS: f64 = 0.0;
const TIMES_AS_FAST: f64 = 4.0;

/// Filters that have to read the set an rt_sigprocmask points to, and so are not cheap there.
const READS_SETS: &str = "signal";

/// Which side of the bar is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    AtMost,
    AtLeast,
}

/// A figure and what it has to reach.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    /// What the figure is of.
    pub(super) what: String,
    figure: f64,
    reach: Reach,
    bar: f64,
    decimals: usize,
}

impl Bar {
    /// Whether it is reached.
    pub(super) fn is_met(&self) -> bool {
        match self.reach {
            Reach::AtMost => self.figure <= self.bar,
            Reach::AtLeast => self.figure >= self.bar,
        }
    }

    /// The figure as text.
    pub(super) fn figure(&self) -> String {
        format!("{:.*}", self.decimals, self.figure)
    }

    /// The bar as text.
    pub(super) fn bar(&self) -> String {
        let reach = match self.reach {
            Reach::AtMost => "at most",
            Reach::AtLeast => "at least",
        };
        format!("{reach} {:.*}", self.decimals, self.bar)
    }
}

/// All bars, with the figures of `results`.
pub(super) fn all(results: &Results) -> Result<Vec<Bar>> {
    let mut bars = Vec::new();
    for syscall in SYSCALLS {
        bars.extend(of_calls(results, syscall)?);
    }
    let getppid = |tracer| Ok::<_, anyhow::Error>(results.calls(tracer)?.alone.getppid);
    let more = getppid("sigtrace")?.abs_diff(getppid("untraced")?);
    bars.push(at_most("getppid: instructions more than untraced", more as f64, UNTRACED, 0));
    bars.extend(of_agent(results)?);
    let decode = &results.decode;
    let allocations = decode.allocations_per_event;
    bars.push(at_most("heap allocations per event", allocations, ALLOCATIONS, 0));
    bars.push(Bar {
        what: "decoding, times as fast as by way of a `serde_json::Value`".into(),
        figure: decode.ratio,
        reach: Reach::AtLeast,
        bar: TIMES_AS_FAST,
        decimals: 1,
    });
    Ok(bars)
}

/// A traced syscall.
#[derive(Clone, Copy)]
struct Syscall {
    name: &'static str,
    of: fn(&PerCall) -> u64,
    has_set: bool,
}

const SYSCALLS: [Syscall; 2] = [
    Syscall { name: "rt_sigprocmask", of: |calls| calls.rt_sigprocmask, has_set: true },
    Syscall { name: "kill", of: |calls| calls.kill, has_set: false },
];

fn of_calls(results: &Results, syscall: Syscall) -> Result<Vec<Bar>> {
    let Syscall { name, of, has_set } = syscall;
    let cost = |calls: &Calls| of(&calls.alone);
    let untraced = cost(results.calls("untraced")?);
    let overhead =
        |tracer: &str| -> Result<u64> { Ok(cost(results.calls(tracer)?).saturating_sub(untraced)) };
    let traced = overhead("sigtrace")?;
    let cheap = |filter: &str| !(has_set && filter.starts_with(READS_SETS));
    let filtered = results.filtered().filter(|(filter, _)| cheap(filter));
    let filtered = filtered.map(|(_, calls)| cost(calls)).max();
    let filtered = filtered.context("no filtered calls were measured")?;
    let empty = cost(results.calls("empty")?);
    Ok(vec![
        at_most(
            format!("{name}: overhead, times that of bpftrace"),
            ratio(traced, overhead("bpftrace")?),
            OF_BPFTRACE,
            2,
        ),
        at_most(
            format!("{name}: overhead, times that of strace"),
            ratio(traced, overhead("strace")?),
            OF_STRACE,
            3,
        ),
        at_most(
            format!("{name}: a call that is filtered out, times one with an empty pair"),
            ratio(filtered, empty),
            OF_EMPTY_PAIR,
            2,
        ),
    ])
}

fn of_agent(results: &Results) -> Result<Vec<Bar>> {
    let in_a_row = results.work.iter().filter(|work| work.in_a_row && work.tracer == "sigtrace");
    let work = in_a_row.map(|work| work.instructions).max();
    let work = work.context("no work of the agent was measured")?;
    let megabytes = results.memory.all as f64 * 1024.0 / 1e6;
    let start = results.start as f64 / 1e6;
    Ok(vec![
        at_most("agent: instructions per event", work as f64, INSTRUCTIONS_PER_EVENT, 0),
        at_most("agent: MB resident after 100,000 events", megabytes, RESIDENT_MB, 1),
        at_most("agent: million instructions from start to attached", start, START_MILLIONS, 0),
    ])
}

fn at_most(what: impl Into<String>, figure: f64, bar: f64, decimals: usize) -> Bar {
    Bar { what: what.into(), figure, reach: Reach::AtMost, bar, decimals }
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::sample;
    use super::*;

    fn figures(results: &Results) -> Vec<(String, bool)> {
        all(results).unwrap().iter().map(|bar| (bar.figure(), bar.is_met())).collect()
    }

    #[test]
    fn overheads_are_compared_and_the_worst_filter_counts() {
        let figures = figures(&sample());
        let figures: Vec<_> = figures.iter().map(|(text, met)| (text.as_str(), *met)).collect();
        assert_eq!(figures[..3], [("0.40", true), ("0.040", true), ("1.20", true)]);
        // The filter by signal is the worst for kill, and left out above.
        assert_eq!(figures[3..6], [("0.40", true), ("0.050", true), ("1.30", false)]);
        assert_eq!(
            figures[6..],
            [
                ("0", true),
                ("4272", true),
                ("12.9", true),
                ("801", true),
                ("0", true),
                ("4.5", true)
            ]
        );
    }

    #[test]
    fn a_bar_is_missed_by_any_amount() {
        let mut results = sample();
        results.decode.allocations_per_event = 0.001;
        results.decode.ratio = 3.99;
        let missed: Vec<_> = all(&results).unwrap().into_iter().filter(|b| !b.is_met()).collect();
        assert_eq!(missed.len(), 3);
        assert_eq!(missed[2].bar(), "at least 4.0");
    }
}
