//! What becomes of records, without a kernel that writes them.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    mem::offset_of,
    num::NonZeroU64,
    os::fd::FromRawFd as _,
};

use serde_json::{Value, json};
use sigtrace_common::{Counter, Record, State, kinds};

use super::*;
use crate::{
    agent::{kinds::Kinds, sink::LineFile},
    bpf::{self, Counters, Misses},
    decode::{
        CallKey,
        sample::Sample,
        tests_of_deliver::{self, taken},
        tests_of_exit::segfault,
        tests_of_generate::{bytes_of, terminate},
    },
    output::{Json, Sets},
    schema::tests::assert_valid,
};

/// Puts a sample's entry at 2026-11-21T19:53:08.123456789Z.
const CLOCK: WallClock = WallClock { offset_ns: 1_795_290_787_123_456_788 };
const RETURNED: &str = "2026-11-21T19:53:08.123457601Z";

/// A file that is nowhere.
fn file() -> File {
    // SAFETY: a name that outlives the call, and a descriptor that is nobody else's.
    let file = unsafe { File::from_raw_fd(libc::memfd_create(c"file".as_ptr(), 0)) };
    assert!(file.metadata().is_ok());
    file
}

/// The counters of a kernel side that has counted this many lost returns.
fn counters(returns: u64) -> Counters {
    let mut counters: sigtrace_common::Counters = [0; 24];
    counters[Counter::ReturnLost as usize] = returns;
    let mut file = file();
    file.write_all(&counters.map(u64::to_ne_bytes).concat()).unwrap();
    Counters::map(&file, 1).unwrap()
}

/// What a kernel side has merged and lost: entries of generation 0, each at an index.
fn crowd(entries: &[(usize, crowd::Entry)]) -> Crowd {
    const SIZE: usize = size_of::<crowd::Entry>();
    let mut file = file();
    file.set_len((2 * crowd::ENTRIES * SIZE) as u64).unwrap();
    for (index, entry) in entries {
        // SAFETY: integers without padding.
        let bytes: [u8; SIZE] = unsafe { mem::transmute(*entry) };
        file.seek(std::io::SeekFrom::Start((index * SIZE) as u64)).unwrap();
        file.write_all(&bytes).unwrap();
    }
    Crowd::new(bpf::Crowd::map(&file).unwrap())
}

/// So many kills of SIGWINCH to itself, by a process of a user.
fn flood(count: u64) -> crowd::Entry {
    let what = u32::try_from(sigtrace_common::find("kill").unwrap().0).unwrap();
    let what = what | crowd::alike::HAS_SIGNAL | crowd::alike::USED;
    crowd::Entry {
        alike: crowd::Alike { pid: 900, uid: 1000, what, signal: 28, ret: 0 },
        count,
        first_ns: 1_000_000_001,
        last_ns: 2_000_000_001,
        comm: *b"flood\0\0\0\0\0\0\0\0\0\0\0",
        charged: 1000,
        claims: 1,
        ..crowd::Entry::default()
    }
}

#[test]
fn merged_calls_are_an_event_and_in_the_books_once_it_is_written() {
    let (mut pump, mut output) = pump();
    pump.crowd = crowd(&[(7, flood(51_234))]);
    for entry in pump.crowd.take_all() {
        pump.tell_repeated(&entry);
    }
    assert_eq!(pump.crowd.take_all(), []);
    assert_eq!(pump.account.merged(), (0, 0));
    let events = written(&mut pump, &mut output);
    let expected = json!({ "event": "repeated", "time": events[0]["time"], "seq": 0,
        "syscall": "kill", "sig": "SIGWINCH", "signo": 28, "ret": 0, "error": null,
        "first": events[0]["first"], "last": events[0]["last"], "count": 51_234 });
    assert_eq!(events, [expected]);
    assert_eq!((pump.account.merged(), books(&pump).2), ((1, 51_234), 0));
}

#[test]
fn merged_calls_that_are_not_written_are_lost() {
    let (mut pump, _output) = pump();
    pump.crowd = crowd(&[(0, flood(5))]);
    pump.tell_repeated(&flood(3));
    write_to_full_disk(&mut pump);
    assert_eq!((pump.account.merged(), books(&pump).2), ((0, 0), 3));
    let unread = pump.crowd.take_all();
    unread.iter().for_each(|entry| pump.account.not_written(entry.count));
    assert_eq!((pump.account.merged(), books(&pump).2), ((0, 0), 8));
}

