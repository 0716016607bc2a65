//! `--probe`: how each call is probed, and what that sees of those that sleep.

use std::env;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;

use serde_json::{Value, json};
use sigtrace_tests::harness::{
    Puppet, Test, Trace, Tracer, Workload, command, difference, sigtrace,
};
use sigtrace_tests::integer;
use sigtrace_tests::kernel::{self, Kernel};
use sigtrace_tests::tests;

use crate::calls::{BY_DEFAULT, BY_ONE_LINK, BY_PAIRS, BY_TRAMPOLINES};
use crate::less::{mount, trace_by, with_mount};
use crate::scene::foreseeable;
use crate::unfinished::wait_of;

/// All of them.
pub const TESTS: &[Test] = tests![
    trampolines_see_64_sleepers_return,
    auto_sees_64_sleepers_return,
    trampolines_see_500_sleepers_return,
    auto_sees_500_sleepers_return,
    sleepers_that_are_woken_together_are_all_told_of,
    auto_takes_what_loses_nothing_and_is_cheapest_where_it_counts,
    each_mechanism_is_what_is_asked_for,
    one_link_tells_the_same_of_every_call,
    pairs_tell_the_same_of_every_call,
    trampolines_tell_the_same_of_every_call,
    types_are_read_without_files_in_memory,
    a_program_that_the_verifier_refuses_costs_its_row_only,
    the_list_says_how_each_call_is_probed,
];

/// The calls in which a thread can sleep.
const SLEEPING: [&str; 7] = [
    "rt_sigtimedwait",
    "rt_sigtimedwait_time64",
    "rt_sigsuspend",
    "sigsuspend",
    "pause",
    "restart_syscall",
    "read",
];

fn trampolines_see_64_sleepers_return() {
    assert_all_return("fentry", 64);
}

fn auto_sees_64_sleepers_return() {
    assert_all_return("auto", 64);
}

fn trampolines_see_500_sleepers_return() {
    assert_all_return("fentry", 500);
}

fn auto_sees_500_sleepers_return() {
    assert_all_return("auto", 500);
}

/// Of so many threads that sleep at the same time every one is told of, whole.
#[track_caller]
fn assert_all_return(probe: &str, sleepers: usize) {
    let tracer = Tracer::start(&["-s", "rt_sigtimedwait", "--stats", "--probe", probe]);
    let workload = Workload::run_with("waiters", &[&sleepers.to_string()]);
    let trace = tracer.finish();
    assert_eq!(workload.expected.len(), sleepers);
    for expected in &workload.expected {
        let (tid, whole) = (&expected.event["tid"], Value::from(expected.event.clone()));
        let got = foreseeable(wait_of(&trace, tid));
        assert_eq!(difference(&whole, &got), "", "expected {whole}\ngot      {got}");
    }
    let stats = trace.stats();
    assert_eq!(stats.printed_of("rt_sigtimedwait"), sleepers as u64, "{}", stats.0);
    assert_eq!((stats.incomplete("return_missed"), stats.lost()), (0, 0), "{}", stats.0);
}

/// By what each call was probed in a trace of all of them.
#[track_caller]
fn probes(trace: &Trace) -> serde_json::Map<String, Value> {
    let probes = &trace.stats().0["probes"];
    let count = kernel::syscalls().len();
    assert_eq!(probes.as_object().map(serde_json::Map::len), Some(count), "{probes}");
    probes.as_object().cloned().unwrap_or_default()
}

