//! Processes of another user that send signals as fast as they can.
//!
//! `workload rush MODE PROCESSES` has so many of them call `tkill` until its input ends; then it says how
//! many calls they made. They begin with the first line of its input. They ignore what can be ignored. By
//! MODE, all
//!
//! - `same`: send SIGWINCH to themselves, so that their calls are alike
//! - `random`: send any signal to any of them, or to nobody
//! - `forking`: have children that make some hundred calls each
//! - `namespace`: do as in `same`, each as another user of a user namespace of theirs

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

use crate::process::{fork, until, wait};

/// Who they are.
const USER: u32 = 1000;
/// Calls of a child.
const FEW: u64 = 300;
/// As many as there can be.
const MOST: usize = 64;

/// What all of them share.
struct Shared {
    begun: AtomicBool,
    over: AtomicBool,
    calls: AtomicU64,
    /// Those who are in their namespace, and those who are a user of it.
    inside: AtomicU32,
    mapped: AtomicBool,
    pids: [AtomicI32; MOST],
}

pub(crate) fn run(arguments: &[String]) {
    let [mode, number] = arguments else { panic!("usage: workload rush MODE PROCESSES") };
    let number: usize = number.parse().unwrap_or(0);
    assert!((1..=MOST).contains(&number), "1 to {MOST} processes");
    let shared = share();
    // That of SIGCHLD is to ignore it, but who says so has no children to wait for.
    for signo in (1..=64).filter(|signo| *signo != libc::SIGCHLD) {
        // SAFETY: an action to read.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signo, &raw const IGNORE, 0, 8) };
    }
    let children: Vec<i32> =
        (0..number).map(|index| fork(|| rush(mode, index, number, shared))).collect();
    for (place, pid) in shared.pids.iter().zip(&children) {
        place.store(*pid, Ordering::SeqCst);
    }
    if mode == "namespace" {
        until(|| shared.inside.load(Ordering::SeqCst) as usize == number);
        for pid in &children {
            let path = format!("/proc/{pid}/uid_map");
            std::fs::write(&path, "0 100000 65536")
                .unwrap_or_else(|error| panic!("{path}: {error}"));
        }
        shared.mapped.store(true, Ordering::SeqCst);
    }
    read_line();
    shared.begun.store(true, Ordering::SeqCst);
    while read_line() {}
    shared.over.store(true, Ordering::SeqCst);
    for child in children {
        assert_eq!(wait(child), 0);
    }
    println!("{}", shared.calls.load(Ordering::SeqCst));
}

/// SIG_IGN, in the kernel's layout.
static IGNORE: [usize; 4] = [1, 0, 0, 0];

fn share() -> &'static Shared {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a fresh mapping, of zeroes, which all of it can be; it is never unmapped.
    unsafe {
        let page = libc::mmap(ptr::null_mut(), size_of::<Shared>(), access, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED, "cannot map memory");
        &*page.cast::<Shared>()
    }
}

/// What one of them does.
fn rush(mode: &str, index: usize, number: usize, shared: &Shared) -> i32 {
    become_user(USER);
    if mode == "namespace" {
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWUSER) }, 0, "no user namespace");
        shared.inside.fetch_add(1, Ordering::SeqCst);
        until(|| shared.mapped.load(Ordering::SeqCst));
        become_user(index as u32);
    }
    until(|| shared.begun.load(Ordering::SeqCst));
    // SAFETY: no memory is involved.
    let own = unsafe { libc::getpid() };
    let mut random = u64::from(own.unsigned_abs());
    while !shared.over.load(Ordering::Relaxed) {
        match mode {
            "random" => {
                let signo = next(&mut random) % 65;
                // These two cannot be ignored.
                let signo = if matches!(signo, 9 | 19) { 0 } else { signo };
                let target =
                    shared.pids[next(&mut random) as usize % number].load(Ordering::Relaxed);
                send(target + (next(&mut random) % 3) as i32 / 2, signo as i32, shared);
            }
            "forking" => {
                let child = fork(|| {
                    // SAFETY: no memory is involved.
                    let own = unsafe { libc::getpid() };
                    (0..FEW).for_each(|_| send(own, libc::SIGWINCH, shared));
                    0
                });
                wait(child);
            }
            _ => send(own, libc::SIGWINCH, shared),
        }
    }
    0
}

fn send(tid: i32, signo: i32, shared: &Shared) {
    // SAFETY: no memory is involved.
    unsafe { libc::syscall(libc::SYS_tkill, tid, signo) };
    shared.calls.fetch_add(1, Ordering::SeqCst);
}

/// A number that is as good as random (xorshift).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 8
}

/// By number, as the library's functions would have all threads do the same, by signals.
fn become_user(uid: u32) {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }, 0);
}

/// Whether there was a line.
fn read_line() -> bool {
    io::stdin().read_line(&mut String::new()).is_ok_and(|length| length > 0)
}
