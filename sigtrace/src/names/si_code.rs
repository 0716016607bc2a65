//! `si_code`: how a signal came about (`include/uapi/asm-generic/siginfo.h`).
//!
//! Codes up to 0, and 128, mean the same for every signal. Those from 1 on belong to one signal,
//! or, for a signal without codes of its own, say what happened to a descriptor that was told to
//! send it (`F_SETSIG`).

const ILL: &[&str] = &[
    "ILL_ILLOPC",
    "ILL_ILLOPN",
    "ILL_ILLADR",
    "ILL_ILLTRP",
    "ILL_PRVOPC",
    "ILL_PRVREG",
    "ILL_COPROC",
    "ILL_BADSTK",
    "ILL_BADIADDR",
    "__ILL_BREAK",
    "__ILL_BNDMOD",
];

const FPE: &[&str] = &[
    "FPE_INTDIV",
    "FPE_INTOVF",
    "FPE_FLTDIV",
    "FPE_FLTOVF",
    "FPE_FLTUND",
    "FPE_FLTRES",
    "FPE_FLTINV",
    "FPE_FLTSUB",
    "__FPE_DECOVF",
    "__FPE_DECDIV",
    "__FPE_DECERR",
    "__FPE_INVASC",
    "__FPE_INVDEC",
    "FPE_FLTUNK",
    "FPE_CONDTRAP",
];

const SEGV: &[&str] = &[
    "SEGV_MAPERR",
    "SEGV_ACCERR",
    "SEGV_BNDERR",
    "SEGV_PKUERR",
    "SEGV_ACCADI",
    "SEGV_ADIDERR",
    "SEGV_ADIPERR",
    "SEGV_MTEAERR",
    "SEGV_MTESERR",
    "SEGV_CPERR",
];

const BUS: &[&str] = &["BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"];

const TRAP: &[&str] =
    &["TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT", "TRAP_UNK", "TRAP_PERF"];

const CLD: &[&str] =
    &["CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"];

const POLL: &[&str] = &["POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP"];

const SYS: &[&str] = &["SYS_SECCOMP", "SYS_USER_DISPATCH"];

/// The codes from 1 on that belong to this signal; `None` if it has none of its own. Their number
/// is what the kernel calls the signal's limit (`NSIGILL` and so on), as of Linux 6.12.
fn own(signo: i32) -> Option<&'static [&'static str]> {
    match signo {
        4 => Some(ILL),
        5 => Some(TRAP),
        7 => Some(BUS),
        8 => Some(FPE),
        11 => Some(SEGV),
        17 => Some(CLD),
        29 => Some(POLL),
        31 => Some(SYS),
        _ => None,
    }
}

/// Whether `code` is one of those from 1 on that belong to this signal alone.
pub fn is_own(signo: i32, code: i32) -> bool {
    own(signo).is_some_and(|names| numbered(names, code).is_some())
}

/// The name of a code of this signal.
pub fn name(signo: i32, code: i32) -> Option<&'static str> {
    match code {
        0 => Some("SI_USER"),
        128 => Some("SI_KERNEL"),
        -1 => Some("SI_QUEUE"),
        -2 => Some("SI_TIMER"),
        -3 => Some("SI_MESGQ"),
        -4 => Some("SI_ASYNCIO"),
        -5 => Some("SI_SIGIO"),
        -6 => Some("SI_TKILL"),
        -7 => Some("SI_DETHREAD"),
        -60 => Some("SI_ASYNCNL"),
        1.. => numbered(own(signo).unwrap_or(POLL), code),
        _ => None,
    }
}

/// The name of the code that counts from 1 through `names`.
fn numbered(names: &'static [&'static str], code: i32) -> Option<&'static str> {
    names.get(usize::try_from(code).ok()?.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_every_signal_are_those_of_libc() {
        for (code, expected) in [
            (libc::SI_USER, "SI_USER"),
            (libc::SI_KERNEL, "SI_KERNEL"),
            (libc::SI_QUEUE, "SI_QUEUE"),
            (libc::SI_TIMER, "SI_TIMER"),
            (libc::SI_MESGQ, "SI_MESGQ"),
            (libc::SI_ASYNCIO, "SI_ASYNCIO"),
            (libc::SI_SIGIO, "SI_SIGIO"),
            (libc::SI_TKILL, "SI_TKILL"),
            (libc::SI_ASYNCNL, "SI_ASYNCNL"),
        ] {
            assert_eq!(name(libc::SIGUSR1, code), Some(expected));
            assert_eq!(name(libc::SIGSEGV, code), Some(expected));
        }
    }

    #[test]
    fn the_codes_of_one_signal_are_those_of_libc() {
        for (signo, code, expected) in [
            (libc::SIGCHLD, libc::CLD_EXITED, "CLD_EXITED"),
            (libc::SIGCHLD, libc::CLD_KILLED, "CLD_KILLED"),
            (libc::SIGCHLD, libc::CLD_DUMPED, "CLD_DUMPED"),
            (libc::SIGCHLD, libc::CLD_TRAPPED, "CLD_TRAPPED"),
            (libc::SIGCHLD, libc::CLD_STOPPED, "CLD_STOPPED"),
            (libc::SIGCHLD, libc::CLD_CONTINUED, "CLD_CONTINUED"),
            (libc::SIGBUS, libc::BUS_ADRALN, "BUS_ADRALN"),
            (libc::SIGBUS, libc::BUS_ADRERR, "BUS_ADRERR"),
            (libc::SIGBUS, libc::BUS_OBJERR, "BUS_OBJERR"),
            (libc::SIGBUS, libc::BUS_MCEERR_AR, "BUS_MCEERR_AR"),
            (libc::SIGBUS, libc::BUS_MCEERR_AO, "BUS_MCEERR_AO"),
            (libc::SIGTRAP, libc::TRAP_BRKPT, "TRAP_BRKPT"),
            (libc::SIGTRAP, libc::TRAP_TRACE, "TRAP_TRACE"),
            (libc::SIGTRAP, libc::TRAP_BRANCH, "TRAP_BRANCH"),
            (libc::SIGTRAP, libc::TRAP_HWBKPT, "TRAP_HWBKPT"),
            (libc::SIGTRAP, libc::TRAP_UNK, "TRAP_UNK"),
        ] {
            assert_eq!(name(signo, code), Some(expected));
        }
    }

    #[test]
    fn a_signal_without_codes_of_its_own_has_those_of_a_descriptor() {
        assert_eq!(name(libc::SIGUSR1, 1), Some("POLL_IN"));
        assert_eq!(name(34, 6), Some("POLL_HUP"));
        assert_eq!(name(libc::SIGUSR1, 7), None);
    }

    #[test]
    fn a_code_past_a_signals_own_has_no_name() {
        assert_eq!(name(libc::SIGBUS, 6), None);
        assert_eq!(name(libc::SIGTRAP, 5 | 1 << 8), None);
        assert_eq!(name(libc::SIGUSR1, -100), None);
        assert_eq!(name(libc::SIGUSR1, i32::MIN), None);
    }
}
