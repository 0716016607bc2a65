//! What signals do by default (`signal(7)`; the sets of `include/linux/signal.h`, `sig_kernel_*`).

/// What a signal does that is neither caught nor ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    /// It ends the process.
    Terminate,
    /// It ends the process, which may leave a core dump.
    Core,
    /// It stops the process.
    Stop,
    /// It has a stopped process go on.
    Continue,
    /// Nothing.
    Ignore,
}

impl DefaultAction {
    /// Whether it ends the process.
    pub fn is_fatal(self) -> bool {
        matches!(self, Self::Terminate | Self::Core)
    }
}

/// What the signal with this number does.
pub fn default_action(signo: i32) -> DefaultAction {
    match signo {
        libc::SIGQUIT
        | libc::SIGILL
        | libc::SIGTRAP
        | libc::SIGABRT
        | libc::SIGFPE
        | libc::SIGSEGV
        | libc::SIGBUS
        | libc::SIGSYS
        | libc::SIGXCPU
        | libc::SIGXFSZ => DefaultAction::Core,
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => DefaultAction::Stop,
        libc::SIGCONT => DefaultAction::Continue,
        libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH => DefaultAction::Ignore,
        _ => DefaultAction::Terminate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::signal;

    fn names(action: DefaultAction) -> Vec<&'static str> {
        (1..=signal::MAX)
            .filter(|&signo| default_action(signo) == action)
            .filter_map(signal::short_name)
            .collect()
    }

    #[test]
    fn all_but_a_few_signals_end_the_process() {
        let core = ["QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "SEGV", "XCPU", "XFSZ", "SYS"];
        assert_eq!(names(DefaultAction::Core), core);
        assert_eq!(names(DefaultAction::Stop), ["STOP", "TSTP", "TTIN", "TTOU"]);
        assert_eq!(names(DefaultAction::Continue), ["CONT"]);
        assert_eq!(names(DefaultAction::Ignore), ["CHLD", "URG", "WINCH"]);
        assert_eq!(names(DefaultAction::Terminate).len(), 64 - 10 - 4 - 1 - 3);
    }
}
