//! The figures of one kernel.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::guest::Measured;
use crate::arch::Arch;

/// Instructions of a call, by what is called.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PerCall {
    pub(super) rt_sigprocmask: u64,
    /// Of the caller itself, with signal 0.
    pub(super) kill: u64,
    /// Of another process, with signal 0.
    pub(super) kill_another: u64,
    /// Of another process, with a signal that it ignores.
    pub(super) signal_another: u64,
    /// Of those that are traced, the one that programs rarely make.
    pub(super) rt_sigpending: u64,
    /// The control: nobody traces it.
    pub(super) getppid: u64,
}

/// What calls cost their caller.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Calls {
    /// What traces them: the program, with its arguments.
    pub(super) tracer: String,
    /// Whether that filters all of them out.
    #[serde(default)]
    pub(super) filtered: bool,
    /// What sigtrace says it probes kill by.
    #[serde(default)]
    pub(super) probe: Option<String>,
    /// What it says it probes rt_sigpending by.
    #[serde(default)]
    pub(super) probe_of_rare: Option<String>,
    /// One at a time, the tracer having dealt with the one before.
    pub(super) alone: PerCall,
    /// One after the other, the tracer's own process not running in between.
    pub(super) row: PerCall,
}

/// What the guest's clock says of a loop of so many instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Clock {
    pub(super) executed: u64,
    pub(super) counted: u64,
}

/// A tracer that could not be had, and what it said about it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Refused {
    pub(super) tracer: String,
    pub(super) why: String,
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

/// The agent's proportional share of memory, in kilobytes of 1024, and its parts.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Memory {
    pub(super) pss: u64,
    pub(super) anonymous: u64,
    pub(super) file: u64,
    /// Counted once, though it is mapped twice.
    pub(super) ring: u64,
}

/// From the agent's start until its probes are attached.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Start {
    pub(super) instructions: u64,
    /// As the agent tells them, if it does.
    pub(super) parts: Vec<Part>,
}

/// A part of the start.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) instructions: u64,
}

/// From SIGTERM to the agent's end, by the clock, in nanoseconds.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct End {
    /// Until nobody has its output open any more.
    pub(super) output_ns: u64,
    /// Until it has exited.
    pub(super) exit_ns: u64,
}

/// What became of more calls than anybody can read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Storm {
    pub(super) tracer: String,
    pub(super) calls: u64,
    pub(super) lost: u64,
    /// Printed, but the tracer missed how they ended.
    pub(super) without_result: u64,
}

/// What a signal costs who sends it, to another process, and what the life of a process costs. In instructions.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Signals {
    /// What traces them: sigtrace with its arguments, or a tool of others.
    pub(super) tracer: String,
    /// A kill with signal 0, which sends nothing.
    pub(super) kill_another: u64,
    /// A kill with a signal that is ignored.
    pub(super) signal_another: u64,
    /// From a process's fork, through an execution, to when it has been waited for.
    pub(super) life: u64,
}

/// What the agent executes for each signal of which it prints the call, the signal and its delivery.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Joined {
    /// Its options beyond that, or if it prints only one of the three.
    pub(super) options: String,
    /// Where its output goes.
    pub(super) output: String,
    /// Whether the signals come in a row, not one a millisecond.
    pub(super) in_a_row: bool,
    pub(super) signals: u64,
    /// Per signal.
    pub(super) instructions: u64,
}

/// The agent's memory where it knows many processes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Processes {
    /// How they came to be: `forked`, or `executed`.
    pub(super) how: String,
    /// How many it knows.
    pub(super) processes: u64,
    #[serde(flatten)]
    pub(super) memory: Memory,
}

/// Everything that was measured on a kernel.
#[derive(Clone, Debug)]
pub(super) struct Results {
    pub(super) arch: Arch,
    /// Its release.
    pub(super) kernel: String,
    pub(super) date: String,
    /// Of the guest that counts instructions.
    pub(super) clock: Clock,
    /// In the order of measuring.
    pub(super) calls: Vec<Calls>,
    /// Each once.
    pub(super) refused: Vec<Refused>,
    /// Programs of others that there are no figures of, as the guest did not have them; each once.
    pub(super) absent: Vec<String>,
    pub(super) work: Vec<Work>,
    pub(super) memory: Option<Memory>,
    pub(super) start: Option<Start>,
    pub(super) end: Option<End>,
    pub(super) storms: Vec<Storm>,
    /// In the order of measuring.
    pub(super) signals: Vec<Signals>,
    pub(super) joined: Vec<Joined>,
    pub(super) processes: Vec<Processes>,
}

