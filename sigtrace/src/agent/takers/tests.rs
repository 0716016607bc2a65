use sigtrace_common::Record;

use super::*;
use crate::decode::{
    self, Members, Sigval,
    sample::Sample,
    tests_of_deliver,
    tests_of_generate::{bytes_of, terminate},
};

const CLOCK: WallClock = WallClock { offset_ns: 5_000_000_000 };

/// The process of the samples, which began at 400,000,001, its threads, and another one.
const PID: u32 = 812;
const TID: u32 = 815;
const OTHER_TID: u32 = 816;

const TERM: i32 = 15;
const RT: i32 = 34;

/// Tracing began then.
fn since(known_ns: u64) -> Takers {
    Takers { scan_due_ns: u64::MAX, ..Takers::since(known_ns, 0) }
}

/// All is known of the process.
fn whole() -> Takers {
    since(0)
}

/// A signal by kill, or with a value, by process 900.
fn info(signal: i32, value: Option<i32>) -> Siginfo {
    let members = match value {
        None => Members::Kill { pid: 900, uid: 1000 },
        Some(int) => {
            let value = Sigval { int, ptr: int.cast_unsigned().into() };
            Members::Rt { pid: 900, uid: 1000, value }
        }
    };
    let code = if value.is_some() { -1 } else { 0 };
    Siginfo { signo: signal, written_signo: None, rest: None, code, errno: 0, members }
}

/// A signal that is sent to the process, at this millisecond, which is its id, too.
fn sent(ms: u64, signal: i32, value: Option<i32>) -> Generate {
    let sent = decode::generate(&bytes_of(&terminate()), CLOCK).unwrap();
    let key = decode::SignalKey { sent_ns: ms * 1_000_000, ..sent.key };
    Generate { id: ms, key, signal, info: Some(info(signal, value)), ..sent }
}

fn to_thread(sent: Generate) -> Generate {
    let target = decode::Thread { tid: TID, ..sent.target };
    Generate { to_process: false, target, ..sent }
}

/// The thread that the kernel names waits for it.
fn awaited(sent: Generate) -> Generate {
    let target = decode::Thread { tid: TID, ..sent.target };
    let target_state = decode::TargetState { awaited: true, ..sent.target_state };
    Generate { target, target_state, ..sent }
}

fn note(takers: &mut Takers, all: impl IntoIterator<Item = Generate>) {
    all.into_iter().for_each(|sent| takers.note(&sent, CLOCK));
}

/// What a call of a thread from one millisecond to another took.
fn took_by(
    takers: &mut Takers,
    tid: u32,
    [from, to]: [u64; 2],
    (signal, value): (i32, Option<i32>),
) -> Option<u64> {
    let (entered_ns, returned_ns) = (from * 1_000_000, to * 1_000_000);
    let taker = Taker { pid: PID, tid, entered_ns, returned_ns };
    takers.take(taker, signal, Some(&info(signal, value)))
}

fn took(takers: &mut Takers, when: [u64; 2], what: (i32, Option<i32>)) -> Option<u64> {
    took_by(takers, TID, when, what)
}

#[test]
fn a_signal_is_taken_once() {
    let mut takers = whole();
    note(&mut takers, [sent(1000, TERM, None)]);
    assert_eq!(took(&mut takers, [1010, 1020], (TERM, None)), Some(1000));
    assert_eq!(took(&mut takers, [1030, 1040], (TERM, None)), None);
}

#[test]
fn what_is_of_another_number_content_or_process_is_not_what_was_taken() {
    let mut takers = whole();
    note(&mut takers, [sent(1000, TERM, Some(7)), sent(1001, RT, None)]);
    assert_eq!(took(&mut takers, [1010, 1020], (TERM, None)), None);
    assert_eq!(took(&mut takers, [1010, 1020], (TERM, Some(8))), None);
    let taker = Taker { pid: 813, tid: 813, entered_ns: 1_010_000_000, returned_ns: 1_020_000_000 };
    assert_eq!(takers.take(taker, RT, Some(&info(RT, None))), None);
    assert_eq!(took(&mut takers, [1030, 1040], (TERM, Some(7))), Some(1000));
    assert_eq!(took(&mut takers, [1050, 1060], (RT, None)), Some(1001));
}

