//! `--pid`, `--caller`, `--target`, `--tid`.

use serde_json::Value;
use sigtrace_tests::harness::{Puppet, Test};
use sigtrace_tests::tests;

use crate::scene::{Act, assert_filters, filter};

/// All of them.
pub const TESTS: &[Test] = tests![
    processes_are_selected_as_callers_and_as_targets,
    a_process_is_a_target_in_whatever_namespace_its_sender_counts,
    threads_are_selected_as_callers,
];

/// Who does nothing when it arrives.
const WINCH: i32 = libc::SIGWINCH;

/// Acts are described as `A>B`: who sends, and whom it reaches.
fn sent_by(who: char) -> impl Fn(&str, &Value) -> bool {
    move |what, _| what.starts_with(who)
}

fn sent_to(who: char) -> impl Fn(&str, &Value) -> bool {
    move |what, _| what.split_once('>').is_some_and(|(_, whom)| whom.contains(who))
}

fn processes_are_selected_as_callers_and_as_targets() {
    let (mut a, mut b, mut c) = (Puppet::start(), Puppet::start(), Puppet::start());
    assert_eq!(b.order("lead-group"), "0");
    let old_thread = b.thread();
    let (pid_a, pid_b, pid_c) = (a.pid(), b.pid(), c.pid());
    let filters = [
        filter(format!("-s @send --pid {pid_b}"), |what, call| {
            sent_by('B')(what, call) || sent_to('B')(what, call)
        }),
        filter(format!("-s @send --target {pid_b}"), sent_to('B')),
        filter(format!("-s @send --target {pid_a},{pid_c}"), |what, call| {
            sent_to('A')(what, call) || sent_to('C')(what, call)
        }),
        filter(format!("-s @send --caller {pid_a} --target {pid_b}"), |what, call| {
            sent_by('A')(what, call) && sent_to('B')(what, call)
        }),
        filter(format!("-s @send --caller {pid_a} --pid {pid_c}"), |what, call| {
            sent_by('A')(what, call) && sent_to('C')(what, call)
        }),
        filter(format!("-s @send --pid {pid_b} --target {pid_a}"), |what, call| {
            sent_to('A')(what, call) && (sent_by('B')(what, call) || sent_to('B')(what, call))
        }),
    ];
    assert_filters(&filters, || {
        // Created while all is being watched.
        let new_thread = b.thread();
        let fd = a.call(&format!("pidfd_open {pid_b} 0"))["ret"].clone();
        let own = a.call(&format!("pidfd_open {pid_a} 0"))["ret"].clone();
        let mut acts: Vec<Act> = Vec::new();
        let mut act =
            |what, puppet: &mut Puppet, call: String| acts.push((what, puppet.call(&call)));
        for (what, pid) in [("A>A", pid_a), ("A>B", pid_b), ("A>C", pid_c)] {
            for signo in [0, WINCH, 65] {
                act(what, &mut a, format!("kill {pid} {signo}"));
            }
            act(what, &mut a, format!("rt_sigqueueinfo {pid} {WINCH}"));
            act(what, &mut a, format!("rt_tgsigqueueinfo {pid} {pid} {WINCH}"));
            act(what, &mut a, format!("tkill {pid} {WINCH}"));
            act(what, &mut a, format!("tgkill {pid} {pid} {WINCH}"));
        }
        for thread in [old_thread.tid(), new_thread.tid()] {
            act("A>B", &mut a, format!("tkill {thread} {WINCH}"));
            act("A>B", &mut a, format!("tkill {thread} 0"));
            act("A>B", &mut a, format!("tgkill {pid_b} {thread} {WINCH}"));
            act("A>B", &mut a, format!("rt_tgsigqueueinfo {pid_b} {thread} {WINCH}"));
            // Means its process.
            act("A>B", &mut a, format!("kill {thread} {WINCH}"));
            // Fails, but names them both.
            act("A>B C", &mut a, format!("tgkill {pid_c} {thread} {WINCH}"));
        }
        act("A>B", &mut a, format!("pidfd_send_signal {fd} {WINCH} {pid_b}"));
        act("A>B", &mut a, format!("pidfd_send_signal {fd} 0 {pid_b}"));
        act("A>A", &mut a, format!("pidfd_send_signal {own} 0 {pid_a}"));
        act("C>B", &mut c, format!("kill -{pid_b} {WINCH}"));
        act("B>B", &mut b, format!("kill 0 {WINCH}"));
        act("C>A B", &mut c, format!("kill -1 {WINCH}"));
        act("B>A C", &mut b, format!("kill -1 {WINCH}"));
        act("C>A", &mut c, format!("kill {pid_a} 0"));
        act("B>A", &mut b, format!("kill {pid_a} 0"));
        act("B>", &mut b, "kill 2147483634 0".into());
        act("C>", &mut c, "kill 2147483634 0".into());
        acts
    });
}

fn a_process_is_a_target_in_whatever_namespace_its_sender_counts() {
    let mut outside = Puppet::start();
    assert_eq!(outside.order("new-namespace"), "0");
    let mut init = outside.fork();
    let inside = init.fork();
    let mut sender = init.fork();
    let target = inside.pid();
    let filters = [filter(format!("-s @send --target {target}"), sent_to('T'))];
    assert_filters(&filters, || {
        vec![
            // Their numbers are 1, 2 and 3 there.
            ("S>T", sender.call(&format!("kill 2 {WINCH}"))),
            ("S>T", sender.call(&format!("tkill 2 {WINCH}"))),
            ("S>T", sender.call(&format!("rt_sigqueueinfo 2 {WINCH}"))),
            ("S>T", sender.call(&format!("kill -1 {WINCH}"))),
            ("S>I", sender.call(&format!("kill 1 {WINCH}"))),
            ("S>", sender.call(&format!("kill 3 {WINCH}"))),
            ("I>T", init.call(&format!("tgkill 2 2 {WINCH}"))),
            ("O>T", outside.call(&format!("kill {target} {WINCH}"))),
            ("O>", outside.call(&format!("kill {} {WINCH}", outside.pid()))),
        ]
    });
}

fn threads_are_selected_as_callers() {
    let mut a = Puppet::start();
    let (mut first, mut second) = (a.thread(), a.thread());
    let tid = first.tid();
    let main = a.tid();
    let filters = [
        filter(format!("-s kill -t {tid}"), |what, _| what == "first"),
        filter(format!("-s kill --tid {tid},{main}"), |what, _| what != "second"),
        filter(format!("-s kill --tid 1,2,3,{main},{tid}"), |what, _| what != "second"),
    ];
    assert_filters(&filters, || {
        vec![
            ("main", a.call("kill 2147483634 1")),
            ("first", first.call("kill 2147483634 2")),
            ("second", second.call("kill 2147483634 3")),
            ("first", first.call(&format!("kill {main} 0"))),
            ("second", second.call(&format!("kill {main} 0"))),
        ]
    });
}
