//! systemd under both tracers. It runs already, so strace comes to it in the midst of what it does.

use std::fs;
use std::process::{Command, Stdio};

use sigtrace_tests::harness::{run_to_end, spawn, until};

use crate::compare::Comparison;
use crate::run;
use crate::step::Step;
use crate::told::Told;

/// What systemd is told to do: units that end by themselves, by a signal of their own, when asked
/// to, and only when killed.
const ORDERS: &str = "
    run() { systemd-run --quiet --collect \"$@\"; }
    run --wait true
    run --wait sh -c 'kill -TERM $$'
    run --wait env --ignore-signal=HUP sh -c 'kill -HUP $$; trap : USR1; kill -USR1 $$'
    run --unit=oracle-1 sleep infinity
    systemctl kill --signal=STOP oracle-1; systemctl kill --signal=CONT oracle-1
    systemctl stop oracle-1
    run --unit=oracle-2 -p TimeoutStopSec=1 -p SendSIGHUP=yes sh -c 'trap \"\" TERM HUP; sleep infinity'
    systemctl stop oracle-2
    run --unit=oracle-3 -p KillMode=mixed -p ExecReload='sh -c \"kill -USR1 $MAINPID\"' sh -c 'trap : USR1; sleep infinity'
    systemctl reload oracle-3; systemctl restart oracle-3; systemctl stop oracle-3
    systemctl daemon-reload
    exit 0";

/// The numbers in the signals that begin and end what is compared: systemd sends them when told to.
const MARKS: [i64; 2] = [0x5157_0001, 0x5157_0002];

/// systemd, starting and stopping units.
pub(crate) fn systemd_that_starts_and_stops_units() {
    for mark in MARKS {
        shell(&format!("systemd-run --quiet --collect --unit=mark-{mark} sleep infinity"));
    }
    let tracer = run::start();
    let mut strace = spawn(run::strace().args(["-f", "-p", "1"]).stdin(Stdio::null()));
    let status = || fs::read_to_string("/proc/1/status").unwrap_or_default();
    let tracer_pid = format!("TracerPid:\t{}\n", strace.id());
    until("strace to be attached to systemd", || status().contains(&tracer_pid).then_some(()));
    mark(MARKS[0]);
    shell(ORDERS);
    mark(MARKS[1]);
    // SAFETY: kill touches no memory; strace has not been waited for.
    unsafe { libc::kill(strace.id().cast_signed(), libc::SIGINT) };
    strace.wait().unwrap_or_else(|error| panic!("waiting for strace: {error}"));
    let trace = run::finish(tracer);
    let (told, threads) = (Told::new(&trace.events), run::log());
    let mut comparison = Comparison::default();
    for (tid, thread) in &threads {
        let [mut left, mut right] = told.beside(*tid, thread);
        if *tid == 1 {
            (left, right) = (between_marks(left), between_marks(right));
        } else if !thread.ended() {
            // It outlived strace's interest in it.
            right.truncate(left.len());
        }
        comparison.thread(*tid, &left, &right);
    }
    let problems = run::judged("systemd", 200, &comparison);
    assert!(problems.is_empty(), "{problems}");
}

/// Has systemd send a signal that ends the unit of this mark, and waits for the unit's end.
fn mark(mark: i64) {
    shell(&format!(
        "systemctl kill --signal=RTMIN+5 --kill-value={mark} mark-{mark}; \
         while systemctl --quiet is-active mark-{mark}; do sleep 0.1; done"
    ));
}

/// Of a thread that was there before strace and goes on after it, what both saw.
fn between_marks(steps: Vec<Step<'_>>) -> Vec<Step<'_>> {
    let at = |mark| {
        let is_mark =
            |step: &Step<'_>| step.args.get("info").is_some_and(|info| info["int"] == mark);
        steps
            .iter()
            .position(is_mark)
            .unwrap_or_else(|| panic!("systemd sent no signal with {mark}"))
    };
    let [begin, end] = MARKS.map(at);
    steps[begin..=end].to_vec()
}

fn shell(script: &str) {
    let ended = run_to_end(Command::new("sh").args(["-c", script]));
    assert!(ended.status.success(), "{script}: {ended:#?}");
}
