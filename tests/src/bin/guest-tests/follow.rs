//! `--follow`.

use sigtrace_tests::harness::{Puppet, Test};
use sigtrace_tests::tests;

use crate::scene::{assert_filters, filter};

/// All of them.
pub const TESTS: &[Test] = tests![descendants_are_followed_from_fork_on];

const NOBODY: &str = "kill 2147483634";

fn descendants_are_followed_from_fork_on() {
    let (mut a, mut b) = (Puppet::start(), Puppet::start());
    let mut before = a.fork();
    let (pid_a, pid_b) = (a.pid(), b.pid());
    let family = |what: &str| ["a", "child", "grandchild", "thread"].contains(&what);
    let filters = [
        filter(format!("-s kill --caller {pid_a} --follow"), |what, _| family(what)),
        filter(format!("-s kill -f -p {pid_a}"), |what, call| {
            family(what) || call["args"]["sig"] == "SIGWINCH"
        }),
        filter(format!("-s kill --caller {pid_a},{pid_b} -f -S HUP"), |what, call| {
            call["args"]["signo"] == 1 && what != "before"
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
        act("a", &mut a, &format!("{NOBODY} 1"));
        act("thread", &mut a.thread(), &format!("{NOBODY} 1"));
        act("grandchild", &mut grandchild, &format!("{NOBODY} 1"));
        act("grandchild", &mut grandchild.thread(), &format!("{NOBODY} 0"));
        act("b", &mut b, &format!("{NOBODY} 1"));
        act("sibling", &mut sibling, &format!("{NOBODY} 1"));
        act("b", &mut b, &format!("kill {} 28", grandchild.pid()));
        act("b", &mut b, &format!("kill {} 28", child.pid()));
        act("b", &mut b, &format!("kill {pid_a} 28"));
        act("sibling", &mut sibling, &format!("kill {} 0", b.pid()));
        act("child", &mut child, &format!("{NOBODY} 1"));
        acts
    });
}