#[test]
fn merged_calls_past_the_limit_are_left_out() {
    let (mut pump, _) = pump_for(Some(1), 0);
    pump.push(kill().bytes(), CLOCK);
    pump.tell_repeated(&flood(3));
    assert_eq!(books(&pump).1, 3);
}

#[test]
fn a_loss_says_whose_the_most_were_since_the_last_one() {
    let (mut pump, mut output) = pump_for(None, 1);
    pump.crowd = crowd(&[(3, crowd::Entry { lost: 12, ..flood(0) })]);
    assert!(pump.report_losses());
    pump.account.not_written(1);
    assert!(pump.report_losses());
    let events = written(&mut pump, &mut output);
    let most = json!({
        "user": { "uid": 1000, "lost": 12 },
        "process": { "pid": 900, "comm": "flood", "uid": 1000, "lost": 12 },
        "syscall": { "syscall": "kill", "lost": 12 },
        "signal": { "sig": "SIGWINCH", "signo": 28, "lost": 12 },
    });
    assert_eq!([&events[0]["most"], &events[1]["most"]], [&most, &Value::Null]);
}

#[test]
fn a_loss_says_whose_it_was_though_a_new_generation_has_begun_and_says_so_once() {
    let (mut pump, mut output) = pump_for(None, 1);
    let lost = crowd::Entry { lost: 12, ..flood(0) };
    pump.crowd = crowd(&[(crowd::ENTRIES + 3, lost)]);
    assert!(pump.report_losses());
    pump.crowd.take_all();
    pump.account.not_written(1);
    assert!(pump.report_losses());
    let events = written(&mut pump, &mut output);
    assert_eq!(events[0]["most"]["user"], json!({ "uid": 1000, "lost": 12 }));
    assert_eq!(events[1]["most"], Value::Null);
}

#[test]
fn a_loss_that_is_not_written_is_told_again_with_whose_it_was() {
    let (mut pump, mut output) = pump_for(None, 1);
    pump.crowd = crowd(&[(3, crowd::Entry { lost: 12, ..flood(0) })]);
    assert!(pump.report_losses());
    write_to_full_disk(&mut pump);
    assert!(pump.report_losses());
    let events = written(&mut pump, &mut output);
    assert_eq!((events.len(), &events[0]["returns"]), (1, &json!(1)));
    assert_eq!(events[0]["most"]["user"], json!({ "uid": 1000, "lost": 12 }));
}

#[test]
fn what_the_limit_loses_is_told_of_with_whose_it_was() {
    let (mut pump, mut output) = pump_for_one_line();
    for _ in 0..4 {
        pump.push(kill().bytes(), CLOCK);
    }
    pump.tell_repeated(&flood(2));
    assert!(pump.report_losses());
    let events = written(&mut pump, &mut output);
    assert_eq!(events[1]["rate_limited"], 5);
    let most = json!({
        "user": { "uid": 33, "lost": 3 },
        "process": { "pid": 812, "comm": "nginx", "uid": 33, "lost": 3 },
        "syscall": { "syscall": "kill", "lost": 5 },
        "signal": { "sig": "SIGTERM", "signo": 15, "lost": 3 },
    });
    assert_eq!(events[1]["most"], most);
}

/// A pump, and the file it writes to.
fn pump_for(max_events: Option<u64>, returns_lost: u64) -> (Pump, File) {
    let output = file();
    let account = Account::new(
        counters(returns_lost),
        Misses::of(Vec::new(), Vec::new()),
        Kinds::new(kinds::EXIT),
    );
    let sink = Sink::File(LineFile::new(output.try_clone().unwrap()).unwrap());
    let format = Box::new(Json::new(Sets::Names));
    (Pump::new(format, sink, account, crowd(&[]), Joins::default(), max_events, None), output)
}

fn pump() -> (Pump, File) {
    pump_for(None, 0)
}

/// Writes everything, and reads it: what is the same in all events of the samples' caller left out.
fn written(pump: &mut Pump, output: &mut File) -> Vec<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(pump.flush()).unwrap();
    let mut text = String::new();
    output.rewind().unwrap();
    output.read_to_string(&mut text).unwrap();
    let event = |line: &str| {
        assert_valid(line);
        let mut event: Value = serde_json::from_str(line).unwrap();
        let keys = ["cpu", "abi", "pid", "tid", "ppid", "uid", "gid", "comm", "cgroup", "args"];
        event.as_object_mut().unwrap().retain(|key, _| !keys.contains(&key.as_str()));
        event
    };
    text.lines().map(event).collect()
}