/// A line from a guest.
#[derive(Debug, Deserialize)]
#[serde(tag = "measure", rename_all = "lowercase")]
enum Line {
    Clock(Clock),
    Calls(Calls),
    Absent { program: String },
    Refused(Refused),
    Work(Work),
    Memory(Memory),
    Start(Start),
    End(End),
    Storm(Storm),
    Signals(Signals),
    Joined(Joined),
    Processes(Processes),
}

impl Results {
    /// The figures that the guests printed.
    pub(super) fn new(measured: &Measured, date: &str) -> Result<Self> {
        let (mut calls, mut work, mut storms) = (Vec::new(), Vec::new(), Vec::new());
        let mut refused: Vec<Refused> = Vec::new();
        let (mut signals, mut joined, mut processes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut clock, mut memory, mut start, mut end) = (None, None, None, None);
        let mut absent = Vec::new();
        for line in measured.lines.lines().filter(|line| !line.is_empty()) {
            let parsed = serde_json::from_str(line);
            match parsed.with_context(|| format!("the guest's line {line}"))? {
                Line::Clock(figures) => clock = Some(figures),
                Line::Calls(figures) => calls.push(figures),
                Line::Absent { program } if absent.contains(&program) => {}
                Line::Absent { program } => absent.push(program),
                Line::Refused(new) if refused.iter().any(|old| old.tracer == new.tracer) => {}
                Line::Refused(new) => refused.push(new),
                Line::Work(figures) => work.push(figures),
                Line::Memory(figures) => memory = Some(figures),
                Line::Start(figures) => start = Some(figures),
                Line::End(figures) => end = Some(figures),
                Line::Storm(figures) => storms.push(figures),
                Line::Signals(figures) => signals.push(figures),
                Line::Joined(figures) => joined.push(figures),
                Line::Processes(figures) => processes.push(figures),
            }
        }
        let missing = |what| format!("the guests measured no {what}:\n{}", measured.lines);
        for (what, part, is_there) in [
            ("memory", "work", memory.is_some()),
            ("start", "start", start.is_some()),
            ("end", "end", end.is_some()),
        ] {
            ensure!(is_there || !measured.parts.contains(&part), missing(what));
        }
        ensure!(
            absent.is_empty() || !measured.others,
            "the root image lacks {}",
            absent.join(", ")
        );
        Ok(Self {
            arch: measured.arch,
            clock: clock.with_context(|| missing("clock"))?,
            absent,
            kernel: measured.kernel.clone(),
            date: date.to_owned(),
            calls,
            refused,
            work,
            memory,
            start,
            end,
            storms,
            signals,
            joined,
            processes,
        })
    }

    /// The figures of calls under `tracer`, unless that could not be had.
    pub(super) fn find(&self, tracer: &str) -> Option<&Calls> {
        self.calls.iter().find(|calls| calls.tracer == tracer)
    }

    /// The figures of calls under `tracer`.
    pub(super) fn calls(&self, tracer: &str) -> Result<&Calls> {
        self.find(tracer).with_context(|| format!("no calls were measured: {tracer}"))
    }

    /// What signals cost under `tracer`, unless that could not be had.
    pub(super) fn signals(&self, tracer: &str) -> Option<&Signals> {
        self.signals.iter().find(|signals| signals.tracer == tracer)
    }

