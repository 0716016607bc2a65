//! Processes that a signal ends.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{self, Command};

use serde_json::{Value, json};
use sigtrace_tests::harness::{Background, Puppet, Test, Trace, Tracer, now_ns, run, spawn};
use sigtrace_tests::kernel::page_size;
use sigtrace_tests::{integer, names, tests};

use crate::control_group::Group;
use crate::scene::rename;

/// All of them.
pub const TESTS: &[Test] = tests![
    what_ends_a_process_is_told_as_wait_tells_it,
    ends_are_selected_by_what_the_process_was,
    ends_are_told_beside_the_calls_that_cause_them,
    a_followed_process_that_ends_is_told_of,
    how_the_command_and_its_children_ended_is_in_the_stream,
    why_the_command_was_killed_is_said_if_it_is_traced,
    ends_that_find_no_room_in_the_ring_are_counted_and_told_of,
];

/// An end, without what nobody can foresee.
fn foreseeable(exit: &Value) -> Value {
    let mut exit = exit.clone();
    for place in ["id", "time", "seq", "cpu"] {
        exit.as_object_mut().map(|exit| exit.shift_remove(place));
    }
    exit["process"].as_object_mut().map(|process| process.shift_remove("start"));
    exit
}

fn exit(signo: i32, core_dumped: bool, process: Value) -> Value {
    json!({ "event": "exit", "generate": null, "reason": "signal", "sig": names::signal(signo),
        "signo": signo, "core_dumped": core_dumped, "process": process })
}

fn what_ends_a_process_is_told_as_wait_tells_it() {
    let tracer = Tracer::start(&["--events", "exit", "--stats"]);
    let (mut expected, mut dumped, mut spans) = (Vec::new(), 0, Vec::new());
    for how in [
        "exit 0",
        "exit 9",
        "exit 137",
        "signal 1",
        "signal 2",
        "signal 9",
        "signal 13",
        "signal 15",
        "signal 6",
        "signal 31",
        "signal 34",
        "signal 64",
        "abort",
        "fault",
        "threads 20",
        "leader-first",
        "leader-first-quietly",
        "exec",
    ] {
        let mut command = Command::new("/payload/workload");
        command.arg("die").args(how.split(' ')).current_dir("/tmp");
        // SAFETY: what is done there is a system call.
        unsafe { command.pre_exec(allow_core) };
        let before = now_ns();
        let mut child = spawn(&mut command);
        let pid = child.id();
        let status = child.wait().unwrap_or_else(|error| panic!("{error}"));
        if let Some(signo) = status.signal() {
            let process = json!({ "pid": pid, "comm": "workload", "ppid": process::id(),
                "uid": 0, "gid": 0 });
            expected.push(exit(signo, status.core_dumped(), process));
            spans.push((before, now_ns()));
        }
        dumped += u32::from(status.core_dumped());
    }
    let trace = tracer.finish();
    let got: Vec<Value> = trace.exits().map(foreseeable).collect();
    assert_eq!(got, expected);
    // Or else the bit was never tried.
    assert!(dumped > 0 && (dumped as usize) < expected.len(), "{dumped}");
    assert_eq!((trace.calls().count(), trace.stats().exits()), (0, [got.len() as u64, 0, 0]));
    for (exit, (before, after)) in trace.exits().zip(spans) {
        let time = |event: &Value, key| {
            let time = json!({ "time": event[key] });
            let time = time.as_object().map(sigtrace_tests::harness::time_ns);
            time.and_then(Result::ok).unwrap_or_else(|| panic!("{event}"))
        };
        let (start, end) = (time(&exit["process"], "start"), time(exit, "time"));
        let error = 20_000_000;
        assert!(before <= start + error && start <= end && end <= after + error, "{exit}");
    }
}

/// Memory can be dumped.
fn allow_core() -> std::io::Result<()> {
    let limit = libc::rlimit { rlim_cur: 1 << 30, rlim_max: 1 << 30 };
    // SAFETY: a limit to read from.
    match unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn ends_are_selected_by_what_the_process_was() {
    let pod = Group::new("pod");
    let mut sender = Puppet::start();
    let mut victims: Vec<Puppet> = (0..4).map(|_| sender.fork()).collect();
    let [named, user, member, other] = victims.as_mut_slice() else { panic!("four") };
    // Its threads are called otherwise, and their names are not its own.
    rename(named, b"victim");
    user.order("user 33");
    pod.join(member);
    let pids = [named.pid(), user.pid(), member.pid(), other.pid()];
    let path = pod.path();
    let (of_other, of_named) = (pids[3], pids[0]);
    let filters: &[(String, &str)] = &[
        ("--comm victim".into(), "N"),
        ("--target-comm victim,nosuch".into(), "N"),
        ("--uid 33".into(), "U"),
        ("--target-uid 30-40".into(), "U"),
        // More than can be compared with one by one.
        ("--uid 30-40".into(), "U"),
        ("--comm a,b,c,d,victim".into(), "N"),
        (format!("--tid {of_other}"), "O"),
        (format!("--cgroup {path}"), "M"),
        (format!("--target-cgroup {path}"), "M"),
        (format!("--pid {of_other}"), "O"),
        (format!("--caller {of_other},{of_named} --comm victim"), "N"),
        (format!("--target {of_other},{of_named}"), "NO"),
        // Whoever calls: it is the target that ends.
        (format!("--caller 1 --target {of_other}"), "O"),
        ("-S KILL,USR1".into(), "NO"),
        ("-S !KILL,!USR1".into(), "UM"),
    ];
    let tracers: Vec<Tracer> = filters
        .iter()
        .map(|(args, _)| {
            let args = ["--events", "exit", "--stats"].into_iter().chain(args.split(' '));
            Tracer::start(&args.collect::<Vec<_>>())
        })
        .collect();
    let signals = [libc::SIGKILL, libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1];
    for (pid, signo) in pids.iter().zip(signals) {
        sender.call(&format!("kill {pid} {signo}"));
        wait_for(*pid);
    }
    for ((args, expected), tracer) in filters.iter().zip(tracers) {
        let trace = tracer.finish();
        let told: String = trace.exits().map(|exit| who(exit, &pids)).collect();
        let filtered = 4 - told.len() as u64;
        assert_eq!(
            (told.as_str(), trace.stats().exits()),
            (*expected, [4 - filtered, filtered, 0]),
            "{args}"
        );
    }
}

fn who(exit: &Value, pids: &[i32]) -> char {
    let index = pids.iter().position(|pid| exit["process"]["pid"] == *pid);
    index.and_then(|index| "NUMO".chars().nth(index)).unwrap_or('?')
}

/// Until a process is over, its last thread included.
fn wait_for(pid: i32) {
    sigtrace_tests::harness::until("its end", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X'])).then_some(())
    });
}

