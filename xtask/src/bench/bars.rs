//! The bars: each figure that has something to reach, beside what that is.

use anyhow::{Context as _, Result};

use super::goals::{self, Goals, Pair};
use super::host::Decode;
use super::results::{Calls, End, PerCall, Results, Signals};

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
    /// Not there if what it is of could not be had.
    figure: Option<f64>,
    reach: Reach,
    /// Not there if it is only stated.
    bar: Option<f64>,
    decimals: usize,
}

impl Bar {
    /// Whether there is one.
    pub(super) fn is_set(&self) -> bool {
        self.bar.is_some()
    }

    /// Whether it is reached, if there is one.
    pub(super) fn is_met(&self) -> bool {
        let Some(bar) = self.bar else { return true };
        self.figure.is_some_and(|figure| match self.reach {
            Reach::AtMost => figure <= bar,
            Reach::AtLeast => figure >= bar,
        })
    }

    /// The figure as text.
    pub(super) fn figure(&self) -> String {
        match self.figure {
            Some(figure) => format!("{figure:.*}", self.decimals),
            None => "not measured".into(),
        }
    }

    /// The bar as text.
    pub(super) fn bar(&self) -> String {
        let Some(bar) = self.bar else { return "no bar".into() };
        let reach = match self.reach {
            Reach::AtMost => "at most",
            Reach::AtLeast => "at least",
        };
        format!("{reach} {bar:.*}", self.decimals)
    }
}

/// All bars of a kernel.
pub(super) fn of_kernel(results: &Results) -> Result<Vec<Bar>> {
    let goals = goals::of(results.arch, &results.kernel);
    let mut bars = Vec::new();
    for syscall in SYSCALLS {
        bars.extend(of_calls(results, &goals, syscall)?);
    }
    let getppid = |tracer| Ok::<_, anyhow::Error>(results.calls(tracer)?.alone.getppid);
    let more = getppid("sigtrace")?.abs_diff(getppid("untraced")?);
    let what = "getppid: instructions more than untraced";
    bars.push(at_most(what, more as f64, goals::UNTRACED, 0));
    bars.extend(of_signals(results, &goals));
    bars.extend(of_agent(results, &goals)?);
    bars.extend(of_agent_with_signals(results, &goals));
    if goals.stated_only {
        bars.retain(|bar| bar.figure.is_some());
    }
    Ok(bars)
}

/// The bars of the decoder, which knows no kernel.
pub(super) fn of_decoder(decode: &Decode) -> Vec<Bar> {
    let allocations = decode.allocations_per_event;
    vec![
        at_most("heap allocations per event", allocations, goals::ALLOCATIONS, 0),
        Bar {
            what: "decoding, times as fast as by way of a `serde_json::Value`".into(),
            figure: Some(decode.ratio),
            reach: Reach::AtLeast,
            bar: Some(goals::TIMES_AS_FAST),
            decimals: 1,
        },
    ]
}

/// A traced syscall.
#[derive(Clone, Copy)]
struct Syscall {
    name: &'static str,
    of: fn(&PerCall) -> u64,
    /// Of a call that has nothing to do with a process that is selected: between two others.
    of_others: fn(&PerCall) -> u64,
    goal: fn(Pair) -> f64,
}

const SYSCALLS: [Syscall; 2] = [
    Syscall {
        name: "rt_sigprocmask",
        of: |calls| calls.rt_sigprocmask,
        of_others: |calls| calls.rt_sigprocmask,
        goal: |pair| pair.rt_sigprocmask,
    },
    Syscall {
        name: "kill",
        of: |calls| calls.kill,
        of_others: |calls| calls.kill_another,
        goal: |pair| pair.kill,
    },
];

