//! Readers who do not read, and outputs that are full or gone; full_disk.rs has files.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, PipeReader, Read as _};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sigtrace_tests::harness::{
    Account, Flood, Puppet, Streaming, Test, command, spawn, temporary, until,
};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_pipe_that_nobody_reads_does_not_keep_it_from_ending,
    a_socket_that_nobody_reads_does_not_keep_it_from_ending,
    a_reader_who_was_stopped_does_not_keep_it_from_ending,
    a_reader_who_comes_back_in_time_gets_all,
    a_storm_that_nobody_reads_does_not_make_it_grow,
    a_reader_who_goes_while_nothing_happens_ends_it_quietly,
    a_reader_who_leaves_a_socket_unread_ends_it_quietly,
    a_socket_for_one_direction_is_not_closed,
    the_last_words_reach_a_socket_that_is_full_of_events,
    the_last_words_are_an_event_where_both_outputs_are_one_file,
    a_reader_who_goes_in_the_midst_of_a_storm_ends_it_quietly,
    nobody_to_complain_to_is_no_reason_to_fail,
    stderr_that_nobody_reads_does_not_keep_it_from_ending,
    a_device_that_is_full_loses_all_and_ends_nothing,
];

/// What is promised.
const LIMIT: Duration = Duration::from_secs(5);
/// More than any pipe or socket holds, by far less than the ring does.
const CALLS: u64 = 4000;
const ARGS: &[&str] = &["-s", "tkill"];

fn pipe() -> (PipeReader, OwnedFd) {
    let (reader, writer) = io::pipe().unwrap_or_else(|error| panic!("{error}"));
    (reader, writer.into())
}