/// What is in the books: calls printed, calls filtered out, calls lost; then of `stats` the holes
/// and the returns.
fn books(pump: &Pump) -> (u64, u64, u64, [u64; 4], [u64; 2]) {
    let stats = pump.account.stats(0, 0, &BTreeMap::new());
    let numbers = |counts: &[(&str, u64)]| counts.iter().map(|(_, n)| *n).collect::<Vec<_>>();
    (
        pump.account.total_printed(),
        pump.account.filtered(),
        pump.account.losses().total(),
        numbers(&stats.incomplete).try_into().unwrap(),
        numbers(&stats.returns).try_into().unwrap(),
    )
}

/// A call that waits, and has returned.
fn pause() -> Sample {
    Sample::of("pause", &[])
}

/// The same call before that.
fn under_way() -> Sample {
    pause().state(State::Entered)
}

/// A later call of the same thread.
fn next_pause() -> Sample {
    pause().with(offset_of!(Record, entered_ns), &1_000_000_002_u64.to_ne_bytes())
}

/// A call of another thread.
fn kill() -> Sample {
    Sample::of("kill", &[1, 15]).with(offset_of!(Record, tid), &816_u32.to_ne_bytes())
}

/// A record as it lies in its slot.
fn slot(sample: &Sample) -> RecordBytes {
    let mut bytes = [0; size_of::<Record>()];
    bytes[..sample.bytes().len()].copy_from_slice(sample.bytes());
    bytes
}

/// A call that was told of as unfinished, which had this id and this number.
fn told(id: u64, seq: u64, time: &Value) -> Value {
    json!({ "event": "syscall", "id": id, "time": time, "seq": seq, "syscall": "pause",
        "ret": null, "error": null, "duration_ns": null, "return": "unfinished" })
}

#[test]
fn a_call_that_is_told_late_is_followed_by_its_return() {
    let (mut pump, mut output) = pump();
    assert!(pump.tell_unfinished(under_way().bytes()));
    pump.push(kill().bytes(), CLOCK);
    pump.push(pause().ret(-514).bytes(), CLOCK);
    pump.push(kill().bytes(), CLOCK);
    let events = written(&mut pump, &mut output);
    let sent = |id: u64, seq: u64| {
        json!({ "event": "syscall", "id": id, "time": "2026-11-21T19:53:08.123456789Z",
            "seq": seq, "syscall": "kill", "ret": 0, "error": null, "duration_ns": 812 })
    };
    let expected = [
        told(0, 0, &events[0]["time"]),
        sent(1, 1),
        json!({ "event": "return", "request": 0, "time": RETURNED, "seq": 2, "syscall": "pause",
            "ret": -514, "error": "ERESTARTNOHAND", "duration_ns": 812 }),
        sent(2, 3),
    ];
    assert_eq!(events, expected);
    assert_eq!(books(&pump), (3, 0, 0, [0, 1, 0, 0], [1, 0]));
}

/// Of the kind of ends: printed, filtered and lost.
fn exits(pump: &Pump) -> Vec<u64> {
    let stats = pump.account.stats(0, 0, &BTreeMap::new());
    let [("exit", counts)] = stats.events.as_slice() else { panic!("{stats:?}") };
    counts.iter().map(|(_, count)| *count).collect()
}

#[test]
fn the_end_of_a_process_is_an_event_among_calls_with_books_of_its_own() {
    let (mut pump, mut output) = pump();
    pump.push(kill().bytes(), CLOCK);
    pump.push(&segfault(&[]), CLOCK);
    assert_eq!(exits(&pump), [0, 0, 0]);
    let events = written(&mut pump, &mut output);
    let ids: Vec<_> = events.iter().map(|it| (&it["event"], &it["id"], &it["seq"])).collect();
    let (call, exit) = (json!("syscall"), json!("exit"));
    // The id between is that of the signal.
    assert_eq!(ids, [(&call, &json!(0), &json!(0)), (&exit, &json!(2), &json!(1))]);
    assert_eq!((books(&pump).2, pump.account.total_printed(), exits(&pump)), (0, 2, vec![1, 0, 0]));
}

#[test]
fn ends_of_processes_that_are_not_written_are_lost_and_told_of() {
    let (mut pump, mut output) = pump();
    pump.push(&segfault(&[]), CLOCK);
    write_to_full_disk(&mut pump);
    // One that is no record of an end, and one that nobody reads any more.
    pump.push(&segfault(&[])[..63], CLOCK);
    assert!(pump.give_up_on(&segfault(&[])));
    assert_eq!(exits(&pump), [0, 0, 3]);
    assert!(pump.report_losses());
    write_to_full_disk(&mut pump);
    assert!(pump.report_losses());
    let events = written(&mut pump, &mut output);
    assert_eq!((events.len(), &events[0]["events"]), (1, &json!({ "exit": 3 })));
    assert!(!pump.report_losses());
    assert_eq!(books(&pump).2, 0);
}

