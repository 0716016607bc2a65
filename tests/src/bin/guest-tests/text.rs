//! `--format text` and `--sets mask`: whole lines.

use std::fs;
use std::process::Stdio;

use serde_json::Value;
use sigtrace_tests::harness::{Puppet, Streaming, Test, Tracer, temporary};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] =
    tests![a_call_of_every_group_reads_as_strace_writes_it, sets_can_be_masks];

fn a_call_of_every_group_reads_as_strace_writes_it() {
    let mut puppet = Puppet::start();
    let pid = puppet.pid();
    let path = temporary("text");
    let output = path.to_string_lossy();
    let caller = pid.to_string();
    let args = ["--format", "text", "--caller", &caller, "-o", &output];
    let sigtrace = Streaming::start(&args, Stdio::null());
    let fd = puppet.call(&format!("pidfd_open {pid}"))["ret"].clone();
    let signalfd = puppet.call("signalfd4 -1 17408")["ret"].clone();
    let info = "{si_signo=SIGRTMIN, written_signo=0, si_code=SI_QUEUE, si_pid=4242, si_uid=7, \
                si_int=5, si_ptr=0x5}";
    let mut lines = vec![
        format!("pidfd_open({pid}, 0) = {fd}"),
        format!("signalfd4(-1, [SEGV TERM], 8, 0) = {signalfd}"),
    ];
    for (order, line) in [
        (format!("kill {pid} 28"), format!("kill({pid}, SIGWINCH) = 0")),
        ("tkill 2147483634 65".into(), "tkill(2147483634, 65) = -1 ESRCH".into()),
        (format!("tgkill {pid} {pid} 0"), format!("tgkill({pid}, {pid}, 0) = 0")),
        (
            "rt_sigqueueinfo 2147483634 34".into(),
            format!("rt_sigqueueinfo(2147483634, SIGRTMIN, {info}) = -1 ESRCH"),
        ),
        (
            format!("pidfd_send_signal {fd} 0 {pid}"),
            format!("pidfd_send_signal({fd}<pid:{pid}>, 0, NULL, 0) = 0"),
        ),
        ("rt_sigaction 9".into(), "rt_sigaction(SIGKILL, NULL, NULL, 8) = 0".into()),
        (
            "rt_sigprocmask 0 2".into(),
            "rt_sigprocmask(SIG_BLOCK, [INT], NULL, 8) = 0 (blocked [INT])".into(),
        ),
        ("rt_sigpending".into(), "rt_sigpending([], 8) = 0".into()),
        (
            "rt_sigtimedwait 2 1000".into(),
            "rt_sigtimedwait([INT], NULL, {tv_sec=0, tv_nsec=1000}, 8) = -1 EAGAIN".into(),
        ),
        ("sigaltstack".into(), "sigaltstack(NULL, NULL) = 0".into()),
    ] {
        puppet.call(&order);
        lines.push(line);
    }
    sigtrace.signal(libc::SIGTERM);
    let (status, stderr) = sigtrace.end();
    assert!(status.success(), "{stderr}");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{output}: {error}"));
    let _ = fs::remove_file(&path);
    let got: Vec<String> = text.lines().map(|line| without_times(line, pid)).collect();
    assert_eq!(got, lines);
}

/// What is between the caller and the duration of a line.
fn without_times(line: &str, pid: i32) -> String {
    let is_time = |text: &str, shape: &str| {
        let fits = |(is, should): (char, char)| {
            if should == 'd' { is.is_ascii_digit() } else { is == should }
        };
        text.len() == shape.len() && text.chars().zip(shape.chars()).all(fits)
    };
    let call = line.split_once(&format!(" workload[{pid}] "));
    let Some((time, call)) = call.filter(|(time, _)| is_time(time, "dd:dd:dd.dddddd")) else {
        panic!("{line:?} does not begin with a time and its caller");
    };
    let end = call.strip_suffix('>').and_then(|call| call.rsplit_once(" <"));
    match end.filter(|(_, duration)| is_time(duration, "d.dddddd")) {
        Some((call, _)) => call.into(),
        None => panic!("{line:?} does not end with a duration, after {time}"),
    }
}

fn sets_can_be_masks() {
    let mut puppet = Puppet::start();
    let caller = puppet.pid().to_string();
    let tracer = Tracer::start(&["--sets", "mask", "-s", "rt_sigprocmask", "--caller", &caller]);
    puppet.call("rt_sigprocmask 0 9223372036854775809");
    puppet.call("rt_sigprocmask 1 0");
    let trace = tracer.finish();
    let sets: Vec<&Value> = trace.calls().map(|call| &call["args"]["set"]).collect();
    assert_eq!(sets, ["0x8000000000000001", "0x0000000000000000"]);
}
