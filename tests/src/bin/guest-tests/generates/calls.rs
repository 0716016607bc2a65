//! Signals that calls send.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Puppet, Trace, Tracer};
use sigtrace_tests::integer;

use super::sent::{Sent, foreseeable, me, to_process, to_thread};
use crate::scene::{self, assert_same, start};

/// Who does nothing when it arrives.
const WINCH: i32 = libc::SIGWINCH;
/// No process has it.
const NOBODY: i32 = 2_147_483_634;

/// A call, with how many it reached and was refused, and what it sent.
struct Act {
    call: Value,
    sent: Vec<Value>,
}

/// The calls that are made, and by whom.
struct Play {
    acts: Vec<Act>,
}

impl Play {
    /// Has somebody make a call that reaches these, and is refused so many, if that is known.
    fn act(
        &mut self,
        sender: &mut Puppet,
        call: &str,
        refused: Option<u32>,
        sent: impl FnOnce(&Value) -> Vec<Sent>,
    ) {
        let mut event = sender.call(call);
        let name = event["syscall"].as_str().unwrap_or_default().to_owned();
        let by = party_of(&event);
        let sent = sent(&by).into_iter().map(|sent| sent.call(&name, &by).ignored().event());
        let sent: Vec<Value> = sent.collect();
        event["reached"] = json!(sent.len());
        event["refused"] = json!(refused);
        self.acts.push(Act { call: event, sent });
    }
}

pub(super) fn each_signal_refers_to_the_call_that_sends_it() {
    let (mut sender, mut receiver) = (Puppet::start(), Puppet::start());
    let (mut thread, mut first) = (receiver.thread(), sender.fork());
    assert_eq!(first.order("lead-group"), "0");
    let (mut second, mut third) = (first.fork(), first.fork());
    let mut user = sender.fork();
    user.order("user 4242");
    let (mut one, mut other) = (user.fork(), user.fork());
    let (mut narrow, mut program_32) = (Puppet::start_narrow(), Puppet::start_32());
    assert_eq!(sender.order("new-namespace"), "0");
    let mut init = sender.fork();
    let mut inside = init.fork();
    let fd = sender.call(&format!("pidfd_open {} 0", receiver.pid()))["ret"].clone();

    let tracers = start(vec![
        vec!["--events", "all", "--stats", "-s", "@send"],
        vec!["--events", "generate", "--stats"],
    ]);
    let pids: Vec<u32> = tracers.iter().map(Tracer::pid).collect();
    let (pid, tid, group) = (receiver.pid(), thread.tid(), first.pid());
    let [receiver, thread] = [&mut receiver, &mut thread].map(party);
    let members = [&mut first, &mut second, &mut third].map(party);
    let relatives = [&mut one, &mut other].map(party);
    let in_turn = [&mut sender, &mut narrow, &mut program_32];
    let mut play = Play { acts: Vec::new() };
    for sender in in_turn {
        let process = |by: &Value| vec![to_process(WINCH, &receiver).in_name_of(by)];
        let one_thread =
            |by: &Value| vec![to_thread(WINCH, &thread).value("SI_TKILL", by, &json!(0))];
        // That names a process that there is none of, and a user.
        let nobody = json!({ "pid": 4242, "uid": 7 });
        let forged = |sent: Sent| vec![sent.value("SI_QUEUE", &nobody, &json!(5)).forged()];
        let own = sender.pid();
        play.act(sender, &format!("kill {pid} {WINCH}"), Some(0), process);
        play.act(sender, &format!("kill {pid} 0"), Some(0), |_| vec![]);
        play.act(sender, &format!("kill {NOBODY} {WINCH}"), Some(0), |_| vec![]);
        play.act(sender, &format!("kill {own} {WINCH}"), Some(0), |by| {
            vec![to_process(WINCH, by).in_name_of(by)]
        });
        play.act(sender, &format!("tkill {tid} {WINCH}"), Some(0), one_thread);
        play.act(sender, &format!("tgkill {pid} {tid} {WINCH}"), Some(0), one_thread);
        play.act(sender, &format!("rt_sigqueueinfo {pid} {WINCH}"), Some(0), |_| {
            forged(to_process(WINCH, &receiver))
        });
        play.act(sender, &format!("rt_tgsigqueueinfo {pid} {tid} {WINCH}"), Some(0), |_| {
            forged(to_thread(WINCH, &thread))
        });
        play.act(sender, &format!("kill -{group} {WINCH}"), None, |by| {
            // The last who joined it is the first.
            members.iter().rev().map(|member| to_process(WINCH, member).in_name_of(by)).collect()
        });
    }
    play.act(&mut sender, &format!("pidfd_send_signal {fd} {WINCH} {pid}"), Some(0), |by| {
        vec![to_process(WINCH, &receiver).in_name_of(by)]
    });
    play.act(&mut user, &format!("kill {pid} {WINCH}"), Some(1), |_| vec![]);
    play.act(&mut user, &format!("kill -{group} {WINCH}"), None, |_| vec![]);
    // All that it may, but for itself.
    play.act(&mut user, &format!("kill -1 {WINCH}"), None, |by| {
        relatives.iter().map(|other| to_process(WINCH, other).in_name_of(by)).collect()
    });
    let parties = [&mut init, &mut inside].map(party);
    play.act(&mut inside, &format!("kill 1 {WINCH}"), Some(0), |_| {
        vec![to_process(WINCH, &parties[0]).in_namespace(2).first_of_namespace()]
    });

    let traces: Vec<Trace> = tracers.into_iter().map(Tracer::finish).collect();
    assert_joined(&traces[0], &play.acts, &pids);
    let expected: Vec<&Value> = play.acts.iter().flat_map(|act| &act.sent).collect();
    assert_same("without calls", &expected, &told(&traces[1], &pids));
    for trace in &traces {
        let count = trace.generates().count() as u64;
        assert_eq!(trace.stats().generates(), [count, 0, 0]);
        assert_eq!(trace.stats().lost(), 0);
    }
}