#[test]
fn what_is_not_pending_is_taken_by_nobody() {
    let mut takers = whole();
    for outcome in [SentOutcome::Ignored, SentOutcome::AlreadyPending, SentOutcome::Overflow] {
        note(&mut takers, [Generate { outcome, ..sent(1000, TERM, None) }]);
    }
    note(&mut takers, [Generate { fatal: Some(true), ..sent(1000, TERM, None) }]);
    assert_eq!(took(&mut takers, [1010, 1020], (TERM, None)), None);
}

#[test]
fn what_another_thread_has_pending_may_be_the_first_ones_after_it_has_executed_a_program() {
    let mut takers = whole();
    let all =
        [to_thread(sent(1000, RT, Some(7))), sent(1001, RT, Some(7)), sent(1002, RT, Some(8))];
    note(&mut takers, all);
    // It need not have, but there is no telling from the call.
    assert_eq!(took_by(&mut takers, PID, [1010, 1020], (RT, Some(7))), None);
    assert_eq!(took_by(&mut takers, PID, [1030, 1040], (RT, Some(8))), Some(1002));
}

#[test]
fn a_first_thread_that_waits_takes_nothing_that_another_one_brings_along() {
    let mut takers = whole();
    let to_first = |sent: Generate| {
        let target = decode::Thread { tid: PID, ..sent.target };
        Generate { target, ..awaited(sent) }
    };
    note(&mut takers, [to_thread(sent(1015, RT, Some(7))), to_first(sent(1020, RT, Some(7)))]);
    assert_eq!(took_by(&mut takers, PID, [1010, 1030], (RT, Some(7))), Some(1020));
}

#[test]
fn the_queues_of_many_other_threads_are_not_looked_at_for_the_first_one() {
    let mut takers = whole();
    let of = |tid: u32| {
        let sent = sent(u64::from(tid), RT, Some(7));
        Generate { to_process: false, target: decode::Thread { tid, ..sent.target }, ..sent }
    };
    note(&mut takers, (1000..1000 + MAX_OTHERS as u32).map(of));
    note(&mut takers, [2000, 2001].map(|ms| sent(ms, RT, Some(ms as i32))));
    assert_eq!(took_by(&mut takers, PID, [2010, 2020], (RT, Some(2000))), Some(2000));
    note(&mut takers, [of(1000 + MAX_OTHERS as u32)]);
    assert_eq!(took_by(&mut takers, PID, [2030, 2040], (RT, Some(2001))), None);
}

#[test]
fn real_time_signals_are_told_apart_by_what_comes_with_them() {
    let mut takers = whole();
    note(&mut takers, [1, 2, 3].map(|value| sent(1000 + value, RT, Some(value as i32))));
    assert_eq!(took(&mut takers, [1010, 1020], (RT, Some(1))), Some(1001));
    assert_eq!(took(&mut takers, [1020, 1030], (RT, Some(2))), Some(1002));
    assert_eq!(took(&mut takers, [1030, 1040], (RT, Some(3))), Some(1003));
}

#[test]
fn of_several_that_are_alike_it_is_not_known_which_until_the_last() {
    let mut takers = whole();
    note(&mut takers, [1000, 1001, 1002].map(|ms| sent(ms, RT, Some(7))));
    assert_eq!(took(&mut takers, [1010, 1011], (RT, Some(7))), None);
    assert_eq!(took(&mut takers, [1011, 1012], (RT, Some(7))), None);
    assert_eq!(took(&mut takers, [1012, 1013], (RT, Some(7))), Some(1002));
}

#[test]
fn another_one_between_them_tells_them_apart() {
    let mut takers = whole();
    note(&mut takers, [(1000, 7), (1001, 8), (1002, 7)].map(|(ms, int)| sent(ms, RT, Some(int))));
    // The first was taken unseen.
    assert_eq!(took(&mut takers, [1010, 1020], (RT, Some(8))), Some(1001));
    assert_eq!(took(&mut takers, [1030, 1040], (RT, Some(7))), Some(1002));
}

