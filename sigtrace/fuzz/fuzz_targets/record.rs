//! Any bytes are a call, the end of a process, a change of one, a place of code or an error, and its lines are what they should be in both
//! formats.
//!
//! An input is a byte of choices and a record. `cargo xtask fuzz` runs this; so does `cargo fuzz run
//! record` in `sigtrace/`.
#![no_main]

// By path: decoding and the formats know nothing of the rest, and depending on the whole package
// would have its build script build the eBPF programs first.
#[path = "../../src/decode/mod.rs"]
#[allow(dead_code, unused_imports)]
mod decode;
#[path = "../../src/join/mod.rs"]
#[allow(dead_code, unused_imports)]
mod join;
#[path = "../../src/names/mod.rs"]
#[allow(dead_code, unused_imports)]
mod names;
#[path = "../../src/numbered.rs"]
mod numbered;
#[path = "../../src/output/mod.rs"]
#[allow(dead_code, unused_imports)]
mod output;

use std::mem::offset_of;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sigtrace_common::{
    Abi, Capture, DATA_OFFSET, Deliver, Exit, Generate, Kind, Mapping, Process, Record, RecordKind,
    SIGNALFD_SIGINFO_SIZE, SYSCALLS,
};

use decode::{Call, Change, Code, State, WallClock};
use join::{Context, mappings::Mappings, redact::Redaction, table::Table};
use output::{Event, Format, Json, Known, Sets, Taker, Text};

/// The bits of the first byte: the record passes for one; its siginfos have a signal and a code that
/// mean something; sets are masks; it is of the end of a process; it is of a signal that is sent, or taken; it is
/// of what else becomes of a process; it is of where code is.
const SHAPED: u8 = 1;
const KNOWN_SIGINFO: u8 = 2;
const MASKS: u8 = 4;
const EXIT: u8 = 8;
const GENERATE: u8 = 16;
const DELIVER: u8 = 32;
const CHANGE: u8 = 64;
const CODE: u8 = 128;

const CLOCK: WallClock = WallClock { offset_ns: 1_795_290_787_123_456_788 };

fuzz_target!(|input: &[u8]| {
    let Some((choices, bytes)) = input.split_first() else { return };
    let mut record = bytes.to_vec();
    if choices & EXIT != 0 {
        return exit(record, choices & SHAPED != 0);
    }
    if choices & GENERATE != 0 {
        return generate(record, choices & SHAPED != 0);
    }
    if choices & DELIVER != 0 {
        return deliver(record, choices & SHAPED != 0);
    }
    if choices & CHANGE != 0 {
        return change(record, choices & SHAPED != 0);
    }
    if choices & CODE != 0 {
        return code(record, choices & SHAPED != 0);
    }
    if choices & SHAPED != 0 {
        shape(&mut record, choices & KNOWN_SIGINFO != 0);
    }
    match decode::call(&record, CLOCK) {
        Ok(call) => {
            let sets = if choices & MASKS != 0 { Sets::Mask } else { Sets::Names };
            check_json(&call, sets);
            check_text(&call, sets);
        }
        Err(error) => {
            assert!(choices & SHAPED == 0, "a record was refused: {error}");
            assert!(!error.to_string().is_empty());
        }
    }
});

/// The end of a process, if the record is one, or is made one.
fn exit(mut record: Vec<u8>, shaped: bool) {
    if shaped {
        record.resize(record.len().clamp(size_of::<Exit>(), usize::from(u16::MAX)), 0);
        let length = u16::try_from(record.len()).expect("so many");
        record[..4].copy_from_slice(&RecordKind::Exit.head(length).to_ne_bytes());
        let status = &mut record[offset_of!(Exit, status)];
        *status = *status & 0x80 | (1 + *status % 64);
    }
    match decode::exit(&record, CLOCK) {
        Ok(exit) => {
            let comm = String::from_utf8_lossy(exit.process.comm.bytes());
            let json = line(&mut Json::new(Sets::Names), Event::Exit(&exit, None));
            let event: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(event["process"]["comm"], comm.as_ref(), "{json}");
            check_line(Sets::Names, Event::Exit(&exit, None));
        }
        Err(error) => assert!(!shaped, "a record was refused: {error}"),
    }
}

/// A signal that is sent, likewise.
fn generate(mut record: Vec<u8>, shaped: bool) {
    if shaped {
        record.resize(record.len().clamp(size_of::<Generate>(), usize::from(u16::MAX)), 0);
        let length = u16::try_from(record.len()).expect("so many");
        record[..4].copy_from_slice(&RecordKind::Generate.head(length).to_ne_bytes());
        let (signal, outcome) = (offset_of!(Generate, signal), offset_of!(Generate, outcome));
        record[signal] = 1 + record[signal] % 64;
        record[outcome] %= 5;
        let syscall = &mut record[offset_of!(Generate, syscall)];
        *syscall %= u8::try_from(SYSCALLS.len()).expect("a row");
    }
    match decode::generate(&record, CLOCK) {
        Ok(generate) => {
            let comm = String::from_utf8_lossy(generate.target.process.comm.bytes());
            let json = line(&mut Json::new(Sets::Names), Event::Generate(&generate, None));
            let event: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(event["target"]["comm"], comm.as_ref(), "{json}");
            check_line(Sets::Names, Event::Generate(&generate, None));
        }
        Err(error) => assert!(!shaped, "a record was refused: {error}"),
    }
}

