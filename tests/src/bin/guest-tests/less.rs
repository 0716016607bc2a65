//! Kernels that have less: without types of their own, trace points, control groups, debugfs. What there is none of in
//! Debian's kernels is hidden by a mount.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr;

use serde_json::{Map, Value, json};
use sigtrace_tests::harness::{
    Puppet, Streaming, Test, Trace, Tracer, command, perform, run_to_end, temporary,
};
use sigtrace_tests::kernel::{Kernel, control_groups};
use sigtrace_tests::tests;

use crate::calls::Traced;
use crate::scene::foreseeable;

/// All of them.
pub const TESTS: &[Test] = tests![
    without_btf_there_are_pairs_and_a_warning,
    without_btf_trampolines_are_refused,
    without_btf_calls_that_change_the_mask_are_selected_by_the_set_that_they_name,
    without_btf_targets_are_selected_by_their_number_only,
    without_btf_ends_of_processes_are_refused,
    types_in_a_file_tell_the_same_of_every_call,
    types_in_a_file_tell_who_killed_whom,
    types_in_a_file_are_used_though_the_kernel_has_its_own_and_that_is_said,
    types_that_are_not_those_of_the_kernel_are_refused,
    types_in_a_file_make_no_trampolines,
    without_trace_points_calls_are_told_of_and_processes_cannot_be_selected,
    without_control_groups_of_version_2_calls_are_told_of_and_none_can_be_selected,
    without_debugfs_a_variable_of_the_kernel_says_how_it_preempts_itself,
    a_kernel_of_which_nobody_knows_how_it_preempts_itself_is_taken_to_do_so,
    the_doctor_names_what_the_kernel_would_have_to_be_built_with,
];

const BTF: &str = "/sys/kernel/btf/vmlinux";

/// What a sigtrace that is started by this command prints while something is done.
pub(crate) fn trace_by(mut command: Command, act: impl FnOnce()) -> Trace {
    let (reader, writer) = io::pipe().unwrap_or_else(|error| panic!("{error}"));
    let sigtrace = Streaming::start_command(command.stdout(writer).stderr(Stdio::piped()));
    // The command, too, has an end of the pipe.
    drop(command);
    act();
    sigtrace.signal(libc::SIGINT);
    let text = io::read_to_string(reader).unwrap_or_else(|error| panic!("{error}"));
    let started = sigtrace.started();
    let (status, stderr) = sigtrace.end();
    Streaming::trace(&started, &text, status, stderr)
}

/// sigtrace on a machine whose kernel does not tell its types.
fn without_btf(args: &[&str]) -> Command {
    // SAFETY: strings that end.
    with_mount(args, || unsafe { mount(c"none", c"/sys/kernel/btf", c"tmpfs", 0) })
}

/// sigtrace in a mount namespace of its own, where this is mounted, too.
pub(crate) fn with_mount(
    args: &[&str],
    mount_more: impl Fn() -> i32 + Send + Sync + 'static,
) -> Command {
    let mut command = command(args);
    let hide = move || {
        // SAFETY: strings that end; a mount namespace of the child's own.
        let done = unsafe {
            libc::unshare(libc::CLONE_NEWNS)
                | mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE)
        };
        if done | mount_more() == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: only system calls are made.
    unsafe { command.pre_exec(hide) };
    command
}

/// # Safety
///
/// As mount(2).
pub(crate) unsafe fn mount(
    source: &std::ffi::CStr,
    target: &std::ffi::CStr,
    kind: &std::ffi::CStr,
    flags: u64,
) -> i32 {
    // SAFETY: strings that end.
    unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, ptr::null()) }
}

fn without_btf_there_are_pairs_and_a_warning() {
    let mut orphan = Value::Null;
    let trace = trace_by(without_btf(&["-s", "pause,kill,read", "--stats"]), || {
        orphan = Puppet::start().call("kill 2147483634 15");
    });
    let read =
        if Kernel::running().reads_signalfds_by_iterator() { "unsupported" } else { "kprobe" };
    let expected = json!({ "kill": "kprobe", "pause": "kprobe", "read": read });
    assert_eq!(trace.stats().0["probes"], expected);
    assert!(
        trace.stderr.contains("pause: returns of sleeping callers can be missed"),
        "{}",
        trace.stderr
    );
    // Nobody says who the parent is.
    orphan["ppid"] = Value::Null;
    let got = trace.calls().find(|call| call["tid"] == orphan["tid"]).map(foreseeable);
    assert_eq!(got, Some(foreseeable(&orphan)));
}

