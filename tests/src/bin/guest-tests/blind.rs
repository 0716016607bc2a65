//! Probes that fall silent.

use std::fs;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Test, Told, Tracer, until};
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    kprobes_that_are_switched_off_are_noticed_and_so_is_their_return,
    ftrace_that_is_switched_off_is_noticed_by_every_mechanism_and_so_is_its_return,
    ftrace_is_not_switched_off_where_the_kernel_refuses_that,
];

const DEBUGFS: &std::ffi::CStr = c"/sys/kernel/debug";
const ENABLED: &str = "/sys/kernel/debug/kprobes/enabled";

const FTRACE: &str = "/proc/sys/kernel/ftrace_enabled";
/// All of them that hang on it, on some kernel.
const MECHANISMS: [&str; 4] = ["kprobe", "kprobe.multi", "kprobe.session", "fentry"];

fn kprobes_that_are_switched_off_are_noticed_and_so_is_their_return() {
    if !fs::exists(ENABLED).unwrap_or_default() {
        let kind = c"debugfs".as_ptr();
        // SAFETY: strings that end.
        let done = unsafe { libc::mount(kind, DEBUGFS.as_ptr(), kind, 0, std::ptr::null()) };
        assert_eq!(done, 0, "mounting {DEBUGFS:?}: {}", std::io::Error::last_os_error());
    }
    let tracers = [Blinded::start("kprobe")];
    assert_noticed(tracers.into(), ENABLED, "kprobes are disabled");
}

fn ftrace_that_is_switched_off_is_noticed_by_every_mechanism_and_so_is_its_return() {
    let tracers = mechanisms().filter(|(_, refusal)| refusal.is_none());
    let tracers: Vec<_> = tracers.map(|(probe, _)| Blinded::start(probe)).collect();
    if !tracers.is_empty() {
        assert_noticed(tracers, FTRACE, "kernel.ftrace_enabled is 0");
    }
}

fn ftrace_is_not_switched_off_where_the_kernel_refuses_that() {
    for (probe, refusal) in mechanisms().filter(|(_, refusal)| refusal.is_some()) {
        let tracer = Tracer::start_checking(&["-s", "kill,tgkill", "--probe", probe]);
        let written = fs::write(FTRACE, "0").err().and_then(|error| error.raw_os_error());
        assert_eq!(written, refusal, "{probe}");
        assert_eq!(fs::read_to_string(FTRACE).ok().as_deref(), Some("1\n"), "{probe}");
        let trace = tracer.finish();
        assert!(trace.events.iter().all(|event| event["event"] != "blind"), "{:?}", trace.events);
    }
}

/// Those that the kernel has, each with the error that keeps ftrace from being switched off.
fn mechanisms() -> impl Iterator<Item = (&'static str, Option<i32>)> {
    let kernel = Kernel::running();
    let hang =
        move |probe: &&'static str| kernel.has_mechanism(probe) && kernel.hangs_on_ftrace(probe);
    MECHANISMS
        .into_iter()
        .filter(hang)
        .map(move |probe| (probe, kernel.refuses_to_switch_ftrace_off(probe)))
}

/// A sigtrace that is about to see nothing.
struct Blinded {
    tracer: Tracer,
    told: Told,
}

impl Blinded {
    fn start(probe: &str) -> Self {
        let tracer = Tracer::start_checking(&["-s", "kill,tgkill", "--probe", probe]);
        let told = tracer.told();
        Self { tracer, told }
    }
}

/// Each of them tells that it sees nothing while there is a 0 in this file, and why.
fn assert_noticed(mut tracers: Vec<Blinded>, file: &str, reason: &str) {
    let off = Off::write(file);
    let began: Vec<Value> = tracers.iter_mut().map(|one| nth(&mut one.told, 0)).collect();
    drop(off);
    for (mut one, began) in tracers.into_iter().zip(began) {
        let ended = nth(&mut one.told, 1);
        assert_told(one.tracer, &began, &ended, reason);
    }
}

/// What a sigtrace told when it began and when it was over, and on stderr.
fn assert_told(tracer: Tracer, began: &Value, ended: &Value, reason: &str) {
    let expected = json!({
        "event": "blind",
        "time": began["time"],
        "seq": began["seq"],
        "since": began["since"],
        "until": null,
        "syscalls": ["kill", "tgkill"],
        "reason": reason,
    });
    assert_eq!(*began, expected);
    let mut expected = expected;
    for key in ["time", "seq", "until"] {
        expected[key] = ended[key].clone();
    }
    assert_eq!(*ended, expected);
    let times = [&began["since"], &began["time"], &ended["until"]].map(Value::as_str);
    assert!(times.is_sorted() && times[0].is_some(), "{times:?}");
    let trace = tracer.finish();
    let silent = format!("warning: cannot see calls of kill, tgkill: {reason}");
    assert!(
        trace.stderr.contains(&silent)
            && trace.stderr.contains("warning: probes answer again: kill, tgkill"),
        "{}",
        trace.stderr
    );
}

/// What is switched off by a 0 in its file, until this goes: others are to see something whatever comes of the test.
struct Off<'a>(&'a str);

impl<'a> Off<'a> {
    fn write(file: &'a str) -> Self {
        let written = fs::write(file, "0");
        assert!(written.is_ok(), "{file}: {written:?}");
        Self(file)
    }
}

impl Drop for Off<'_> {
    fn drop(&mut self) {
        let _ = fs::write(self.0, "1");
    }
}

/// The first event, or the second, that tells of a time in which nothing could be seen.
fn nth(told: &mut Told, n: usize) -> Value {
    until("an event that tells of it", || {
        told.events().iter().filter(|event| event["event"] == "blind").nth(n).cloned()
    })
}