/// A signal that is taken, likewise.
fn deliver(mut record: Vec<u8>, shaped: bool) {
    if shaped {
        record.resize(record.len().clamp(size_of::<Deliver>(), usize::from(u16::MAX)), 0);
        let length = u16::try_from(record.len()).expect("so many");
        record[..4].copy_from_slice(&RecordKind::Deliver.head(length).to_ne_bytes());
        let signal = &mut record[offset_of!(Deliver, signal)];
        *signal = 1 + *signal % 64;
    }
    match decode::deliver(&record, CLOCK) {
        Ok(deliver) => {
            let comm = String::from_utf8_lossy(deliver.thread.process.comm.bytes());
            let json = line(&mut Json::new(Sets::Names), Event::Deliver(&deliver, None));
            let event: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(event["process"]["comm"], comm.as_ref(), "{json}");
            check_line(Sets::Names, Event::Deliver(&deliver, None));
        }
        Err(error) => assert!(!shaped, "a record was refused: {error}"),
    }
}

/// What becomes of a process, if the record tells of that, or is made to; then its end.
fn change(mut record: Vec<u8>, shaped: bool) {
    if shaped {
        record.resize(record.len().clamp(size_of::<Process>(), 8192), 0);
        let kinds = [
            RecordKind::Exec,
            RecordKind::Fork,
            RecordKind::End,
            RecordKind::Move,
            RecordKind::Rename,
        ];
        let kind = kinds[usize::from(record[4]) % kinds.len()];
        let length = u16::try_from(record.len()).expect("so many");
        record[..4].copy_from_slice(&kind.head(length).to_ne_bytes());
        // Each part has a part of what is left.
        let mut left = length - u16::try_from(size_of::<Process>()).expect("so many");
        for offset in [
            offset_of!(Process, exe_length),
            offset_of!(Process, script_length),
            offset_of!(Process, cgroup_length),
            offset_of!(Process, args_length),
        ] {
            let wanted = u16::from_ne_bytes([record[offset], record[offset + 1]]);
            let part = if left == 0 { 0 } else { wanted % (left + 1) };
            record[offset..offset + 2].copy_from_slice(&part.to_ne_bytes());
            left -= part;
        }
    }
    let change = match decode::change(&record) {
        Ok(change) => change,
        Err(error) => return assert!(!shaped, "a record was refused: {error}"),
    };
    let mut table = Table::new(Redaction::default());
    table.change(&change);
    let (Change::Exec(State { who, .. }, _) | Change::Fork(State { who, .. }, _)) = change else {
        return;
    };
    let known = Known { context: Context::Full, identity: table.get(who.pid, who.tag(), None) };
    assert!(known.identity.is_some() || who.tag() == 0);
    let end = [&RecordKind::Exit.head(88).to_ne_bytes()[..], &[1; 84]].concat();
    let end = decode::exit(&end, CLOCK).expect("an end");
    let told = Event::Exit(&end, Some(&known));
    let json = line(&mut Json::new(Sets::Names), told);
    let event: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(event["process"].as_object().map(serde_json::Map::len), Some(19), "{json}");
    check_line(Sets::Names, told);
}

/// Where code is, or what a file is called, if the record tells of that, or is made to; then a signal whose handler is
/// there.
fn code(mut record: Vec<u8>, shaped: bool) {
    if shaped {
        record.resize(record.len().clamp(size_of::<Mapping>(), 8192), 0);
        let kinds = [RecordKind::Mapping, RecordKind::File];
        let kind = kinds[usize::from(record[4]) % kinds.len()];
        let length = u16::try_from(record.len()).expect("so many");
        record[..4].copy_from_slice(&kind.head(length).to_ne_bytes());
    }
    let told = match decode::code(&record) {
        Ok(told) => told,
        Err(error) => return assert!(!shaped, "a record was refused: {error}"),
    };
    let mut mappings = Mappings::default();
    mappings.note(&told);
    let token = match told {
        Code::File(file) => file.token,
        Code::Mapping(_) => 0,
    };
    let mapping = decode::Mapping { time_ns: 1, address: 2, file: Some((token, 3)), tid: 4 };
    mappings.note(&Code::Mapping(mapping));
    let place = mappings.take(4, 1..=1, Some(2)).expect("the last one");
    let handler_at = place.file.map(|(file, offset)| output::Code {
        file: file.path.clone(),
        is_deleted: file.is_deleted,
        identity: file.identity,
        offset,
        symbol: None,
    });
    let length = size_of::<Deliver>();
    let head = RecordKind::Deliver.head(u16::try_from(length).expect("so many"));
    let mut taken = [&head.to_ne_bytes()[..], &vec![1; length - 4]].concat();
    taken[offset_of!(Deliver, signal)] = 15;
    let deliver = decode::deliver(&taken, CLOCK).expect("a signal");
    let known = Known { context: Context::Full, identity: None };
    let taker = Taker { known, handler_at };
    check_line(Sets::Names, Event::Deliver(&deliver, Some(&taker)));
}

