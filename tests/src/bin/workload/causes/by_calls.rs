//! Signals that are taken by calls: rt_sigtimedwait, and reads from a signalfd.

use std::io::{Read as _, Write as _};
use std::ptr;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use sigtrace_tests::names::bits;

use super::{block, catch, caught, fork, kill, pipe, set_limit, shared};
use crate::call::{rt_sigqueueinfo, tgkill};
use crate::process::{until, wait, wait_until_in};
use crate::siginfo::Info;

const USR1: i32 = libc::SIGUSR1;
const USR2: i32 = libc::SIGUSR2;

/// Children that take signals, each in another way.
pub(super) fn all() -> Value {
    let rt = libc::SIGRTMIN();
    let waiting = fork(|| {
        block(USR1);
        wait_for(USR1)
    });
    send_to_waiting(waiting);
    let again = handled_and_waited_for();

    let three = |values: [u64; 3]| {
        let send = move |pid| values.iter().for_each(|value| queue(pid, rt, *value));
        taker(|| block(rt), send, || (0..3).map(|_| wait_for(rt)).sum())
    };
    let [different, alike, between] = [[1, 2, 3], [7, 7, 7], [7, 8, 7]].map(three);

    let block_both = || [USR1, USR2].into_iter().for_each(block);
    let send_both = |pid| [USR2, USR1].into_iter().for_each(|signo| kill(pid, signo));
    let read = taker(block_both, send_both, || read_from(descriptor(&[USR1, USR2]), 2));
    let inherited = inherited();

    let to_both = |pid| {
        kill(pid, USR1);
        assert_eq!(tgkill(pid, pid, USR1).make(), 0);
    };
    let both = taker(|| block(USR1), to_both, || wait_for(USR1) + wait_for(USR1));
    let twice = |pid| (0..2).for_each(|_| kill(pid, USR1));
    let merged = taker(|| block(USR1), twice, || wait_for(USR1));
    let limited = || {
        block(rt);
        set_limit(libc::RLIMIT_SIGPENDING, 0, 0);
    };
    let lost = taker(limited, |pid| kill(pid, rt), || wait_for(rt));
    json!({ "waiting": waiting, "again": again, "different": different, "alike": alike,
        "between": between, "read": read, "inherited": inherited, "both": both, "merged": merged,
        "lost": lost })
}

/// A child that prepares, is sent signals, and takes them. It succeeds.
fn taker(prepare: impl FnOnce(), send: impl FnOnce(i32), take: impl FnOnce() -> i32) -> i32 {
    let (mut told, mut tell) = pipe();
    let (mut may, mut go) = pipe();
    let child = fork(|| {
        prepare();
        let _ = tell.write_all(b"!");
        let _ = may.read_exact(&mut [0]);
        take()
    });
    let ready = told.read_exact(&mut [0]);
    ready.unwrap_or_else(|error| panic!("a child is not ready: {error}"));
    send(child);
    let _ = go.write_all(b"!");
    assert_eq!(wait(child), 0);
    child
}

/// Sends SIGUSR1 to a child once it waits, which then succeeds.
fn send_to_waiting(child: i32) {
    wait_until_in(child, libc::SYS_rt_sigtimedwait);
    kill(child, USR1);
    assert_eq!(wait(child), 0);
}

/// A child whose handler takes a signal, and that waits for the same again.
fn handled_and_waited_for() -> i32 {
    let (mut told, mut tell) = pipe();
    let child = fork(|| {
        let _ = catch(USR1);
        let _ = tell.write_all(b"!");
        until(|| caught() > 0);
        block(USR1);
        wait_for(USR1)
    });
    let ready = told.read_exact(&mut [0]);
    ready.unwrap_or_else(|error| panic!("a child is not ready: {error}"));
    kill(child, USR1);
    send_to_waiting(child);
    child
}

/// A child that makes a signalfd, and its own child, which has it, too. Each reads what was sent to itself.
fn inherited() -> [i32; 2] {
    let other = shared();
    let take = || {
        let fd = descriptor(&[USR1]);
        let child = fork(|| {
            kill(std::process::id() as i32, USR1);
            read_from(fd, 1)
        });
        other.store(child.cast_unsigned().into(), Ordering::Relaxed);
        wait(child) + read_from(fd, 1)
    };
    let first = taker(|| block(USR1), |pid| kill(pid, USR1), take);
    [first, other.load(Ordering::Relaxed) as i32]
}

/// Takes this signal by rt_sigtimedwait, as sigwaitinfo does. 0 if that is what it took.
fn wait_for(signo: i32) -> i32 {
    let (set, mut info, no_limit) = (bits(&[signo]), [0_u64; 16], ptr::null::<u64>());
    // SAFETY: a set to read from, and a siginfo to write to.
    let took = unsafe {
        let (set, info) = (&raw const set, info.as_mut_ptr());
        libc::syscall(libc::SYS_rt_sigtimedwait, set, info, no_limit, size_of::<u64>())
    };
    (took != i64::from(signo)).into()
}

/// A signalfd for these signals.
fn descriptor(signals: &[i32]) -> i32 {
    let set = bits(signals);
    // SAFETY: a set to read from.
    unsafe { libc::syscall(libc::SYS_signalfd4, -1, &raw const set, size_of_val(&set), 0) as i32 }
}

/// Reads so many signals from a signalfd. 0 if there were as many.
fn read_from(fd: i32, count: usize) -> i32 {
    let mut infos = [0_u8; 4 * 128];
    // SAFETY: room for four.
    let length = unsafe { libc::read(fd, infos.as_mut_ptr().cast(), count * 128) };
    (usize::try_from(length) != Ok(count * 128)).into()
}

/// Sends a signal with a value.
fn queue(pid: i32, signo: i32, value: u64) {
    let own = std::process::id() as i32;
    let info = Info::new(signo, -1, json!("SI_QUEUE")).rt(own, 0, value).given();
    assert_eq!(rt_sigqueueinfo(pid, signo, info).make(), 0);
}
