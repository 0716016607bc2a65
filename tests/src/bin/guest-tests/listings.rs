//! `list` and `doctor`, which need no probes.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sigtrace_tests::expect;
use sigtrace_tests::harness::{Streaming, Test, command, run_to_end, sigtrace, until};
use sigtrace_tests::kernel::{self, Kernel, control_groups};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    the_list_has_every_syscall_and_event,
    the_doctor_finds_all_well_here,
    the_doctor_tells_programs_the_same,
    the_doctor_does_not_take_root_of_a_user_namespace_for_root,
];

fn the_list_has_every_syscall_and_event() {
    let table = sigtrace(&["list"]);
    let json = sigtrace(&["list", "--format", "json"]);
    for ended in [&table, &json] {
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    }
    let syscalls = kernel::syscalls();
    let events =
        ["syscall", "return", "generate", "deliver", "exit", "repeated", "lost", "blind", "stats"];
    let lines: Vec<Value> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let values =
        |key: &str| -> Vec<&str> { lines.iter().filter_map(|line| line[key].as_str()).collect() };
    assert_eq!(values("syscall"), syscalls);
    assert_eq!(values("event"), events);
    let kill = lines.iter().find(|line| line["syscall"] == "kill");
    let kill = kill.unwrap_or_else(|| panic!("no kill"));
    let names = |key: &str| -> Vec<&str> {
        kill[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|arg| arg["name"].as_str().or(arg.as_str()))
            .collect()
    };
    assert_eq!((names("args"), names("groups")), (vec!["pid", "sig"], vec!["send"]));

    let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let firsts: Vec<String> = table.stdout.lines().map(first).collect();
    let expected =
        ["SYSCALL"].into_iter().chain(syscalls.iter().copied()).chain(["", "EVENT"]).chain(events);
    assert!(expected.eq(firsts.iter().map(String::as_str)), "{}", table.stdout);
    // Who reads only the beginning does not see it complain.
    let (reader, writer) = io::pipe().unwrap_or_else(|error| panic!("{error}"));
    drop(reader);
    let mut list = Streaming::unready(command(&["list"]).stdout(writer).stderr(Stdio::piped()));
    let status = until("the list's end", || list.ended());
    assert_eq!((status.code(), list.end().1.as_str()), (Some(0), ""));
}

fn the_doctor_finds_all_well_here() {
    let ended = sigtrace(&["doctor"]);
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    // Without securityfs nobody can tell about the lockdown.
    let conditions = [
        "ok       kernel: ",
        "ok       privileges: ",
        "ok       pid namespace: the initial one",
        "ok       kprobes: available",
        "ok       control groups: available",
        if Path::new("/sys/kernel/security/lockdown").exists() {
            "ok       lockdown: none"
        } else {
            "lacking  lockdown: unknown"
        },
        "ok       BTF: available",
        // Kernels that preempt themselves skip programs now and then.
        if !Kernel::running().has_mechanism("fentry") {
            "lacking  trampolines: not available: needs CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"
        } else if Kernel::running().preempts() {
            "lacking  trampolines: available, on a preemptible kernel"
        } else {
            "ok       trampolines: available"
        },
        if Kernel::running().has_mechanism("kprobe.multi") {
            "ok       fprobe: available"
        } else {
            "lacking  fprobe: not available: needs CONFIG_FPROBE"
        },
        &probes_condition(Kernel::running()),
        "ok       tracefs: mounted at /sys/kernel/tracing",
        &format!("ok       cgroup v2: mounted at {}", control_groups()),
        "ok       debugfs: mounted at /sys/kernel/debug",
        "sigtrace can trace here",
    ];
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), conditions.len(), "{}", ended.stdout);
    for (line, condition) in lines.iter().zip(conditions) {
        assert!(line.starts_with(condition), "{condition}: {line}");
    }
    let nobody = run_to_end(command(&["doctor"]).uid(65_534));
    assert_eq!(nobody.status.code(), Some(1), "{}", nobody.stdout);
    let privileges = nobody.stdout.lines().find(|line| line.starts_with("missing  privileges: "));
    let privileges = privileges.unwrap_or_else(|| panic!("{}", nobody.stdout));
    assert!(privileges.contains("CAP_BPF and CAP_PERFMON"), "{privileges}");
    assert!(nobody.stdout.ends_with("sigtrace cannot trace here\n"), "{}", nobody.stdout);
}

