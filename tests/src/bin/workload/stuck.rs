//! `stuck THREADS`: threads that stick in the kernel, as memory that their calls lead to does not
//! come (see [`Missing`]). Up to a dozen are so many in each call, more are so many in all, spread
//! over the calls: 12 are 144 threads, 200 are 200.
//!
//! Each states what is to be said of its call while it sticks. Once all of them do the part ends,
//! with the next one the memory comes, and each states all its calls as they are when it is done.

pub(crate) mod turns;

use std::sync::mpsc::{self, Sender};
use std::thread;

use sigtrace_tests::names::bits;

use crate::abi::{self, natively};
use crate::action::{Action, SA_SIGINFO, nothing};
use crate::call::{pidfd_open, rt_sigaction, rt_sigprocmask, signalfd, tgkill};
use crate::narrow;
use crate::pointer::{null, to_set};
use crate::process::{fd, wait_until_in};
use crate::script::Script;
use crate::stage;
use crate::userfault::Missing;
use turns::{CALLS, Caller, End, IGNORED, MakeTurn, Shared, USR1, USR2};

/// Thousands of threads have room with this, of which they touch little.
const STACK: usize = 64 << 10;
/// Up to here it is so many threads in each call.
const EACH: usize = 12;

/// Who is about to stick, and what lets it go on.
struct Sticking {
    tid: i32,
    number: libc::c_long,
    page: usize,
    content: Vec<u8>,
}

pub(crate) fn run(arguments: &[String]) {
    let count = arguments.first().and_then(|count| count.parse().ok());
    let count: usize = count.unwrap_or_else(|| panic!("usage: workload stuck THREADS"));
    let calls = calls();
    let count = if count <= EACH { count * calls.len() } else { count };
    let (shared, missing) = (prepare(), Missing::new(count));
    let (sender, about_to_stick) = mpsc::channel();
    let start = |index: usize| {
        let (page, sender) = (missing.page(index), sender.clone());
        let call = calls[index % calls.len()];
        let builder = thread::Builder::new().stack_size(STACK);
        let started = builder.spawn(move || stick(index, page, shared, call, &sender));
        started.unwrap_or_else(|error| panic!("thread {index}: {error}"))
    };
    let threads: Vec<_> = (0..count).map(start).collect();
    let sticking: Vec<Sticking> = about_to_stick.iter().take(count).collect();
    missing.wait_until_all_are_asked_for();
    for thread in &sticking {
        wait_until_in(thread.tid, thread.number);
    }
    if stage::is_to_go_on() {
        for thread in &sticking {
            missing.give(thread.page, &thread.content);
        }
        for thread in threads {
            assert!(thread.join().is_ok());
        }
        stage::is_to_go_on();
    }
}

/// The calls that there are for us to stick in.
fn calls() -> Vec<MakeTurn> {
    let others: &[MakeTurn] = if abi::is_narrow() { &narrow::stuck::CALLS } else { &[] };
    [&CALLS[..], others].concat()
}

/// USR1 has a handler, USR2 is ignored; and the descriptors.
fn prepare() -> Shared {
    let own = std::process::id().cast_signed();
    let handle = || rt_sigaction(USR1, Action::calling(nothing, SA_SIGINFO).given(), null(), 8);
    assert_eq!(natively(handle).make(), 0);
    assert_eq!(rt_sigaction(USR2, IGNORED.given(), null(), 8).make(), 0);
    Shared {
        pidfd: fd(pidfd_open(own, 0).make()),
        set: fd(signalfd(-1, to_set(0), 8).make()),
        read: fd(signalfd(-1, to_set(bits(&[USR1])), 8).make()),
    }
}

/// A thread: it blocks USR1, has one pending, makes the call that is its turn, and ends.
fn stick(index: usize, page: u64, shared: Shared, call: MakeTurn, sender: &Sender<Sticking>) {
    let mut script = Script::begin();
    let (own, tid) = (script.identity.pid, script.identity.tid);
    let blocked = bits(&[USR1]);
    script.call(rt_sigprocmask(2, to_set(blocked), null(), 8), 0);
    script.call(tgkill(own, tid, USR1), 0);
    let turn = call(&Caller { pid: own, tid, page, shared });
    script.write_unfinished(&turn.sticking);
    let (number, content) = (turn.call.number, turn.content);
    let about = Sticking { tid, number, page: index, content };
    assert!(sender.send(about).is_ok());
    match turn.end {
        End::Returns(ret) => _ = script.call(turn.call, ret),
        End::Interrupted(ret) => {
            script.call_interrupted(turn.call, ret);
            script.sigreturn(blocked);
        }
    }
    script.end();
}