/// Makes a record of any bytes, so that every decoder is reached: whole, and with numbers that
/// exist where others are refused.
fn shape(record: &mut Vec<u8>, known_siginfo: bool) {
    record.resize(record.len().max(size_of::<Record>()), 0);
    let length = u16::try_from(record.len()).unwrap_or(u16::MAX);
    record[..4].copy_from_slice(&RecordKind::Call.head(length).to_ne_bytes());
    let at = offset_of!(Record, syscall);
    let row = usize::from(record[at]) % SYSCALLS.len();
    let number = u16::try_from(row).expect("a row");
    record[at..at + 2].copy_from_slice(&number.to_ne_bytes());
    record[offset_of!(Record, abi)] %= u8::try_from(Abi::ALL.len()).expect("an interface");
    let state = &mut record[offset_of!(Record, state)];
    *state = sigtrace_common::State::Entered as u8 + *state % 3;
    let signal = SYSCALLS[row].position(Kind::Signal);
    for (index, arg) in SYSCALLS[row].args.iter().enumerate() {
        let capture = &mut record[offset_of!(Record, captures) + index];
        *capture = if *capture < 0x80 { Capture::Whole as u8 } else { *capture % 3 };
        let data = &mut record[DATA_OFFSET + SYSCALLS[row].data_offset(index)..];
        match arg.kind {
            Kind::Siginfo if known_siginfo => {
                know(data);
                // In a send it is the call's signal that counts.
                if let (Some(signo), Some(signal)) = (data.first_chunk::<4>().copied(), signal) {
                    let at = offset_of!(Record, args) + 8 * signal;
                    record[at..at + 4].copy_from_slice(&signo);
                }
            }
            Kind::SignalfdSiginfo if known_siginfo => {
                data.chunks_exact_mut(SIGNALFD_SIGINFO_SIZE).for_each(know);
            }
            _ => {}
        }
    }
}

/// Gives a `siginfo_t` or a `struct signalfd_siginfo` a signal and a code that mean something, which
/// both have in the same places.
fn know(siginfo: &mut [u8]) {
    let small = |byte: u8| i32::from(byte.cast_signed());
    let (signo, code) = (small(siginfo[0] % 66), small(siginfo[8]));
    siginfo[..4].copy_from_slice(&signo.to_ne_bytes());
    siginfo[8..12].copy_from_slice(&code.to_ne_bytes());
}

/// A line of JSON that has the caller's name as far as it is Unicode. Whether it fits the schema the
/// property tests see to: validating would leave a tenth of the inputs a second.
fn check_json(call: &Call, sets: Sets) {
    for told in events(call) {
        let line = line(&mut Json::new(sets), told);
        let event: Value = serde_json::from_str(&line).expect("JSON");
        assert!(event["args"].is_object(), "{line}");
        if matches!(told, Event::Call(..)) {
            assert_eq!(event["comm"], String::from_utf8_lossy(call.comm.bytes()).as_ref());
        }
    }
}

/// A line of text without anything a terminal would act upon, and the same in colour.
fn check_text(call: &Call, sets: Sets) {
    for told in events(call) {
        check_line(sets, told);
    }
}

fn check_line(sets: Sets, told: Event<'_>) {
    let plain = line(&mut Text::new(sets, false), told);
    assert!(!plain.trim_end_matches('\n').contains(char::is_control), "{plain:?}");
    let colored = line(&mut Text::new(sets, true), told);
    let mut parts = colored.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let after_escapes = parts.filter_map(|part| part.split_once('m').map(|(_, text)| text));
    assert_eq!(after_escapes.fold(first, |all, text| all + text), plain);
}

/// The events there can be of a call: it, and its return if it was printed before that.
fn events<'a>(call: &'a Call<'a>) -> [Event<'a>; 2] {
    [
        Event::Call(call, None),
        Event::Return { call, time_ns: call.returned_ns().unwrap_or_default() },
    ]
}

/// What a format writes: one line.
fn line(format: &mut dyn Format, event: Event<'_>) -> String {
    let mut buffer = Vec::new();
    format.write(event, &mut buffer).expect("memory takes everything");
    let line = String::from_utf8(buffer).expect("UTF-8");
    assert_eq!(line.find('\n'), Some(line.len() - 1), "{line:?}");
    line
}