#[test]
fn in_which_order_threads_took_those_that_are_alike_is_not_guessed() {
    let mut takers = whole();
    note(&mut takers, [1000, 1001].map(|ms| sent(ms, RT, Some(7))));
    // Both were under way at the same time, and either can have been the first.
    assert_eq!(took(&mut takers, [1010, 1030], (RT, Some(7))), None);
    assert_eq!(took_by(&mut takers, OTHER_TID, [1010, 1031], (RT, Some(7))), None);
    // What is sent later is told apart from these.
    note(&mut takers, [awaited(sent(1051, RT, Some(7)))]);
    assert_eq!(took(&mut takers, [1050, 1060], (RT, Some(7))), Some(1051));
}

#[test]
fn what_another_thread_may_have_taken_before_is_not_taken_for_certain() {
    let mut takers = whole();
    note(&mut takers, [(1000, 7), (1001, 8)].map(|(ms, int)| sent(ms, RT, Some(int))));
    // The other one has taken the first, and has not returned.
    assert_eq!(took(&mut takers, [1010, 1020], (RT, Some(8))), Some(1001));
    note(&mut takers, [sent(1021, RT, Some(7))]);
    assert_eq!(took_by(&mut takers, OTHER_TID, [1009, 1022], (RT, Some(7))), None);
    assert_eq!(took(&mut takers, [1030, 1040], (RT, Some(7))), Some(1021));
}

#[test]
fn a_thread_takes_its_own_before_those_of_its_process() {
    let mut takers = whole();
    note(&mut takers, [sent(1000, TERM, None), to_thread(sent(1001, TERM, None))]);
    assert_eq!(took(&mut takers, [1010, 1020], (TERM, None)), None);
    assert_eq!(took(&mut takers, [1020, 1030], (TERM, None)), Some(1000));
    // Nobody else can take what is sent to the thread.
    note(&mut takers, [to_thread(sent(1040, TERM, None))]);
    assert_eq!(took_by(&mut takers, OTHER_TID, [1050, 1060], (TERM, None)), None);
    assert_eq!(took(&mut takers, [1050, 1060], (TERM, None)), Some(1040));
}

#[test]
fn of_those_alike_in_two_queues_neither_is_taken_for_gone() {
    // The call took the one of the process before that of the thread was sent, which was told first.
    let mut takers = whole();
    note(&mut takers, [sent(1000, RT, Some(7)), to_thread(sent(1015, RT, Some(7)))]);
    assert_eq!(took(&mut takers, [1010, 1020], (RT, Some(7))), None);
    assert_eq!(took(&mut takers, [1030, 1040], (RT, Some(7))), None);
}

#[test]
fn what_was_sent_first_is_so_whatever_the_clocks_say() {
    let mut takers = whole();
    note(&mut takers, [(1001, 7), (1000, 8), (1002, 8)].map(|(ms, int)| sent(ms, RT, Some(int))));
    assert_eq!(took(&mut takers, [1010, 1020], (RT, Some(7))), Some(1001));
    // The one that was sent next by another clock is still there.
    assert_eq!(took(&mut takers, [1030, 1040], (RT, Some(8))), None);
}

#[test]
fn what_is_sent_again_shows_that_the_first_is_gone() {
    let mut takers = whole();
    note(&mut takers, [sent(1000, TERM, None), sent(1010, TERM, None)]);
    assert_eq!(took(&mut takers, [1020, 1030], (TERM, None)), Some(1010));
    // A call that was under way by then can have taken either.
    note(&mut takers, [sent(1040, TERM, None), sent(1050, TERM, None)]);
    assert_eq!(took(&mut takers, [1030, 1060], (TERM, None)), None);
    assert_eq!(took(&mut takers, [1070, 1080], (TERM, None)), Some(1050));
}

#[test]
fn a_call_that_began_before_all_that_is_kept_was_sent_is_not_sure() {
    let mut takers = whole();
    note(&mut takers, (0..20).map(|n| sent(1000 + 10 * n, TERM, Some(n as i32 % 3))));
    assert_eq!(took(&mut takers, [990, 1300], (TERM, Some(1))), None);
    assert_eq!(took(&mut takers, [1300, 1310], (TERM, Some(1))), Some(1190));
}

