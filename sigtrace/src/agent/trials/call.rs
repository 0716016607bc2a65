//! Calls that do nothing.

use std::{io, ptr};

use sigtrace_common::{Hook, Syscall};

use crate::arch::NATIVE;

/// Larger than any set of signals.
const TOO_LARGE: libc::c_long = 4096;

/// A call that does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trial {
    number: libc::c_long,
    args: [Arg; 4],
    /// The error that the kernel answers it with, or 0.
    error: i32,
    /// Whether what [`forget_restart`] does is to be done first.
    restarts: bool,
}

/// An argument, which may hang on who makes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arg {
    Is(libc::c_long),
    Pid,
    Tid,
}

/// Who answered a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The function that is probed, as far as the answer tells.
    OfTheKernel,
    /// Something before it, such as a seccomp filter: the function would not have answered so.
    Refused,
}

impl Trial {
    /// The one of a syscall; `None` if every call of it does something, or can only be made by
    /// 32-bit callers.
    pub(super) fn of(syscall: &Syscall) -> Option<Self> {
        use Arg::{Is, Pid, Tid};
        const NO: Arg = Is(0);
        const NO_FD: Arg = Is(-1);
        if !matches!(syscall.hook, Hook::Entry) {
            return None;
        }
        let entry = syscall.entries.get(NATIVE)?;
        let (args, error) = match syscall.name {
            "rt_sigaction" | "rt_sigprocmask" | "rt_sigtimedwait" | "rt_sigsuspend" => {
                // The size of the set is wrong, which the kernel looks at first.
                ([NO, NO, NO, NO], libc::EINVAL)
            }
            "signalfd" | "signalfd4" => ([NO_FD, NO, NO, NO], libc::EINVAL),
            "rt_sigpending" => ([NO, Is(TOO_LARGE), NO, NO], libc::EINVAL),
            "rt_sigqueueinfo" => ([Pid, NO, NO, NO], libc::EFAULT),
            "rt_tgsigqueueinfo" => ([Pid, Tid, NO, NO], libc::EFAULT),
            "sigaltstack" => ([NO, NO, NO, NO], 0),
            "kill" => ([Pid, NO, NO, NO], 0),
            "tkill" => ([Tid, NO, NO, NO], 0),
            "tgkill" => ([Pid, Tid, NO, NO], 0),
            "pidfd_send_signal" => ([NO_FD, NO, NO, NO], libc::EBADF),
            "pidfd_open" => ([Is(-1), NO, NO, NO], libc::EINVAL),
            "restart_syscall" => ([NO, NO, NO, NO], libc::EINTR),
            _ => return None,
        };
        let restarts = syscall.name == "restart_syscall";
        Some(Self { number: entry.number.into(), args, error, restarts })
    }

    /// Makes the call.
    pub(super) fn make(&self) -> Answer {
        if self.restarts {
            forget_restart();
        }
        let [a, b, c, d] = self.args.map(Arg::value);
        // SAFETY: one of the calls above, which neither reads nor writes memory of ours, nor sends a
        // signal, nor waits.
        let ret = unsafe { libc::syscall(self.number, a, b, c, d) };
        let error = match ret {
            -1 => io::Error::last_os_error().raw_os_error().unwrap_or(0),
            _ => 0,
        };
        if error == self.error { Answer::OfTheKernel } else { Answer::Refused }
    }
}

impl Arg {
    fn value(self) -> libc::c_long {
        match self {
            Self::Is(value) => value,
            // SAFETY: plain system call.
            Self::Pid => unsafe { libc::syscall(libc::SYS_getpid) },
            // SAFETY: plain system call.
            Self::Tid => unsafe { libc::syscall(libc::SYS_gettid) },
        }
    }
}

/// Leaves the kernel nothing to restart. It keeps a call that a stop or a freezer interrupted even
/// when that was restarted and is over: restart_syscall(2) would make it once more, and a poll(2) of
/// long ago would write to memory that is something else by now. This call, to a time long past,
/// resets that (`kernel/time/posix-timers.c`, since 6.3 and the stable releases of then).
fn forget_restart() {
    let past = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a time to read, and nowhere to write to.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const past,
            ptr::null_mut(),
        );
    }
}

#[cfg(test)]
mod tests {
    use sigtrace_common::SYSCALLS;

    use super::*;

    #[test]
    fn every_call_that_can_do_nothing_is_tried() {
        let untried: Vec<_> = SYSCALLS
            .iter()
            .filter(|row| row.entries.get(NATIVE).is_some() && Trial::of(row).is_none())
            .map(|row| row.name)
            .collect();
        let expected: &[&str] = if cfg!(target_arch = "x86_64") {
            &["rt_sigreturn", "pause", "read"]
        } else {
            &["rt_sigreturn", "read"]
        };
        assert_eq!(untried, expected);
    }

    #[test]
    fn calls_that_only_32_bit_callers_have_are_not_tried() {
        let (_, row) = sigtrace_common::find("sigaction").unwrap();
        assert_eq!(Trial::of(row), None);
    }

    #[test]
    fn the_kernel_answers_each_as_expected() {
        for row in SYSCALLS {
            if let Some(trial) = Trial::of(row) {
                assert_eq!(trial.make(), Answer::OfTheKernel, "{}", row.name);
            }
        }
    }

    #[test]
    fn another_answer_is_a_refusal() {
        let (_, row) = sigtrace_common::find("pidfd_open").unwrap();
        let refused = Trial { error: libc::ENOENT, ..Trial::of(row).unwrap() };
        assert_eq!(refused.make(), Answer::Refused);
    }
}
