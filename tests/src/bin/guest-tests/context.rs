//! Who the processes are that events name.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command};

use serde_json::{Value, json};
use sigtrace_tests::harness::{Background, Puppet, Test, Trace, Tracer, spawn, temporary, until};
use sigtrace_tests::{integer, tests};

use crate::control_group::Group;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_process_that_began_before_tracing_is_known,
    a_process_is_known_that_may_not_be_looked_at,
    a_process_began_at_the_same_time_in_all_events,
    a_process_is_known_that_is_gone_before_its_record_is_read,
    what_a_thread_that_is_not_the_first_executes_is_known,
    a_number_that_is_used_again_is_another_process,
    a_script_is_told_beside_its_interpreter,
    a_file_in_memory_and_one_that_is_gone_are_told_as_deleted,
    arguments_are_told_as_far_as_there_is_room,
    secrets_are_not_told,
    without_arguments_there_are_none,
    the_target_is_known_however_it_is_named,
    a_process_that_ended_is_known_with_its_unit_and_its_container,
    a_name_and_a_group_that_change_are_told_as_they_are,
    what_was_lost_is_unknown_and_counted,
    a_process_is_selected_by_its_unit_though_records_were_lost,
    calls_and_ends_are_selected_by_who_they_are_about,
    without_context_there_are_no_such_keys,
];

const WORKLOAD: &str = "/payload/workload";
const BUSYBOX: &str = "/bin/busybox";

/// Sends of signal 0, which do nothing.
const FULL: [&str; 5] = ["-s", "@send", "--context", "full", "--stats"];

fn tracer(args: &[&str]) -> Tracer {
    Tracer::start(&[&FULL[..], args].concat())
}

/// Runs a program to its end. Its process id.
fn run(command: &mut Command) -> u32 {
    let mut child = spawn(command);
    let pid = child.id();
    let status = child.wait().unwrap_or_else(|error| panic!("{error}"));
    assert!(status.success(), "{command:?}: {status}");
    pid
}

/// What is told of the caller of the only call that a process made.
#[track_caller]
fn caller(trace: &Trace, pid: u32) -> Value {
    let calls: Vec<&Value> = trace.calls().filter(|call| call["pid"] == pid).collect();
    let [call] = calls[..] else { panic!("{} calls by {pid}: {:?}", calls.len(), trace.events) };
    foreseeable(&call["caller"])
}

/// Without the time, which the records have to the nanosecond and we have not.
fn foreseeable(process: &Value) -> Value {
    let mut process = process.clone();
    process.as_object_mut().map(|process| process.shift_remove("start"));
    process
}

/// What is told of a process of ours that executes a file with these arguments.
pub(crate) fn process(pid: u32, comm: &str, exe: &str, cmdline: &[&str]) -> Value {
    json!({
        "pid": pid, "comm": comm, "ppid": process::id(), "uid": 0, "gid": 0, "exe": exe,
        "exe_deleted": false, "script": null, "cmdline": cmdline, "cmdline_truncated": false,
        "cmdline_redacted": 0, "loginuid": null, "cgroup": "/", "unit": null, "user_unit": null,
        "container": null, "ns_pid": null, "parents": ours(),
    })
}

/// With these values instead.
pub(crate) fn with(mut process: Value, values: &[(&str, Value)]) -> Value {
    for (key, value) in values {
        process[key] = value.clone();
    }
    process
}

/// The parents of a child of ours: we, and who is above us, up to the leader of a session.
fn ours() -> Value {
    let mut parents = Vec::new();
    let mut pid = process::id();
    loop {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let (name, rest) = stat.rsplit_once(") ").unwrap_or_else(|| panic!("{pid}: {stat}"));
        let comm = name.split_once('(').map_or("", |(_, comm)| comm);
        let fields: Vec<&str> = rest.split(' ').collect();
        parents.push(json!({ "pid": pid, "comm": comm }));
        if fields[1] == "0" || fields[3] == pid.to_string() {
            return parents.into();
        }
        pid = fields[1].parse().unwrap_or_default();
    }
}