/// Asserts that calls and signals are told of as they were made and sent, the latter by which call.
fn assert_joined(trace: &Trace, acts: &[Act], tracers: &[u32]) {
    let ours = |call: &&Value| call["pid"] != me()["pid"];
    let calls: Vec<&Value> = trace.calls().filter(ours).collect();
    let ids: BTreeMap<u64, usize> =
        calls.iter().enumerate().map(|(index, call)| (id(&call["id"]), index)).collect();
    let expected: Vec<&Value> = acts.iter().map(|act| &act.call).collect();
    let got: Vec<Value> = calls.iter().map(|call| scene::foreseeable(call)).collect();
    assert_same("calls", &expected, &got);

    // By the position of the call instead of its id, which nobody can foresee.
    let expected: Vec<Value> = acts
        .iter()
        .enumerate()
        .flat_map(|(index, act)| act.sent.iter().cloned().map(move |sent| (index, sent)))
        .map(|(index, mut sent)| {
            sent["request"] = json!(index);
            sent
        })
        .collect();
    let mut got = told(trace, tracers);
    for sent in &mut got {
        sent["request"] = json!(ids.get(&id(&sent["request"])));
    }
    assert_same("signals of calls", &expected.iter().collect::<Vec<_>>(), &got);
}

fn id(value: &Value) -> u64 {
    integer::read(value).unwrap_or(u64::MAX)
}

/// What the trace tells of, but for what ended the sigtraces.
fn told(trace: &Trace, tracers: &[u32]) -> Vec<Value> {
    let is_end = |sent: &Value| {
        tracers.iter().any(|pid| sent["target"]["pid"] == *pid || sent["info"]["pid"] == *pid)
    };
    trace.generates().filter(|sent| !is_end(sent)).map(foreseeable).collect()
}

/// Who makes a call.
fn party_of(call: &Value) -> Value {
    let keys = ["pid", "tid", "comm", "ppid", "uid", "gid"];
    keys.into_iter().map(|key| (key.to_owned(), call[key].clone())).collect()
}

/// Who a puppet is.
pub(super) fn party(puppet: &mut Puppet) -> Value {
    party_of(&puppet.call("rt_sigpending"))
}
