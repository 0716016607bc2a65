//! `--follow`.

use sigtrace_tests::bpf::{maps, name_and_value_size, write};
use sigtrace_tests::harness::{Puppet, Test, Tracer};
use sigtrace_tests::tests;

use crate::scene::{assert_filters, filter};

/// All of them.
pub const TESTS: &[Test] = tests![
    descendants_are_followed_from_fork_on_and_those_that_exist,
    processes_past_the_limit_are_counted_and_told_of_now_and_then,
];

const NOBODY: &str = "kill 2147483634";

fn descendants_are_followed_from_fork_on_and_those_that_exist() {
    let (mut a, mut b) = (Puppet::start(), Puppet::start());
    let mut before = a.fork();
    let mut older = before.fork();
    let (pid_a, pid_b) = (a.pid(), b.pid());
    let family =
        |what: &str| ["a", "before", "older", "child", "grandchild", "thread"].contains(&what);
    let filters = [
        filter(format!("-s kill --caller {pid_a} --follow"), |what, _| family(what)),
        filter(format!("-s kill -f -p {pid_a}"), |what, call| {
            family(what) || call["args"]["sig"] == "SIGWINCH"
        }),
        filter(format!("-s kill --caller {pid_a},{pid_b} -f -S HUP"), |_, call| {
            call["args"]["signo"] == 1
        }),
        // Without it, only those that were named.
        filter(format!("-s kill --caller {pid_a}"), |what, _| what == "a" || what == "thread"),
    ];
    assert_filters(&filters, || {
        let mut child = a.fork_to(&format!("{NOBODY} 1"));
        let mut grandchild = child.fork_to(&format!("{NOBODY} 2"));
        let mut sibling = b.fork_to(&format!("{NOBODY} 3"));
        let mut acts = vec![
            ("child", child.done()),
            ("grandchild", grandchild.done()),
            ("sibling", sibling.done()),
        ];
        let mut act = |what, puppet: &mut Puppet, call: &str| acts.push((what, puppet.call(call)));
        act("before", &mut before, &format!("{NOBODY} 1"));
        act("older", &mut older, &format!("{NOBODY} 1"));
        act("older", &mut older.thread(), &format!("{NOBODY} 1"));
        act("a", &mut a, &format!("{NOBODY} 1"));
        act("thread", &mut a.thread(), &format!("{NOBODY} 1"));
        act("grandchild", &mut grandchild, &format!("{NOBODY} 1"));
        act("grandchild", &mut grandchild.thread(), &format!("{NOBODY} 0"));
        act("b", &mut b, &format!("{NOBODY} 1"));
        act("sibling", &mut sibling, &format!("{NOBODY} 1"));
        act("b", &mut b, &format!("kill {} 28", grandchild.pid()));
        act("b", &mut b, &format!("kill {} 28", child.pid()));
        act("b", &mut b, &format!("kill {pid_a} 28"));
        act("b", &mut b, &format!("kill {} 28", older.pid()));
        act("sibling", &mut sibling, &format!("kill {} 0", b.pid()));
        act("child", &mut child, &format!("{NOBODY} 1"));
        acts
    });
}

fn processes_past_the_limit_are_counted_and_told_of_now_and_then() {
    const LIMIT: u32 = 65_536;
    const FORKS: usize = 20;
    let mut parent = Puppet::start();
    let caller = parent.pid().to_string();
    let tracer = Tracer::start(&["-s", "kill", "--caller", &caller, "--follow", "--stats"]);
    let maps = maps();
    let pids = maps.iter().find(|map| name_and_value_size(map).0 == "PIDS");
    let pids = pids.unwrap_or_else(|| panic!("no PIDS"));
    // All that there is room for beside the parent; no process has such a number.
    for number in 1..=LIMIT {
        write(pids, u32::MAX - number, &0_u32.to_ne_bytes());
    }
    let mut children: Vec<Puppet> = (0..FORKS).map(|_| parent.fork()).collect();
    parent.call(&format!("{NOBODY} 0"));
    for child in &mut children {
        child.call(&format!("{NOBODY} 0"));
    }
    let trace = tracer.finish();
    let stats = trace.stats();
    // The last is that of the signal that ends it.
    assert_eq!((stats.printed(), stats.filtered(), stats.lost()), (1, FORKS as u64 + 1, 0));
    let told: Vec<usize> = trace
        .stderr
        .lines()
        .filter_map(|line| {
            let count = line
                .strip_prefix("sigtrace: warning: too many processes to follow: the calls of ")?;
            count.strip_suffix(" more are left out")?.parse().ok()
        })
        .collect();
    assert_eq!(told.iter().sum::<usize>(), FORKS, "{}", trace.stderr);
    assert!(told.len() < FORKS / 2, "{}", trace.stderr);
}