/// Then a kernel that preempts itself skips a program now and then, which the event says.
fn sleepers_that_are_woken_together_are_all_told_of() {
    let sleepers = 100;
    let tracer = Tracer::start(&["-s", "rt_sigtimedwait", "--stats"]);
    let workload = Workload::run_with("waiters-together", &[&sleepers.to_string()]);
    let trace = tracer.finish();
    let mut missed = 0;
    for expected in &workload.expected {
        let (tid, whole) = (&expected.event["tid"], Value::from(expected.event.clone()));
        let got = foreseeable(wait_of(&trace, tid));
        if got.get("return").is_none() {
            assert_eq!(difference(&whole, &got), "", "expected {whole}\ngot      {got}");
        } else {
            assert_eq!((&got["return"], &got["ret"]), (&json!("missed"), &Value::Null), "{got}");
            missed += 1;
        }
    }
    let stats = trace.stats();
    assert_eq!(stats.printed_of("rt_sigtimedwait"), sleepers, "{}", stats.0);
    assert_eq!((stats.incomplete("return_missed"), stats.lost()), (missed, 0), "{}", stats.0);
    assert!(missed == 0 || Kernel::running().preempts(), "{missed} returns were missed");
}

fn auto_takes_what_loses_nothing_and_is_cheapest_where_it_counts() {
    for (syscall, mechanism) in probes(&BY_DEFAULT.trace) {
        assert_eq!(mechanism, Kernel::running().probe(&syscall), "{syscall}");
    }
}

fn each_mechanism_is_what_is_asked_for() {
    let pairs = probes(&BY_PAIRS.trace);
    assert!(pairs.values().all(|by| by == "kprobe"), "{pairs:?}");
    let kernel = Kernel::running();
    for (syscall, mechanism) in probes(&BY_TRAMPOLINES.trace) {
        let expected = if kernel.untyped().contains(&syscall.as_str()) {
            kernel.probe(&syscall)
        } else if syscall == "read" {
            kernel.probe("read")
        } else if is_one_that_sleeps(&syscall) {
            // The one that is cheapest.
            kernel.probe("kill")
        } else {
            "fentry"
        };
        assert_eq!(mechanism, expected, "{syscall}");
    }
    for (probe, name) in
        [("kprobe.multi", "kprobe.multi+fexit"), ("kprobe.session", "kprobe.session")]
    {
        if !kernel.has_mechanism(probe) {
            continue;
        }
        let args = ["-s", "kill,pause,read", "--probe", probe, "--stats"];
        let trace = Tracer::start(&args).finish();
        // Its program tells calls apart by their numbers, which a read from any file has.
        let read = if probe == "kprobe.multi" { "kprobe+fexit" } else { name };
        let expected = json!({ "kill": name, "pause": name, "read": read });
        assert_eq!(trace.stats().0["probes"], expected, "{probe}");
    }
}

fn one_link_tells_the_same_of_every_call() {
    let kernel = Kernel::running();
    if kernel.has_mechanism("kprobe.multi") {
        // Where threads call the same at the same time, a kernel that preempts itself skips returns.
        BY_ONE_LINK.assert_all_told_but(if kernel.preempts() { &["threads"] } else { &[] });
        assert_eq!(BY_ONE_LINK.trace.stats().lost(), 0);
    }
}

fn pairs_tell_the_same_of_every_call() {
    BY_PAIRS.assert_all_told_but(Kernel::running().workloads_without_slots());
    assert_eq!(BY_PAIRS.trace.stats().lost(), 0);
}

/// Whether a thread can sleep in this call.
fn is_one_that_sleeps(syscall: &str) -> bool {
    SLEEPING.contains(&syscall)
}

fn trampolines_tell_the_same_of_every_call() {
    // Where threads call the same at the same time, a kernel that preempts itself skips some.
    let skips = Kernel::running().preempts();
    BY_TRAMPOLINES.assert_all_told_but(if skips { &["threads"] } else { &[] });
    let stats = BY_TRAMPOLINES.trace.stats();
    let missed = integer::read::<u64>(&stats.0["lost"]["probe_missed"]).unwrap_or_default();
    assert_eq!(stats.lost(), if skips { missed } else { 0 }, "{}", stats.0);
}

/// The kernel's types are copied into one to be mapped.
fn types_are_read_without_files_in_memory() {
    let mut without = command(&["-s", "pause,kill", "--stats"]);
    // SAFETY: only system calls are made.
    unsafe { without.pre_exec(forbid_memory_files) };
    let trace = trace_by(without, || ());
    let by = |name| Kernel::running().probe(name);
    let probes = json!({ "kill": by("kill"), "pause": by("pause") });
    assert_eq!(trace.stats().0["probes"], probes);
}