fn the_doctor_tells_programs_the_same() {
    let kernel = Kernel::running();
    let [text, json] = [&["doctor"][..], &["doctor", "--format", "json"]].map(sigtrace);
    assert_eq!((json.status.code(), json.stderr.as_str()), (Some(0), ""));
    let mut told: Value =
        serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json:?}"));
    let conditions = told["conditions"].take();
    let lines: Vec<String> = conditions
        .as_array()
        .into_iter()
        .flatten()
        .map(|condition| {
            let [standing, name, found] = ["standing", "condition", "found"]
                .map(|key| condition[key].as_str().unwrap_or("?"));
            let why = condition["effect"].as_str().or(condition["remedy"].as_str());
            let why = why.map_or(String::new(), |why| format!("; {why}"));
            format!("{standing:<9}{name}: {found}{why}")
        })
        .collect();
    assert_eq!(format!("{}\nsigtrace can trace here\n", lines.join("\n")), text.stdout);
    let mechanisms = ["auto", "kprobe", "kprobe.multi", "kprobe.session", "fentry"];
    let mechanisms: Vec<_> =
        mechanisms.into_iter().filter(|probe| kernel.has_mechanism(probe)).collect();
    let may_lose: &[&str] = match kernel.probe("kill") {
        "kprobe" | "kprobe+fexit" | "kprobe.multi+fexit" => &["return_missed"],
        "kprobe.session" => &["probe_missed"],
        _ => &[],
    };
    let expected = json!({
        "can_trace": true,
        "arch": expect::abi(),
        "page_size": kernel::page_size(),
        "conditions": null,
        "mechanisms": mechanisms,
        "probes": { "frequent": kernel.probe("kill"), "rare": kernel.probe("tkill") },
        "may_lose": may_lose,
        "events": ["syscall", "generate", "deliver", "exit"],
        "context": true,
    });
    assert_eq!(told, expected);
}

fn the_doctor_does_not_take_root_of_a_user_namespace_for_root() {
    let privileges = "privileges: none outside this user namespace, which is not the initial one; BPF works \
                      only in the initial one; run sigtrace as root outside, or its container without user \
                      namespaces, for example with `docker run --userns=host`";
    let in_namespace = |args: &[&str]| {
        let unshare = ["unshare", "-U", "-r", "/payload/sigtrace"];
        run_to_end(Command::new("/bin/busybox").args(unshare).args(args))
    };
    let doctor = in_namespace(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{doctor:?}");
    let told = doctor.stdout.lines().find(|line| line.contains("privileges: "));
    assert_eq!(told, Some(format!("missing  {privileges}").as_str()), "{}", doctor.stdout);
    assert!(doctor.stdout.ends_with("sigtrace cannot trace here\n"), "{}", doctor.stdout);
    let trace = in_namespace(&["-s", "kill"]);
    assert_eq!(trace.status.code(), Some(1), "{trace:?}");
    assert_eq!(trace.stderr, format!("sigtrace: {privileges}\n"));
}

/// How doctor tells by what calls are probed.
fn probes_condition(kernel: Kernel) -> String {
    let (often, rarely) = (kernel.probe("kill"), kernel.probe("tkill"));
    if often == "kprobe" {
        return "lacking  probes: kprobe; returns are missed if more callers sleep than".to_owned();
    }
    // They can be skipped where the kernel preempts itself.
    let standing = if often.ends_with("+fexit") { "lacking" } else { "ok" };
    if often == rarely {
        format!("{standing:<9}probes: {often}")
    } else {
        format!("{standing:<9}probes: {often}; {rarely} where calls are rare")
    }
}