#[test]
fn what_a_thread_takes_without_a_call_is_taken() {
    let taken = |generated_ns| {
        let process = sigtrace_common::Thread { tid: TID, ..terminate().target };
        let taken = sigtrace_common::Deliver {
            generated_ns,
            time_ns: generated_ns + 1000,
            process,
            signal: RT as u8,
            ..tests_of_deliver::taken()
        };
        decode::deliver(&tests_of_deliver::bytes_of(&taken), CLOCK).unwrap()
    };
    let mut takers = whole();
    note(&mut takers, [1000, 1001, 1002].map(|ms| sent(ms, RT, Some(7))));
    takers.delivered(&taken(1_001_000_000));
    assert_eq!(took(&mut takers, [1010, 1020], (RT, Some(7))), Some(1002));
    note(&mut takers, [to_thread(sent(1030, RT, Some(7)))]);
    takers.delivered(&taken(1_030_000_000));
    takers.delivered(&decode::Deliver { key: None, ..taken(1_030_000_000) });
    assert_eq!(took(&mut takers, [1040, 1050], (RT, Some(7))), None);
}

#[test]
fn what_comes_with_a_signal_can_be_lost_or_made_for_a_namespace() {
    let nobodys = Siginfo { members: Members::Kill { pid: 0, uid: 0 }, ..info(RT, None) };
    let taker = Taker { pid: PID, tid: TID, entered_ns: 1_010_000_000, returned_ns: 1_020_000_000 };
    let mut takers = whole();
    note(&mut takers, [Generate { outcome: SentOutcome::InfoLost, ..sent(1000, RT, None) }]);
    assert_eq!(takers.take(taker, RT, Some(&info(RT, None))), None);
    assert_eq!(takers.take(taker, RT, Some(&nobodys)), Some(1000));
    note(&mut takers, [Generate { info: None, ..sent(1001, RT, None) }]);
    assert_eq!(takers.take(taker, RT, Some(&info(RT, Some(7)))), None);
    assert_eq!(takers.take(taker, RT, Some(&nobodys)), Some(1001));
    // The caller did not ask for it.
    note(&mut takers, [sent(1002, RT, Some(7))]);
    assert_eq!(takers.take(taker, RT, None), Some(1002));
}

#[test]
fn what_may_have_been_sent_before_tracing_is_not_taken_for_what_was_sent_later() {
    let mut takers = since(500_000_000);
    note(&mut takers, [sent(499, RT, Some(7)), sent(1000, RT, Some(7))]);
    assert_eq!(took(&mut takers, [1010, 1020], (RT, Some(7))), None);
    // It is the only one that was seen, but nobody has looked whether it is.
    assert_eq!(took(&mut takers, [1020, 1030], (RT, Some(7))), None);
}

#[test]
fn a_process_is_known_that_had_no_such_signal_pending() {
    let mut takers = since(500_000_000);
    let (proc, threads) = (tempfile::tempdir().unwrap(), [("ShdPnd", "0000000000004000")]);
    let directory = proc.path().join(PID.to_string());
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("status"), crate::pending::status_of(PID, 1, &threads)).unwrap();
    std::fs::write(directory.join("comm"), "nginx\n").unwrap();
    takers.pending = Queues::below(proc.path());
    takers.pending_ns = 600_000_000;
    note(&mut takers, [sent(1000, RT, Some(7)), sent(1001, TERM, None)]);
    assert_eq!(took(&mut takers, [1010, 1020], (RT, Some(7))), Some(1000));
    // SIGTERM was pending, so that this is another one.
    assert_eq!(took(&mut takers, [1020, 1030], (TERM, None)), Some(1001));
    // A call that began before it was looked.
    note(&mut takers, [sent(1040, RT, Some(7))]);
    assert_eq!(took(&mut takers, [590, 1050], (RT, Some(7))), None);
}