    /// The work of a tracer for events in a row, or one a millisecond.
    pub(super) fn work<'a>(
        &'a self,
        tracer: &'a str,
        in_a_row: bool,
    ) -> impl Iterator<Item = &'a Work> {
        self.work.iter().filter(move |work| work.tracer == tracer && work.in_a_row == in_a_row)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const LINES: &str = r#"
{"measure":"clock","executed":20000,"counted":20000}
{"measure":"start","instructions":801359907,"parts":[{"name":"parse","instructions":1250000},{"name":"attach","instructions":700049999}]}
{"measure":"calls","tracer":"untraced","alone":{"rt_sigprocmask":350,"kill":1050,"kill_another":1060,"signal_another":1600,"rt_sigpending":360,"getppid":340},"row":{"rt_sigprocmask":351,"kill":1051,"kill_another":1061,"signal_another":1601,"rt_sigpending":361,"getppid":341}}
{"measure":"calls","tracer":"empty","alone":{"rt_sigprocmask":1200,"kill":2000,"kill_another":2010,"signal_another":2550,"rt_sigpending":1210,"getppid":340},"row":{"rt_sigprocmask":1201,"kill":2001,"kill_another":2011,"signal_another":2551,"rt_sigpending":1211,"getppid":341}}
{"measure":"calls","tracer":"sigtrace","filtered":false,"probe":"kprobe","alone":{"rt_sigprocmask":1850,"kill":2301,"kill_another":2310,"signal_another":2850,"rt_sigpending":1860,"getppid":340},"row":{"rt_sigprocmask":1851,"kill":2301,"kill_another":2311,"signal_another":2851,"rt_sigpending":1861,"getppid":341}}
{"measure":"calls","tracer":"sigtrace --uid 4242","filtered":true,"probe":"kprobe","alone":{"rt_sigprocmask":900,"kill":1400,"kill_another":1410,"signal_another":1950,"rt_sigpending":910,"getppid":340},"row":{"rt_sigprocmask":901,"kill":1401,"kill_another":1411,"signal_another":1951,"rt_sigpending":911,"getppid":341}}
{"measure":"calls","tracer":"sigtrace --comm nosuch","filtered":true,"probe":"kprobe","alone":{"rt_sigprocmask":1001,"kill":1500,"kill_another":1510,"signal_another":2050,"rt_sigpending":1011,"getppid":340},"row":{"rt_sigprocmask":1002,"kill":1501,"kill_another":1511,"signal_another":2051,"rt_sigpending":1012,"getppid":341}}
{"measure":"calls","tracer":"sigtrace --pid 1","filtered":true,"probe":"kprobe","alone":{"rt_sigprocmask":1030,"kill":1900,"kill_another":1540,"signal_another":2450,"rt_sigpending":1040,"getppid":340},"row":{"rt_sigprocmask":1031,"kill":1901,"kill_another":1541,"signal_another":2451,"rt_sigpending":1041,"getppid":341}}
{"measure":"calls","tracer":"sigtrace --signal TERM","filtered":true,"probe":"kprobe","alone":{"rt_sigprocmask":1900,"kill":2600,"kill_another":2610,"signal_another":3150,"rt_sigpending":1910,"getppid":340},"row":{"rt_sigprocmask":1901,"kill":2601,"kill_another":2611,"signal_another":3151,"rt_sigpending":1911,"getppid":341}}
{"measure":"calls","tracer":"sigtrace --probe fentry","filtered":false,"probe":"fentry","alone":{"rt_sigprocmask":1430,"kill":1900,"kill_another":1910,"signal_another":2450,"rt_sigpending":1440,"getppid":340},"row":{"rt_sigprocmask":1431,"kill":1901,"kill_another":1911,"signal_another":2451,"rt_sigpending":1441,"getppid":341}}
{"measure":"refused","tracer":"sigtrace --probe kprobe.multi","why":"error: invalid value 'kprobe.multi' for '--probe <PROBE>'"}
{"measure":"calls","tracer":"bpftrace","alone":{"rt_sigprocmask":5350,"kill":6050,"kill_another":6060,"signal_another":6600,"rt_sigpending":5360,"getppid":340},"row":{"rt_sigprocmask":2900,"kill":3600,"kill_another":3610,"signal_another":4150,"rt_sigpending":2910,"getppid":341}}
{"measure":"calls","tracer":"strace","alone":{"rt_sigprocmask":50350,"kill":41050,"kill_another":41060,"signal_another":41600,"rt_sigpending":50360,"getppid":500},"row":{"rt_sigprocmask":50351,"kill":41051,"kill_another":41061,"signal_another":41601,"rt_sigpending":50361,"getppid":501}}
{"measure":"work","tracer":"sigtrace","output":"/dev/null","in_a_row":true,"events":100000,"instructions":2675}
{"measure":"memory","pss":8600,"anonymous":1100,"file":3402,"ring":4098}
{"measure":"work","tracer":"sigtrace","output":"a pipe","in_a_row":true,"events":100000,"instructions":3001}
{"measure":"work","tracer":"sigtrace","output":"a file","in_a_row":false,"events":1000,"instructions":5000}
{"measure":"work","tracer":"bpftrace","output":"a file","in_a_row":false,"events":1000,"instructions":19022}
{"measure":"end","output_ns":299400000,"exit_ns":4300000000}
{"measure":"storm","tracer":"sigtrace","calls":200000,"lost":0,"without_result":1234}
{"measure":"storm","tracer":"bpftrace","calls":200000,"lost":151234,"without_result":0}
{"measure":"signals","tracer":"untraced","kill_another":1060,"signal_another":1600,"life":500000}
{"measure":"signals","tracer":"sigtrace --syscall kill","kill_another":2310,"signal_another":2851,"life":500000}
{"measure":"signals","tracer":"sigtrace --events exit","kill_another":1060,"signal_another":1600,"life":502000}
{"measure":"signals","tracer":"sigtrace --events generate","kill_another":1060,"signal_another":2501,"life":499999}
{"measure":"signals","tracer":"sigtrace who","kill_another":1060,"signal_another":2520,"life":512345}
{"measure":"signals","tracer":"bpftrace","kill_another":1060,"signal_another":5204,"life":500100}
{"measure":"signals","tracer":"sigsnoop","kill_another":1060,"signal_another":2501,"life":500000}
{"measure":"joined","options":"","output":"/dev/null","in_a_row":true,"signals":20000,"instructions":5800}
{"measure":"joined","options":"","output":"a pipe","in_a_row":true,"signals":20000,"instructions":6001}
{"measure":"joined","options":"","output":"a file","in_a_row":false,"signals":1000,"instructions":9000}
{"measure":"joined","options":"--context full","output":"/dev/null","in_a_row":true,"signals":20000,"instructions":7000}
{"measure":"processes","how":"forked","processes":10050,"pss":10000,"anonymous":3000,"file":2902,"ring":4098}
{"measure":"processes","how":"executed","processes":20050,"pss":23500,"anonymous":16500,"file":2902,"ring":4098}
"#;

    /// What guests might say.
    pub(crate) fn sample() -> Results {
        of(LINES)
    }

    /// What they might say where bpftrace does not attach.
    pub(crate) fn sample_without_bpftrace() -> Results {
        let refused = r#"{"measure":"refused","tracer":"bpftrace","why":"ERROR: `kill` <gone>"}"#;
        let without = LINES
            .lines()
            .map(|line| if line.contains(r#""tracer":"bpftrace""#) { refused } else { line })
            .filter(|line| !line.contains("sigsnoop"));
        of(&without.collect::<Vec<_>>().join("\n"))
    }

    /// What a guest of aarch64 might say, which has no root image and is not measured by the clock.
    pub(crate) fn sample_of_aarch64() -> Results {
        let lines = without_others(&[r#""end""#, r#""storm""#, r#""processes""#]);
        let parts = &["start", "calls", "work", "signals", "joined"];
        Results::new(&measured(Arch::Aarch64, parts, false, lines), "2026-11-21").unwrap()
    }

    /// What one of x86_64 might that measures calls only.
    pub(crate) fn sample_of_calls() -> Results {
        let but_calls =
            ["start", "work", "memory", "end", "storm", "signals", "joined", "processes"];
        let lines = without_others(&but_calls.map(|measure| format!(r#""measure":"{measure}""#)));
        let measured = measured(Arch::X86_64, &["calls"], false, lines);
        Results::new(&measured, "2026-11-21").unwrap()
    }

    /// The lines of a guest without root image, and without those that contain one of these.
    fn without_others(texts: &[impl AsRef<str>]) -> String {
        let absent = |program| format!(r#"{{"measure":"absent","program":"{program}"}}"#);
        let tracers =
            ["bpftrace", "strace", "sigsnoop"].map(|name| format!(r#""tracer":"{name}""#));
        let is_there = |line: &&str| {
            let named = texts.iter().any(|text| line.contains(text.as_ref()));
            !named && !tracers.iter().any(|tracer| line.contains(tracer))
        };
        let lines = LINES.lines().filter(is_there).map(str::to_owned);
        lines.chain(["bpftrace", "strace", "bpftrace"].map(absent)).collect::<Vec<_>>().join("\n")
    }

    fn measured(
        arch: Arch,
        parts: &[&'static str],
        others: bool,
        lines: impl Into<String>,
    ) -> Measured {
        let parts = parts.to_vec();
        Measured { arch, parts, others, kernel: "6.12.1".into(), lines: lines.into() }
    }

    /// Everything, in guests with a root image.
    fn all(lines: &str) -> Measured {
        let parts = ["start", "calls", "work", "signals", "joined", "processes", "end", "storm"];
        measured(Arch::X86_64, &parts, true, lines)
    }

    fn of(lines: &str) -> Results {
        Results::new(&all(lines), "2026-11-21").unwrap()
    }

    #[test]
    fn lines_become_figures() {
        let results = sample();
        assert_eq!(results.calls("bpftrace").unwrap().row.kill, 3600);
        assert_eq!(results.find("sigtrace").unwrap().probe.as_deref(), Some("kprobe"));
        assert!(results.calls("ftrace").is_err());
        let filtered = results.calls.iter().filter(|calls| calls.filtered);
        assert_eq!(
            filtered.map(|calls| calls.tracer.as_str()).collect::<Vec<_>>(),
            [
                "sigtrace --uid 4242",
                "sigtrace --comm nosuch",
                "sigtrace --pid 1",
                "sigtrace --signal TERM"
            ]
        );
        let in_a_row = results.work("sigtrace", true).map(|work| work.instructions);
        assert_eq!(in_a_row.collect::<Vec<_>>(), [2675, 3001]);
        let parts = results
            .start
            .as_ref()
            .unwrap()
            .parts
            .iter()
            .map(|part| (&part.name[..], part.instructions));
        assert_eq!(parts.collect::<Vec<_>>(), [("parse", 1_250_000), ("attach", 700_049_999)]);
        let pss = results.memory.as_ref().map(|memory| memory.pss);
        let exit_ns = results.end.as_ref().map(|end| end.exit_ns);
        assert_eq!((pss, exit_ns), (Some(8600), Some(4_300_000_000)));
        assert_eq!(results.storms.iter().map(|storm| storm.lost).collect::<Vec<_>>(), [0, 151_234]);
        assert_eq!(results.signals("sigtrace who").map(|signals| signals.life), Some(512_345));
        assert!(results.signals("strace").is_none());
        assert_eq!(results.joined[1].instructions, 6001);
        let many = &results.processes[1];
        assert_eq!((&many.how[..], many.processes, many.memory.pss), ("executed", 20_050, 23_500));
    }

    #[test]
    fn a_tracer_is_refused_once() {
        let why = "ERROR: `kill` <gone>".to_owned();
        let refused = &sample_without_bpftrace().refused;
        assert_eq!(refused.len(), 2);
        assert_eq!(refused[1], Refused { tracer: "bpftrace".into(), why });
    }

    #[test]
    fn what_is_not_measured_is_not_there() {
        let results = sample_of_aarch64();
        assert_eq!(results.absent, ["bpftrace", "strace"]);
        assert!(results.end.is_none() && results.memory.is_some() && results.start.is_some());
        let counts = [results.storms.len(), results.processes.len(), results.joined.len()];
        assert_eq!(counts, [0, 0, 4]);
        let results = sample_of_calls();
        assert!(results.end.is_none() && results.memory.is_none() && results.start.is_none());
        assert!(results.find("sigtrace").is_some() && results.find("strace").is_none());
        let clock = Clock { executed: 20_000, counted: 20_000 };
        assert_eq!(results.clock, clock);
    }

    #[test]
    fn a_root_image_without_the_others_is_an_error() {
        let absent = r#"{"measure":"absent","program":"sigsnoop-libbpf"}"#;
        let error = Results::new(&all(&format!("{LINES}{absent}\n")), "2026-11-21").unwrap_err();
        assert_eq!(error.to_string(), "the root image lacks sigsnoop-libbpf");
    }

    #[test]
    fn a_guest_that_stops_half_way_is_an_error() {
        for missing in ["clock", "memory", "start", "end"] {
            let line = format!(r#"{{"measure":"{missing}""#);
            let lines = LINES.lines().filter(|other| !other.starts_with(&line));
            let lines = lines.collect::<Vec<_>>().join("\n");
            let error = Results::new(&all(&lines), "2026-11-21").unwrap_err().to_string();
            assert!(error.starts_with(&format!("the guests measured no {missing}:")), "{error}");
        }
    }
}