#[test]
fn ends_of_processes_past_the_number_wanted_or_the_limit_are_left_out_or_lost() {
    let (mut pump, _) = pump_for(Some(1), 0);
    pump.push(&segfault(&[]), CLOCK);
    assert!(pump.is_done());
    pump.push(&segfault(&[]), CLOCK);
    assert_eq!(exits(&pump), [0, 1, 0]);
    let (mut pump, mut output) = pump_for_one_line();
    pump.push(&segfault(&[]), CLOCK);
    pump.push(&segfault(&[]), CLOCK);
    assert_eq!(exits(&pump), [0, 0, 1]);
    assert!(pump.report_losses());
    let events = written(&mut pump, &mut output);
    assert_eq!((events.len(), &events[1]["events"]), (2, &json!({ "exit": 1 })));
    assert_eq!(exits(&pump), [1, 0, 1]);
}

/// A signal that the sample's thread sends in the call that it entered then.
fn sent_in_call() -> Vec<u8> {
    sent_in_call_at(terminate().time_ns)
}

/// Likewise, at this time.
fn sent_in_call_at(time_ns: u64) -> Vec<u8> {
    let record = sigtrace_common::Generate { time_ns, ..terminate() };
    let current = sigtrace_common::Thread { pid: 812, tid: 816, ..record.current };
    let entered_ns = 1_000_000_001;
    bytes_of(&sigtrace_common::Generate { current, request_ns: entered_ns, ..record }).to_vec()
}

#[test]
fn a_signal_that_is_sent_refers_to_its_call_which_comes_after_it_or_never() {
    let (mut pump, mut output) = pump();
    let times = [1_000_000_010, 1_000_000_020];
    let [first, second] = times.map(sent_in_call_at);
    for record in [kill().bytes(), &first, &second, kill().bytes()] {
        pump.push(record, CLOCK);
    }
    let events = written(&mut pump, &mut output);
    let ids: Vec<_> = events.iter().map(|it| (&it["event"], &it["id"], &it["request"])).collect();
    let (call, generate, null) = (json!("syscall"), json!("generate"), Value::Null);
    let [zero, one, two, three] = [0, 1, 2, 3].map(|id| json!(id));
    // As the first call is the same, it is another that the signals are sent in.
    let expected = [
        (&call, &zero, &null),
        (&generate, &two, &one),
        (&generate, &three, &one),
        (&call, &one, &null),
    ];
    assert_eq!(ids, expected);
}

#[test]
fn a_signal_that_a_call_sends_that_was_told_as_unfinished_refers_to_that() {
    let (mut pump, mut output) = pump();
    assert!(pump.tell_unfinished(kill().state(State::Entered).bytes()));
    pump.push(&sent_in_call(), CLOCK);
    let events = written(&mut pump, &mut output);
    assert_eq!((&events[0]["id"], &events[1]["request"]), (&json!(0), &json!(0)));
}

#[test]
fn what_becomes_of_a_signal_refers_to_it_as_it_was_sent() {
    let (mut pump, mut output) = pump();
    let merged = sigtrace_common::Generate {
        time_ns: 1_000_000_002,
        outcome: 2,
        merged_ns: terminate().time_ns,
        ..terminate()
    };
    let fatal = terminate().time_ns.to_ne_bytes();
    let exit = segfault(&[(offset_of!(sigtrace_common::Exit, fatal_ns), &fatal)]);
    let delivers = [taken(), sigtrace_common::Deliver { generated_ns: 0, ..taken() }];
    let [known, unknown] = delivers.map(|deliver| tests_of_deliver::bytes_of(&deliver).to_vec());
    let first = bytes_of(&terminate()).to_vec();
    for record in [first, bytes_of(&merged).to_vec(), known, unknown, exit, segfault(&[])] {
        pump.push(&record, CLOCK);
    }
    let events = written(&mut pump, &mut output);
    let refers: Vec<_> = events
        .iter()
        .map(|it| (&it["id"], it.get("merged_into").or_else(|| it.get("generate")).unwrap()))
        .collect();
    let (null, id) = (Value::Null, |id: u64| json!(id));
    // The request of the first two has an id, and so has the last one's signal, which was not told of.
    let expected = [
        (&id(1), &null),
        (&id(2), &id(1)),
        (&id(3), &id(1)),
        (&id(4), &null),
        (&id(5), &id(1)),
        (&id(7), &id(6)),
    ];
    assert_eq!(refers, expected);
}