#[test]
fn a_thread_that_waited_has_found_nothing_before() {
    let mut takers = since(500_000_000);
    // One that is long gone.
    note(&mut takers, [sent(1000, RT, Some(7)), awaited(sent(1020, RT, Some(7)))]);
    assert_eq!(took(&mut takers, [1010, 1030], (RT, Some(7))), Some(1020));
    // Another thread waited.
    note(&mut takers, [awaited(sent(1040, RT, Some(7)))]);
    assert_eq!(took_by(&mut takers, OTHER_TID, [1030, 1050], (RT, Some(7))), None);
}

#[test]
fn losses_make_all_unknown_but_what_is_sent_later_to_processes_that_are_known() {
    let row = |signal: i32, entered_ns: u64| {
        Sample::of("rt_sigtimedwait", &[0x1000, 0, 0, 8])
            .with(std::mem::offset_of!(Record, entered_ns), &entered_ns.to_ne_bytes())
            .ret(signal.into())
    };
    let found = |takers: &mut Takers, sample: Sample, lost: u64| {
        let mut call = decode::call(sample.bytes(), CLOCK).unwrap();
        takers.find(&mut call, CLOCK, || lost);
        call.taken.map(|taken| taken.id(0))
    };
    let mut takers = whole();
    note(&mut takers, [sent(1000, TERM, None), sent(1001, RT, None)]);
    assert_eq!(found(&mut takers, row(TERM, 1_010_000_000), 0), Some(Some(1000)));
    assert_eq!(found(&mut takers, row(RT, 1_020_000_000), 1), Some(None));
    let later = takers.known_ns / 1_000_000 + 1000;
    let start_ns = CLOCK.unix_ns(takers.known_ns + 1);
    let process = |sent: Generate| {
        let process = decode::Process { start_ns, ..sent.target.process };
        Generate { target: decode::Thread { process, ..sent.target }, ..sent }
    };
    note(&mut takers, [sent(later, RT, None)]);
    assert_eq!(found(&mut takers, row(RT, (later + 10) * 1_000_000), 1), Some(None));
    note(&mut takers, [process(sent(later, TERM, None))]);
    assert_eq!(found(&mut takers, row(TERM, (later + 10) * 1_000_000), 1), Some(Some(later)));
    // Those that took none.
    assert_eq!(found(&mut takers, row(-11, 1_010_000_000), 1), None);
    let missed = row(TERM, 1_010_000_000).state(sigtrace_common::State::Missed);
    assert_eq!(found(&mut takers, missed, 1), None);
    assert_eq!(found(&mut takers, Sample::of("kill", &[1, 15]).ret(1), 1), None);
}

#[test]
fn each_signal_that_is_read_from_a_signalfd_is_told() {
    let structure = |signal: i32| {
        let mut bytes = [0; 128];
        bytes[..4].copy_from_slice(&signal.to_ne_bytes());
        bytes[12..16].copy_from_slice(&900_u32.to_ne_bytes());
        bytes[16..20].copy_from_slice(&1000_u32.to_ne_bytes());
        bytes
    };
    let read = Sample::of("read", &[3, 384, 0x7000, 384])
        .points_to(1, &[0; 8])
        .points_to(2, &[])
        .followed_by(&[RT, TERM, RT].map(structure).concat())
        .with(std::mem::offset_of!(Record, entered_ns), &1_010_000_000_u64.to_ne_bytes())
        .ret(384);
    let mut takers = whole();
    note(&mut takers, [sent(1000, RT, None), sent(1001, RT, None)]);
    let mut call = decode::call(read.bytes(), CLOCK).unwrap();
    takers.find(&mut call, CLOCK, || 0);
    // Of two that are alike the second is the last.
    let taken = call.taken.unwrap();
    assert_eq!([0, 1, 2].map(|index| taken.id(index)), [None, None, Some(1001)]);
}

