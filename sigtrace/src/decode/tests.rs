//! What decoding refuses, and that it refuses rather than panics.

use std::mem::offset_of;

use proptest::prelude::*;
use sigtrace_common::{Abi, DATA_OFFSET, Kind, Record, RecordKind, SYSCALLS, State};

use super::{Comm, DecodeError, Holes, Return, WallClock, call, sample::Sample};

const CLOCK: WallClock = WallClock { offset_ns: 0 };

fn decode(sample: &Sample) -> Result<super::Call<'_>, DecodeError> {
    call(sample.bytes(), CLOCK)
}

fn kill() -> Sample {
    Sample::of("kill", &[1, 9])
}

#[test]
fn a_record_that_ends_early_is_refused() {
    let sample = Sample::of("rt_sigaction", &[1, 0, 0, 8]);
    let whole = DATA_OFFSET + 64;
    for length in [8, DATA_OFFSET - 1, whole - 1] {
        assert_eq!(
            call(&sample.bytes()[..length], CLOCK),
            Err(DecodeError::TooShort { length, needed: whole })
        );
    }
}

#[test]
fn a_record_that_says_it_is_shorter_than_its_call_is_refused() {
    for (length, needed) in [(DATA_OFFSET - 1, DATA_OFFSET), (DATA_OFFSET + 63, DATA_OFFSET + 64)] {
        let header = RecordKind::Call.head(u16::try_from(length).unwrap()).to_ne_bytes();
        let sample = Sample::of("rt_sigaction", &[1, 0, 0, 8]).with(0, &header);
        assert_eq!(decode(&sample), Err(DecodeError::TooShort { length, needed }));
    }
}

#[test]
fn bytes_after_a_record_do_not_matter() {
    let sample = kill();
    let mut longer = sample.bytes().to_vec();
    longer.resize(size_of::<Record>(), 0xff);
    assert_eq!(call(&longer, CLOCK), decode(&sample));
}

#[test]
fn an_unknown_syscall_is_refused() {
    let row = u16::try_from(SYSCALLS.len()).unwrap();
    assert_eq!(
        decode(&kill().with(offset_of!(Record, syscall), &row.to_ne_bytes())),
        Err(DecodeError::UnknownSyscall(row))
    );
}

#[test]
fn an_unknown_interface_is_refused() {
    assert_eq!(
        decode(&kill().with(offset_of!(Record, abi), &[5])),
        Err(DecodeError::UnknownAbi(5))
    );
}

#[test]
fn a_state_that_is_none_of_a_call_is_refused() {
    for state in [State::Idle as u8, 4] {
        assert_eq!(
            decode(&kill().with(offset_of!(Record, state), &[state])),
            Err(DecodeError::UnknownState(state))
        );
    }
}

#[test]
fn an_unknown_capture_is_refused_where_it_matters() {
    let captures = offset_of!(Record, captures);
    assert_eq!(decode(&kill().with(captures, &[9; 4])), decode(&kill()));
    assert_eq!(
        decode(&Sample::of("sigaltstack", &[1, 1]).with(captures + 1, &[9])),
        Err(DecodeError::UnknownCapture { argument: 1, capture: 9 })
    );
}

