//! What holds for every record.

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::Value;
use sigtrace_common::{Abi, Kind, Record, SYSCALLS, State, Syscall};

use super::*;
use crate::{
    decode::{
        Comm, Return,
        tests::{records, records_of},
    },
    names::{pidfd, sa_flags::SA, signal},
};

/// The keys every system call has, in order.
const KEYS: [&str; 18] = [
    "event",
    "id",
    "time",
    "seq",
    "cpu",
    "syscall",
    "abi",
    "pid",
    "tid",
    "ppid",
    "uid",
    "gid",
    "comm",
    "cgroup",
    "args",
    "ret",
    "error",
    "duration_ns",
];

/// The keys of every late return, in order.
const RETURN_KEYS: [&str; 11] = [
    "event",
    "request",
    "time",
    "seq",
    "syscall",
    "pid",
    "tid",
    "args",
    "ret",
    "error",
    "duration_ns",
];

/// What calls that change the mask have after these.
fn mask_keys(syscall: &Syscall) -> &'static [&'static str] {
    if syscall.changes_mask() { &["mask_blocked", "mask_unblocked"] } else { &[] }
}

/// Those of a call that changes what a signal does.
fn action_keys(syscall: &Syscall) -> &'static [&'static str] {
    if super::is_action(syscall.name) { &["changed"] } else { &[] }
}

fn json(bytes: &[u8]) -> String {
    json_with(Sets::Names, bytes)
}

