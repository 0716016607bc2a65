//! `--comm`, `--uid`, `--cgroup`, `--self`.

use serde_json::Value;
use sigtrace_tests::harness::{Puppet, Test, Tracer, sigtrace};
use sigtrace_tests::kernel::control_groups;
use sigtrace_tests::tests;

use crate::control_group::Group;
use crate::scene::{assert_filters, filter, rename};

/// All of them.
pub const TESTS: &[Test] = tests![
    threads_are_selected_by_name,
    users_are_selected_by_number,
    a_control_group_is_selected_with_those_below_it,
    what_is_no_control_group_is_refused_by_name,
    sigtraces_own_calls_are_neither_printed_nor_counted_unless_asked_for,
    filters_narrow_each_other,
];

const CALL: &str = "kill 2147483634 15";

fn named<const N: usize>(names: [&str; N]) -> impl Fn(&str, &Value) -> bool {
    move |_, call| names.iter().any(|name| call["comm"] == *name)
}

fn threads_are_selected_by_name() {
    let mut puppet = Puppet::start();
    let mut thread = puppet.thread();
    rename(&mut thread, b"a thread");
    let long = "systemd-journal";
    let filters = [
        filter(
            "-s kill -c nginx,h\u{e9}l\u{e9}ne -c a\"b",
            named(["nginx", "h\u{e9}l\u{e9}ne", "a\"b"]),
        ),
        // As many as are compared one by one, and one more than that.
        filter("-s kill -c nginx,nosuch,ngin,nobody", named(["nginx", "ngin"])),
        filter("-s kill -c nosuch,nobody,ngin,nowhere,nginx2", named(["ngin", "nginx2"])),
        // The kernel keeps 15 bytes of a name.
        filter("-s kill -c systemd-journald", named([long])),
    ];
    assert_filters(&filters, || {
        let mut acts = Vec::new();
        let names =
            ["nginx", "ngin", "nginx2", "h\u{e9}l\u{e9}ne", "a\"b", "systemd-journald", long];
        for name in names {
            rename(&mut puppet, name.as_bytes());
            acts.push(("", puppet.call(CALL)));
            acts.push(("", thread.call(CALL)));
        }
        acts
    });
}

fn users_are_selected_by_number() {
    let users = [0, 33, 65_534, 4_000_000_000_u32];
    let mut puppets = users.map(|user| {
        let mut puppet = Puppet::start();
        puppet.order(&format!("user {user}"));
        puppet
    });
    let by = |users: &'static [u32]| {
        move |_: &str, call: &Value| users.iter().any(|user| call["uid"] == *user)
    };
    let filters = [
        filter("-s kill --uid 33", by(&[33])),
        filter("-s kill -u 4000000000,0", by(&[4_000_000_000, 0])),
        filter("-s kill -u 1,2,3,33", by(&[33])),
        filter("-s kill -u 1,2,65534,3,33", by(&[65_534, 33])),
        filter("-s kill -u 32-34", by(&[33])),
        // As many as a list can have.
        filter("-s kill -u 0-65534,4000000000", by(&[0, 33, 65_534, 4_000_000_000])),
    ];
    assert_filters(&filters, || puppets.iter_mut().map(|puppet| ("", puppet.call(CALL))).collect());
}

fn a_control_group_is_selected_with_those_below_it() {
    let chosen = Group::new("chosen");
    let below = Group::new("chosen/below");
    let beside = Group::new("chosen2");
    let (mut inside, mut deeper, mut other, mut outside) =
        (Puppet::start(), Puppet::start(), Puppet::start(), Puppet::start());
    chosen.join(&inside);
    below.join(&deeper);
    beside.join(&other);
    let filters = [
        filter(format!("-s kill --cgroup {}", chosen.path()), |what, _| {
            what == "in" || what == "below"
        }),
        filter(format!("-s kill --cgroup {}", control_groups()), |_, _| true),
    ];
    assert_filters(&filters, || {
        vec![
            ("in", inside.call(CALL)),
            ("below", deeper.call(CALL)),
            ("beside", other.call(CALL)),
            ("outside", outside.call(CALL)),
        ]
    });
    drop((inside, deeper, other));
    drop((below, beside));
}

fn what_is_no_control_group_is_refused_by_name() {
    for option in ["--cgroup", "--target-cgroup"] {
        for path in ["/sys/fs/cgroup/none", "/tmp"] {
            let ended = sigtrace(&["--syscall", "kill", option, path]);
            assert_eq!(ended.stdout, "", "{path}");
            let begin = format!("sigtrace: {option}: {path}: ");
            assert!(ended.stderr.contains(&begin), "{}", ended.stderr);
            assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        }
    }
}

fn sigtraces_own_calls_are_neither_printed_nor_counted_unless_asked_for() {
    let own = |args: &[&str]| {
        let tracer = Tracer::start(args);
        let pid = tracer.pid();
        let trace = tracer.finish();
        let names: Vec<Value> = trace
            .calls()
            .filter(|call| call["pid"] == pid)
            .map(|call| call["syscall"].clone())
            .collect();
        (names, trace.stats().filtered())
    };
    // Its handler of the signal that stops it returns. That counts as little as it shows.
    assert_eq!(own(&["-s", "rt_sigreturn", "--stats"]), (vec![], 0));
    assert_eq!(own(&["-s", "rt_sigreturn", "--stats", "--self"]), (vec!["rt_sigreturn".into()], 0));
}

fn filters_narrow_each_other() {
    let (mut root, mut user) = (Puppet::start(), Puppet::start());
    user.order("user 33");
    rename(&mut root, b"one");
    rename(&mut user, b"one");
    let mut other = user.thread();
    rename(&mut other, b"two");
    let (pid, tid) = (user.pid(), other.tid());
    let filters = [
        filter(format!("-s kill -p {pid} -c two -S TERM"), |what, call| {
            what == "other" && call["args"]["sig"] == "SIGTERM"
        }),
        filter(format!("-s kill -t {tid} -u 33 --error ESRCH --no-probe"), |what, call| {
            what == "other" && call["args"]["signo"] != 0 && call["error"] == "ESRCH"
        }),
        filter(format!("-s kill --caller {pid} --target {pid} --failed"), |what, call| {
            what != "root" && call["args"]["pid"] == pid && call["error"] == "EINVAL"
        }),
    ];
    assert_filters(&filters, || {
        let mut acts = Vec::new();
        for order in [
            CALL.into(),
            "kill 2147483634 0".into(),
            format!("kill {pid} 65"),
            format!("kill {pid} 0"),
        ] {
            acts.push(("root", root.call(&order)));
            acts.push(("user", user.call(&order)));
            acts.push(("other", other.call(&order)));
        }
        acts
    });
}