/// Stops sigtrace after a storm, its output being blocked, and holds its books against what is in
/// the output.
fn assert_ends_though_blocked(sigtrace: Streaming, made: u64, mut reader: impl io::Read) {
    let asked = Instant::now();
    sigtrace.signal(libc::SIGTERM);
    let started = sigtrace.started();
    let (status, stderr) = sigtrace.end();
    assert!(asked.elapsed() < LIMIT, "it took {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0), "{stderr}");
    let mut text = String::new();
    let read = reader.read_to_string(&mut text);
    assert!(read.is_ok(), "{read:?}");
    let account = Account::told(&stderr);
    let trace = Streaming::trace(&started, &text, status, stderr);
    let printed = trace.calls().count() as u64;
    assert!(printed > 0 && printed < made, "{printed} of {made} in the output");
    let expected = Account {
        printed,
        filtered: 0,
        lost: made - printed,
        output: made - printed,
        ring_full: 0,
    };
    assert_eq!(account, expected);
}

fn a_pipe_that_nobody_reads_does_not_keep_it_from_ending() {
    // Not even quietly, as otherwise nobody would learn of it.
    let (reader, writer) = pipe();
    let sigtrace = Streaming::start(&["-s", "tkill", "-q"], writer);
    assert_ends_though_blocked(sigtrace, Flood::run(1, CALLS), reader);
}

fn a_socket_that_nobody_reads_does_not_keep_it_from_ending() {
    let (reader, writer) = UnixStream::pair().unwrap_or_else(|error| panic!("{error}"));
    let sigtrace = Streaming::start(ARGS, OwnedFd::from(writer));
    assert_ends_though_blocked(sigtrace, Flood::run(1, CALLS), reader);
}

fn a_reader_who_was_stopped_does_not_keep_it_from_ending() {
    let (from_sigtrace, to_reader) = pipe();
    let (reader, from_reader) = pipe();
    let mut cat = spawn(Command::new("cat").stdin(from_sigtrace).stdout(from_reader));
    let cat_pid = cat.id().cast_signed();
    let sigtrace = Streaming::start(ARGS, to_reader);
    signal(cat_pid, libc::SIGSTOP);
    let made = Flood::run(1, CALLS);
    // Once sigtrace has ended the reader goes on, and reads what is in the pipe.
    let pid = sigtrace.pid();
    let waker = std::thread::spawn(move || {
        until("sigtrace to end", || (!is_running(pid)).then_some(()));
        signal(cat_pid, libc::SIGCONT);
    });
    assert_ends_though_blocked(sigtrace, made, reader);
    assert!(waker.join().is_ok());
    assert!(cat.wait().is_ok_and(|status| status.success()));
}

fn signal(pid: i32, signal: i32) {
    // SAFETY: kill touches no memory; the process is our child and has not been waited for.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

/// Whether there is such a process, and it has not ended.
fn is_running(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn a_reader_who_comes_back_in_time_gets_all() {
    let (reader, writer) = pipe();
    let sigtrace = Streaming::start(ARGS, writer);
    let made = Flood::run(1, CALLS);
    assert_gets_all(sigtrace, made, reader);
}

/// Stops sigtrace while its output is being read.
fn assert_gets_all(sigtrace: Streaming, made: u64, mut reader: impl io::Read) {
    sigtrace.signal(libc::SIGTERM);
    let mut text = String::new();
    let read = reader.read_to_string(&mut text);
    assert!(read.is_ok(), "{read:?}");
    let started = sigtrace.started();
    let (status, stderr) = sigtrace.end();
    assert_eq!(stderr, format!("sigtrace: {made} events, 0 calls filtered out, 0 lost\n"));
    let trace = Streaming::trace(&started, &text, status, stderr);
    assert_eq!(trace.calls().count() as u64, made);
}

fn a_storm_that_nobody_reads_does_not_make_it_grow() {
    let (mut reader, writer) = pipe();
    let sigtrace = Streaming::start(&[ARGS, &["--no-shares"]].concat(), writer);
    let made = Flood::run(2, 100_000);
    let resident = sigtrace.memory("VmRSS");
    assert!(resident < 16 << 10, "it takes {resident} kB");
    sigtrace.signal(libc::SIGTERM);
    let started = sigtrace.started();
    let (status, stderr) = sigtrace.end();
    let mut text = String::new();
    let read = reader.read_to_string(&mut text);
    assert!(read.is_ok(), "{read:?}");
    let account = Account::told(&stderr);
    let trace = Streaming::trace(&started, &text, status, stderr);
    assert_eq!(account.printed, trace.calls().count() as u64);
    assert_eq!((account.printed + account.lost, account.filtered), (made, 0));
    assert_eq!(account.lost, account.output + account.ring_full);
    assert!(account.output > 0 && account.ring_full > 0, "{account:?}");
}

fn a_reader_who_goes_while_nothing_happens_ends_it_quietly() {
    let (reader, writer) = pipe();
    let mut sigtrace = Streaming::start(&["-s", "tkill", "-q"], writer);
    drop(reader);
    assert_eq!(until("the end", || sigtrace.ended()).code(), Some(0));
    assert_eq!(sigtrace.end().1, "");
    let (reader, writer) = UnixStream::pair().unwrap_or_else(|error| panic!("{error}"));
    let mut sigtrace = Streaming::start(&["-s", "tkill", "-q"], OwnedFd::from(writer));
    drop(reader);
    assert_eq!(until("the end", || sigtrace.ended()).code(), Some(0));
    assert_eq!(sigtrace.end().1, "");
}

/// What was in the socket is lost with it, unlike what is in a pipe when its writer goes.
fn a_reader_who_leaves_a_socket_unread_ends_it_quietly() {
    let (reader, writer) = UnixStream::pair().unwrap_or_else(|error| panic!("{error}"));
    let mut sigtrace = Streaming::start(&["-s", "tkill", "-q"], OwnedFd::from(writer));
    let mut flood = Flood::new(1, 0);
    flood.begin();
    until("something to read", || (waiting(&reader) > 0).then_some(()));
    drop(reader);
    assert_eq!(until("the end", || sigtrace.ended()).code(), Some(0));
    let (_, stderr) = sigtrace.end();
    assert!(!stderr.contains("error") && !stderr.contains("cannot"), "{stderr}");
    flood.end();
}

/// As the journal in arrears: standard error is the same socket as standard output.
fn the_last_words_reach_a_socket_that_is_full_of_events() {
    let (mut reader, writer) = UnixStream::pair().unwrap_or_else(|error| panic!("{error}"));
    let writer = OwnedFd::from(writer);
    let both = writer.try_clone().unwrap_or_else(|error| panic!("{error}"));
    let mut sigtrace = Streaming::start_command(command(ARGS).stdout(writer).stderr(both));
    Flood::run(1, CALLS);
    sigtrace.signal(libc::SIGTERM);
    assert_eq!(until("the end", || sigtrace.ended()).code(), Some(0));
    drop(sigtrace);
    let mut text = String::new();
    let read = reader.read_to_string(&mut text);
    assert!(read.is_ok(), "{read:?}");
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let events: Vec<Value> = text.lines().map(parse).collect();
    let printed = events.iter().filter(|event| event["event"] == "syscall").count();
    let Some((stats, _)) = events.split_last() else { panic!("nothing") };
    assert_eq!(stats["printed"], json!({ "tkill": printed }), "{stats}");
    assert_eq!(stats["lost"]["output"], CALLS as usize - printed, "{stats}");
}

/// As `>> FILE 2>&1`: what reads it as JSON finds nothing else in it.
fn the_last_words_are_an_event_where_both_outputs_are_one_file() {
    let path = temporary("both");
    let file = File::create(&path).unwrap_or_else(|error| panic!("{error}"));
    let both = file.try_clone().unwrap_or_else(|error| panic!("{error}"));
    let args = ["-s", "tkill", "--no-check"];
    let sigtrace = Streaming::start_command(command(&args).stdout(file).stderr(both));
    let mut puppet = Puppet::start();
    puppet.call("tkill 2147483634 15");
    sigtrace.signal(libc::SIGTERM);
    let started = sigtrace.started();
    let (status, stderr) = sigtrace.end();
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
    let _ = fs::remove_file(&path);
    let trace = Streaming::trace(&started, &text, status, stderr);
    assert_eq!(trace.status.code(), Some(0));
    assert_eq!(trace.events.len(), 2, "{:?}", trace.events);
    let stats = trace.stats();
    assert_eq!((stats.printed(), stats.filtered(), stats.lost()), (1, 0, 0));
}

/// As the journal's.
fn a_socket_for_one_direction_is_not_closed() {
    let (reader, writer) = UnixStream::pair().unwrap_or_else(|error| panic!("{error}"));
    assert!(writer.shutdown(Shutdown::Read).is_ok());
    let sigtrace = Streaming::start(ARGS, OwnedFd::from(writer));
    let made = Flood::run(1, 10);
    assert_gets_all(sigtrace, made, reader);
}

/// As `| head -1`.
fn a_reader_who_goes_in_the_midst_of_a_storm_ends_it_quietly() {
    let (reader, writer) = pipe();
    let mut sigtrace = Streaming::start(ARGS, writer);
    let mut storm = Flood::new(2, 0);
    storm.begin();
    let mut line = String::new();
    let read = BufReader::new(reader).read_line(&mut line);
    assert!(read.is_ok() && line.ends_with("}\n"), "{line:?}");
    assert_eq!(until("the end", || sigtrace.ended()).code(), Some(0));
    let (_, stderr) = sigtrace.end();
    assert!(!stderr.contains("error") && !stderr.contains("panicked"), "{stderr}");
    storm.end();
}

/// As `2>&1 | head -1`.
fn nobody_to_complain_to_is_no_reason_to_fail() {
    let (reader, writer) = pipe();
    let both = writer.try_clone().unwrap_or_else(|error| panic!("{error}"));
    let mut sigtrace = Streaming::start_command(command(ARGS).stdout(writer).stderr(both));
    drop(reader);
    assert_eq!(until("the end", || sigtrace.ended()).code(), Some(0));
}

/// As `2>&1 | less`.
fn stderr_that_nobody_reads_does_not_keep_it_from_ending() {
    let (reader, writer) = pipe();
    let both = writer.try_clone().unwrap_or_else(|error| panic!("{error}"));
    let mut sigtrace = Streaming::start_command(command(ARGS).stdout(writer).stderr(both));
    Flood::run(1, CALLS);
    until("the pipe to be full", || is_full(&reader).then_some(()));
    let asked = Instant::now();
    sigtrace.signal(libc::SIGTERM);
    let status = until("the end", || {
        let ended = sigtrace.ended().map(Some);
        ended.or_else(|| (asked.elapsed() > 2 * LIMIT).then_some(None))
    });
    let status = status.unwrap_or_else(|| panic!("it does not end"));
    assert!(asked.elapsed() < LIMIT, "it took {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0));
    drop(reader);
}

/// Whether a pipe has as good as no room: its pages are filled with lines, none quite to its end.
fn is_full(reader: &PipeReader) -> bool {
    waiting(reader) > 56 << 10
}

/// How many bytes there are to be read.
fn waiting(reader: &impl AsRawFd) -> libc::c_int {
    let mut waiting = 0;
    // SAFETY: an int to write to.
    let asked = unsafe { libc::ioctl(reader.as_raw_fd(), libc::FIONREAD, &raw mut waiting) };
    assert_eq!(asked, 0, "{}", io::Error::last_os_error());
    waiting
}

fn a_device_that_is_full_loses_all_and_ends_nothing() {
    for args in [&["-s", "tkill", "-q", "-o", "/dev/full"][..], ARGS] {
        let full = File::create("/dev/full").unwrap_or_else(|error| panic!("{error}"));
        let mut puppet = Puppet::start();
        let sigtrace = Streaming::start(args, Stdio::from(full));
        puppet.call("tkill 2147483634 15");
        sigtrace.signal(libc::SIGTERM);
        let (status, stderr) = sigtrace.end();
        assert_eq!(status.code(), Some(0), "{stderr}");
        // Even quietly, as otherwise nobody would learn of it.
        let mut lines = vec!["sigtrace: 0 events, 0 calls filtered out, 1 lost, output 1"];
        if args == ARGS {
            lines.insert(
                0,
                "sigtrace: warning: output: No space left on device (os error 28); events that do not \
                 fit are lost",
            );
        }
        assert_eq!(stderr.lines().collect::<Vec<_>>(), lines);
    }
}
