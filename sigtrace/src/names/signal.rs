//! Signals: their names, and the names people give them.
//!
//! Real-time signals count from the C library's first, which is 34: glibc keeps the kernel's first
//! two, 32 and 33, for itself.

mod parse;

pub use parse::{UnknownSignal, parse};

/// The highest signal number, and how many there are (`_NSIG`,
/// `include/uapi/asm-generic/signal.h`).
pub const MAX: i32 = 64;

/// The first real-time signal a program may use (`SIGRTMIN` of glibc).
pub const RTMIN: i32 = 34;

/// Signal n at n - 1 (`arch/x86/include/uapi/asm/signal.h`,
/// `include/uapi/asm-generic/signal.h`).
static NAMES: [&str; MAX as usize] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
    "SIG32",
    "SIG33",
    "SIGRTMIN",
    "SIGRTMIN+1",
    "SIGRTMIN+2",
    "SIGRTMIN+3",
    "SIGRTMIN+4",
    "SIGRTMIN+5",
    "SIGRTMIN+6",
    "SIGRTMIN+7",
    "SIGRTMIN+8",
    "SIGRTMIN+9",
    "SIGRTMIN+10",
    "SIGRTMIN+11",
    "SIGRTMIN+12",
    "SIGRTMIN+13",
    "SIGRTMIN+14",
    "SIGRTMIN+15",
    "SIGRTMIN+16",
    "SIGRTMIN+17",
    "SIGRTMIN+18",
    "SIGRTMIN+19",
    "SIGRTMIN+20",
    "SIGRTMIN+21",
    "SIGRTMIN+22",
    "SIGRTMIN+23",
    "SIGRTMIN+24",
    "SIGRTMIN+25",
    "SIGRTMIN+26",
    "SIGRTMIN+27",
    "SIGRTMIN+28",
    "SIGRTMIN+29",
    "SIGRTMIN+30",
];

/// Second names of some of them, without `SIG`.
const ALIASES: [(&str, i32); 4] = [("CLD", 17), ("IOT", 6), ("POLL", 29), ("UNUSED", 31)];

/// The name of a signal; `None` for 0 and every other number that is no signal.
pub fn name(signo: i32) -> Option<&'static str> {
    NAMES.get(usize::try_from(signo).ok()?.checked_sub(1)?).copied()
}

/// The name without its `SIG`.
pub fn short_name(signo: i32) -> Option<&'static str> {
    name(signo).and_then(|name| name.strip_prefix("SIG"))
}

/// The names of the signals in a set, in order: signal n is bit n - 1.
pub fn names(set: u64) -> impl Iterator<Item = &'static str> {
    let mut rest = set;
    std::iter::from_fn(move || {
        let name = NAMES.get(rest.trailing_zeros() as usize)?;
        rest &= rest - 1;
        Some(*name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_libc() {
        for (signo, expected) in [
            (libc::SIGHUP, "SIGHUP"),
            (libc::SIGINT, "SIGINT"),
            (libc::SIGQUIT, "SIGQUIT"),
            (libc::SIGILL, "SIGILL"),
            (libc::SIGTRAP, "SIGTRAP"),
            (libc::SIGABRT, "SIGABRT"),
            (libc::SIGBUS, "SIGBUS"),
            (libc::SIGFPE, "SIGFPE"),
            (libc::SIGKILL, "SIGKILL"),
            (libc::SIGUSR1, "SIGUSR1"),
            (libc::SIGSEGV, "SIGSEGV"),
            (libc::SIGUSR2, "SIGUSR2"),
            (libc::SIGPIPE, "SIGPIPE"),
            (libc::SIGALRM, "SIGALRM"),
            (libc::SIGTERM, "SIGTERM"),
            (libc::SIGSTKFLT, "SIGSTKFLT"),
            (libc::SIGCHLD, "SIGCHLD"),
            (libc::SIGCONT, "SIGCONT"),
            (libc::SIGSTOP, "SIGSTOP"),
            (libc::SIGTSTP, "SIGTSTP"),
            (libc::SIGTTIN, "SIGTTIN"),
            (libc::SIGTTOU, "SIGTTOU"),
            (libc::SIGURG, "SIGURG"),
            (libc::SIGXCPU, "SIGXCPU"),
            (libc::SIGXFSZ, "SIGXFSZ"),
            (libc::SIGVTALRM, "SIGVTALRM"),
            (libc::SIGPROF, "SIGPROF"),
            (libc::SIGWINCH, "SIGWINCH"),
            (libc::SIGIO, "SIGIO"),
            (libc::SIGPWR, "SIGPWR"),
            (libc::SIGSYS, "SIGSYS"),
        ] {
            assert_eq!(name(signo), Some(expected));
        }
        assert_eq!(libc::SIGRTMIN(), RTMIN);
        assert_eq!(libc::SIGRTMAX(), MAX);
    }

    #[test]
    fn real_time_signals_count_from_the_c_librarys_first() {
        assert_eq!(
            [32, 33, 34, 35, 64].map(name),
            ["SIG32", "SIG33", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+30"].map(Some)
        );
    }

    #[test]
    fn numbers_that_are_no_signal_have_no_name() {
        assert_eq!([0, -1, 65, i32::MIN, i32::MAX].map(name), [None; 5]);
    }

    #[test]
    fn a_set_lists_its_signals_in_order() {
        let set = 1 << 63 | 1 << 14 | 1;
        assert_eq!(names(set).collect::<Vec<_>>(), ["SIGHUP", "SIGTERM", "SIGRTMIN+30"]);
        assert_eq!(names(0).count(), 0);
        assert_eq!(names(u64::MAX).count(), 64);
    }

    #[test]
    fn every_name_is_understood_as_the_signal_it_stands_for() {
        for signo in 1..=MAX {
            let (long, short) = (name(signo).unwrap(), short_name(signo).unwrap());
            assert_eq!(parse(long), Ok(signo));
            assert_eq!(parse(short), Ok(signo));
            assert_eq!(parse(&long.to_lowercase()), Ok(signo));
            assert_eq!(parse(&signo.to_string()), Ok(signo));
        }
    }
}
