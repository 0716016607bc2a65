//! Lines that are written, or not, each of them a number to the books.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    mem,
    os::fd::FromRawFd as _,
};

use serde_json::{Value, json};

use super::*;
use crate::{
    agent::sink::LineFile,
    output::{Blind, Json, Sets},
};

/// A queue, and the file it writes to, which is nowhere.
fn queue() -> (Queue<u32>, File) {
    // SAFETY: a name that outlives the call, and a descriptor that is nobody else's.
    let file = unsafe { File::from_raw_fd(libc::memfd_create(c"file".as_ptr(), 0)) };
    let sink = Sink::File(LineFile::new(file.try_clone().unwrap()).unwrap());
    (Queue::new(Box::new(Json::new(Sets::Names)), sink), file)
}

/// Adds a line that has a number.
fn add(queue: &mut Queue<u32>, entry: u32) {
    let blind = Blind {
        time_ns: 0,
        seq: queue.next_seq(),
        since_ns: 0,
        until_ns: None,
        syscalls: vec!["kill"],
        reason: "kprobes are disabled".to_owned(),
    };
    queue.add(Event::Blind(&blind), entry).unwrap_or_else(|(error, _)| panic!("{error}"));
}

/// Writes, and says which lines were settled, and whether as written.
fn flush(queue: &mut Queue<u32>) -> Vec<(u32, bool)> {
    let mut settled = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut settle = |entry, is_written| settled.push((entry, is_written));
    runtime.block_on(queue.flush(&mut settle)).unwrap();
    settled
}

/// Likewise, to a disk that is full.
fn flush_to_full_disk(queue: &mut Queue<u32>) -> Vec<(u32, bool)> {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let disk = mem::replace(&mut queue.sink, Sink::File(LineFile::new(full).unwrap()));
    let settled = flush(queue);
    assert!(queue.is_out_of_room());
    queue.sink = disk;
    settled
}

/// The numbers of what was written.
fn numbers(mut output: &File) -> Vec<Value> {
    let mut text = String::new();
    output.rewind().unwrap();
    output.read_to_string(&mut text).unwrap();
    let number = |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].clone();
    text.lines().map(number).collect()
}

#[test]
fn what_there_is_no_room_for_is_settled_as_not_written_and_its_number_given_again() {
    let (mut queue, output) = queue();
    add(&mut queue, 10);
    assert_eq!(flush(&mut queue), [(10, true)]);
    add(&mut queue, 11);
    assert_eq!(flush_to_full_disk(&mut queue), [(11, false)]);
    add(&mut queue, 12);
    assert_eq!(flush(&mut queue), [(12, true)]);
    assert!(!queue.is_out_of_room());
    assert_eq!(numbers(&output), [json!(0), json!(1)]);
}

#[test]
fn a_line_that_was_begun_when_the_disk_was_full_is_finished() {
    let (mut queue, output) = queue();
    for entry in 10..13 {
        add(&mut queue, entry);
    }
    // The first line and a part of the second are written, and somebody else has written since.
    let part = queue.lines[0].end + 10;
    assert_eq!((&output).write(&queue.buffer[..part]).unwrap(), part);
    queue.written = part;
    assert_eq!(flush_to_full_disk(&mut queue), [(10, true), (12, false)]);
    // There still is none.
    add(&mut queue, 13);
    assert_eq!(flush_to_full_disk(&mut queue), [(13, false)]);
    add(&mut queue, 14);
    assert_eq!(flush(&mut queue), [(11, true), (14, true)]);
    assert_eq!(numbers(&output), [json!(0), json!(1), json!(2)]);
}

#[test]
fn what_is_given_up_is_settled_as_not_written() {
    let (mut queue, output) = queue();
    assert!(!queue.give_up(&mut |_, _| panic!("there is none")));
    add(&mut queue, 10);
    let mut settled = Vec::new();
    assert!(queue.give_up(&mut |entry, is_written| settled.push((entry, is_written))));
    assert_eq!((settled, flush(&mut queue)), (vec![(10, false)], vec![]));
    assert_eq!(numbers(&output), [Value::Null; 0]);
}
