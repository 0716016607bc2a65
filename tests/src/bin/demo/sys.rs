//! The calls the programs make, as safe functions. Those that the C library has no function for, or
//! makes differently, are made by number.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use libc::{c_int, c_long, pid_t, siginfo_t, sigset_t};

/// The kernel's sigset_t is shorter than the C library's.
const KERNEL_SET_SIZE: usize = 8;

/// A set of signals.
pub(crate) fn set(signals: &[c_int]) -> sigset_t {
    // SAFETY: an all-zero set is a valid one, and the calls only write to it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        set
    }
}

/// rt_sigprocmask: blocks the signals of a set.
pub(crate) fn block(set: &sigset_t) -> io::Result<()> {
    // SAFETY: the set outlives the call; no old one is asked for.
    check(unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set, std::ptr::null_mut()) }.into())
        .map(drop)
}

/// rt_sigaction: installs a handler that does nothing but interrupt what waits.
pub(crate) fn handle(signal: c_int, flags: c_int) -> io::Result<()> {
    extern "C" fn ignore(_: c_int) {}
    // SAFETY: an all-zero sigaction is valid; the handler has the right type and does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = ignore as extern "C" fn(c_int) as usize;
        action.sa_flags = flags;
        check(libc::sigaction(signal, &raw const action, std::ptr::null_mut()).into()).map(drop)
    }
}

/// rt_sigpending: whether a signal is pending.
pub(crate) fn is_pending(signal: c_int) -> bool {
    let mut pending = set(&[]);
    // SAFETY: the set outlives both calls.
    unsafe {
        libc::sigpending(&raw mut pending);
        libc::sigismember(&raw const pending, signal) == 1
    }
}

/// rt_sigsuspend: waits with only `blocked` blocked until a handler has run.
pub(crate) fn suspend(blocked: &sigset_t) {
    // SAFETY: the set outlives the call, which always fails with EINTR.
    unsafe { libc::sigsuspend(blocked) };
}

/// pause: waits for any signal.
pub(crate) fn pause() {
    // SAFETY: no memory is involved.
    unsafe { libc::pause() };
}

/// rt_sigtimedwait: takes a signal of the set; `None` when there was none in time.
pub(crate) fn wait_for(set: &sigset_t, milliseconds: i64) -> Option<c_int> {
    let limit = libc::timespec { tv_sec: 0, tv_nsec: milliseconds * 1_000_000 };
    // SAFETY: all three outlive the call, and an all-zero siginfo is valid.
    let signal = unsafe {
        let mut info: siginfo_t = std::mem::zeroed();
        libc::sigtimedwait(set, &raw mut info, &raw const limit)
    };
    (signal > 0).then_some(signal)
}

/// kill.
pub(crate) fn kill(pid: pid_t, signal: c_int) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

/// tkill, which has no process to guard against a thread id used again.
pub(crate) fn tkill(tid: pid_t, signal: c_int) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::syscall(libc::SYS_tkill, tid, signal) }).map(drop)
}

/// tgkill.
pub(crate) fn tgkill(pid: pid_t, tid: pid_t, signal: c_int) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) }).map(drop)
}

/// rt_sigqueueinfo: a signal with a value, to a process.
pub(crate) fn queue(pid: pid_t, signal: c_int, value: usize) -> io::Result<()> {
    let info = queued(signal, value);
    // SAFETY: the information outlives the call.
    check(unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, pid, signal, &raw const info) })
        .map(drop)
}

/// rt_tgsigqueueinfo: a signal with a value, to a thread.
pub(crate) fn queue_to_thread(
    pid: pid_t,
    tid: pid_t,
    signal: c_int,
    value: usize,
) -> io::Result<()> {
    let info = queued(signal, value);
    let number = libc::SYS_rt_tgsigqueueinfo;
    // SAFETY: the information outlives the call.
    check(unsafe { libc::syscall(number, pid, tid, signal, &raw const info) }).map(drop)
}

