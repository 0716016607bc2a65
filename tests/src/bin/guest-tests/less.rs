//! Kernels that have less: without types of their own, trace points, control groups, debugfs. What there is none of in
//! Debian's kernels is hidden by a mount.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::ptr;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Puppet, Streaming, Test, Trace, command, run_to_end};
use sigtrace_tests::kernel::{Kernel, control_groups};
use sigtrace_tests::tests;

use crate::scene::foreseeable;

/// All of them.
pub const TESTS: &[Test] = tests![
    without_btf_there_are_pairs_and_a_warning,
    without_btf_trampolines_are_refused,
    without_btf_calls_that_change_the_mask_are_selected_by_the_set_that_they_name,
    without_btf_targets_are_selected_by_their_number_only,
    without_btf_ends_of_processes_are_refused,
    without_trace_points_calls_are_told_of_and_processes_cannot_be_selected,
    without_control_groups_of_version_2_calls_are_told_of_and_none_can_be_selected,
    without_debugfs_a_variable_of_the_kernel_says_how_it_preempts_itself,
    a_kernel_of_which_nobody_knows_how_it_preempts_itself_is_taken_to_do_so,
    the_doctor_names_what_the_kernel_would_have_to_be_built_with,
];

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

/// A sigtrace of this command tells of a kill, whole; all that it printed.
#[track_caller]
pub(crate) fn assert_tells_of_a_kill(command: Command) -> Trace {
    let mut sent = Value::Null;
    let trace = trace_by(command, || sent = Puppet::start().call("kill 2147483634 15"));
    let got: Vec<_> =
        trace.calls().filter(|call| call["tid"] == sent["tid"]).map(foreseeable).collect();
    assert_eq!(got, [foreseeable(&sent)]);
    trace
}

/// sigtrace on a machine whose kernel does not tell its types.
pub(crate) fn without_btf(args: &[&str]) -> Command {
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
                    with CONFIG_DEBUG_INFO_BTF; --btf FILE can supply it; --events syscall does without\n";
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
             CONFIG_DEBUG_INFO_BTF; --btf FILE can supply it; --target PID does without",
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
    assert_tells_of_a_kill(without_trace_points(&["-s", "kill", "--stats"]));
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
             hierarchy, which is not mounted; mount it with `mount -t cgroup2 cgroup2 /sys/fs/cgroup`\n"
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
        "ok       debugfs: not readable, and not needed to know how the kernel preempts itself";
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
    assert_tells_of_a_kill(without_debugfs_and_symbols(&["-s", "kill,pause", "--stats"]));
}

fn the_doctor_names_what_the_kernel_would_have_to_be_built_with() {
    let told = condition(without_btf(&["doctor"]), "BTF");
    let expected =
        "lacking  BTF: not available: no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF); ";
    assert!(told.starts_with(expected), "{told}");
    let kernel = Kernel::running();
    for (name, mechanism, option) in [
        ("fprobe", "kprobe.multi", "CONFIG_FPROBE"),
        ("trampolines", "fentry", "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"),
    ] {
        let told = condition(command(&["doctor"]), name);
        assert_eq!(told.contains(option), !kernel.has_mechanism(mechanism), "{name}: {told}");
    }
}