fn without_btf_calls_that_change_the_mask_are_selected_by_the_set_that_they_name() {
    let mut puppet = Puppet::start();
    let mut named = Value::Null;
    let args = ["-s", "rt_sigprocmask", "--signal", "TERM", "--stats"];
    let trace = trace_by(without_btf(&args), || {
        puppet.call("rt_sigprocmask 0 2");
        named = puppet.call("rt_sigprocmask 0 16384");
    });
    assert_eq!(named["mask_blocked"], json!(["SIGTERM"]));
    // Nobody says what the masks are, nor who the parent is.
    for key in ["mask_blocked", "mask_unblocked", "ppid"] {
        named[key] = Value::Null;
    }
    let by_it = |call: &&Value| call["tid"] == named["tid"];
    let got: Vec<Value> = trace.calls().filter(by_it).map(foreseeable).collect();
    assert_eq!(got, [foreseeable(&named)]);
    let warning = "sigtrace: warning: /sys/kernel/btf/vmlinux does not say where masks are: --signal \
                   selects calls that change the mask by the set that they name, not by what they \
                   block or unblock\n";
    assert_eq!(trace.stderr.matches(warning).count(), 1, "{}", trace.stderr);
}

fn without_btf_trampolines_are_refused() {
    let ended = run_to_end(&mut without_btf(&["--probe", "fentry"]));
    assert_eq!(ended.status.code(), Some(1));
    let expected = "sigtrace: --probe fentry: /sys/kernel/btf/vmlinux cannot be read, which needs a \
                    kernel with CONFIG_DEBUG_INFO_BTF; --probe auto does without";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

fn without_btf_ends_of_processes_are_refused() {
    let ended = run_to_end(&mut without_btf(&["--events", "all"]));
    assert_eq!(ended.status.code(), Some(1));
    let expected = "sigtrace: --events generate: /sys/kernel/btf/vmlinux cannot be read, which needs a kernel \
                    with CONFIG_DEBUG_INFO_BTF; --btf FILE can have it instead; --events syscall does without\n";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

fn without_btf_targets_are_selected_by_their_number_only() {
    for option in
        [["--target-comm", "sh"], ["--target-uid", "0"], ["--target-cgroup", control_groups()]]
    {
        let ended = run_to_end(&mut without_btf(&option));
        assert_eq!(ended.status.code(), Some(1));
        let expected = format!(
            "sigtrace: {}: /sys/kernel/btf/vmlinux cannot be read, which needs a kernel with \
             CONFIG_DEBUG_INFO_BTF; --btf FILE can have it instead; --target PID does without",
            option[0]
        );
        assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    }
    let (mut sender, target) = (Puppet::start(), Puppet::start());
    let mut sent = Value::Null;
    let number = target.pid().to_string();
    let trace = trace_by(without_btf(&["-s", "kill", "--target", &number, "--stats"]), || {
        sent = sender.call(&format!("kill {number} {}", libc::SIGWINCH));
        sender.call(&format!("kill {} {}", sender.pid(), libc::SIGWINCH));
    });
    // Nobody says who the parent is.
    sent["ppid"] = Value::Null;
    let got: Vec<Value> = trace.calls().map(foreseeable).collect();
    assert_eq!(got, [foreseeable(&sent)]);
}

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
    traced.assert_all_told_but(&[]);
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
    let mut sent = Value::Null;
    let trace = trace_by(command(&["-s", "kill", "--btf", &file, "--stats"]), || {
        sent = Puppet::start().call("kill 2147483634 15");
    });
    assert_eq!(trace.stats().0["probes"], json!({ "kill": "kprobe" }));
    let got: Vec<_> =
        trace.calls().filter(|call| call["tid"] == sent["tid"]).map(foreseeable).collect();
    assert_eq!(got, [foreseeable(&sent)]);
    let said = "sigtrace: warning: --btf: this kernel has types of its own, /sys/kernel/btf/vmlinux, which allow for \
                more; without --btf they are used\n";
    assert_eq!(trace.stderr.matches(said).count(), 1, "{}", trace.stderr);
}

/// The message with which a file is refused, by whichever command.
#[track_caller]
fn assert_refused(file: &str, message: &str) {
    for args in [&["--btf", file][..], &["who", "--btf", file]] {
        let ended = run_to_end(&mut without_btf(args));
        let said = format!("sigtrace: --btf {file}: {message}\n");
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), said.as_str()));
    }
    let doctor = run_to_end(&mut without_btf(&["doctor", "--btf", file]));
    let said = format!(
        "missing  BTF: --btf {file}: {message}; give --btf the types of this kernel, or leave it out\n"
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
    let pid_of = "by it, task_struct.tgid of this process would be ";
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
    assert_refused(&without, "it does not say where task_struct.pid is");
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
            "sigtrace: --btf {file}: --probe {probe}: needs types of the kernel's own; --probe auto does without\n"
        );
        assert_eq!((ended.status.code(), ended.stderr), (Some(1), said));
    }
    let doctor = run_to_end(&mut without_btf(&["doctor", "--btf", &file]));
    assert_eq!(doctor.status.code(), Some(0), "{}", doctor.stdout);
    for line in [
        &format!("ok       BTF: in {file}"),
        "lacking  trampolines: not available without BTF of the kernel's own; ",
        "lacking  fprobe: not available without BTF of the kernel's own; ",
        "lacking  probes: kprobe; ",
    ] {
        assert!(
            doctor.stdout.lines().any(|said| said.starts_with(line)),
            "{line}: {}",
            doctor.stdout
        );
    }
}

