//! `-- CMD`.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use sigtrace_tests::harness::{
    Puppet, Streaming, Test, Trace, Tracer, Workload, command, run, sigtrace, temporary, until,
};
use sigtrace_tests::tests;

use crate::scene::{assert_same, foreseeable};

/// All of them.
pub const TESTS: &[Test] = tests![
    every_call_of_the_command_from_its_first_is_in_the_stream,
    what_sigtrace_does_for_the_command_is_not_counted,
    descendants_of_the_command_are_traced_and_nobody_else,
    what_is_done_to_the_command_is_in_the_stream,
    the_commands_exit_status_is_passed_on,
    who_wants_quiet_is_not_told_by_what_the_command_was_killed,
    a_command_that_cannot_be_run_is_named_and_has_the_status_of_a_shell,
    a_signal_to_sigtrace_ends_the_command,
    a_command_whose_file_does_not_come_does_not_hold_it_up,
    with_another_filter_only_what_both_keep_is_printed,
];

/// The names of the calls in a trace.
fn names(calls: &[Value]) -> Vec<&str> {
    calls.iter().filter_map(|call| call["syscall"].as_str()).collect()
}

fn every_call_of_the_command_from_its_first_is_in_the_stream() {
    // All that the program calls as it starts, and then.
    let calls = ["-s", "kill,tgkill,rt_sigaction,rt_sigprocmask,sigaltstack", "--stats"];
    let trace = run(&calls, &["/payload/workload", "kill"]);
    let stated = Workload::stated("kill", &trace.stdout);
    let stated = stated.unwrap_or_else(|error| panic!("{error}"));
    trace.assert_tells_of(&stated);
    assert_eq!(trace.status.code(), Some(0));
    // What the program's start-up does is the same whoever watches: here sigtrace itself, which has
    // been watching the whole machine since before there was that process.
    let tracer = Tracer::start(&calls);
    let workload = Workload::run("kill");
    let whole = tracer.finish();
    let by = |trace: &Trace, pid: &Value| -> Vec<Value> {
        trace.calls().filter(|call| call["pid"] == *pid).cloned().collect()
    };
    let here = by(&trace, &stated.expected[0].event["pid"]);
    let there = by(&whole, &workload.expected[0].event["pid"]);
    // Before it executes, our process resets its handlers as the other one's parent has it do.
    let there: Vec<Value> =
        there.into_iter().skip_while(|call| call["comm"] != "workload").collect();
    assert_eq!(names(&here), names(&there));
    // So there is none of sigtrace's own child before it executed the command.
    assert_eq!(here[0]["comm"], "workload");
}

fn what_sigtrace_does_for_the_command_is_not_counted() {
    // It starts threads, which blocks signals meanwhile, and its handler of SIGCHLD returns.
    let trace = run(&["-s", "rt_sigreturn,rt_sigprocmask", "--stats"], &["/bin/true"]);
    let stats = trace.stats();
    let others = (stats.printed_of("rt_sigreturn"), stats.filtered(), stats.lost());
    assert_eq!(others, (0, 0, 0), "{}", trace.stderr);
}

fn descendants_of_the_command_are_traced_and_nobody_else() {
    let mut outsider = Puppet::start();
    let script = "kill -0 1; (kill -0 2147483601; sh -c 'kill -0 2147483602; true'; true) & wait";
    let script = format!("read go; {script}");
    let mut command = command(&["-s", "kill", "--", "/bin/sh", "-c", &script]);
    let outputs = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tracer = Streaming::start_command(outputs);
    outsider.call("kill 2147483603 0");
    let went = tracer.stdin().write_all(b"\n");
    assert!(went.is_ok(), "{went:?}");
    let mut text = String::new();
    let read = tracer.stdout().read_to_string(&mut text);
    assert!(read.is_ok(), "{read:?}");
    let started = tracer.started();
    let (status, stderr) = tracer.end();
    let trace = Streaming::trace(&started, &text, status, stderr);
    let mut pids: Vec<i64> =
        trace.calls().filter_map(|call| call["args"]["pid"].as_i64()).collect();
    pids.sort_unstable();
    assert_eq!(pids, [1, 2_147_483_601, 2_147_483_602]);
    let outside = Value::from(outsider.pid());
    assert!(trace.calls().all(|call| call["pid"] != outside));
}

fn what_is_done_to_the_command_is_in_the_stream() {
    let (mut killer, mut outsider) = (Puppet::start(), Puppet::start());
    let mut command = command(&["-s", "@send", "--", "/bin/sh", "-c", "read go"]);
    let outputs = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tracer = Streaming::start_command(outputs);
    let children = format!("/proc/{0}/task/{0}/children", tracer.pid());
    let children =
        fs::read_to_string(&children).unwrap_or_else(|error| panic!("{children}: {error}"));
    let child = children.trim();
    outsider.call(&format!("kill {} 0", killer.pid()));
    let expected =
        [killer.call(&format!("tkill {child} 0")), killer.call(&format!("kill {child} 15"))];
    let mut text = String::new();
    let read = tracer.stdout().read_to_string(&mut text);
    assert!(read.is_ok(), "{read:?}");
    let started = tracer.started();
    let (status, stderr) = tracer.end();
    assert_eq!(status.code(), Some(128 + 15));
    assert!(stderr.contains("sigtrace: /bin/sh was killed by SIGTERM\n"), "{stderr}");
    let trace = Streaming::trace(&started, &text, status, stderr);
    let got: Vec<Value> = trace.calls().map(foreseeable).collect();
    assert_same("--", &expected.iter().collect::<Vec<_>>(), &got);
}