#[test]
fn errors_say_what_is_wrong() {
    for (error, text) in [
        (
            DecodeError::TooShort { length: 3, needed: 120 },
            "the record has 3 bytes, but 120 are needed",
        ),
        (DecodeError::UnknownSyscall(99), "the record names syscall 99, which is not in the table"),
        (DecodeError::UnknownAbi(9), "the record names binary interface 9, which does not exist"),
        (DecodeError::UnknownState(0), "the record is in state 0, which is not a state of a call"),
        (
            DecodeError::UnknownCapture { argument: 1, capture: 9 },
            "the record has capture state 9 for argument 1, which is not defined",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_call_knows_its_holes() {
    let none = Holes::default();
    assert_eq!(decode(&kill()).unwrap().holes(), none);
    assert_eq!(
        decode(&kill().state(State::Missed)).unwrap().holes(),
        Holes { return_missed: true, ..none }
    );
    assert_eq!(
        decode(&kill().state(State::Entered)).unwrap().holes(),
        Holes { unfinished: true, ..none }
    );
    let unreadable = Sample::of("sigaltstack", &[1, 0]).unreadable(0);
    assert_eq!(decode(&unreadable).unwrap().holes(), Holes { unreadable: true, ..none });
    assert_eq!(
        decode(&unreadable.state(State::Missed)).unwrap().holes(),
        Holes { unreadable: true, return_missed: true, ..none }
    );
    let late = Sample::of("rt_sigsuspend", &[1, 8]).points_late_to(0, &[2; 8]);
    assert_eq!(decode(&late).unwrap().holes(), Holes { read_late: true, ..none });
}

#[test]
fn only_an_input_is_read_late() {
    let call = || Sample::of("rt_sigprocmask", &[0, 1, 1, 8]);
    let late = |sample: &Sample| decode(sample).unwrap().late;
    assert_eq!(late(&call().points_to(1, &[2; 8])), [false; 4]);
    assert_eq!(late(&call().points_late_to(2, &[2; 8])), [false; 4]);
    assert_eq!(late(&call().points_late_to(1, &[2; 8])), [false, true, false, false]);
}

#[test]
fn the_result_of_rt_sigreturn_is_none() {
    let sample = Sample::of("rt_sigreturn", &[0]).ret(-4);
    let call = decode(&sample).unwrap();
    assert_eq!(call.outcome, Return::Value { ret: -4, duration_ns: 812 });
    assert_eq!((call.ret(), call.errno(), call.duration_ns()), (None, None, Some(812)));
}

#[test]
fn the_time_is_the_wall_clocks() {
    let at = |offset_ns| call(kill().bytes(), WallClock { offset_ns }).unwrap().time_ns;
    assert_eq!(at(0), 1_000_000_001);
    assert_eq!(at(1_795_290_787_123_456_788), 1_795_290_788_123_456_789);
    assert_eq!(at(i64::MIN), 0);
}

#[test]
fn a_call_knows_when_it_returned() {
    let at = |sample: &Sample, offset_ns| {
        call(sample.bytes(), WallClock { offset_ns }).unwrap().returned_ns()
    };
    assert_eq!(at(&kill(), 0), Some(1_000_000_813));
    assert_eq!(at(&kill(), 1_795_290_787_123_456_788), Some(1_795_290_788_123_457_601));
    let longest = kill().with(offset_of!(Record, duration_ns), &[0xff; 8]);
    assert_eq!(at(&longest, 0), Some(u64::MAX));
    assert_eq!(at(&kill().state(State::Missed), 0), None);
    assert_eq!(at(&kill().state(State::Entered), 0), None);
}

#[test]
fn a_name_ends_at_its_nul() {
    assert_eq!(Comm(*b"nginx\0garbage\0\0\0").bytes(), b"nginx");
    assert_eq!(Comm(*b"0123456789abcdef").bytes(), b"0123456789abcdef");
    assert_eq!(Comm([0; 16]).bytes(), b"");
}

/// Bytes that pass for a record, with anything in its arguments and structures.
pub(crate) fn records() -> impl Strategy<Value = Vec<u8>> {
    let states = vec![State::Entered, State::Returned, State::Missed];
    (0..SYSCALLS.len(), prop::sample::select(&Abi::ALL), prop::sample::select(states))
        .prop_flat_map(|(row, abi, state)| records_of(row, abi, state))
}

/// Such bytes of this row, interface and state. Every second siginfo has a signal and a code that
/// mean something, as chance alone hardly ever finds one; if it is sent, the call has that signal, and every
/// second time another one is written.
pub(crate) fn records_of(row: usize, abi: Abi, state: State) -> impl Strategy<Value = Vec<u8>> {
    (
        // What was read from a signalfd comes after the rest.
        prop::collection::vec(any::<u8>(), size_of::<Record>()..=size_of::<Record>() + 512),
        prop::array::uniform4(0..=5_u8),
        prop::option::of((-1..=65_i32, -64..=130_i32)),
        prop::option::of(-1..=65_i32),
    )
        .prop_map(move |(mut bytes, captures, siginfo, written)| {
            let length = u16::try_from(bytes.len()).unwrap();
            let mut put = |offset, field: &[u8]| {
                bytes[offset..offset + field.len()].copy_from_slice(field);
            };
            put(0, &RecordKind::Call.head(length).to_ne_bytes());
            put(offset_of!(Record, syscall), &u16::try_from(row).unwrap().to_ne_bytes());
            put(offset_of!(Record, abi), &[abi as u8]);
            put(offset_of!(Record, state), &[state as u8]);
            put(offset_of!(Record, captures), &captures);
            if let (Some(index), Some((signo, code))) =
                (SYSCALLS[row].position(Kind::Siginfo), siginfo)
            {
                let at = DATA_OFFSET + SYSCALLS[row].data_offset(index);
                put(at, &written.unwrap_or(signo).to_ne_bytes());
                put(at + 8, &code.to_ne_bytes());
                if let Some(index) = SYSCALLS[row].position(Kind::Signal) {
                    put(offset_of!(Record, args) + 8 * index, &signo.to_ne_bytes());
                }
            }
            bytes
        })
}

proptest! {
    #[test]
    fn any_bytes_are_a_call_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = call(&bytes, CLOCK);
    }

    #[test]
    fn anything_in_a_records_fields_is_a_call(bytes in records()) {
        prop_assert!(call(&bytes, CLOCK).is_ok());
    }

    #[test]
    fn a_record_cut_anywhere_is_too_short(
        bytes in records(),
        length in 0..size_of::<Record>(),
    ) {
        let cut = call(&bytes[..length], CLOCK);
        let is_too_short =
            matches!(cut, Err(DecodeError::TooShort { length: seen, .. }) if seen == length);
        prop_assert!(is_too_short, "{:?}", cut);
    }
}