/// The line about this condition that the doctor writes for sigtrace started so.
fn condition(mut doctor: Command, name: &str) -> String {
    let ended = run_to_end(&mut doctor);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stdout);
    let is_it =
        |line: &&str| line.get(9..).is_some_and(|line| line.starts_with(&format!("{name}: ")));
    let line = ended.stdout.lines().find(is_it);
    line.unwrap_or_else(|| panic!("{name}: {}", ended.stdout)).to_owned()
}

/// sigtrace on a machine without trace points.
fn without_trace_points(args: &[&str]) -> Command {
    // SAFETY: strings that end.
    with_mount(args, || unsafe {
        mount(c"none", c"/sys/kernel/tracing", c"tmpfs", 0)
            | mount(c"none", c"/sys/kernel/debug", c"tmpfs", 0)
    })
}

fn without_trace_points_calls_are_told_of_and_processes_cannot_be_selected() {
    let mut sent = Value::Null;
    let trace = trace_by(without_trace_points(&["-s", "kill", "--stats"]), || {
        sent = Puppet::start().call("kill 2147483634 15");
    });
    let got: Vec<_> =
        trace.calls().filter(|call| call["tid"] == sent["tid"]).map(foreseeable).collect();
    assert_eq!(got, [foreseeable(&sent)]);
    let ended = run_to_end(&mut without_trace_points(&["-p", "1"]));
    assert_eq!(ended.status.code(), Some(1));
    let said = "cannot find the tracepoint ";
    assert!(
        ended.stderr.contains(said) && ended.stderr.contains("`sigtrace doctor`"),
        "{}",
        ended.stderr
    );
    let told = condition(without_trace_points(&["doctor"]), "tracefs");
    let expected = "lacking  tracefs: not mounted, or not readable; --pid, --target and --follow fail; mount it with \
                    `mount -t tracefs tracefs /sys/kernel/tracing`";
    assert_eq!(told, expected);
}

/// sigtrace where there are no control groups of version 2.
fn without_cgroups(args: &[&str]) -> Command {
    // SAFETY: a string that ends.
    with_mount(args, || unsafe { libc::umount2(c"/sys/fs/cgroup".as_ptr(), libc::MNT_DETACH) })
}

fn without_control_groups_of_version_2_calls_are_told_of_and_none_can_be_selected() {
    let mut sent = Value::Null;
    let trace = trace_by(without_cgroups(&["-s", "kill", "--context", "basic", "--stats"]), || {
        sent = Puppet::start().call("kill 2147483634 15");
    });
    let got: Vec<_> = trace.calls_of("kill").filter(|call| call["tid"] == sent["tid"]).collect();
    assert_eq!(got.len(), 1, "{trace:#?}");
    assert_eq!((&got[0]["args"], &got[0]["ret"]), (&sent["args"], &sent["ret"]));
    for option in ["--cgroup", "--target-cgroup"] {
        let ended = run_to_end(&mut without_cgroups(&[option, "/sys/fs/cgroup"]));
        let said = format!(
            "sigtrace: {option}: /sys/fs/cgroup: not a control group; it takes a directory of the cgroup v2 \
             hierarchy, which is not mounted\n"
        );
        assert_eq!((ended.status.code(), ended.stderr), (Some(2), said));
    }
    let told = condition(without_cgroups(&["doctor"]), "cgroup v2");
    assert!(told.starts_with("lacking  cgroup v2: not mounted; "), "{told}");
}

