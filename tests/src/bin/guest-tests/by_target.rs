//! `--target-comm`, `--target-uid`, `--target-cgroup`.

use serde_json::Value;
use sigtrace_tests::harness::{Puppet, Test, sigtrace};
use sigtrace_tests::kernel::control_groups;
use sigtrace_tests::tests;

use crate::control_group::Group;
use crate::scene::{Act, assert_filters, filter, rename};

/// All of them.
pub const TESTS: &[Test] = tests![
    targets_are_selected_by_their_name,
    targets_are_selected_by_their_user,
    targets_are_selected_by_their_control_group_and_those_below_it,
    one_target_must_be_all_that_is_asked_for,
    targets_are_what_they_are_in_whatever_namespace_their_sender_counts,
    targets_of_programs_of_32_bits_are_selected_like_others,
    an_option_that_left_out_all_sends_is_named,
];

/// Who does nothing when it arrives.
const WINCH: i32 = libc::SIGWINCH;
/// No process has it.
const NOBODY: i32 = 2_147_483_634;

/// Acts are described as `A>B`: who sends, and whom it reaches or names.
fn sent_to(who: char) -> impl Fn(&str, &Value) -> bool {
    move |what, _| what.split_once('>').is_some_and(|(_, whom)| whom.contains(who))
}