fn of_calls(results: &Results, goals: &Goals, syscall: Syscall) -> Result<Vec<Bar>> {
    let Syscall { name, of, of_others, goal } = syscall;
    let untraced = results.calls("untraced")?;
    let over = |of: fn(&PerCall) -> u64, calls: &Calls| {
        of(&calls.alone).saturating_sub(of(&untraced.alone)) as f64
    };
    let overhead = |of, tracer: &str| results.find(tracer).map(|calls| over(of, calls));
    let by_user = overhead(of, "sigtrace --uid 4242");
    let by_name = overhead(of, "sigtrace --comm nosuch");
    let by_caller = by_user.zip(by_name).map(|(user, name)| user.max(name));
    let by_process = overhead(of_others, "sigtrace --pid 1");
    let mut bars = Vec::new();
    for (what, figure, pair) in [
        ("", overhead(of, "sigtrace"), goals.auto),
        (" with `--probe fentry`", overhead(of, "sigtrace --probe fentry"), goals.fentry),
        (" of a call filtered out by user or name", by_caller, goals.by_caller),
        (" of a call filtered out by `--pid` of a third process", by_process, goals.by_process),
    ] {
        if pair.is_some() || goals.stated_only {
            let what = format!("{name}: overhead{what}");
            bars.push(Bar { what, figure, reach: Reach::AtMost, bar: pair.map(goal), decimals: 0 });
        }
    }
    let traced = over(of, results.calls("sigtrace")?);
    // A kernel that bpftrace does not attach to has nothing to be held against.
    if let Some(bpftrace) = overhead(of, "bpftrace") {
        let what = format!("{name}: overhead, times that of bpftrace");
        bars.push(at_most(what, traced / bpftrace, goal(goals::OF_BPFTRACE), 2));
    }
    // Nor has a guest without strace.
    if let Some(strace) = overhead(of, "strace") {
        let what = format!("{name}: overhead, times that of strace");
        bars.push(at_most(what, traced / strace, goals::OF_STRACE, 3));
    }
    Ok(bars)
}

/// Makes bars about this, each to be reached from below: of what, the figure, the bar and the decimals of both.
fn about(whom: &'static str) -> impl Fn(&str, Option<f64>, Option<f64>, usize) -> Bar {
    move |what, figure, bar, decimals| Bar {
        what: format!("{whom}: {what}"),
        figure,
        reach: Reach::AtMost,
        bar,
        decimals,
    }
}

/// What a signal costs who sends it.
fn of_signals(results: &Results, goals: &Goals) -> Vec<Bar> {
    let of = |tracer: &str, cost: fn(&Signals) -> u64| results.signals(tracer).map(cost);
    let more = |tracer: &str, cost: fn(&Signals) -> u64| {
        Some(of(tracer, cost)?.abs_diff(of("untraced", cost)?) as f64)
    };
    // Of a call that is traced, only what the signal costs in it.
    let signal = |signals: &Signals| signals.signal_another.saturating_sub(signals.kill_another);
    let in_call = more("sigtrace --syscall kill", signal);
    let beside = more("sigtrace --events exit", |signals| signals.signal_another);
    let not_chosen = in_call.zip(beside).map(|(call, exit)| call.max(exit));
    let told = more("sigtrace --events generate", |signals| signals.signal_another);
    let bar = about("a signal");
    let mut bars = vec![
        bar("overhead if it is not told of", not_chosen, Some(goals::UNTRACED), 0),
        bar(
            "overhead with `--events generate`",
            told,
            goals.unless_stated_only(goals::GENERATE),
            0,
        ),
    ];
    for other in ["sigsnoop", "bpftrace"] {
        // What does not attach to this kernel is nothing to be held against.
        let theirs = more(other, |signals| signals.signal_another);
        bars.extend(theirs.map(|theirs| {
            let what = format!("overhead with `--events generate`, times that of {other}");
            bar(&what, told.map(|told| told / theirs), Some(goals::OF_OTHERS), 2)
        }));
    }
    bars
}

fn of_agent_with_signals(results: &Results, goals: &Goals) -> Vec<Bar> {
    let most = |in_a_row| {
        let joined = results.joined.iter().filter(move |joined| joined.in_a_row == in_a_row);
        let joined = joined.filter(|joined| joined.options.is_empty());
        joined.map(|joined| joined.instructions).max().map(|instructions| instructions as f64)
    };
    let share = results.processes.iter().map(|processes| processes.memory.pss).max();
    let megabytes = share.map(|kilobytes| kilobytes as f64 * 1024.0 / 1e6);
    let bar = about("agent");
    let joined = goals.unless_stated_only(goals::INSTRUCTIONS_JOINED);
    let share = goals.unless_stated_only(goals::SHARE_OF_MANY_MB);
    vec![
        bar("instructions per joined signal, in a row", most(true), joined, 0),
        bar("instructions per joined signal, one a millisecond", most(false), joined, 0),
        bar("share of memory with 10,000 processes, MB", megabytes, share, 1),
    ]
}