#[test]
fn a_call_that_takes_a_signal_refers_to_it_as_it_was_sent() {
    let (mut pump, mut output) = pump();
    pump.takers = Takers::new(kinds::GENERATE, 0, 0);
    // It is sent to who begins later, of whom all is known.
    let start_ns = now_ns(clock::KERNEL) + 1;
    let sent = |time_ns: u64| {
        let target = sigtrace_common::Thread { start_ns, ..terminate().target };
        bytes_of(&sigtrace_common::Generate { target, time_ns, ..terminate() }).to_vec()
    };
    let took = |entered_ns: u64| {
        Sample::of("rt_sigtimedwait", &[0, 0, 0, 8])
            .with(offset_of!(Record, entered_ns), &entered_ns.to_ne_bytes())
    };
    pump.push(&sent(start_ns + 1000), CLOCK);
    pump.push(took(start_ns + 2000).ret(15).bytes(), CLOCK);
    pump.push(took(start_ns + 4000).ret(15).bytes(), CLOCK);
    pump.push(took(start_ns + 6000).ret(-11).bytes(), CLOCK);
    // It is told of as unfinished, and of what it took, its return tells.
    let later = took(start_ns + 8000);
    assert!(pump.tell_unfinished(took(start_ns + 8000).state(State::Entered).bytes()));
    pump.push(&sent(start_ns + 8100), CLOCK);
    pump.push(later.ret(15).bytes(), CLOCK);
    let events = written(&mut pump, &mut output);
    let taken: Vec<_> = events.iter().map(|it| (&it["event"], it.get("generate"))).collect();
    let (call, sent, returned) = (json!("syscall"), json!("generate"), json!("return"));
    let expected = [
        (&sent, None),
        (&call, Some(&events[0]["id"])),
        (&call, Some(&Value::Null)),
        (&call, None),
        (&call, None),
        (&sent, None),
        (&returned, Some(&events[5]["id"])),
    ];
    assert_eq!(taken, expected);
}

#[test]
fn signals_that_are_sent_are_in_the_books_of_their_kind() {
    let counts = |pump: &Pump| {
        let others = pump.account.fates_of_others();
        let [("generate", counts)] = others.as_slice() else { panic!("{others:?}") };
        counts.iter().map(|(_, count)| *count).collect::<Vec<_>>()
    };
    let (mut pump, mut output) = pump_for(Some(1), 0);
    pump.account.others = Kinds::new(kinds::GENERATE);
    pump.push(&sent_in_call(), CLOCK);
    assert!(pump.is_done());
    pump.push(&sent_in_call(), CLOCK);
    assert!(pump.give_up_on(&sent_in_call()));
    assert_eq!(counts(&pump), [0, 1, 1]);
    assert_eq!(written(&mut pump, &mut output).len(), 1);
    assert_eq!(counts(&pump), [1, 1, 1]);
    let (mut pump, _) = pump_for_one_line();
    pump.account.others = Kinds::new(kinds::GENERATE);
    for _ in 0..2 {
        pump.push(&sent_in_call(), CLOCK);
    }
    pump.push(&sent_in_call()[..200], CLOCK);
    assert_eq!(counts(&pump), [0, 0, 2]);
}

#[test]
fn a_call_that_was_told_is_not_told_again() {
    let (mut pump, mut output) = pump();
    assert!(pump.tell_unfinished(under_way().bytes()));
    assert!(!pump.tell_unfinished(under_way().bytes()));
    // Nor in the end, when there is another that was not.
    pump.add(vec![slot(&under_way()), slot(&next_pause().state(State::Entered))]);
    for record in mem::take(&mut pump.rest) {
        pump.push(&record, CLOCK);
    }
    let events = written(&mut pump, &mut output);
    let time = "2026-11-21T19:53:08.123456790Z".into();
    assert_eq!(events, [told(0, 0, &events[0]["time"]), told(1, 1, &time)]);
    assert_eq!(books(&pump), (2, 0, 0, [0, 2, 0, 0], [0, 0]));
}