/// Has memfd_create(2) fail from here on, as a sandbox may.
fn forbid_memory_files() -> io::Result<()> {
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let number = u32::try_from(libc::SYS_memfd_create).unwrap_or(u32::MAX);
    let mut filter = [
        statement((libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, 0),
        libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: 0,
            jf: 1,
            k: number,
        },
        statement(
            (libc::BPF_RET | libc::BPF_K) as u16,
            libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
        ),
        statement((libc::BPF_RET | libc::BPF_K) as u16, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: a filter that outlives the call, with its length.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            | libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The kernel's types with the names of two functions changed: one that returns nothing is in the place
/// of the other, whose result the verifier so does not let a program read.
fn types_that_lie() -> CString {
    const TYPES: &str = "/sys/kernel/btf/vmlinux";
    let [_, function, other] = REFUSED;
    let mut types = fs::read(TYPES).unwrap_or_else(|error| panic!("{TYPES}: {error}"));
    let mut rename = |old: &[u8], new: &[u8]| {
        assert_eq!(old.len(), new.len());
        let old = [b"\0", old, b"\0"].concat();
        let at = types.windows(old.len()).position(|bytes| bytes == old);
        let at = at.unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(&old))) + 1;
        types[at..at + new.len()].copy_from_slice(new);
    };
    rename(function.as_bytes(), function.replace("_sys_", "_not_").as_bytes());
    rename(other.as_bytes(), function.as_bytes());
    let path = env::temp_dir().join("types-that-lie");
    fs::write(&path, types).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    CString::new(path.into_os_string().into_encoded_bytes()).unwrap_or_default()
}

/// A call, its function, and one with a name of the same length that takes nothing and returns nothing.
#[cfg(target_arch = "x86_64")]
const REFUSED: [&str; 3] = ["ssetmask", "__ia32_sys_ssetmask", "tick_nohz_idle_exit"];
#[cfg(target_arch = "aarch64")]
const REFUSED: [&str; 3] = ["tkill", "__arm64_sys_tkill", "lru_add_drain_all"];

fn a_program_that_the_verifier_refuses_costs_its_row_only() {
    let types = types_that_lie();
    let [syscall, function, other] = REFUSED;
    let args = ["-s", &format!("{syscall},kill"), "--probe", "fentry", "--stats"];
    let with_lies = with_mount(&args, move || {
        // SAFETY: strings that end.
        unsafe { mount(&types, c"/sys/kernel/btf/vmlinux", c"none", libc::MS_BIND) }
    });
    let mut sent = Value::Null;
    let trace = trace_by(with_lies, || sent = Puppet::start().call("kill 2147483634 15"));
    assert_eq!(trace.stats().0["probes"], json!({ "kill": "fentry" }));
    let got = trace.calls().find(|call| call["tid"] == sent["tid"]).map(foreseeable);
    assert_eq!(got, Some(foreseeable(&sent)));
    let said = trace.stderr.lines().find_map(|line| {
        let said = line.strip_prefix(&format!("sigtrace: warning: not traced: {syscall}: "))?;
        let (_, said) = said.split_once(&format!("cannot probe {function}: "))?;
        said.strip_prefix("the verifier rejected the program; its log is in ")
    });
    let said = said.unwrap_or_else(|| panic!("{}", trace.stderr));
    let path = said.split(": ").next().unwrap_or_default();
    let log = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(log.contains(other), "{log}");
    fs::remove_file(path).unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn the_list_says_how_each_call_is_probed() {
    let list = sigtrace(&["list", "--format", "json"]);
    let lines = list.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let listed: serde_json::Map<_, _> = lines
        .filter_map(|line| Some((line["syscall"].as_str()?.to_owned(), line["probe"].clone())))
        .collect();
    assert_eq!(listed, probes(&BY_DEFAULT.trace));
}