fn of_agent(results: &Results, goals: &Goals) -> Result<Vec<Bar>> {
    let work = |in_a_row| {
        let work = results.work("sigtrace", in_a_row).map(|work| work.instructions).max();
        work.map(|work| work as f64).context("no work of the agent was measured")
    };
    let (in_a_row, alone) = (work(true)?, work(false)?);
    let share = results.memory.as_ref().map(|memory| memory.pss as f64 * 1024.0 / 1e6);
    let start = results.start.as_ref().map(|start| start.instructions as f64 / 1e6);
    let seconds = |of: fn(&End) -> u64| results.end.as_ref().map(|end| of(end) as f64 / 1e9);
    let bar = about("agent");
    let fixed = |goal| goals.unless_stated_only(goal);
    let mut bars = vec![
        bar(
            "instructions per kill event, in a row",
            Some(in_a_row),
            fixed(goals::INSTRUCTIONS_IN_A_ROW),
            0,
        ),
        bar(
            "instructions per kill event, one a millisecond",
            Some(alone),
            fixed(goals::INSTRUCTIONS_ALONE),
            0,
        ),
        bar("share of memory after 100,000 events, MB", share, fixed(goals::SHARE_MB), 1),
    ];
    if goals.start_millions.is_some() || goals.stated_only {
        let what = "million instructions from start to attached";
        bars.push(bar(what, start, goals.start_millions, 0));
    }
    let what = "seconds from SIGTERM until its output is closed";
    bars.push(bar(what, seconds(|end| end.output_ns), fixed(goals::OUTPUT_SECONDS), 2));
    if goals.exit_seconds.is_some() {
        let what = "seconds from SIGTERM until it has exited";
        bars.push(bar(what, seconds(|end| end.exit_ns), goals.exit_seconds, 2));
    }
    Ok(bars)
}

fn at_most(what: impl Into<String>, figure: f64, bar: f64, decimals: usize) -> Bar {
    Bar { what: what.into(), figure: Some(figure), reach: Reach::AtMost, bar: Some(bar), decimals }
}

#[cfg(test)]
mod tests {
    use super::super::host::tests::sample as decode;
    use super::super::results::tests::{sample, sample_of_aarch64, sample_without_bpftrace};
    use super::*;

    fn figures(bars: &[Bar]) -> Vec<(String, bool)> {
        bars.iter().map(|bar| (bar.figure(), bar.is_met())).collect()
    }

    fn all(results: &Results) -> Vec<(String, bool)> {
        figures(&of_kernel(results).unwrap())
    }

    fn expected(figures: &[(&str, bool)]) -> Vec<(String, bool)> {
        figures.iter().map(|(figure, met)| ((*figure).to_owned(), *met)).collect()
    }

    const OF_RT_SIGPROCMASK: [(&str, bool); 6] = [
        ("1500", true),
        ("1080", true),
        // The worse of both filters.
        ("651", false),
        ("680", true),
        ("0.30", true),
        ("0.030", true),
    ];
    const OF_KILL: [(&str, bool); 6] = [
        ("1251", false),
        ("850", true),
        ("450", true),
        // Between others, not of the caller itself.
        ("480", true),
        ("0.25", true),
        ("0.031", true),
    ];
    /// Of what no tracer changes, of signals that are not told of and that are, and the latter held against sigsnoop
    /// and bpftrace.
    const OF_SIGNALS: [(&str, bool); 5] =
        [("0", true), ("1", true), ("901", false), ("1.00", true), ("0.25", true)];
    const OF_THE_AGENT: [(&str, bool); 9] = [
        ("3001", false),
        ("5000", true),
        ("8.8", true),
        ("801", false),
        ("0.30", true),
        ("4.30", false),
        ("6001", false),
        ("9000", false),
        ("24.1", false),
    ];

    #[test]
    fn each_figure_is_held_against_its_bar() {
        let wanted = [&OF_RT_SIGPROCMASK[..], &OF_KILL, &OF_SIGNALS, &OF_THE_AGENT].concat();
        assert_eq!(all(&sample()), expected(&wanted));
    }