pub(crate) fn missed(trace: &Trace) -> u64 {
    let missed = integer::read(&trace.stats().0["context"]["identity_missed"]);
    missed.unwrap_or_else(|| panic!("{}", trace.stats().0))
}

fn a_process_that_began_before_tracing_is_known() {
    let mut puppet = Puppet::start();
    let tracer = tracer(&[]);
    puppet.call(&format!("kill {} 0", process::id()));
    let trace = tracer.finish();
    let pid = puppet.pid().cast_unsigned();
    let got = caller(&trace, pid);
    let path = got["cmdline"][2].as_str().unwrap_or_default();
    assert_eq!(got, process(pid, "workload", WORKLOAD, &[WORKLOAD, "puppet", path]));
    let event = trace.calls().find(|call| call["pid"] == pid).expect("a call");
    assert_eq!(event["target"]["pid"], process::id());
    assert_eq!(event["target"]["exe"], "/payload/guest-tests");
    let stats = trace.stats();
    let known = integer::read::<u64>(&stats.0["context"]["processes"]).unwrap_or_default();
    assert!(known > 3, "{}", stats.0);
    // Besides, there is the signal that ended the tracer.
    assert_eq!((missed(&trace), stats.0["context"]["lost"].clone()), (0, json!(0)));
}

fn a_process_is_known_that_may_not_be_looked_at() {
    let mut puppet = Puppet::start();
    drop_right_to_trace();
    let exe = format!("/proc/{}/exe", puppet.pid());
    let looked = Command::new(BUSYBOX).args(["readlink", &exe]).output();
    assert!(looked.is_ok_and(|looked| looked.stdout.is_empty()), "{exe} can be read");
    let tracer = Tracer::start(&["-s", "@send", "--context", "basic"]);
    puppet.call("kill 2147483634 0");
    let trace = tracer.finish();
    let pid = puppet.pid();
    let call = trace.calls().find(|call| call["pid"] == pid).expect("a call");
    assert_eq!(call["caller"]["exe"], WORKLOAD);
}

/// As in the service: of this thread and what it starts, which so must not look at what others execute.
pub(crate) fn drop_right_to_trace() {
    /// `include/uapi/linux/capability.h`.
    const CAP_SYS_PTRACE: libc::c_int = 19;
    // SAFETY: no memory is involved.
    let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0) };
    assert_eq!(dropped, 0);
}

fn a_process_began_at_the_same_time_in_all_events() {
    let (mut sender, victim) = (Puppet::start(), Puppet::start());
    let tracer = Tracer::start(&["-s", "kill", "--events", "all", "--context", "basic"]);
    let pid = victim.pid();
    sender.call(&format!("kill {pid} 9"));
    until("its end", || is_over(pid).then_some(()));
    let trace = tracer.finish();
    let call = trace.calls().find(|call| call["pid"] == sender.pid()).expect("a call");
    let exit = trace.exits().next().expect("an end");
    assert_eq!(call["target"]["start"], exit["process"]["start"]);
}

fn a_process_is_known_that_is_gone_before_its_record_is_read() {
    let tracer = tracer(&[]);
    tracer.freeze();
    let target = process::id().to_string();
    let pids: Vec<u32> =
        (0..200).map(|_| run(Command::new(WORKLOAD).args(["send", &target, "0"]))).collect();
    tracer.signal(libc::SIGCONT);
    let trace = tracer.finish();
    for pid in pids {
        let expected = process(pid, "workload", WORKLOAD, &[WORKLOAD, "send", &target, "0"]);
        assert_eq!(caller(&trace, pid), expected);
    }
    assert_eq!(missed(&trace), 0);
}