/// The ways to aim at a process, and at one of its threads: `what` that is, and `of_thread`. Some are
/// refused by the kernel, some send nothing.
fn aimed_at(
    sender: &mut Puppet,
    (what, target): (&'static str, &Puppet),
    (of_thread, thread): (&'static str, &Puppet),
) -> Vec<Act> {
    let (own, pid, tid) = (sender.pid(), target.pid(), thread.tid());
    let fd = sender.call(&format!("pidfd_open {pid} 0"))["ret"].clone();
    let mut acts = Vec::new();
    let mut act = |what, call: String| acts.push((what, sender.call(&call)));
    for signo in [0, WINCH, 65] {
        act(what, format!("kill {pid} {signo}"));
        act(what, format!("tgkill {pid} {pid} {signo}"));
        act(of_thread, format!("tkill {tid} {signo}"));
        act(of_thread, format!("tgkill {pid} {tid} {signo}"));
        // Means its process, but it is the thread that it names.
        act(of_thread, format!("kill {tid} {signo}"));
        // There is no such thread, but there is the process.
        act(what, format!("tgkill {pid} {NOBODY} {signo}"));
    }
    // Of a signal that there is none of, pidfd_send_signal does not say whether that was a pidfd.
    for signo in [0, WINCH] {
        act(what, format!("pidfd_send_signal {fd} {signo} {pid}"));
    }
    act(what, format!("rt_sigqueueinfo {pid} {WINCH}"));
    act(of_thread, format!("rt_tgsigqueueinfo {pid} {tid} {WINCH}"));
    // There is the thread, but in another process.
    act(of_thread, format!("tgkill {own} {tid} {WINCH}"));
    acts
}

fn targets_are_selected_by_their_name() {
    let (mut sender, mut victim, mut other) = (Puppet::start(), Puppet::start(), Puppet::start());
    assert_eq!(victim.order("lead-group"), "0");
    let mut thread = victim.thread();
    rename(&mut sender, b"sender");
    // 5.10 keeps the end of the longer name behind the shorter one.
    rename(&mut victim, b"a-longer-name");
    rename(&mut victim, b"victim");
    rename(&mut thread, b"thread");
    rename(&mut other, b"systemd-journald");
    let filters = [
        filter("-s @send --target-comm victim", sent_to('V')),
        filter("-s @send --target-comm thread", sent_to('T')),
        filter("-s @send --target-comm nosuch,victims,victi,thread", sent_to('T')),
        filter("-s @send --target-comm nosuch,victims,victi,threads,victim", sent_to('V')),
        // The kernel keeps 15 bytes of a name.
        filter("-s @send --target-comm systemd-journald", sent_to('O')),
    ];
    let (group, pid) = (victim.pid(), other.pid());
    assert_filters(&filters, || {
        let mut acts = aimed_at(&mut sender, ("S>V", &victim), ("S>T", &thread));
        let mut act =
            |what, puppet: &mut Puppet, call: String| acts.push((what, puppet.call(&call)));
        act("S>O", &mut sender, format!("kill {pid} {WINCH}"));
        act("S>O", &mut sender, format!("kill {pid} 0"));
        act("S>", &mut sender, format!("kill {NOBODY} {WINCH}"));
        // A group and everybody are processes, which are called as their first threads are.
        act("S>V", &mut sender, format!("kill -{group} {WINCH}"));
        act("S>V O", &mut sender, format!("kill -1 {WINCH}"));
        act("V>V", &mut victim, format!("kill 0 {WINCH}"));
        // Neither its own process.
        act("V>O", &mut victim, format!("kill -1 {WINCH}"));
        // To whom they would go is not known if nothing is sent.
        act("S>", &mut sender, format!("kill -{group} 0"));
        acts
    });
}

fn targets_are_selected_by_their_user() {
    let (mut root, mut user, mut other) = (Puppet::start(), Puppet::start(), Puppet::start());
    let mut same = Puppet::start();
    let (mut thread, mut group) = (user.thread(), Puppet::start());
    for (puppet, number) in
        [(&mut user, 33), (&mut thread, 33), (&mut same, 33), (&mut other, 4_000_000_000_u32)]
    {
        puppet.order(&format!("user {number}"));
    }
    assert_eq!(group.order("lead-group"), "0");
    let mut member = group.fork();
    member.order("user 33");
    let filters = [
        filter("-s @send --target-uid 33", sent_to('U')),
        filter("-s @send --target-uid 0", sent_to('R')),
        filter("-s @send --target-uid 4000000000,1", sent_to('O')),
        filter("-s @send --target-uid 1-5,4000000000,33", |what, call| {
            sent_to('U')(what, call) || sent_to('O')(what, call)
        }),
        filter("-s @send --target-uid 33 --uid 0", |what, call| {
            sent_to('U')(what, call) && what.starts_with('R')
        }),
        filter("-s @send --target-uid 33 --no-probe -S WINCH", |what, call| {
            sent_to('U')(what, call) && call["args"]["signo"] == WINCH
        }),
        filter("-s kill --target-uid 0 --error EPERM", |what, call| {
            sent_to('R')(what, call) && call["error"] == "EPERM"
        }),
    ];
    let (of_root, of_group) = (root.pid(), group.pid());
    assert_filters(&filters, || {
        let mut acts = aimed_at(&mut root, ("R>U", &user), ("R>U", &thread));
        // All of them refused.
        acts.extend(aimed_at(&mut user, ("U>O", &other), ("U>O", &other)));
        let mut act =
            |what, puppet: &mut Puppet, call: String| acts.push((what, puppet.call(&call)));
        act("U>R", &mut user, format!("kill {of_root} {}", libc::SIGTERM));
        act("U>R", &mut user, format!("kill 1 {}", libc::SIGTERM));
        act("O>R", &mut other, "kill 1 0".into());
        act("R>R", &mut root, format!("kill {of_root} {WINCH}"));
        act("R>U R", &mut root, format!("kill -{of_group} {WINCH}"));
        // Of a group it is let signal those of its own only, and of all.
        act("U>U", &mut user, format!("kill -{of_group} {WINCH}"));
        act("U>U", &mut user, format!("kill -1 {WINCH}"));
        act("O>", &mut other, format!("kill -1 {WINCH}"));
        act("O>", &mut other, format!("kill -{of_group} {WINCH}"));
        act("R>U O R", &mut root, format!("kill -1 {WINCH}"));
        acts
    });
}

fn targets_are_selected_by_their_control_group_and_those_below_it() {
    let (pod, pod2) = (Group::new("pod"), Group::new("pod2"));
    let (below, in_pod2) = (Group::new("pod/below"), Group::new("pod2/pod"));
    let deeper = Group::new("pod/below/deeper");
    let (mut sender, mut leader) = (Puppet::start(), Puppet::start());
    assert_eq!(leader.order("lead-group"), "0");
    let (deep, beside, member) = (Puppet::start(), Puppet::start(), leader.fork());
    let thread = leader.thread();
    pod.join(&leader);
    below.join(&member);
    deeper.join(&deep);
    in_pod2.join(&beside);
    let filters = [
        filter(format!("-s @send --target-cgroup {}", pod.path()), |what, call| {
            ['P', 'B', 'D'].iter().any(|&who| sent_to(who)(what, call))
        }),
        filter(format!("-s @send --target-cgroup {}", below.path()), |what, call| {
            ['B', 'D'].iter().any(|&who| sent_to(who)(what, call))
        }),
        filter(format!("-s @send --target-cgroup {}/", deeper.path()), sent_to('D')),
        filter(format!("-s @send --target-cgroup {}", pod2.path()), sent_to('2')),
        filter(format!("-s @send --target-cgroup {}", control_groups()), |what, _| {
            !what.ends_with('>')
        }),
        filter(
            format!("-s @send --target-cgroup {} --cgroup {}", pod.path(), pod.path()),
            |what, _| what == "P>P B",
        ),
    ];
    let (group, of_deep) = (leader.pid(), deep.pid());
    let (of_beside, of_member) = (beside.pid(), member.pid());
    assert_filters(&filters, || {
        let mut acts = aimed_at(&mut sender, ("S>P", &leader), ("S>P", &thread));
        let mut act =
            |what, puppet: &mut Puppet, call: String| acts.push((what, puppet.call(&call)));
        for signo in [0, WINCH] {
            act("S>D", &mut sender, format!("kill {of_deep} {signo}"));
            act("S>2", &mut sender, format!("kill {of_beside} {signo}"));
            act("S>B", &mut sender, format!("kill {of_member} {signo}"));
        }
        act("S>", &mut sender, format!("kill {NOBODY} 0"));
        act("S>P B", &mut sender, format!("kill -{group} {WINCH}"));
        act("P>P B", &mut leader, format!("kill 0 {WINCH}"));
        act("S>P B D 2", &mut sender, format!("kill -1 {WINCH}"));
        acts
    });
}

fn one_target_must_be_all_that_is_asked_for() {
    let pod = Group::new("pod");
    let (mut sender, mut leader) = (Puppet::start(), Puppet::start());
    assert_eq!(leader.order("lead-group"), "0");
    let (mut both, mut named, mut user) = (leader.fork(), leader.fork(), leader.fork());
    for puppet in [&mut both, &mut named] {
        rename(puppet, b"victim");
    }
    for puppet in [&mut both, &mut user] {
        puppet.order("user 33");
    }
    // Its group has a victim and one of that user, but no victim of that user.
    let mut apart = Puppet::start();
    assert_eq!(apart.order("lead-group"), "0");
    let (mut name_only, mut user_only) = (apart.fork(), apart.fork());
    rename(&mut name_only, b"victim");
    user_only.order("user 33");
    for puppet in [&both, &named] {
        pod.join(puppet);
    }
    let (all, parts) = (leader.pid(), apart.pid());
    let (of_both, of_named, of_sender) = (both.pid(), named.pid(), sender.pid());
    let path = pod.path();
    let filters = [
        filter("-s kill --target-comm victim --target-uid 33", sent_to('B')),
        filter(format!("-s kill --target-uid 33 --target-cgroup {path}"), sent_to('B')),
        filter(format!("-s kill --target-uid 0 --target-cgroup {path}"), sent_to('N')),
        filter(format!("-s kill --target {of_both},{all} --target-comm victim"), sent_to('B')),
        filter(format!("-s kill --target {of_named} --target-uid 0"), sent_to('N')),
        // Whom --pid selects need not be that target: it can call, or be another of a group.
        filter(format!("-s kill --pid {of_named} --target-uid 33"), |what, call| {
            sent_to('N')(what, call) && sent_to('B')(what, call) || what.starts_with("N>B")
        }),
        filter(format!("-s kill --caller {of_sender} --target-comm victim"), |what, call| {
            what.starts_with('S') && ['B', 'N', 'A'].iter().any(|&who| sent_to(who)(what, call))
        }),
    ];
    let (of_user, of_name_only) = (user.pid(), name_only.pid());
    assert_filters(&filters, || {
        let mut acts: Vec<Act> = Vec::new();
        let mut act =
            |what, puppet: &mut Puppet, call: String| acts.push((what, puppet.call(&call)));
        for signo in [0, WINCH] {
            act("S>B", &mut sender, format!("kill {of_both} {signo}"));
            act("S>N", &mut sender, format!("kill {of_named} {signo}"));
            act("S>U", &mut sender, format!("kill {of_user} {signo}"));
            act("S>A", &mut sender, format!("kill {of_name_only} {signo}"));
            act("N>B", &mut named, format!("kill {of_both} {signo}"));
            act("N>S", &mut named, format!("kill {of_sender} {signo}"));
        }
        act("S>B N", &mut sender, format!("kill -{all} {WINCH}"));
        act("S>A", &mut sender, format!("kill -{parts} {WINCH}"));
        act("N>B N", &mut named, format!("kill 0 {WINCH}"));
        acts
    });
}

fn targets_are_what_they_are_in_whatever_namespace_their_sender_counts() {
    let pod = Group::new("pod");
    let mut outside = Puppet::start();
    assert_eq!(outside.order("new-namespace"), "0");
    let mut init = outside.fork();
    let mut target = init.fork();
    let mut sender = init.fork();
    let mut user = init.fork();
    pod.join(&target);
    rename(&mut target, b"target");
    target.order("user 33");
    user.order("user 34");
    let filters = [
        filter("-s @send --target-comm target", sent_to('T')),
        filter("-s @send --target-uid 33", sent_to('T')),
        filter(format!("-s @send --target-cgroup {}", pod.path()), sent_to('T')),
        filter(format!("-s @send --target {} --target-uid 1-5,33", target.pid()), sent_to('T')),
    ];
    let of_target = target.pid();
    assert_filters(&filters, || {
        let mut acts: Vec<Act> = Vec::new();
        let mut act =
            |what, puppet: &mut Puppet, call: String| acts.push((what, puppet.call(&call)));
        for signo in [0, WINCH, 65] {
            // Their numbers are 1, 2, 3 and 4 there.
            act("S>T", &mut sender, format!("kill 2 {signo}"));
            act("S>T", &mut sender, format!("tkill 2 {signo}"));
            act("S>T", &mut sender, format!("tgkill 2 2 {signo}"));
            act("S>I", &mut sender, format!("kill 1 {signo}"));
            act("S>", &mut sender, format!("kill 3 {signo}"));
            act("S>", &mut sender, format!("kill {of_target} {signo}"));
            act("O>T", &mut outside, format!("kill {of_target} {signo}"));
        }
        for signo in [0, WINCH] {
            // Who is refused it is not told in /proc either whom it means.
            let mut refused = user.call(&format!("kill 2 {signo}"));
            assert_eq!(refused["error"], "EPERM");
            refused["args"]["target"] = of_target.into();
            acts.push(("U>T", refused));
        }
        let mut act =
            |what, puppet: &mut Puppet, call: String| acts.push((what, puppet.call(&call)));
        act("S>T", &mut sender, format!("kill -1 {WINCH}"));
        act("U>", &mut user, format!("kill -1 {WINCH}"));
        act("O>T", &mut outside, format!("kill -1 {WINCH}"));
        let fd = sender.call("pidfd_open 2 0")["ret"].clone();
        acts.push(("S>T", sender.call(&format!("pidfd_send_signal {fd} 0 {of_target}"))));
        acts
    });
}

fn targets_of_programs_of_32_bits_are_selected_like_others() {
    let (mut sender, mut user, root) = (Puppet::start_32(), Puppet::start(), Puppet::start());
    user.order("user 33");
    let filters = [filter("-s kill,tgkill --target-uid 33", sent_to('U'))];
    assert_filters(&filters, || {
        let mut acts: Vec<Act> = Vec::new();
        for (what, pid) in [("S>U", user.pid()), ("S>R", root.pid())] {
            for signo in [0, WINCH, 65] {
                acts.push((what, sender.call(&format!("kill {pid} {signo}"))));
                acts.push((what, sender.call(&format!("tgkill {pid} {pid} {signo}"))));
            }
        }
        acts.push(("S>U", sender.call(&format!("kill -1 {WINCH}"))));
        acts
    });
}

fn an_option_that_left_out_all_sends_is_named() {
    let ended = sigtrace(&["-s", "kill", "--target-uid", "4242", "--", "sh", "-c", "kill -0 $$"]);
    let expected = "sigtrace: nothing was selected: --target-uid left out 1 of 1 call";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}