/// The line of a record, which fits the schema.
fn json_with(sets: Sets, bytes: &[u8]) -> String {
    let call = decode::call(bytes, CLOCK).unwrap();
    let mut buffer = Vec::new();
    Json::new(sets).write(Event::Call(&call, None), &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    assert_valid(&line);
    line
}

/// The line of the return that a record tells of, which fits the schema.
fn return_with(sets: Sets, bytes: &[u8]) -> String {
    let call = decode::call(bytes, CLOCK).unwrap();
    let mut buffer = Vec::new();
    Json::new(sets).write(Event::Return { call: &call, time_ns: 0 }, &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    assert_valid(&line);
    line
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// The keys of `args`, in order: beside a signal its number, after all whom the call is aimed at,
/// if that is not what an argument says.
fn keys_of_args(syscall: &Syscall, in_namespace: bool) -> Vec<&'static str> {
    let mut keys = Vec::new();
    for arg in syscall.args {
        keys.push(arg.name);
        keys.extend((arg.kind == Kind::Signal).then_some("signo"));
    }
    let aimed = |kind| syscall.position(kind).is_some();
    let is_aimed = aimed(Kind::Pidfd) || in_namespace && (aimed(Kind::Pid) || aimed(Kind::Tid));
    keys.extend(is_aimed.then_some("target"));
    keys
}

/// The bits a flag array stands for.
fn bits(table: &crate::names::FlagTable, array: &Value) -> u64 {
    let word = |word: &Value| {
        let text = word.as_str().unwrap();
        table
            .bit(text)
            .unwrap_or_else(|| u64::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap())
    };
    array.as_array().unwrap().iter().map(word).fold(0, |all, bits| all | bits)
}

/// A record by a thread of this name.
fn by(comm: [u8; 16]) -> Vec<u8> {
    let at = std::mem::offset_of!(Record, comm);
    Sample::of("pause", &[]).with(at, &comm).bytes().to_vec()
}

/// Every row through every interface, in every state, whatever chance would have chosen.
#[test]
fn every_kind_is_reached_under_every_interface() {
    let mut runner = TestRunner::deterministic();
    for (row, syscall) in SYSCALLS.iter().enumerate() {
        for abi in Abi::ALL {
            for state in [State::Entered, State::Returned, State::Missed] {
                for _ in 0..8 {
                    let bytes =
                        records_of(row, abi, state).new_tree(&mut runner).unwrap().current();
                    let call = decode::call(&bytes, CLOCK).unwrap();
                    assert_eq!((call.syscall.name, call.abi), (syscall.name, abi));
                    json_with(Sets::Names, &bytes);
                    json_with(Sets::Mask, &bytes);
                    if state != State::Entered {
                        return_with(Sets::Names, &bytes);
                    }
                }
            }
        }
    }
}

/// Those of a call that sends signals, where what it reaches is counted.
fn reach_keys(call: &decode::Call<'_>) -> &'static [&'static str] {
    if call.reach.is_some() { &["reached", "refused"] } else { &[] }
}

proptest! {
    #[test]
    fn every_record_is_a_line_of_json_with_every_key(bytes in records()) {
        let line = json(&bytes);
        prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
        let event = parse(&line);
        let mut keys: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        keys.retain(|key| *key != "return");
        let call = decode::call(&bytes, CLOCK).unwrap();
        let (before, after) = KEYS.split_at(9);
        let inside: &[_] = if call.ns.is_some() { &["ns_pid", "ns_tid"] } else { &[] };
        let rest =
            [mask_keys(call.syscall), action_keys(call.syscall), reach_keys(&call)].concat();
        prop_assert_eq!(keys, [before, inside, after, &rest].concat());
        let args: Vec<&str> =
            event["args"].as_object().unwrap().keys().map(String::as_str).collect();
        prop_assert_eq!(args, keys_of_args(call.syscall, call.ns.is_some()));
    }

    #[test]
    fn every_late_return_has_the_arguments_and_the_result_of_its_call(bytes in records()) {
        let call = decode::call(&bytes, CLOCK).unwrap();
        prop_assume!(call.outcome != Return::Unfinished);
        let (whole, late) = (parse(&json(&bytes)), parse(&return_with(Sets::Names, &bytes)));
        let mut keys: Vec<&str> = late.as_object().unwrap().keys().map(String::as_str).collect();
        prop_assert_eq!(keys.pop_if(|key| *key == "return").is_some(), call.outcome == Return::Missed);
        let more = [mask_keys(call.syscall), action_keys(call.syscall), reach_keys(&call)].concat();
        let expected = [&RETURN_KEYS[..], &more].concat();
        prop_assert_eq!(&keys, &expected);
        for key in &expected[4..] {
            prop_assert_eq!(&late[key], &whole[key]);
        }
    }

    #[test]
    fn every_process_name_survives_as_far_as_it_is_unicode(comm in any::<[u8; 16]>()) {
        let event = parse(&json(&by(comm)));
        let comm = Comm(comm);
        prop_assert_eq!(
            event["comm"].as_str().unwrap(),
            String::from_utf8_lossy(comm.bytes())
        );
    }

    #[test]
    fn every_process_name_that_is_unicode_comes_back_as_it_was(name in "\\PC{0,4}|[\x01-\x7f]{0,16}") {
        let mut comm = [0; 16];
        comm[..name.len()].copy_from_slice(name.as_bytes());
        let event = parse(&json(&by(comm)));
        prop_assert_eq!(event["comm"].as_str().unwrap(), name);
    }

    #[test]
    fn every_set_can_be_put_together_again(set in any::<u64>()) {
        let sample = Sample::of("rt_sigsuspend", &[1, 8]).points_to(0, &set.to_ne_bytes());
        let event = parse(&json(sample.bytes()));
        let names = event["args"]["mask"].as_array().unwrap();
        let again = names
            .iter()
            .map(|name| signal::parse(name.as_str().unwrap()).unwrap())
            .fold(0, |set, signo| set | 1_u64 << (signo - 1));
        prop_assert_eq!(again, set);
    }

    #[test]
    fn every_flag_word_can_be_put_together_again(flags in any::<u32>(), upper in any::<u32>()) {
        let sample = Sample::of("pidfd_send_signal", &[0, 0, 0, u64::from(flags)]);
        let event = parse(&json(sample.bytes()));
        prop_assert_eq!(bits(&pidfd::SIGNAL, &event["args"]["flags"]), u64::from(flags));

        let word = u64::from(upper) << 32 | u64::from(flags);
        let sample = Sample::of("rt_sigaction", &[1, 1, 0, 8]).points_to(1, &longs(&[0, word, 0, 0]));
        let event = parse(&json(sample.bytes()));
        let again = bits(&SA, &event["args"]["act"]["flags"]);
        // A C library's sign extension is no flag.
        let extended = flags.cast_signed() < 0 && upper == u32::MAX;
        prop_assert_eq!(again, if extended { u64::from(flags) } else { word });
    }

    #[test]
    fn every_int_is_the_number_given(pid in any::<i32>(), signo in any::<i32>()) {
        let register = |int: i32| u64::from(int.cast_unsigned()) | 0xdead_beef << 32;
        let sample = Sample::of("kill", &[register(pid), register(signo)]);
        let event = parse(&json(sample.bytes()));
        prop_assert_eq!(event["args"]["pid"].as_i64(), Some(i64::from(pid)));
        prop_assert_eq!(event["args"]["signo"].as_i64(), Some(i64::from(signo)));
        prop_assert_eq!(event["args"]["sig"].as_str(), signal::name(signo));
    }
}