fn what_a_thread_that_is_not_the_first_executes_is_known() {
    let tracer = tracer(&[]);
    let target = process::id().to_string();
    let pid = run(Command::new(WORKLOAD).args(["send-by-thread", &target, "0"]));
    let trace = tracer.finish();
    let expected = process(pid, "workload", WORKLOAD, &[WORKLOAD, "send", &target, "0"]);
    assert_eq!((caller(&trace, pid), missed(&trace)), (expected, 0));
}

fn a_number_that_is_used_again_is_another_process() {
    const LAST: &str = "/proc/sys/kernel/ns_last_pid";
    let tracer = tracer(&[]);
    tracer.freeze();
    let target = process::id().to_string();
    let script = format!("kill -0 {target}");
    let mut first = run(Command::new(WORKLOAD).args(["send", &target, "0"]));
    // Others may be created meanwhile.
    let again = until("the number to be used again", || {
        fs::write(LAST, (first - 1).to_string()).unwrap_or_else(|error| panic!("{LAST}: {error}"));
        let again = run(Command::new(BUSYBOX).args(["sh", "-c", &script]));
        if again != first {
            first = run(Command::new(WORKLOAD).args(["send", &target, "0"]));
        }
        (again == first).then_some(again)
    });
    tracer.signal(libc::SIGCONT);
    let trace = tracer.finish();
    let callers: Vec<Value> = trace
        .calls()
        .filter(|call| call["pid"] == again)
        .map(|call| foreseeable(&call["caller"]))
        .collect();
    let expected = [
        process(again, "workload", WORKLOAD, &[WORKLOAD, "send", &target, "0"]),
        process(again, "busybox", BUSYBOX, &[BUSYBOX, "sh", "-c", &script]),
    ];
    assert_eq!((callers, missed(&trace)), (expected.to_vec(), 0));
}

fn a_script_is_told_beside_its_interpreter() {
    let path = temporary("script");
    let path = path.to_string_lossy();
    let script = format!("#!{BUSYBOX} sh\nkill -0 {}\n", process::id());
    fs::write(&*path, script).unwrap_or_else(|error| panic!("{error}"));
    let all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&*path, all).unwrap_or_else(|error| panic!("{error}"));
    let tracer = tracer(&[]);
    let pid = run(Command::new(&*path).arg("x"));
    let trace = tracer.finish();
    let name = path.rsplit('/').next().unwrap_or_default();
    let comm: String = name.chars().take(15).collect();
    let expected = process(pid, &comm, BUSYBOX, &[BUSYBOX, "sh", &path, "x"]);
    assert_eq!(caller(&trace, pid), with(expected, &[("script", json!(path))]));
    let _ = fs::remove_file(&*path);
}

fn a_file_in_memory_and_one_that_is_gone_are_told_as_deleted() {
    let path = temporary("gone");
    let path = path.to_string_lossy();
    fs::copy(BUSYBOX, &*path).unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new(&*path);
    let mut sleeper = spawn(command.arg0("sleep").args(["60"]));
    until("it to be executed", || {
        let exe = fs::read_link(format!("/proc/{}/exe", sleeper.id())).ok()?;
        exe.ends_with(&*path).then_some(())
    });
    fs::remove_file(&*path).unwrap_or_else(|error| panic!("{error}"));
    let tracer = tracer(&[]);
    let target = sleeper.id().to_string();
    let pid = run(Command::new(WORKLOAD).args(["send-from-memory", &target, "0"]));
    let trace = tracer.finish();
    let in_memory = caller(&trace, pid);
    // By the number of a descriptor.
    let comm = in_memory["comm"].clone();
    let expected = process(pid, "", "/memfd:nowhere", &["memory", "send", &target, "0"]);
    let deleted = ("exe_deleted", json!(true));
    assert_eq!(in_memory, with(expected, &[deleted.clone(), ("comm", comm)]));
    let call = trace.calls().find(|call| call["pid"] == pid).expect("a call");
    let expected = process(sleeper.id(), "", &path, &["sleep", "60"]);
    let comm = call["target"]["comm"].clone();
    let nothing = ["ppid", "uid", "gid"].map(|key| (key, Value::Null));
    let expected = with(with(expected, &nothing), &[deleted, ("comm", comm)]);
    assert_eq!(foreseeable(&call["target"]), expected);
    let _ = sleeper.kill();
    let _ = sleeper.wait();
}

