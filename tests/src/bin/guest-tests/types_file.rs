//! `--btf`: the types of a kernel that does not tell them itself, from a file.

use std::fs;

use serde_json::{Map, Value, json};
use sigtrace_tests::harness::{Test, Tracer, command, perform, run_to_end, temporary};
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::tests;

use crate::calls::Traced;
use crate::less::{assert_tells_of_a_kill, without_btf};

/// All of them.
pub const TESTS: &[Test] = tests![
    types_in_a_file_tell_the_same_of_every_call,
    types_in_a_file_tell_who_killed_whom,
    types_in_a_file_are_used_though_the_kernel_has_its_own_and_that_is_said,
    types_that_are_not_those_of_the_kernel_are_refused,
    types_in_a_file_make_no_trampolines,
];

const BTF: &str = "/sys/kernel/btf/vmlinux";

/// A copy of the kernel's types, after a change.
fn types(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = fs::read(BTF).unwrap_or_else(|error| panic!("{BTF}: {error}"));
    change(&mut bytes);
    let path = temporary("types");
    fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path.to_string_lossy().into_owned()
}

fn types_in_a_file_tell_the_same_of_every_call() {
    let file = types(|_| ());
    let args = ["--btf", &file, "--stats", "--no-check"];
    let traced = Traced::by(Tracer::start_command(&mut without_btf(&args)));
    traced.assert_all_told_but(Kernel::running().workloads_without_slots());
    let stats = traced.trace.stats();
    assert_eq!(stats.lost(), 0, "{}", stats.0);
    let by: Vec<_> = stats.0["probes"].as_object().into_iter().flat_map(Map::values).collect();
    assert!(!by.is_empty() && by.iter().all(|by| *by == "kprobe"), "{}", stats.0);
}

fn types_in_a_file_tell_who_killed_whom() {
    let file = types(|_| ());
    let tracer =
        Tracer::start_command(&mut without_btf(&["who", "--btf", &file, "--format", "json"]));
    let mut deaths = Vec::new();
    for act in ["a thread kills", "an alarm runs out", "a worker faults under its master"] {
        deaths.extend(perform(act).unwrap_or_else(|error| panic!("{error}")));
    }
    let trace = tracer.finish();
    for death in deaths {
        let exit = trace.exits().find(|exit| exit["process"]["pid"] == death.pid);
        let exit = exit.unwrap_or_else(|| panic!("{} is missing: {trace:#?}", death.pid));
        let expected: Map<_, _> = death.told.into_iter().collect();
        let got: Map<_, _> = expected
            .keys()
            .map(|at| (at.clone(), exit.pointer(at).cloned().unwrap_or("nothing".into())))
            .collect();
        assert_eq!(Value::from(got), Value::from(expected), "{exit}");
    }
}

fn types_in_a_file_are_used_though_the_kernel_has_its_own_and_that_is_said() {
    let file = types(|_| ());
    let trace = assert_tells_of_a_kill(command(&["-s", "kill", "--btf", &file, "--stats"]));
    assert_eq!(trace.stats().0["probes"], json!({ "kill": "kprobe" }));
    let said = "sigtrace: warning: --btf: this kernel has types of its own, /sys/kernel/btf/vmlinux, which also \
                allow for trampolines, kprobe.multi and kprobe.session; without --btf they are used\n";
    assert_eq!(trace.stderr.matches(said).count(), 1, "{}", trace.stderr);
}

/// What is said of every file that is refused.
const WAY_OUT: &str = "give it BTF of exactly this kernel, or leave it out";

/// The message with which a file is refused, by whichever command.
#[track_caller]
fn assert_refused(file: &str, message: &str) {
    for args in [&["--btf", file][..], &["who", "--btf", file]] {
        let ended = run_to_end(&mut without_btf(args));
        let said = format!("sigtrace: --btf {file}: {message}; {WAY_OUT}\n");
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), said.as_str()));
    }
    let doctor = run_to_end(&mut without_btf(&["doctor", "--btf", file]));
    let said = format!(
        "missing  BTF: --btf {file}: {message}; {WAY_OUT}; sigtrace does not trace by it\n"
    );
    assert!(doctor.stdout.contains(&said), "{message}: {}", doctor.stdout);
    assert_eq!(doctor.status.code(), Some(1));
}

fn types_that_are_not_those_of_the_kernel_are_refused() {
    assert_refused("/nowhere", "No such file or directory (os error 2)");
    assert_refused("/proc", "it is a directory");
    assert_refused("/dev/zero", "it is larger than 64 MiB, which no kernel's types are");
    assert_refused("/proc/version", "it is not BTF: its header is invalid");
    let truncated = types(|bytes| bytes.truncate(bytes.len() / 4));
    assert_refused(&truncated, "it is not BTF: it is too short");
    // As in a kernel of another configuration: two members have changed places.
    let other = types(|bytes| swap_names(bytes, b"comm", b"tgid"));
    let pid_of = "according to it, task_struct.tgid of this process would be ";
    let ended = run_to_end(&mut without_btf(&["--btf", &other]));
    assert!(
        ended
            .stderr
            .starts_with(&format!("sigtrace: --btf {other}: it is of another kernel: {pid_of}")),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.status.code(), Some(1));
    let without = types(|bytes| swap_names(bytes, b"real_parent", b"xxxxxxxxxxx"));
    assert_refused(&without, "it lacks the members of task_struct that say who a process is");
}

/// Calls the one what the other is called, in all types.
fn swap_names(types: &mut [u8], one: &[u8], other: &[u8]) {
    let [one, other] = [one, other].map(|name| [b"\0", name, b"\0"].concat());
    for at in 0..=types.len() - one.len() {
        let there = &mut types[at..at + one.len()];
        if there == one {
            there.copy_from_slice(&other);
        } else if there == other {
            there.copy_from_slice(&one);
        }
    }
}

fn types_in_a_file_make_no_trampolines() {
    let file = types(|_| ());
    for probe in ["fentry", "kprobe.multi", "kprobe.session"] {
        let ended = run_to_end(&mut without_btf(&["--btf", &file, "--probe", probe]));
        let said = format!(
            "sigtrace: --probe {probe}: needs types of the kernel's own, and not --btf; --probe auto does without\n"
        );
        assert_eq!((ended.status.code(), ended.stderr), (Some(1), said));
    }
    let doctor = run_to_end(&mut without_btf(&["doctor", "--btf", &file]));
    assert_eq!(doctor.status.code(), Some(0), "{}", doctor.stdout);
    for line in [
        &format!("ok       BTF: in {file}"),
        "lacking  trampolines: not used with --btf; ",
        "lacking  fprobe: not used with --btf; ",
        "lacking  probes: kprobe; ",
    ] {
        assert!(
            doctor.stdout.lines().any(|said| said.starts_with(line)),
            "{line}: {}",
            doctor.stdout
        );
    }
}