/// pidfd_open.
pub(crate) fn pidfd_open(pid: pid_t) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// pidfd_send_signal, with no information of its own.
pub(crate) fn pidfd_send(pidfd: &OwnedFd, signal: c_int) -> io::Result<()> {
    let none = std::ptr::null::<siginfo_t>();
    let fd = pidfd.as_raw_fd();
    // SAFETY: the information may be null.
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, none, 0) }).map(drop)
}

/// signalfd4: a new descriptor to read the signals of a set from.
pub(crate) fn signalfd(set: &sigset_t) -> io::Result<OwnedFd> {
    // SAFETY: the set outlives the call.
    owned(unsafe { libc::signalfd(-1, set, libc::SFD_CLOEXEC) }.into())
}

/// signalfd, as programs of old libraries make it: another set for a descriptor.
pub(crate) fn signalfd_change(fd: &OwnedFd, set: &sigset_t) -> io::Result<()> {
    // Arm of 64 bits has the newer one only (`scripts/syscall.tbl`).
    #[cfg(target_arch = "aarch64")]
    let number = libc::SYS_signalfd4;
    #[cfg(not(target_arch = "aarch64"))]
    let number = libc::SYS_signalfd;
    let (fd, no_flags) = (fd.as_raw_fd(), 0);
    // SAFETY: the set outlives the call, and is at least as long as the size given.
    check(unsafe { libc::syscall(number, fd, &raw const *set, KERNEL_SET_SIZE, no_flags) })
        .map(drop)
}

/// sigaltstack: whether this thread has an alternate stack.
pub(crate) fn has_alternate_stack() -> bool {
    // SAFETY: the old stack is written to a whole stack_t, for which all zeros is valid.
    unsafe {
        let mut old: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &raw mut old);
        old.ss_flags & libc::SS_DISABLE == 0
    }
}

/// The calling thread.
pub(crate) fn tid() -> pid_t {
    // SAFETY: no memory is involved.
    unsafe { libc::gettid() }
}

/// The calling process.
pub(crate) fn pid() -> pid_t {
    // SAFETY: no memory is involved.
    unsafe { libc::getpid() }
}

/// Runs `child` in a new process, which ends with it. Only for processes with one thread.
pub(crate) fn fork(child: impl FnOnce()) -> io::Result<pid_t> {
    // SAFETY: with one thread no lock can be held by another one that the child lacks.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        child();
        // SAFETY: ends the child without running what the parent registered for its own end.
        unsafe { libc::_exit(0) };
    }
    check(pid.into()).map(|_| pid)
}

/// waitpid: until the child has ended or, with WUNTRACED, stopped.
pub(crate) fn wait(pid: pid_t, options: c_int) -> io::Result<()> {
    // SAFETY: the status may be null.
    check(unsafe { libc::waitpid(pid, std::ptr::null_mut(), options) }.into()).map(drop)
}

/// What sigqueue(3) fills in.
fn queued(signal: c_int, value: usize) -> siginfo_t {
    /// The members of siginfo_t that libc keeps private, for a queued signal.
    #[repr(C)]
    struct Queued {
        signo: c_int,
        errno: c_int,
        code: c_int,
        padding: c_int,
        pid: pid_t,
        uid: libc::uid_t,
        value: usize,
    }
    const _: () = assert!(size_of::<Queued>() <= size_of::<siginfo_t>());
    // SAFETY: no memory is involved.
    let uid = unsafe { libc::getuid() };
    let code = libc::SI_QUEUE;
    let queued = Queued { signo: signal, errno: 0, code, padding: 0, pid: pid(), uid, value };
    // SAFETY: all zeros is a valid siginfo_t, which is larger than what is written to its start
    // and aligned at least as strictly.
    unsafe {
        let mut info: siginfo_t = std::mem::zeroed();
        (&raw mut info).cast::<Queued>().write(queued);
        info
    }
}

fn owned(result: c_long) -> io::Result<OwnedFd> {
    let fd = check(result)?;
    let fd = c_int::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn check(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