fn ends_are_told_beside_the_calls_that_cause_them() {
    let tracer = Tracer::start(&["--events", "all", "-s", "kill", "-S", "TERM", "--stats"]);
    let mut child = spawn(Command::new("/bin/busybox").args(["sleep", "60"]));
    // SAFETY: kill touches no memory.
    unsafe { libc::kill(child.id().cast_signed(), libc::SIGTERM) };
    let pid = child.id();
    assert_eq!(child.wait().ok().and_then(|status| status.signal()), Some(libc::SIGTERM));
    let trace = tracer.finish();
    let told: Vec<_> = trace.events.iter().map(|event| event["event"].clone()).collect();
    let args = json!({ "pid": pid, "sig": "SIGTERM", "signo": 15 });
    let calls: Vec<_> = trace.calls().map(|call| call["args"].clone()).collect();
    let counts = [trace.generates().count(), trace.exits().count(), told.len()];
    assert_eq!((calls, counts), (vec![args], [1, 1, 4]), "{told:?}");
    assert_eq!(trace.exits().map(|exit| exit["process"]["pid"] == pid).collect::<Vec<_>>(), [true]);
}

fn a_followed_process_that_ends_is_told_of() {
    let (mut followed, mut other) = (Puppet::start(), Puppet::start());
    let pid = followed.pid().to_string();
    let tracer = Tracer::start(&["--events", "exit", "--stats", "--pid", &pid, "--follow"]);
    let (child, others) = (followed.fork(), other.fork());
    for pid in [others.pid(), child.pid()] {
        other.call(&format!("kill {pid} {}", libc::SIGKILL));
        wait_for(pid);
    }
    let trace = tracer.finish();
    let told: Vec<_> = trace.exits().map(|exit| exit["process"]["pid"].clone()).collect();
    assert_eq!((told, trace.stats().exits()), (vec![json!(child.pid())], [1, 1, 0]));
}

fn how_the_command_and_its_children_ended_is_in_the_stream() {
    let script = "/payload/workload die fault; /payload/workload die exit 3; kill -USR1 $$";
    let trace: Trace = run(&["--events", "exit", "--stats"], &["/bin/busybox", "sh", "-c", script]);
    let told: Vec<_> = trace.exits().map(|exit| exit["sig"].clone()).collect();
    assert_eq!(told, [json!("SIGSEGV"), json!("SIGUSR1")]);
    assert_eq!(trace.status.code(), Some(128 + libc::SIGUSR1));
    let last = "sigtrace: /bin/busybox was killed by SIGUSR1\n\
                sigtrace: 2 events, 0 calls filtered out, 0 lost; exits: 2 printed, 0 filtered, 0 lost\n";
    assert!(trace.stderr.ends_with(last), "{}", trace.stderr);
}

fn why_the_command_was_killed_is_said_if_it_is_traced() {
    let script = "kill -USR1 $$";
    let args = ["--events", "generate,exit", "--context", "basic"];
    let trace: Trace = run(&args, &["/bin/busybox", "sh", "-c", script]);
    let first = trace.stderr.lines().next().unwrap_or_default();
    let [(pid, ..)] = trace.exits().map(|exit| (&exit["process"]["pid"],)).collect::<Vec<_>>()[..]
    else {
        panic!("{:?}", trace.events)
    };
    let expected =
        format!("sigtrace: /bin/busybox was killed by SIGUSR1: kill({pid}, SIGUSR1) by itself, ");
    assert!(first.starts_with(&expected) && first.ends_with(" before"), "{}", trace.stderr);
}

fn ends_that_find_no_room_in_the_ring_are_counted_and_told_of() {
    let tracer = Tracer::start(&["--events", "exit", "--stats", "--ring-size", "4096"]);
    tracer.freeze();
    // More than there is room for in a page, which is the least that a ring has.
    let deaths = page_size() as u64 / 40;
    let died = Background::count("deaths", &[deaths, 0]);
    tracer.signal(libc::SIGCONT);
    let trace = tracer.finish();
    let [printed, filtered, lost] = trace.stats().exits();
    assert_eq!((printed, filtered, printed + lost), (trace.exits().count() as u64, 0, died));
    assert!(lost > 0, "{died} found room");
    let told = trace.events.iter().filter(|event| event["event"] == "lost");
    let told = told.filter_map(|event| integer::read::<u64>(&event["events"]["exit"]));
    assert_eq!((told.sum::<u64>(), trace.stats().lost()), (lost, 0));
}
