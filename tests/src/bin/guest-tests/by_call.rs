//! `--syscall`, `--signal`, `--no-probe`.

use serde_json::{Value, json};
use sigtrace_tests::expect::ABI_32;
use sigtrace_tests::harness::{Puppet, Test, Tracer, Workload};
use sigtrace_tests::tests;

use crate::scene::{assert_filters, assert_same, calls_by, filter, start};

/// All of them.
pub const TESTS: &[Test] = tests![
    syscalls_are_selected_by_name_and_by_group,
    sends_are_selected_by_signal,
    calls_that_take_sets_are_selected_by_a_signal_in_them,
    calls_that_change_the_mask_are_selected_by_what_they_block_and_unblock,
    sets_that_are_not_known_for_sure_leave_no_call_out,
    existence_checks_can_be_left_out,
    callers_of_32_bits_are_selected_like_others,
];

const NOBODY: &str = "2147483634";

fn numbers(signals: &[u32]) -> u64 {
    signals.iter().fold(0, |bits, signo| bits | 1 << (signo - 1))
}

fn syscalls_are_selected_by_name_and_by_group() {
    let mut puppet = Puppet::start();
    let pid = puppet.pid();
    let all = [
        "kill",
        "tkill",
        "tgkill",
        "rt_sigqueueinfo",
        "rt_tgsigqueueinfo",
        "pidfd_send_signal",
        "pidfd_open",
        "signalfd4",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigpending",
        "rt_sigtimedwait",
        "sigaltstack",
    ];
    let but = |left_out: &[&str]| -> Vec<&str> {
        all.iter().copied().filter(|name| !left_out.contains(name)).collect()
    };
    let cases: [(&[&str], Vec<&str>); 4] = [
        (&["kill,pidfd_open", "-s", "sigaltstack"], vec!["kill", "pidfd_open", "sigaltstack"]),
        (&["@fd"], all[5..8].to_vec()),
        (
            &["@stack,@mask,!rt_sigpending,@action"],
            vec!["rt_sigaction", "rt_sigprocmask", "sigaltstack"],
        ),
        (&["!@send,!rt_sigprocmask"], but(&[&all[..6], &["rt_sigprocmask"]].concat())),
    ];
    let args =
        |(syscalls, _): &(&[&'static str], _)| [&["--stats", "--syscall"], *syscalls].concat();
    let tracers = start(cases.iter().map(args).collect());
    let mut stated = Vec::new();
    for name in all {
        let arguments = match name {
            "kill" | "tkill" => format!("{NOBODY} 0"),
            "tgkill" => format!("{pid} {NOBODY} 0"),
            "rt_sigqueueinfo" => format!("{NOBODY} 15"),
            "rt_tgsigqueueinfo" => format!("{pid} {NOBODY} 15"),
            "pidfd_open" => format!("{pid} 0"),
            "pidfd_send_signal" => {
                let pidfd = puppet.call(&format!("pidfd_open {pid}"));
                let fd = pidfd["ret"].to_string();
                stated.push(pidfd);
                format!("{fd} 0 {pid}")
            }
            "signalfd4" => "-1 1".into(),
            "rt_sigaction" => "15".into(),
            "rt_sigprocmask" => "0 0".into(),
            "rt_sigtimedwait" => "1 0".into(),
            _ => String::new(),
        };
        stated.push(puppet.call(&format!("{name} {arguments}")));
    }
    for ((syscalls, names), tracer) in cases.iter().zip(tracers) {
        let trace = tracer.finish();
        let kept = |call: &&Value| names.iter().any(|name| call["syscall"] == *name);
        let expected: Vec<&Value> = stated.iter().filter(kept).collect();
        assert_same(&syscalls.join(" "), &expected, &calls_by(&trace, &[pid]));
        assert_eq!(trace.stats().lost(), 0);
    }
}

fn sends_are_selected_by_signal() {
    let mut puppet = Puppet::start();
    let signo = |call: &Value| call["args"]["signo"].as_i64().unwrap_or_default();
    let one_of =
        |signals: &'static [i64]| move |_: &str, call: &Value| signals.contains(&signo(call));
    let filters = [
        filter("-s @send --signal SIGINT,int,9 -S USR1", one_of(&[2, 9, 10])),
        filter("-s @send -S RTMIN+3,34,SIGRTMAX", one_of(&[34, 37, 64])),
        // Numbers that are no signals are nobody's choice.
        filter("-s @send -S !URG,!64", move |_, call| {
            (1..=64).contains(&signo(call)) && signo(call) != 23 && signo(call) != 64
        }),
    ];
    assert_filters(&filters, || {
        let mut acts = Vec::new();
        for signo in
            [0, 1, 2, 9, 10, 15, 23, 32, 34, 35, 37, 38, 63, 64, 65, -1, i32::MIN, i32::MAX]
        {
            for call in ["kill", "tkill", "rt_sigqueueinfo"] {
                acts.push(("", puppet.call(&format!("{call} {NOBODY} {signo}"))));
            }
        }
        let pid = puppet.pid();
        acts.push(("", puppet.call(&format!("tgkill {pid} {NOBODY} 15"))));
        acts.push(("", puppet.call(&format!("rt_tgsigqueueinfo {pid} {NOBODY} 34"))));
        acts.push(("", puppet.call("pidfd_send_signal 999 15 0")));
        // There is no process behind that descriptor.
        if let Some((_, call)) = acts.last_mut() {
            call["args"]["target"] = json!(null);
        }
        acts
    });
}

fn calls_that_take_sets_are_selected_by_a_signal_in_them() {
    let mut puppet = Puppet::start();
    let pid = puppet.pid();
    let signals = ["TERM", "!TERM"];
    let syscalls = "@mask,@wait,signalfd4,rt_sigaction,sigaltstack,pidfd_open";
    let args = signals.map(|signals| vec!["-s", syscalls, "--signal", signals, "--stats"]);
    let tracers = start(args.to_vec());
    let (term, rt, both) = (numbers(&[15]), numbers(&[35]), numbers(&[15, 35]));
    let mut calls = Vec::new();
    for (has, set) in [("TERM ", term), ("!TERM", rt), ("TERM !TERM", both), ("", 0)] {
        calls.push((has, puppet.call(&format!("rt_sigtimedwait {set} 1000"))));
        calls.push((has, puppet.call(&format!("signalfd4 -1 {set}"))));
    }
    calls.push(("TERM ", puppet.call("rt_sigaction 15")));
    calls.push(("!TERM", puppet.call("rt_sigaction 35")));
    calls.push(("!TERM", puppet.call("rt_sigaction 1")));
    // These take no signal and no set.
    calls.push(("", puppet.call("rt_sigpending")));
    calls.push(("", puppet.call("sigaltstack")));
    calls.push(("", puppet.call(&format!("pidfd_open {pid}"))));
    for (signals, tracer) in signals.into_iter().zip(tracers) {
        let trace = tracer.finish();
        let kept = |(has, call): &(&str, Value)| {
            let word = has.split(' ').any(|word| word == signals);
            word.then(|| call.clone())
        };
        let expected: Vec<Value> = calls.iter().filter_map(kept).collect();
        let expected: Vec<&Value> = expected.iter().collect();
        assert_same(signals, &expected, &calls_by(&trace, &[pid]));
        assert_eq!(trace.stats().lost(), 0);
    }
}

/// What such a call names need not be what changes; with `--signal-in-set` it is what counts.
fn calls_that_change_the_mask_are_selected_by_what_they_block_and_unblock() {
    const CHANGES: &str = "--signal TERM";
    const NAMES: &str = "--signal-in-set TERM";
    let (mut puppet, mut narrow) = (Puppet::start(), Puppet::start_32());
    let pids = [puppet.pid(), narrow.pid()];
    let args = [CHANGES, NAMES].map(|by| {
        ["-s", "rt_sigprocmask"].into_iter().chain(by.split(' ')).chain(["--stats"]).collect()
    });
    let tracers = start(args.to_vec());
    let (block, unblock, set) = (0, 1, 2);
    let (term, int, both) = (numbers(&[15]), numbers(&[2]), numbers(&[2, 15]));
    let mut calls = Vec::new();
    for puppet in [&mut puppet, &mut narrow] {
        for (selected, how, named) in [
            (&[CHANGES, NAMES][..], block, term),
            // It is blocked already.
            (&[NAMES], block, both),
            (&[], unblock, int),
            // As a shell does that blocks all and restores its mask.
            (&[NAMES], set, u64::MAX),
            (&[NAMES], set, term),
            (&[CHANGES], set, 0),
            (&[NAMES], 99, term),
            (&[], block, 0),
        ] {
            calls.push((selected, puppet.call(&format!("rt_sigprocmask {how} {named}"))));
        }
    }
    assert_eq!(calls[1].1["mask_blocked"], json!(["SIGINT"]));
    assert_eq!(calls[5].1["mask_unblocked"], json!(["SIGTERM"]));
    for (by, tracer) in [CHANGES, NAMES].into_iter().zip(tracers) {
        let trace = tracer.finish();
        let kept =
            |(selected, call): &(&[&str], Value)| selected.contains(&by).then(|| call.clone());
        let expected: Vec<Value> = calls.iter().filter_map(kept).collect();
        assert_same(by, &expected.iter().collect::<Vec<_>>(), &calls_by(&trace, &pids));
        assert_eq!(trace.stats().lost(), 0);
    }
}

/// They may have been something else when the kernel read them.
fn sets_that_are_not_known_for_sure_leave_no_call_out() {
    let syscalls = "rt_sigprocmask,rt_sigtimedwait,rt_sigsuspend,signalfd4";
    let tracer = Tracer::start(&["-s", syscalls, "--signal-in-set", "HUP", "--stats"]);
    let workload = Workload::run("late");
    let trace = tracer.finish();
    let is_kept = |call: &&Value| {
        let args = &call["args"];
        let set = args.get("set").or_else(|| args.get("mask"));
        set.is_some_and(|set| match set {
            Value::Array(names) => names.contains(&json!("SIGHUP")),
            Value::Object(_) => call["error"] != "EFAULT",
            _ => false,
        }) && syscalls.split(',').any(|name| call["syscall"] == name)
    };
    let made: Vec<Value> =
        workload.expected.iter().map(|call| Value::from(call.event.clone())).collect();
    let expected: Vec<&Value> = made.iter().filter(is_kept).collect();
    assert!(expected.iter().any(|call| call["args"]["set"].get("unreadable").is_some()));
    assert!(expected.iter().any(|call| call["args"]["set"].get("read_late").is_some()));
    let pid = made[0]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    // Before its marks and after them it makes others.
    let got = calls_by(&trace, &[pid.unwrap_or_default()]);
    let got: Vec<Value> = got.into_iter().filter(|call| made.contains(call)).collect();
    assert_same("--signal-in-set HUP", &expected, &got);
}

fn existence_checks_can_be_left_out() {
    let mut puppet = Puppet::start();
    let pid = puppet.pid();
    let no_check = |_: &str, call: &Value| call["args"]["signo"] != 0;
    let filters = [
        filter("-s @send --no-probe", no_check),
        filter("-s @send,pidfd_open --no-probe --failed", |_, call| {
            call["args"]["signo"] != 0 && call["error"] != json!(null)
        }),
    ];
    assert_filters(&filters, || {
        let orders = [
            format!("kill {pid} 0"),
            format!("kill {NOBODY} 0"),
            format!("kill {NOBODY} 1"),
            format!("tkill {NOBODY} 0"),
            format!("tgkill {pid} {pid} 0"),
            format!("tgkill {pid} {pid} 28"),
            format!("rt_sigqueueinfo {NOBODY} 0"),
            format!("rt_tgsigqueueinfo {pid} {pid} 0"),
            format!("kill {NOBODY} -1"),
        ];
        orders.iter().map(|order| ("", puppet.call(order))).collect()
    });
}

fn callers_of_32_bits_are_selected_like_others() {
    let (mut narrow, mut wide) = (Puppet::start_32(), Puppet::start());
    assert_eq!(narrow.order("name 6e6172726f77"), "0");
    let (abi, pid) = (ABI_32, narrow.pid());
    let filters = [
        filter("-s @send --signal TERM,34", |_, call| {
            call["args"]["signo"] == 15 || call["args"]["signo"] == 34
        }),
        filter("-s kill --comm narrow", |_, call| call["abi"] == abi && call["syscall"] == "kill"),
        filter(format!("-s @send,!kill --caller {pid}"), |_, call| call["abi"] == abi),
        filter(format!("-s @send --target {pid} --no-probe"), |_, call| {
            let args = &call["args"];
            ["pid", "tgid", "tid"].iter().any(|key| args[key] == pid) && args["signo"] != 0
        }),
        filter("-s @send --error EINVAL", |_, call| call["error"] == "EINVAL"),
    ];
    assert_filters(&filters, || {
        let mut acts = Vec::new();
        let orders = ["kill PID 0", "kill PID 28", "tkill PID 65", "kill NOBODY 15"];
        let more = ["rt_sigqueueinfo NOBODY 34", "tgkill PID NOBODY 15", "tgkill 0 PID 15"];
        for order in orders.into_iter().chain(more) {
            let order = order.replace("PID", &pid.to_string()).replace("NOBODY", NOBODY);
            acts.push(("", narrow.call(&order)));
            acts.push(("", wide.call(&order)));
        }
        assert!(acts.iter().step_by(2).all(|(_, call)| call["abi"] == abi));
        acts
    });
    let tracer = Tracer::start(&["-s", "rt_sigprocmask", "-S", "TERM,33", "--stats"]);
    let term = narrow.call(&format!("rt_sigprocmask 0 {}", numbers(&[15])));
    narrow.call(&format!("rt_sigprocmask 0 {}", numbers(&[16, 34])));
    let both = narrow.call(&format!("rt_sigprocmask 0 {}", numbers(&[33, 34])));
    assert_same("sets", &[&term, &both], &calls_by(&tracer.finish(), &[pid]));
}