fn arguments_are_told_as_far_as_there_is_room() {
    let tracer = tracer(&[]);
    let target = process::id().to_string();
    let script = "kill -0 $0";
    // As long as they may be, and two megabytes together.
    let long = vec![b'\xff'; 100_000];
    let mut command = Command::new(BUSYBOX);
    command.args(["sh", "-c", script, &target, ""]).args([OsStr::from_bytes(&long); 20]);
    let pid = run(&mut command);
    let trace = tracer.finish();
    let known = [BUSYBOX, "sh", "-c", script, &target, ""];
    let room = 2047 - known.iter().map(|arg| arg.len() + 1).sum::<usize>();
    let cut = "\u{fffd}".repeat(room);
    let cmdline = [&known[..], &[&cut]].concat();
    let expected = process(pid, "busybox", BUSYBOX, &cmdline);
    assert_eq!(caller(&trace, pid), with(expected, &[("cmdline_truncated", json!(true))]));
}

fn secrets_are_not_told() {
    let tracer = tracer(&["--redact", "license,Pin-Code"]);
    let target = process::id().to_string();
    let given = ["send", &target, "0", "--password=hunter2", "http://u:hunter2@h/", "--license"];
    let pid = run(Command::new(WORKLOAD).args(given).args(["hunter2", "PIN_CODE=hunter2", "x"]));
    let trace = tracer.finish();
    let told = ["send", &target, "0", "--password=***", "http://u:***@h/", "--license"];
    let told = [&[WORKLOAD][..], &told, &["***", "PIN_CODE=***", "x"]].concat();
    let expected = process(pid, "workload", WORKLOAD, &told);
    assert_eq!(caller(&trace, pid), with(expected, &[("cmdline_redacted", json!(4))]));
}

fn without_arguments_there_are_none() {
    let tracer = Tracer::start(&["-s", "@send", "--context", "basic"]);
    let target = process::id().to_string();
    let pid = run(Command::new(WORKLOAD).args(["send", &target, "0"]));
    let trace = tracer.finish();
    let mut expected = process(pid, "workload", WORKLOAD, &[]);
    for key in ["cmdline", "cmdline_truncated", "cmdline_redacted"] {
        expected.as_object_mut().map(|process| process.shift_remove(key));
    }
    assert_eq!(caller(&trace, pid), expected);
}

fn the_target_is_known_however_it_is_named() {
    let (mut sender, target) =
        (Puppet::start(), spawn(Command::new(BUSYBOX).args(["sleep", "60"])));
    let mut target = target;
    let tracer = tracer(&["-s", "@send,pidfd_open"]);
    let pid = target.id();
    for call in [
        format!("kill {pid} 0"),
        format!("tkill {pid} 0"),
        format!("tgkill {pid} {pid} 0"),
        format!("rt_sigqueueinfo {pid} 0"),
        format!("rt_tgsigqueueinfo {pid} {pid} 0"),
    ] {
        sender.call(&call);
    }
    // Nobody, a group, and everybody are no process.
    sender.call("kill 2147483634 0");
    sender.call(&format!("kill -{pid} 0"));
    let opened = sender.call(&format!("pidfd_open {pid}"));
    sender.call(&format!("pidfd_send_signal {} 0 {pid}", opened["ret"]));
    let trace = tracer.finish();
    let caller = sender.pid();
    let targets: Vec<Value> = trace
        .calls()
        .filter(|call| call["pid"] == caller)
        .map(|call| json!([call["target"]["pid"], call["target"]["exe"]]))
        .collect();
    let (known, nobody) = (json!([pid, BUSYBOX]), json!([null, null]));
    let expected =
        [0, 0, 0, 0, 0, 1, 1, 0, 0].map(|is_nobody| [&known, &nobody][is_nobody].clone());
    assert_eq!((targets, missed(&trace)), (expected.to_vec(), 0));
    let _ = target.kill();
    let _ = target.wait();
}

