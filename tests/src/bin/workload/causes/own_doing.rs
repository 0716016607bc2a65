//! What a thread does itself and is sent a signal for.

use std::os::fd::FromRawFd as _;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs::File, io::Write as _};

use serde_json::{Map, Value, json};

use super::machine;
use super::{address, fork, set_action, set_limit, shared};
use crate::process::wait;

/// A fault: its name, and what has it. That notes the address that it is about, if there is one.
pub(super) type Way = (&'static str, fn(&AtomicU64));

/// Those that every machine has.
const WAYS: &[Way] = &[("memory", read_nothing), ("bus", read_past_the_end)];

/// Has children that each have a fault: the child and the address.
pub(super) fn faults() -> Value {
    // The library catches some of them, to tell of overflowing stacks.
    for signo in [libc::SIGSEGV, libc::SIGBUS] {
        set_action(signo, libc::SIG_DFL);
    }
    let noted = shared();
    let facts = WAYS.iter().chain(machine::FAULTS).map(|(name, fault)| {
        let child = fork(|| {
            fault(noted);
            0
        });
        assert_ne!(wait(child), 0);
        ((*name).into(), json!({ "pid": child, "addr": address(noted) }))
    });
    Value::Object(facts.collect::<Map<_, _>>())
}

fn read_nothing(at: &AtomicU64) {
    at.store(8, Ordering::Relaxed);
    // SAFETY: none, which is the point.
    unsafe { ptr::without_provenance_mut::<u8>(8).read_volatile() };
}

fn read_past_the_end(at: &AtomicU64) {
    // SAFETY: a file without contents is mapped, and what is read is not there, which is the point.
    unsafe {
        let file = libc::memfd_create(c"empty".as_ptr(), 0);
        let memory = libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ, libc::MAP_SHARED, file, 0);
        at.store(memory.addr() as u64, Ordering::Relaxed);
        memory.cast::<u8>().read_volatile();
    }
}

/// A child writes to a pipe that nobody reads.
pub(super) fn pipe() -> Value {
    let child = fork(|| {
        set_action(libc::SIGPIPE, libc::SIG_DFL);
        let (reader, mut writer) = super::pipe();
        drop(reader);
        let _ = writer.write_all(b"?");
        0
    });
    assert_eq!(wait(child), libc::SIGPIPE);
    json!({ "child": child })
}

/// A child writes more to a file than it may.
pub(super) fn file_size() -> Value {
    let child = fork(|| {
        set_limit(libc::RLIMIT_FSIZE, 1, 1);
        // SAFETY: a new descriptor, which nobody else has.
        let mut file = unsafe { File::from_raw_fd(libc::memfd_create(c"file".as_ptr(), 0)) };
        let _ = file.write_all(b"??");
        0
    });
    assert_eq!(wait(child), libc::SIGXFSZ);
    json!({ "child": child })
}
