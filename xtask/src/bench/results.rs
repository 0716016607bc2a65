//! The figures.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::guest::Measured;

/// Instructions of a call, by syscall.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PerCall {
    pub(super) rt_sigprocmask: u64,
    pub(super) kill: u64,
    /// The control: nobody traces it.
    pub(super) getppid: u64,
}

/// What calls cost their caller.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Calls {
    /// One at a time, the tracer having dealt with the one before.
    pub(super) alone: PerCall,
    /// One after the other, the tracer's own process not running in between.
    pub(super) row: PerCall,
}

/// What a tracer's own process executes for each event, its system calls included.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Work {
    pub(super) tracer: String,
    /// Where its output goes.
    pub(super) output: String,
    /// Whether the events come in a row, not one a millisecond.
    pub(super) in_a_row: bool,
    pub(super) events: u64,
    /// Per event.
    pub(super) instructions: u64,
}

/// Resident memory of the agent, in kilobytes of 1024.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Memory {
    pub(super) all: u64,
    pub(super) anonymous: u64,
    pub(super) file: u64,
    pub(super) shared: u64,
}

/// From records to lines of JSON on this machine.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Decode {
    pub(super) events_per_second: f64,
    /// To the events a second by way of a `serde_json::Value`.
    pub(super) ratio: f64,
    pub(super) allocations_per_event: f64,
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub(super) struct Results {
    pub(super) kernel: String,
    pub(super) date: String,
    /// By what traces them, in no order.
    pub(super) calls: BTreeMap<String, Calls>,
    pub(super) work: Vec<Work>,
    pub(super) memory: Memory,
    /// Instructions from the agent's start until its probes are attached.
    pub(super) start: u64,
    pub(super) decode: Decode,
}

/// A line from the guest.
#[derive(Debug, Deserialize)]
#[serde(tag = "measure", rename_all = "lowercase")]
enum Line {
    Calls {
        tracer: String,
        #[serde(flatten)]
        calls: Calls,
    },
    Work(Work),
    Memory(Memory),
    Start {
        instructions: u64,
    },
}

impl Results {
    /// The figures from the guest and from this machine in one.
    pub(super) fn new(measured: &Measured, decode: Decode, date: &str) -> Result<Self> {
        let (mut calls, mut work) = (BTreeMap::new(), Vec::new());
        let (mut memory, mut start) = (None, None);
        for line in measured.lines.lines().filter(|line| !line.is_empty()) {
            let parsed = serde_json::from_str(line);
            match parsed.with_context(|| format!("the guest's line {line}"))? {
                Line::Calls { tracer, calls: figures } => _ = calls.insert(tracer, figures),
                Line::Work(figures) => work.push(figures),
                Line::Memory(figures) => memory = Some(figures),
                Line::Start { instructions } => start = Some(instructions),
            }
        }
        let (Some(memory), Some(start)) = (memory, start) else {
            bail!("the guest measured neither memory nor start:\n{}", measured.lines)
        };
        let (kernel, date) = (measured.kernel.clone(), date.to_owned());
        Ok(Self { kernel, date, calls, work, memory, start, decode })
    }

    /// The figures of calls under `tracer`.
    pub(super) fn calls(&self, tracer: &str) -> Result<&Calls> {
        let calls = self.calls.get(tracer);
        calls.with_context(|| format!("no calls were measured: {tracer}"))
    }

    /// Those with sigtrace attached but filtering everything out, by its arguments.
    pub(super) fn filtered(&self) -> impl Iterator<Item = (&str, &Calls)> {
        let filtered = |(name, calls)| Some((str::strip_prefix(name, "sigtrace --")?, calls));
        self.calls.iter().map(|(name, calls)| (name.as_str(), calls)).filter_map(filtered)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const LINES: &str = r#"
{"measure":"start","instructions":801359907}
{"measure":"calls","tracer":"untraced","alone":{"rt_sigprocmask":350,"kill":1050,"getppid":340},"row":{"rt_sigprocmask":351,"kill":1051,"getppid":341}}
{"measure":"calls","tracer":"empty","alone":{"rt_sigprocmask":1200,"kill":2000,"getppid":340},"row":{"rt_sigprocmask":1201,"kill":2001,"getppid":341}}
{"measure":"calls","tracer":"sigtrace","alone":{"rt_sigprocmask":2350,"kill":3050,"getppid":340},"row":{"rt_sigprocmask":2351,"kill":3051,"getppid":341}}
{"measure":"calls","tracer":"sigtrace --uid 4242","alone":{"rt_sigprocmask":1440,"kill":2400,"getppid":340},"row":{"rt_sigprocmask":1441,"kill":2401,"getppid":341}}
{"measure":"calls","tracer":"sigtrace --signal TERM","alone":{"rt_sigprocmask":1900,"kill":2600,"getppid":340},"row":{"rt_sigprocmask":1901,"kill":2601,"getppid":341}}
{"measure":"calls","tracer":"bpftrace","alone":{"rt_sigprocmask":5350,"kill":6050,"getppid":340},"row":{"rt_sigprocmask":2900,"kill":3600,"getppid":341}}
{"measure":"calls","tracer":"strace","alone":{"rt_sigprocmask":50350,"kill":41050,"getppid":500},"row":{"rt_sigprocmask":50351,"kill":41051,"getppid":501}}
{"measure":"work","tracer":"sigtrace","output":"/dev/null","in_a_row":true,"events":100000,"instructions":3675}
{"measure":"memory","all":12552,"anonymous":1064,"file":8472,"shared":3016}
{"measure":"work","tracer":"sigtrace","output":"a pipe","in_a_row":true,"events":100000,"instructions":4272}
{"measure":"work","tracer":"sigtrace","output":"a file","in_a_row":false,"events":1000,"instructions":7000}
{"measure":"work","tracer":"bpftrace","output":"a file","in_a_row":false,"events":1000,"instructions":19022}
"#;

    /// What a guest and a machine might say.
    pub(crate) fn sample() -> Results {
        let measured = Measured { kernel: "6.12.1".into(), lines: LINES.into() };
        let decode =
            Decode { events_per_second: 1_234_567.0, ratio: 4.5, allocations_per_event: 0.0 };
        Results::new(&measured, decode, "2026-11-21").unwrap()
    }

    #[test]
    fn lines_become_figures() {
        let results = sample();
        assert_eq!(results.calls("bpftrace").unwrap().row.kill, 3600);
        assert_eq!(
            results.filtered().map(|(name, _)| name).collect::<Vec<_>>(),
            ["signal TERM", "uid 4242"]
        );
        assert_eq!((results.work.len(), results.memory.file, results.start), (4, 8472, 801359907));
        assert!(results.calls("ftrace").is_err());
    }

    #[test]
    fn a_guest_that_stops_half_way_is_an_error() {
        let decode = sample().decode;
        let measured = Measured { kernel: "6.12.1".into(), lines: String::new() };
        assert!(Results::new(&measured, decode, "2026-11-21").is_err());
    }
}