fn a_process_that_ended_is_known_with_its_unit_and_its_container() {
    let id = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";
    let (scope, service) = (format!("docker-{id}.scope"), "web.service");
    let groups = [Group::new(&scope), Group::new(service)];
    let tracer = Tracer::start(&["--events", "exit", "--context", "basic", "--stats"]);
    let mut told = Vec::new();
    for group in &groups {
        let mut puppet = Puppet::start();
        group.join(&puppet);
        let pid = puppet.pid();
        // By itself, so that there is no doubt about who ended.
        let child = puppet.fork();
        for victim in [child.pid(), pid] {
            // SAFETY: kill touches no memory.
            unsafe { libc::kill(victim, libc::SIGKILL) };
            told.push(victim);
        }
        drop(child);
    }
    let all = told.len();
    until("all ends to be told", || told.iter().all(|pid| is_over(*pid)).then_some(()));
    let trace = tracer.finish();
    let container = json!({ "runtime": "docker", "probable": false, "id": id, "name": null,
        "pod": null, "role": "workload", "outermost": null });
    let docker = json!([format!("/{scope}"), scope, container, WORKLOAD]);
    let web = json!([format!("/{service}"), service, null, WORKLOAD]);
    let mut got: Vec<Value> = Vec::new();
    for pid in &told {
        let exit = trace.exits().find(|exit| exit["process"]["pid"] == *pid);
        let process = &exit.unwrap_or_else(|| panic!("no end of {pid}"))["process"];
        got.push(["cgroup", "unit", "container", "exe"].map(|key| process[key].clone()).into());
    }
    assert_eq!(got, [docker.clone(), docker, web.clone(), web]);
    assert_eq!((trace.exits().count(), missed(&trace)), (all, 0));
}