    #[test]
    fn without_bpftrace_there_is_nothing_to_hold_against() {
        let less = |figures: &[(&'static str, bool); 6]| {
            let [auto, fentry, by_caller, by_process, _, strace] = *figures;
            [auto, fentry, by_caller, by_process, strace]
        };
        let (rt_sigprocmask, kill) = (less(&OF_RT_SIGPROCMASK), less(&OF_KILL));
        let of_signals = &OF_SIGNALS[..3];
        let wanted = [&rt_sigprocmask[..], &kill, of_signals, &OF_THE_AGENT].concat();
        assert_eq!(all(&sample_without_bpftrace()), expected(&wanted));
    }

    #[test]
    fn a_figure_that_is_not_there_misses_its_bar() {
        let mut results = sample();
        results.calls.retain(|calls| calls.tracer != "sigtrace --probe fentry");
        let bars = of_kernel(&results).unwrap();
        assert_eq!(bars[1].what, "rt_sigprocmask: overhead with `--probe fentry`");
        assert_eq!(figures(&bars)[1], ("not measured".into(), false));
        results.signals.retain(|signals| signals.tracer != "sigtrace --events generate");
        let bars = of_kernel(&results).unwrap();
        let of_signals = bars.iter().filter(|bar| bar.what.contains("`--events generate`"));
        let of_signals: Vec<_> = of_signals.map(|bar| (bar.figure(), bar.is_met())).collect();
        assert_eq!(of_signals, expected(&[("not measured", false); 3]));
    }

    #[test]
    fn some_kernels_have_fewer_bars() {
        let mut results = sample();
        results.kernel = "5.10.0-32-cloud-amd64".into();
        let bars = of_kernel(&results).unwrap();
        let texts: Vec<_> = bars.iter().map(|bar| (bar.what.as_str(), bar.bar())).collect();
        let at_most = |what, bar: &str| (what, format!("at most {bar}"));
        assert_eq!(
            texts,
            [
                at_most("rt_sigprocmask: overhead", "1300"),
                at_most("rt_sigprocmask: overhead, times that of bpftrace", "0.31"),
                at_most("rt_sigprocmask: overhead, times that of strace", "0.080"),
                at_most("kill: overhead", "1050"),
                at_most("kill: overhead, times that of bpftrace", "0.28"),
                at_most("kill: overhead, times that of strace", "0.080"),
                at_most("getppid: instructions more than untraced", "1"),
                at_most("a signal: overhead if it is not told of", "1"),
                at_most("a signal: overhead with `--events generate`", "900"),
                at_most(
                    "a signal: overhead with `--events generate`, times that of sigsnoop",
                    "1.00"
                ),
                at_most(
                    "a signal: overhead with `--events generate`, times that of bpftrace",
                    "1.00"
                ),
                at_most("agent: instructions per kill event, in a row", "3000"),
                at_most("agent: instructions per kill event, one a millisecond", "5000"),
                at_most("agent: share of memory after 100,000 events, MB", "9.0"),
                at_most("agent: seconds from SIGTERM until its output is closed", "0.30"),
                at_most("agent: instructions per joined signal, in a row", "6000"),
                at_most("agent: instructions per joined signal, one a millisecond", "6000"),
                at_most("agent: share of memory with 10,000 processes, MB", "24.0"),
            ]
        );
    }

    #[test]
    fn on_aarch64_figures_are_stated_but_for_what_is_not_traced() {
        let bars = of_kernel(&sample_of_aarch64()).unwrap();
        let text = |bar: &Bar| format!("{} | {} | {}", bar.what, bar.figure(), bar.bar());
        assert_eq!(
            bars.iter().map(text).collect::<Vec<_>>(),
            [
                "rt_sigprocmask: overhead | 1500 | no bar",
                "rt_sigprocmask: overhead with `--probe fentry` | 1080 | no bar",
                "rt_sigprocmask: overhead of a call filtered out by user or name | 651 | no bar",
                "rt_sigprocmask: overhead of a call filtered out by `--pid` of a third process | \
                 680 | no bar",
                "kill: overhead | 1251 | no bar",
                "kill: overhead with `--probe fentry` | 850 | no bar",
                "kill: overhead of a call filtered out by user or name | 450 | no bar",
                "kill: overhead of a call filtered out by `--pid` of a third process | 480 | no bar",
                "getppid: instructions more than untraced | 0 | at most 1",
                "a signal: overhead if it is not told of | 1 | at most 1",
                "a signal: overhead with `--events generate` | 901 | no bar",
                "agent: instructions per kill event, in a row | 3001 | no bar",
                "agent: instructions per kill event, one a millisecond | 5000 | no bar",
                "agent: share of memory after 100,000 events, MB | 8.8 | no bar",
                "agent: million instructions from start to attached | 801 | no bar",
                "agent: instructions per joined signal, in a row | 6001 | no bar",
                "agent: instructions per joined signal, one a millisecond | 9000 | no bar",
            ]
        );
        assert!(bars.iter().all(Bar::is_met));
        assert_eq!(bars.iter().filter(|bar| bar.is_set()).count(), 2);
    }

    #[test]
    fn a_bar_is_missed_by_any_amount() {
        let mut decode = decode();
        assert_eq!(figures(&of_decoder(&decode)), expected(&[("0", true), ("4.5", true)]));
        decode.allocations_per_event = 0.001;
        decode.ratio = 3.99;
        let bars = of_decoder(&decode);
        assert_eq!(figures(&bars), expected(&[("0", false), ("4.0", false)]));
        assert_eq!(bars[1].bar(), "at least 4.0");
    }
}