/// sigtrace where debugfs is not mounted.
fn without_debugfs(args: &[&str]) -> Command {
    // SAFETY: strings that end.
    with_mount(args, || unsafe { mount(c"none", c"/sys/kernel/debug", c"tmpfs", 0) })
}

/// And where nobody says where the kernel's variables are.
fn without_debugfs_and_symbols(args: &[&str]) -> Command {
    // SAFETY: strings that end.
    with_mount(args, || unsafe {
        mount(c"none", c"/sys/kernel/debug", c"tmpfs", 0)
            | mount(c"/dev/null", c"/proc/kallsyms", c"none", libc::MS_BIND)
    })
}

fn without_debugfs_a_variable_of_the_kernel_says_how_it_preempts_itself() {
    for name in ["trampolines", "probes"] {
        let told = condition(without_debugfs(&["doctor"]), name);
        assert_eq!(told, condition(command(&["doctor"]), name));
    }
    let expected =
        "ok       debugfs: not mounted, and not needed: how the kernel preempts itself is known";
    assert_eq!(condition(without_debugfs(&["doctor"]), "debugfs"), expected);
}

fn a_kernel_of_which_nobody_knows_how_it_preempts_itself_is_taken_to_do_so() {
    let version = fs::read_to_string("/proc/sys/kernel/version").unwrap_or_default();
    let can_be_chosen = version.contains("PREEMPT_DYNAMIC");
    let told = condition(without_debugfs_and_symbols(&["doctor"]), "debugfs");
    let unknown =
        "lacking  debugfs: not mounted, or not readable; how the kernel preempts itself is unknown";
    assert_eq!(told.starts_with(unknown), can_be_chosen, "{told}");
    let told = condition(without_debugfs_and_symbols(&["doctor"]), "trampolines");
    let perhaps = "available, on a preemptible kernel (perhaps: PREEMPT_DYNAMIC); ";
    let has_trampolines = Kernel::running().has_mechanism("fentry");
    assert_eq!(told.contains(perhaps), can_be_chosen && has_trampolines, "{told}");
    let mut sent = Value::Null;
    let trace = trace_by(without_debugfs_and_symbols(&["-s", "kill,pause", "--stats"]), || {
        sent = Puppet::start().call("kill 2147483634 15");
    });
    let got: Vec<_> =
        trace.calls().filter(|call| call["tid"] == sent["tid"]).map(foreseeable).collect();
    assert_eq!(got, [foreseeable(&sent)]);
}

fn the_doctor_names_what_the_kernel_would_have_to_be_built_with() {
    let file_systems = temporary("file-systems");
    fs::write(&file_systems, "nodev\tproc\n\text4\n").unwrap_or_else(|error| panic!("{error}"));
    let file_systems = path(&file_systems);
    let without_any = move |args: &[&str]| {
        let file_systems = file_systems.clone();
        with_mount(args, move || {
            // SAFETY: strings that end.
            unsafe {
                mount(&file_systems, c"/proc/filesystems", c"none", libc::MS_BIND)
                    | mount(c"none", c"/sys/kernel/tracing", c"tmpfs", 0)
                    | mount(c"none", c"/sys/kernel/debug", c"tmpfs", 0)
                    | mount(c"none", c"/sys/kernel/btf", c"tmpfs", 0)
                    | libc::umount2(c"/sys/fs/cgroup".as_ptr(), libc::MNT_DETACH)
            }
        })
    };
    for (name, option) in [
        ("BTF", "CONFIG_DEBUG_INFO_BTF"),
        ("tracefs", "CONFIG_EVENT_TRACING"),
        ("cgroup v2", "CONFIG_CGROUPS"),
    ] {
        let told = condition(without_any(&["doctor"]), name);
        assert!(told.starts_with("lacking  ") && told.contains(option), "{name}: {told}");
    }
    let kernel = Kernel::running();
    for (name, mechanism, option) in [
        ("fprobe", "kprobe.multi", "CONFIG_FPROBE"),
        ("trampolines", "fentry", "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"),
    ] {
        let told = condition(command(&["doctor"]), name);
        assert_eq!(told.contains(option), !kernel.has_mechanism(mechanism), "{name}: {told}");
    }
}

fn path(path: &Path) -> std::ffi::CString {
    std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap_or_default()
}
