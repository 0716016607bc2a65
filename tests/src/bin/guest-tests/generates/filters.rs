//! Which signals are told of, if it is not all.

use std::process;
use std::thread;

use serde_json::Value;
use sigtrace_tests::harness::{Puppet, Trace, Tracer, fits_schema};

use super::calls::party;
use super::sent::{foreseeable, to_process};
use crate::control_group::Group;
use crate::scene::{assert_same, rename, start};

const SIGNALS: [i32; 3] = [libc::SIGWINCH, libc::SIGURG, libc::SIGCONT];

/// A signal that was sent: by whom and to whom, each a letter, and the event. The kernel is `-`.
struct Act {
    from: char,
    to: char,
    sent: Value,
}

/// Which of them a filter keeps.
type Keeps<'a> = &'a dyn Fn(&Act) -> bool;

pub(super) fn signals_are_selected_by_who_sends_and_who_gets_them() {
    // The first to ask has a sigtrace print the schema, whose end the others would see.
    let _ = fits_schema(&Value::Null);
    let (pod, cell) = (Group::new("pod"), Group::new("cell"));
    let mut first = Puppet::start();
    let mut user = first.fork();
    let member = first.fork();
    let other = first.fork();
    // Its threads are called otherwise, and their names are not its own.
    rename(&mut first, b"first");
    user.order("user 33");
    pod.join(&member);
    cell.join(&other);
    let mut puppets = [('F', first), ('U', user), ('M', member), ('O', other)];
    let pids = puppets.each_ref().map(|(_, puppet)| puppet.pid());
    let [f, u, m, o] = pids;
    let (pod, cell) = (pod.path().to_owned(), cell.path().to_owned());
    let from = |who: &'static str| move |act: &Act| who.contains(act.from);
    let to = |whom: &'static str| move |act: &Act| whom.contains(act.to);
    let either =
        |who: &'static str| move |act: &Act| who.contains(act.from) || who.contains(act.to);
    // Few, as each takes a second to start.
    let filters: &[(String, Keeps<'_>)] = &[
        (format!("--pid {u}"), &either("U")),
        // More than can be compared with one by one.
        (format!("--caller {m},{o},999999,999998,999997"), &from("MO")),
        (format!("--target {u},{f}"), &to("UF")),
        (format!("--tid {f} --target {u}"), &|act| act.from == 'F' && act.to == 'U'),
        ("--comm first -S !WINCH,!URG".into(), &|act| {
            act.from == 'F' && act.sent["sig"] == "SIGCONT"
        }),
        ("--target-comm first".into(), &to("F")),
        ("--uid 30-40".into(), &from("U")),
        ("-S WINCH --target-uid 33".into(), &|act| act.to == 'U' && act.sent["signo"] == 28),
        (format!("--cgroup {pod} --target-cgroup {cell}"), &|act| act.from == 'M' && act.to == 'O'),
        ("-S ALRM".into(), &from("-")),
    ];
    let kinds = ["--events", "generate", "--stats"];
    let mut arguments: Vec<Vec<&str>> = filters
        .iter()
        .map(|(args, _)| kinds.into_iter().chain(args.split(' ')).collect())
        .collect();
    arguments.push(kinds.to_vec());
    let mut tracers = start(arguments);
    let whole = tracers.pop().unwrap_or_else(|| panic!("the last"));
    let pids: Vec<u32> = tracers.iter().chain([&whole]).map(Tracer::pid).collect();
    let acts = play(&mut puppets);
    assert!(acts.len() > 40, "{}", acts.len());
    let traces: Vec<Trace> = tracers.into_iter().map(Tracer::finish).collect();
    let whole = whole.finish();
    assert_same("all", &acts.iter().map(|act| &act.sent).collect::<Vec<_>>(), &told(&whole, &pids));
    for (((args, keeps), trace), pid) in filters.iter().zip(&traces).zip(&pids) {
        let kept = acts.iter().filter(|act| keeps(act)).map(|act| &act.sent).collect::<Vec<_>>();
        assert!(!kept.is_empty(), "{args}: a filter that keeps nothing proves nothing");
        assert_same(args, &kept, &told(trace, &pids));
        // What there was until it was stopped is what the one that leaves out nothing tells.
        let is_stop = |sent: &Value| sent["target"]["pid"] == *pid && sent["sig"] == "SIGINT";
        let all = whole.generates().position(is_stop).unwrap_or_default() + 1;
        let printed = trace.generates().count();
        let books = [printed, all - printed, 0].map(|count| count as u64);
        let rest: Vec<&Value> = whole.generates().skip(acts.len()).collect();
        assert_eq!(trace.stats().generates(), books, "{args}: books, {rest:#?}");
    }
}

/// Each sends to each, the user to those only that it may, and timers to two of them while another is at work.
fn play(puppets: &mut [(char, Puppet); 4]) -> Vec<Act> {
    let parties: Vec<(char, Value)> =
        puppets.iter_mut().map(|(name, puppet)| (*name, party(puppet))).collect();
    let comms = |party: &Value, name: char| {
        let mut party = party.clone();
        party["comm"] = Value::from(if name == 'F' { "first" } else { "workload" });
        party
    };
    let mut acts = Vec::new();
    for signo in SIGNALS {
        for (from, sender) in puppets.iter_mut() {
            let by = parties.iter().find(|(name, _)| name == from);
            let by = by.map(|(name, party)| comms(party, *name)).unwrap_or_default();
            for (to, target) in &parties {
                if *from == 'U' && *to != 'U' {
                    continue;
                }
                sender.call(&format!("kill {} {signo}", target["pid"]));
                let sent = to_process(signo, &comms(target, *to)).kill(&by);
                // By default that has a process go on.
                let is_nothing = signo != libc::SIGCONT;
                let sent = if is_nothing { sent.ignored() } else { sent.without_effect() };
                let sent = sent.event();
                acts.push(Act { from: *from, to: *to, sent });
            }
        }
    }
    for index in [0, 1] {
        let (name, party) = &parties[index];
        let (sleeping, rest) = puppets.split_at_mut(index + 1);
        let (Some((_, sleeping)), Some((_, busy))) = (sleeping.last_mut(), rest.last_mut()) else {
            panic!("four");
        };
        thread::scope(|scope| {
            scope.spawn(|| busy.order("work 100"));
            assert_eq!(sleeping.order("alarm"), "done");
        });
        let sent = to_process(libc::SIGALRM, &comms(party, *name)).in_kernels_name();
        let sent = sent.because("alarm").ignored_on_purpose().event();
        acts.push(Act { from: '-', to: *name, sent });
    }
    acts
}

/// What it tells of, but for the ends of sigtraces.
fn told(trace: &Trace, tracers: &[u32]) -> Vec<Value> {
    let is_end = |sent: &&Value| {
        let is_tracer = |pid: &Value| tracers.iter().any(|tracer| pid == tracer);
        is_tracer(&sent["target"]["pid"])
            || sent["target"]["pid"] == process::id() && is_tracer(&sent["info"]["pid"])
    };
    trace.generates().filter(|sent| !is_end(sent)).map(foreseeable).collect()
}