fn is_over(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

fn a_name_and_a_group_that_change_are_told_as_they_are() {
    let group = Group::new("job.scope");
    let (mut sender, mut target) = (Puppet::start(), Puppet::start());
    let tracer = tracer(&[]);
    let pid = target.pid();
    sender.call(&format!("kill {pid} 0"));
    crate::scene::rename(&mut target, b"renamed");
    group.join(&target);
    sender.call(&format!("kill {pid} 0"));
    let trace = tracer.finish();
    let caller = sender.pid();
    let of = |key: &str| {
        let calls = trace.calls().filter(|call| call["pid"] == caller);
        calls.map(|call| call["target"][key].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("comm"), ["workload", "renamed"]);
    assert_eq!(of("cgroup"), ["/", "/job.scope"]);
    assert_eq!(of("unit"), [Value::Null, json!("job.scope")]);
    drop(target);
}

fn what_was_lost_is_unknown_and_counted() {
    let tracer = tracer(&["--ring-size", "4096"]);
    tracer.freeze();
    let _ = Background::count("deaths", &[60, 0]);
    tracer.signal(libc::SIGCONT);
    let target = process::id().to_string();
    // By now there is room again.
    let pids: Vec<u32> =
        (0..20).map(|_| run(Command::new(WORKLOAD).args(["send", &target, "0"]))).collect();
    let trace = tracer.finish();
    let lost: u64 = integer::read(&trace.stats().0["context"]["lost"]).unwrap_or_default();
    assert!(lost > 0, "{}", trace.stats().0);
    for call in trace.calls().filter(|call| pids.iter().any(|pid| call["pid"] == *pid)) {
        let exe = &call["caller"]["exe"];
        assert!(exe.is_null() || exe == WORKLOAD, "{call}");
    }
    let last = pids.last().copied().unwrap_or_default();
    let last = trace.calls().find(|call| call["pid"] == last).expect("the last call");
    assert_eq!(last["caller"]["exe"], WORKLOAD);
}

fn a_process_is_selected_by_its_unit_though_records_were_lost() {
    let group = Group::new("shop.service");
    let (victim, mut killer) = (Puppet::start(), Puppet::start());
    group.join(&victim);
    let args = ["--events", "all", "--unit", "shop.service", "--ring-size", "4096"];
    let tracer = tracer(&args);
    tracer.freeze();
    let _ = Background::count("deaths", &[60, 0]);
    tracer.signal(libc::SIGCONT);
    let target = process::id().to_string();
    // By now there is room again.
    (0..20).for_each(|_| _ = run(Command::new(WORKLOAD).args(["send", &target, "0"])));
    killer.call(&format!("kill {} 9", victim.pid()));
    until("its end", || is_over(victim.pid()).then_some(()));
    let trace = tracer.finish();
    let context = &trace.stats().0["context"];
    assert!(integer::read::<u64>(&context["lost"]).is_some_and(|lost| lost > 0), "{context}");
    let ends: Vec<Value> = trace
        .exits()
        .map(|exit| json!([exit["process"]["pid"], exit["process"]["unit"], exit["signo"]]))
        .collect();
    assert_eq!(ends, [json!([victim.pid(), "shop.service", 9])]);
    let sent = trace.generates().filter(|sent| sent["target"]["pid"] == victim.pid());
    assert_eq!(sent.count(), 1);
}

fn calls_and_ends_are_selected_by_who_they_are_about() {
    let group = Group::new("shop.service");
    let (mut inside, mut outside, other) = (Puppet::start(), Puppet::start(), Puppet::start());
    group.join(&inside);
    let pid = inside.pid();
    let all = ["--events", "all", "-s", "kill", "--context", "basic", "--stats"];
    let filters = [
        (["--unit", "shop.service"], 3, 1),
        (["--unit", "nothing.service"], 0, 0),
        (["--exe", "workload"], 4, 1),
        (["--exe", "/payload/nothing"], 0, 0),
        (["--container", "shop"], 0, 0),
    ];
    let tracers: Vec<Tracer> =
        filters.iter().map(|(args, ..)| Tracer::start(&[&all[..], args].concat())).collect();
    inside.call(&format!("kill {} 0", other.pid()));
    outside.call(&format!("kill {pid} 0"));
    outside.call(&format!("kill {} 0", other.pid()));
    let victim = Puppet::start();
    group.join(&victim);
    outside.call(&format!("kill {} 9", victim.pid()));
    until("its end", || is_over(victim.pid()).then_some(()));
    let puppets = [pid, outside.pid()];
    for ((args, calls, ends), tracer) in filters.into_iter().zip(tracers) {
        let trace = tracer.finish();
        let by = |call: &&Value| puppets.iter().any(|pid| call["pid"] == *pid);
        let got = (trace.calls().filter(by).count(), trace.exits().count());
        assert_eq!(got, (calls, ends), "{args:?}: {:?}", trace.events);
        let [printed, filtered, lost] = trace.stats().exits();
        assert_eq!((printed + filtered, lost), (1, 0), "{args:?}");
        assert_eq!((missed(&trace), trace.stats().lost()), (0, 0), "{args:?}");
    }
}

fn without_context_there_are_no_such_keys() {
    let tracer = Tracer::start(&["-s", "@send", "--events", "all", "--stats"]);
    let target = process::id().to_string();
    let pid = run(Command::new(WORKLOAD).args(["send", &target, "0"]));
    let trace = tracer.finish();
    let call = trace.calls().find(|call| call["pid"] == pid).expect("a call");
    assert!(call.get("caller").is_none() && call.get("target").is_none(), "{call}");
    assert!(trace.stats().0.get("context").is_none(), "{}", trace.stats().0);
}