#[test]
fn a_timer_has_one_signal_pending_and_may_have_one_that_nobody_tells_of() {
    let timer = |ms: u64, outcome: SentOutcome| {
        let members = Members::Timer { timerid: 3, overrun: 0, value: Sigval::default() };
        let info = Siginfo { code: -2, members, ..info(RT, None) };
        Generate { cause: Cause::Timer, outcome, info: Some(info), ..sent(ms, RT, None) }
    };
    let overrun = |overrun| {
        let members = Members::Timer { timerid: 3, overrun, value: Sigval::default() };
        Siginfo { code: -2, members, ..info(RT, None) }
    };
    let taker = |ms: u64| Taker {
        pid: PID,
        tid: TID,
        entered_ns: ms * 1_000_000,
        returned_ns: (ms + 1) * 1_000_000,
    };
    let mut takers = whole();
    note(&mut takers, [1000, 1010].map(|ms| timer(ms, SentOutcome::Delivered)));
    assert_eq!(takers.take(taker(1020), RT, Some(&overrun(4))), Some(1010));
    note(&mut takers, [timer(1030, SentOutcome::Delivered), timer(1040, SentOutcome::Ignored)]);
    assert_eq!(takers.take(taker(1050), RT, Some(&overrun(0))), None);
}

#[test]
fn what_a_timer_sends_is_pending_beside_others_of_its_number() {
    let timer = |ms: u64, timerid| {
        let members = Members::Timer { timerid, overrun: 0, value: Sigval::default() };
        let info = Siginfo { code: -2, members, ..info(TERM, None) };
        Generate { cause: Cause::Timer, info: Some(info), ..sent(ms, TERM, None) }
    };
    let taker = Taker { pid: PID, tid: TID, entered_ns: 1_020_000_000, returned_ns: 1_030_000_000 };
    let mut takers = since(500_000_000);
    note(&mut takers, [timer(1000, 3)]);
    assert_eq!(takers.take(taker, TERM, timer(1000, 3).info.as_ref()), None);
    let mut takers = whole();
    note(&mut takers, [sent(1000, TERM, None), timer(1001, 3), timer(1002, 4)]);
    assert_eq!(takers.take(taker, TERM, Some(&info(TERM, None))), Some(1000));
    assert_eq!(takers.take(taker, TERM, timer(1001, 3).info.as_ref()), Some(1001));
    // Another one shows that all of them are gone.
    note(&mut takers, [sent(1010, TERM, None)]);
    assert_eq!(took(&mut takers, [1020, 1030], (TERM, None)), Some(1010));
    assert_eq!(took(&mut takers, [1020, 1030], (TERM, None)), None);
}

#[test]
fn nothing_is_certain_if_signals_are_selected_by_who_sends_them() {
    let mut takers = Takers::since(0, select::FEW_UIDS);
    note(&mut takers, [sent(1000, TERM, None)]);
    assert_eq!(took(&mut takers, [1010, 1020], (TERM, None)), None);
    let mut takers = Takers::since(0, select::EITHER | select::SIGNAL | select::FAILED);
    note(&mut takers, [sent(1000, TERM, None)]);
    assert_eq!(took(&mut takers, [1010, 1020], (TERM, None)), Some(1000));
}

#[test]
fn signals_that_nobody_is_seen_to_take_do_not_take_more_and_more_memory() {
    let mut takers = whole();
    let target = |pid: u32, sent: Generate| {
        let process = decode::Process { pid, ..sent.target.process };
        Generate { target: decode::Thread { process, ..sent.target }, ..sent }
    };
    for pid in 0..3 * MAX as u32 {
        note(&mut takers, [target(pid, sent(1000, TERM, None)), sent(1001, RT, None)]);
        assert!(takers.queues.len() <= MAX);
    }
    let queue = takers.queues.get(&(Owner::Process(PID), RT));
    assert!(queue.is_none_or(|queue| queue.len() <= 1024));
    assert!(takers.known_ns > 0, "what is known was forgotten");
}

#[test]
fn a_queue_that_held_more_than_are_kept_is_not_known() {
    let mut takers = whole();
    note(&mut takers, (0..1025).map(|n| sent(1000 + n, RT, Some(n as i32))));
    assert_eq!(took(&mut takers, [3000, 3001], (RT, Some(7))), None);
    note(&mut takers, [awaited(sent(3020, RT, Some(7)))]);
    assert_eq!(took(&mut takers, [3010, 3030], (RT, Some(7))), Some(3020));
}