#[test]
fn a_late_return_that_was_missed_is_noticed_now() {
    let (mut pump, mut output) = pump();
    pump.tell_unfinished(under_way().bytes());
    let before = now_ns(libc::CLOCK_REALTIME);
    pump.push(pause().state(State::Missed).bytes(), CLOCK);
    let after = now_ns(libc::CLOCK_REALTIME);
    let events = written(&mut pump, &mut output);
    let missed = json!({ "event": "return", "request": 0, "time": events[1]["time"], "seq": 1,
        "syscall": "pause", "ret": null, "error": null, "duration_ns": null, "return": "missed" });
    assert_eq!(events, [told(0, 0, &events[0]["time"]), missed]);
    let time: jiff::Timestamp = events[1]["time"].as_str().unwrap().parse().unwrap();
    assert!((i128::from(before)..=i128::from(after)).contains(&time.as_nanosecond()));
    // That is no hole of the call, which had no result before.
    assert_eq!(books(&pump), (1, 0, 0, [0, 1, 0, 0], [1, 0]));
}

#[test]
fn another_call_of_the_thread_is_no_return() {
    let (mut pump, mut output) = pump();
    pump.tell_unfinished(under_way().bytes());
    pump.push(next_pause().bytes(), CLOCK);
    pump.push(pause().bytes(), CLOCK);
    pump.push(pause().bytes(), CLOCK);
    let kinds: Vec<_> = written(&mut pump, &mut output)
        .iter()
        .map(|event| (event["event"].clone(), event["id"].clone(), event["request"].clone()))
        .collect();
    let (call, none) = (Value::from("syscall"), Value::Null);
    assert_eq!(
        kinds,
        [
            (call.clone(), 0.into(), none.clone()),
            (call.clone(), 1.into(), none.clone()),
            ("return".into(), none.clone(), 0.into()),
            (call, 2.into(), none),
        ]
    );
}

#[test]
fn only_what_is_under_way_is_told_late() {
    let (mut pump, mut output) = pump();
    assert!(!pump.tell_unfinished(kill().bytes()));
    assert!(!pump.tell_unfinished(kill().state(State::Missed).bytes()));
    assert!(!pump.tell_unfinished(b"no record"));
    let row = offset_of!(Record, syscall);
    assert!(!pump.tell_unfinished(under_way().with(row, &[0xff; 2]).bytes()));
    assert_eq!(written(&mut pump, &mut output), [Value::Null; 0]);
    // The programs take the last one for told.
    assert_eq!(books(&pump), (0, 0, 1, [0, 0, 0, 0], [0, 0]));
}

#[test]
fn a_limit_counts_calls_and_their_returns_come_nonetheless() {
    let (mut pump, mut output) = pump_for(Some(2), 0);
    pump.tell_unfinished(under_way().bytes());
    assert!(!pump.is_done());
    pump.push(kill().bytes(), CLOCK);
    assert!(pump.is_done());
    assert!(!pump.tell_unfinished(next_pause().state(State::Entered).bytes()));
    pump.push(next_pause().bytes(), CLOCK);
    pump.push(pause().bytes(), CLOCK);
    let events = written(&mut pump, &mut output);
    let kinds: Vec<_> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(kinds, ["syscall", "syscall", "return"]);
    assert_eq!(books(&pump), (2, 1, 0, [0, 1, 0, 0], [1, 0]));
}

#[test]
fn what_is_given_up_is_lost_by_what_it_is() {
    let (mut pump, _output) = pump();
    for call in [under_way(), next_pause().state(State::Entered)] {
        pump.tell_unfinished(call.bytes());
    }
    pump.push(pause().bytes(), CLOCK);
    // Two calls and a return were gathered.
    assert!(pump.give_up_lines());
    assert_eq!(books(&pump), (0, 0, 2, [0, 0, 0, 0], [0, 1]));
    // Nothing more with one that was given up, be it under way or not, and a call with another.
    assert!(!pump.give_up_on(next_pause().state(State::Entered).bytes()));
    assert!(!pump.give_up_on(next_pause().bytes()));
    assert!(pump.give_up_on(kill().bytes()));
    assert_eq!(books(&pump), (0, 0, 3, [0, 0, 0, 0], [0, 1]));
}