fn the_commands_exit_status_is_passed_on() {
    for (script, status, remarks) in [
        ("exit 3", 3, &[][..]),
        ("kill -TERM $$", 128 + 15, &["sigtrace: /bin/sh was killed by SIGTERM"]),
        (
            "ulimit -c unlimited; cd /tmp; kill -SEGV $$",
            128 + 11,
            &["sigtrace: /bin/sh was killed by SIGSEGV (core dumped)"],
        ),
    ] {
        let ended = sigtrace(&["-s", "kill", "-o", "/dev/null", "--", "/bin/sh", "-c", script]);
        assert_eq!(ended.status.code(), Some(status), "{script}: {ended:?}");
        let said: Vec<&str> =
            ended.stderr.lines().filter(|line| line.contains("was killed")).collect();
        assert_eq!(said, remarks, "{script}: {ended:?}");
    }
}

fn who_wants_quiet_is_not_told_by_what_the_command_was_killed() {
    let ended =
        sigtrace(&["-q", "-s", "kill", "-o", "/dev/null", "--", "/bin/sh", "-c", "kill -TERM $$"]);
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(128 + 15), ""));
}

fn a_command_that_cannot_be_run_is_named_and_has_the_status_of_a_shell() {
    for (cmd, why, status) in [
        ("/no/such/command", "No such file or directory", 127),
        ("no-such-command", "No such file or directory", 127),
        ("/proc/version", "Permission denied", 126),
        ("/proc/version/command", "Not a directory", 126),
    ] {
        let ended = sigtrace(&["-s", "kill", "--", cmd]);
        let (expected, stderr) = (format!("sigtrace: cannot run {cmd}: {why}"), &ended.stderr);
        assert!(stderr.lines().any(|line| line.starts_with(&expected)), "{stderr}");
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(status), ""), "{stderr}");
    }
}

fn a_signal_to_sigtrace_ends_the_command() {
    let script = "trap 'exit 7' TERM; kill -0 1; while :; do sleep 1 & wait $!; done";
    let mut tracer =
        Streaming::start(&["-s", "kill", "--", "/bin/sh", "-c", script], Stdio::piped());
    // The handler is there once the call after it has been seen.
    let mut stdout = BufReader::new(tracer.stdout());
    let mut line = String::new();
    let read = stdout.read_line(&mut line);
    assert!(line.contains(r#""args":{"pid":1,"sig":null,"signo":0}"#), "{line}: {read:?}");
    tracer.signal(libc::SIGTERM);
    let status = until("sigtrace to end", || tracer.ended());
    assert_eq!(status.code(), Some(7));
}

/// `F_SETSIG`, `include/uapi/asm-generic/fcntl.h`: the signal by which one learns of it.
const F_SETSIG: libc::c_int = 10;

/// Whoever holds a lease on a file is asked for it before anybody else may open it, and has 45 seconds.
fn a_command_whose_file_does_not_come_does_not_hold_it_up() {
    let path = temporary("leased");
    let copied = fs::copy("/bin/busybox", &path);
    assert!(copied.is_ok(), "{copied:?}");
    let file = File::options().write(true).open(&path).unwrap_or_else(|error| panic!("{error}"));
    let fcntl = |command, argument: libc::c_int| {
        // SAFETY: these commands take a number.
        unsafe { libc::fcntl(file.as_raw_fd(), command, argument) }
    };
    // SIGURG, which does nothing to us, instead of SIGIO.
    assert_eq!(fcntl(F_SETSIG, libc::SIGURG), 0, "{}", io::Error::last_os_error());
    assert_eq!(fcntl(libc::F_SETLEASE, libc::F_WRLCK), 0, "{}", io::Error::last_os_error());
    let name = path.to_string_lossy();
    let mut tracer = Streaming::unready(
        command(&["-s", "tkill", "--", &name]).stdout(Stdio::piped()).stderr(Stdio::piped()),
    );
    until("the command to be opened", || {
        (fcntl(libc::F_GETLEASE, 0) != libc::F_WRLCK).then_some(())
    });
    let asked = Instant::now();
    tracer.signal(libc::SIGTERM);
    let status = until("sigtrace to end", || tracer.ended());
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(128 + 15), "{}", tracer.end().1);
    drop(file);
    let _ = fs::remove_file(&path);
}

fn with_another_filter_only_what_both_keep_is_printed() {
    let script = "kill -0 1; kill -CONT $$; kill -0 $$";
    let trace = run(&["-s", "kill", "-S", "CONT", "--stats"], &["/bin/sh", "-c", script]);
    let signals: Vec<&Value> = trace.calls().map(|call| &call["args"]["sig"]).collect();
    assert_eq!(signals, ["SIGCONT"]);
    let stats = trace.stats();
    assert_eq!((stats.printed(), stats.filtered(), stats.lost()), (1, 2, 0));
}