/// Has a pump write to a disk that is full.
fn write_to_full_disk(pump: &mut Pump) {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let disk = mem::replace(&mut pump.queue.sink, Sink::File(LineFile::new(full).unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(pump.flush()).unwrap();
    assert!(pump.is_out_of_room());
    pump.queue.sink = disk;
}

#[test]
fn what_a_full_disk_has_no_room_for_is_lost_and_the_stream_goes_on_without_a_gap() {
    let (mut pump, mut output) = pump();
    pump.push(kill().bytes(), CLOCK);
    assert_eq!(written(&mut pump, &mut output).len(), 1);
    pump.push(kill().bytes(), CLOCK);
    pump.report_blind(0, None, vec!["kill"], "kprobes are disabled".to_owned());
    write_to_full_disk(&mut pump);
    assert_eq!(books(&pump), (1, 0, 1, [0, 0, 0, 0], [0, 0]));
    // That is not told of either, and so is told again.
    assert!(pump.report_losses());
    pump.push(kill().bytes(), CLOCK);
    write_to_full_disk(&mut pump);
    assert!(pump.report_losses());
    pump.push(kill().bytes(), CLOCK);
    let events = written(&mut pump, &mut output);
    assert!(!pump.is_out_of_room());
    let told: Vec<_> = events.iter().map(|event| (&event["event"], &event["seq"])).collect();
    let (call, lost) = (json!("syscall"), json!("lost"));
    assert_eq!(told, [(&call, &json!(0)), (&lost, &Value::Null), (&call, &json!(1))]);
    assert_eq!((&events[1]["output"], &events[2]["id"]), (&json!(2), &json!(3)));
    assert!(!pump.report_losses());
    assert_eq!(books(&pump), (2, 0, 2, [0, 0, 0, 0], [0, 0]));
}

#[test]
fn the_return_of_a_call_that_a_full_disk_had_no_room_for_is_not_told_of() {
    let (mut pump, mut output) = pump();
    pump.tell_unfinished(under_way().bytes());
    write_to_full_disk(&mut pump);
    pump.push(pause().bytes(), CLOCK);
    assert_eq!(written(&mut pump, &mut output), [Value::Null; 0]);
    assert_eq!(books(&pump), (0, 0, 1, [0, 0, 0, 0], [0, 0]));
}

/// A pump for one line: a byte a second, so that the line takes longer than a burst and any test.
fn pump_for_one_line() -> (Pump, File) {
    let (mut pump, output) = pump();
    pump.rate = NonZeroU64::new(1).map(Rate::new);
    pump.advance(now_ns(clock::KERNEL));
    (pump, output)
}

/// How many bytes the line of a first kill has.
fn length_of_a_kill() -> u64 {
    let (mut pump, mut output) = pump();
    pump.push(kill().bytes(), CLOCK);
    assert_eq!(written(&mut pump, &mut output).len(), 1);
    output.metadata().unwrap().len()
}

#[test]
fn calls_beyond_the_limit_are_lost_by_it_and_what_is_said_of_them_is_not() {
    let (mut pump, mut output) = pump_for_one_line();
    for _ in 0..3 {
        pump.push(kill().bytes(), CLOCK);
    }
    assert!(pump.report_losses());
    pump.report_blind(0, None, vec!["kill"], "kprobes are disabled".to_owned());
    pump.report_stats(&BTreeMap::new());
    // The next is allowed 30 seconds before the line is paid for, and not a second earlier.
    let in_seconds = |seconds| now_ns(clock::KERNEL) + seconds * 1_000_000_000;
    let length = length_of_a_kill();
    pump.advance(in_seconds(length - 31));
    pump.push(kill().bytes(), CLOCK);
    pump.advance(in_seconds(length - 30));
    pump.push(kill().bytes(), CLOCK);
    let events = written(&mut pump, &mut output);
    let told: Vec<_> = events.iter().map(|event| (&event["event"], &event["seq"])).collect();
    let expected = [
        (json!("syscall"), json!(0)),
        (json!("lost"), Value::Null),
        (json!("blind"), json!(1)),
        (json!("stats"), Value::Null),
        (json!("syscall"), json!(2)),
    ];
    assert_eq!(told, expected.each_ref().map(|(event, seq)| (event, seq)));
    assert_eq!((&events[1]["rate_limited"], &events[1]["output"]), (&json!(2), &json!(0)));
    assert_eq!(events[4]["id"], json!(1));
    assert_eq!(books(&pump), (2, 0, 3, [0, 0, 0, 0], [0, 0]));
    assert_eq!(pump.account.losses().rate_limited, 3);
}

#[test]
fn a_return_beyond_the_limit_is_lost_and_its_call_is_not() {
    let (mut pump, mut output) = pump_for_one_line();
    assert!(pump.tell_unfinished(under_way().bytes()));
    pump.push(pause().bytes(), CLOCK);
    pump.push(pause().bytes(), CLOCK);
    assert_eq!(written(&mut pump, &mut output).len(), 1);
    // The second is none of a call that was told of any more.
    assert_eq!(books(&pump), (1, 0, 1, [0, 1, 0, 0], [0, 1]));
}

#[test]
fn a_call_that_the_limit_does_not_let_be_told_of_as_unfinished_is_lost_and_its_return_is_known() {
    let (mut pump, mut output) = pump_for_one_line();
    pump.push(kill().bytes(), CLOCK);
    assert!(!pump.tell_unfinished(under_way().bytes()));
    assert_eq!(books(&pump), (0, 0, 1, [0, 0, 0, 0], [0, 0]));
    pump.rate = None;
    pump.push(pause().bytes(), CLOCK);
    let events = written(&mut pump, &mut output);
    let told: Vec<_> = events.iter().map(|event| (&event["syscall"], &event["ret"])).collect();
    assert_eq!(told, [(&json!("kill"), &json!(0))]);
    assert_eq!(books(&pump), (1, 0, 1, [0, 0, 0, 0], [0, 0]));
}

#[test]
fn calls_past_the_number_wanted_are_left_out_before_the_limit_is_asked() {
    let (mut pump, mut output) = pump_for(Some(1), 0);
    pump.rate = NonZeroU64::new(1).map(Rate::new);
    for _ in 0..2 {
        pump.push(kill().bytes(), CLOCK);
    }
    assert_eq!(written(&mut pump, &mut output).len(), 1);
    assert_eq!(books(&pump), (1, 1, 0, [0, 0, 0, 0], [0, 0]));
}

#[test]
fn a_return_that_cannot_be_decoded_is_lost_and_its_call_is_not() {
    let (mut pump, mut output) = pump();
    pump.tell_unfinished(under_way().bytes());
    pump.push(pause().with(offset_of!(Record, abi), &[9]).bytes(), CLOCK);
    assert_eq!(written(&mut pump, &mut output).len(), 1);
    assert_eq!(books(&pump), (1, 0, 0, [0, 1, 0, 0], [0, 1]));
}

#[test]
fn returns_that_the_ring_had_no_room_for_are_lost() {
    let (mut pump, _output) = pump_for(None, 3);
    assert_eq!(books(&pump), (0, 0, 0, [0, 0, 0, 0], [0, 3]));
    pump.account.return_lost();
    assert_eq!(books(&pump), (0, 0, 0, [0, 0, 0, 0], [0, 4]));
    let (mut pump, _output) = pump_for(None, u64::MAX);
    pump.account.return_lost();
    assert_eq!(books(&pump), (0, 0, 0, [0, 0, 0, 0], [0, u64::MAX]));
}

#[test]
fn returns_that_are_lost_are_told_of_once() {
    let (mut pump, mut output) = pump_for(None, 3);
    assert!(pump.report_losses());
    pump.account.return_lost();
    assert!(pump.report_losses());
    assert!(!pump.report_losses());
    let told = written(&mut pump, &mut output);
    let told: Vec<_> = told.iter().map(|event| (&event["ring_full"], &event["returns"])).collect();
    assert_eq!(told, [(&json!(0), &json!(3)), (&json!(0), &json!(1))]);
}

#[test]
fn a_call_whose_return_was_lost_is_forgotten() {
    let (mut pump, _output) = pump();
    pump.tell_unfinished(under_way().bytes());
    let key = CallKey { tid: 815, entered_ns: 1_000_000_001 };
    pump.retain_told(&HashSet::from([key]));
    pump.told.taken_until(u64::MAX);
    assert!(pump.told.knows(key), "it is under way");
    pump.retain_told(&HashSet::new());
    assert!(!pump.told.knows(key));
}

#[test]
fn a_blind_time_is_numbered_among_the_calls_and_counted_as_none() {
    let (mut pump, mut output) = pump_for(Some(2), 0);
    let report = |pump: &mut Pump, until_ns| {
        pump.report_blind(1_000_000_000, until_ns, vec!["kill"], "kprobes are disabled".to_owned());
    };
    pump.push(kill().bytes(), CLOCK);
    report(&mut pump, None);
    report(&mut pump, Some(2_000_000_000));
    assert!(!pump.is_done());
    pump.push(kill().bytes(), CLOCK);
    let events = written(&mut pump, &mut output);
    let blind = |seq: u64, until: Value| {
        json!({ "event": "blind", "time": events[seq as usize]["time"], "seq": seq,
            "since": "1970-01-01T00:00:01.000000000Z", "until": until, "syscalls": ["kill"],
            "reason": "kprobes are disabled" })
    };
    assert_eq!(events[1], blind(1, Value::Null));
    assert_eq!(events[2], blind(2, "1970-01-01T00:00:02.000000000Z".into()));
    assert_eq!((&events[3]["seq"], &events[3]["id"]), (&3.into(), &1.into()));
    assert_eq!(books(&pump), (2, 0, 0, [0, 0, 0, 0], [0, 0]));
}
