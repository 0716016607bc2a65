//! Why the kernel sends a signal.
//!
//! It says so nowhere. What it gives the signal (a siginfo, or none and in whose name), what the current thread
//! has to do with it, and what else was found out when it was sent tell it apart, as far as they do: see
//! `docs/signals.md`.

use sigtrace_common::fact;

use super::siginfo::{SI_ASYNCIO, SI_MESGQ, SI_TIMER};

/// Why a signal is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A system call sends it.
    Call,
    /// The thread did what its processor cannot do, or not with that memory.
    Fault,
    /// It wrote to a pipe or a socket that nobody reads.
    Pipe,
    /// A child ended, was stopped or went on.
    Child,
    /// A timer ran out: of timer_create, or one of processor time of setitimer.
    Timer,
    /// That of alarm, or of setitimer, ran out.
    Alarm,
    /// A terminal: a key, its end, its size, or use of it from the background.
    Terminal,
    /// The kernel is out of memory.
    Oom,
    /// A filter refused a system call.
    Seccomp,
    /// A system call was to be handled by the program itself (`PR_SET_SYSCALL_USER_DISPATCH`).
    UserDispatch,
    /// The limit of processor time is used up (`RLIMIT_CPU`).
    CpuLimit,
    /// That of real-time scheduling is (`RLIMIT_RTTIME`).
    RttimeLimit,
    /// A file was to become larger than allowed (`RLIMIT_FSIZE`).
    FileSizeLimit,
    /// Its parent died (`PR_SET_PDEATHSIG`).
    ParentDeath,
    /// All of its control group are to end (`cgroup.kill`).
    CgroupKill,
    /// Something happened to a descriptor or a message queue (`O_ASYNC`, `F_SETSIG`, mq_notify).
    FileNotification,
    /// Who traces it, or wants to.
    Ptrace,
    /// A process ended that it depends on: the first of its pid namespace, or the last to keep its process
    /// group from being an orphan.
    ExecOrExit,
    /// It cannot be told.
    Kernel,
}

impl Cause {
    /// Every one, in the order of the documents.
    pub const ALL: [Self; 19] = [
        Self::Call,
        Self::Fault,
        Self::Pipe,
        Self::Child,
        Self::Timer,
        Self::Alarm,
        Self::Terminal,
        Self::Oom,
        Self::Seccomp,
        Self::UserDispatch,
        Self::CpuLimit,
        Self::RttimeLimit,
        Self::FileSizeLimit,
        Self::ParentDeath,
        Self::CgroupKill,
        Self::FileNotification,
        Self::Ptrace,
        Self::ExecOrExit,
        Self::Kernel,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Fault => "fault",
            Self::Pipe => "pipe",
            Self::Child => "child",
            Self::Timer => "timer",
            Self::Alarm => "alarm",
            Self::Terminal => "terminal",
            Self::Oom => "oom",
            Self::Seccomp => "seccomp",
            Self::UserDispatch => "user_dispatch",
            Self::CpuLimit => "cpu_limit",
            Self::RttimeLimit => "rttime_limit",
            Self::FileSizeLimit => "file_size_limit",
            Self::ParentDeath => "parent_death",
            Self::CgroupKill => "cgroup_kill",
            Self::FileNotification => "file_notification",
            Self::Ptrace => "ptrace",
            Self::ExecOrExit => "exec_or_exit",
            Self::Kernel => "kernel",
        }
    }
}

/// What is found out about where a signal comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Why it is sent.
    pub cause: Cause,
    /// Whether that is certain. If not, something rare could look the same.
    pub is_certain: bool,
    /// Whether the current thread is who sends it, or whose doing it is.
    pub is_currents: bool,
}

/// All there is to go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clues {
    /// The signal.
    pub(super) signal: i32,
    /// Its `si_code`, if it has a siginfo of its own.
    pub(super) code: i32,
    /// Bits of [`fact`].
    pub(super) facts: u32,
    /// Whether the current thread is in a system call.
    pub(super) is_in_call: bool,
    /// Whom it is sent to.
    pub(super) target: u32,
}

/// `SI_KERNEL`.
const SI_KERNEL: i32 = 0x80;
/// `POLL_IN` to `POLL_HUP`.
const POLL_HUP: i32 = 6;
/// `CLD_EXITED` to `CLD_CONTINUED`.
const CLD_CONTINUED: i32 = 6;
/// `SYS_SECCOMP` and `SYS_USER_DISPATCH`.
const SYS_SECCOMP: i32 = 1;
const SYS_USER_DISPATCH: i32 = 2;

impl Clues {
    fn has(self, facts: u32) -> bool {
        self.facts & facts == facts
    }

    /// Whether the kernel sends it on account of what the thread itself does.
    fn is_to_itself(self) -> bool {
        self.has(fact::SAME_THREAD) && !self.has(fact::PROCESS)
    }

    /// Whether the current thread does something of its own, and is none of the kernel's.
    fn is_of_program(self) -> bool {
        self.has(fact::OWN) && !self.has(fact::KERNEL_THREAD)
    }
}

/// Where a signal comes from.
pub(super) fn of(clues: Clues) -> Origin {
    let certain = |cause| Origin { cause, is_certain: true, is_currents: false };
    if clues.has(fact::CALL) {
        return Origin { is_currents: true, ..certain(Cause::Call) };
    }
    if clues.has(fact::NOINFO) {
        in_current_name(clues)
    } else if clues.has(fact::PRIV) {
        in_kernel_name(clues)
    } else {
        with_info(clues)
    }
}

const UNKNOWN: Origin = Origin { cause: Cause::Kernel, is_certain: true, is_currents: false };

fn certain(cause: Cause) -> Origin {
    Origin { cause, ..UNKNOWN }
}

fn likely(cause: Cause) -> Origin {
    Origin { cause, is_certain: false, ..UNKNOWN }
}

/// Likewise, and it is the current thread's doing, if that does anything of its own.
fn by_current(clues: Clues, origin: Origin) -> Origin {
    Origin { is_currents: clues.is_of_program(), ..origin }
}

/// Those without a siginfo, of which the kernel makes one that names the current process.
fn in_current_name(clues: Clues) -> Origin {
    match clues.signal {
        libc::SIGPIPE if clues.is_to_itself() => certain(Cause::Pipe),
        libc::SIGXFSZ if clues.is_to_itself() => certain(Cause::FileSizeLimit),
        libc::SIGTRAP if clues.is_to_itself() && clues.has(fact::TRACED) => certain(Cause::Ptrace),
        _ if clues.has(fact::EXITING | fact::DEATH_SIGNAL | fact::PROCESS) => {
            by_current(clues, certain(Cause::ParentDeath))
        }
        libc::SIGKILL if clues.has(fact::TRACER) => by_current(clues, certain(Cause::Ptrace)),
        // Who writes to cgroup.kill, or forks in such a group meanwhile; each of all threads, or the new process.
        libc::SIGKILL if clues.is_of_program() && !clues.has(fact::EXITING) => {
            by_current(clues, likely(Cause::CgroupKill))
        }
        // TIOCNOTTY.
        libc::SIGHUP | libc::SIGCONT if clues.is_of_program() && clues.has(fact::PROCESS) => {
            by_current(clues, likely(Cause::Terminal))
        }
        _ => UNKNOWN,
    }
}

/// Those without one, of which the kernel makes one that names itself.
fn in_kernel_name(clues: Clues) -> Origin {
    let is_exiting = clues.is_of_program() && clues.has(fact::EXITING);
    match clues.signal {
        _ if clues.has(fact::ITIMER) => match clues.signal {
            libc::SIGALRM => certain(Cause::Alarm),
            _ => certain(Cause::Timer),
        },
        libc::SIGKILL if clues.has(fact::OUT_OF_MEMORY) => certain(Cause::Oom),
        libc::SIGKILL | libc::SIGXCPU if clues.has(fact::CPU_LIMIT) => certain(Cause::CpuLimit),
        libc::SIGKILL | libc::SIGXCPU if clues.has(fact::RTTIME_LIMIT) => {
            certain(Cause::RttimeLimit)
        }
        // PTRACE_O_EXITKILL.
        libc::SIGKILL if is_exiting && clues.has(fact::TRACER) => {
            by_current(clues, certain(Cause::Ptrace))
        }
        libc::SIGKILL if is_exiting && clues.has(fact::NAMESPACE_INIT) => {
            by_current(clues, certain(Cause::ExecOrExit))
        }
        libc::SIGSTOP if !clues.has(fact::PROCESS) && !clues.has(fact::SAME_PROCESS) => {
            by_current(clues, certain(Cause::Ptrace))
        }
        libc::SIGIO | libc::SIGURG => certain(Cause::FileNotification),
        libc::SIGHUP | libc::SIGCONT if is_exiting && clues.has(fact::SESSION_LEADER) => {
            by_current(clues, likely(Cause::Terminal))
        }
        libc::SIGHUP | libc::SIGCONT if is_exiting && clues.has(fact::STOPPED) => {
            by_current(clues, likely(Cause::ExecOrExit))
        }
        // Ctrl-Alt-Del goes to the first process.
        libc::SIGINT if clues.target == 1 => UNKNOWN,
        libc::SIGINT
        | libc::SIGQUIT
        | libc::SIGTSTP
        | libc::SIGHUP
        | libc::SIGCONT
        | libc::SIGWINCH
        | libc::SIGTTIN
        | libc::SIGTTOU
            if clues.has(fact::PROCESS) =>
        {
            by_current(clues, likely(Cause::Terminal))
        }
        _ => UNKNOWN,
    }
}

/// Those with a siginfo.
fn with_info(clues: Clues) -> Origin {
    let Clues { signal, code, .. } = clues;
    let is_own = clues.has(fact::OWN_INFO);
    match code {
        SI_TIMER => certain(Cause::Timer),
        SI_MESGQ | SI_ASYNCIO => Origin {
            is_currents: is_own && clues.is_of_program(),
            ..certain(Cause::FileNotification)
        },
        // By whatever signal the child was created with.
        1..=CLD_CONTINUED if is_of_child(clues) => match signal {
            libc::SIGCHLD => certain(Cause::Child),
            // What it closes as it ends can tell of that, too (F_SETSIG).
            _ => likely(Cause::Child),
        },
        1..SI_KERNEL if clues.is_to_itself() && is_own => of_own_doing(clues),
        // A page that failed in memory, found by somebody else.
        4..=5 if signal == libc::SIGBUS && !clues.has(fact::PROCESS) => certain(Cause::Fault),
        1..=POLL_HUP => Origin {
            is_currents: is_own && clues.is_of_program(),
            ..certain(Cause::FileNotification)
        },
        // int3.
        SI_KERNEL if signal == libc::SIGTRAP && clues.is_to_itself() => certain(Cause::Fault),
        _ => UNKNOWN,
    }
}

/// Whether a child's state is what it tells.
fn is_of_child(clues: Clues) -> bool {
    clues.has(fact::PROCESS)
        && (clues.signal == libc::SIGCHLD || clues.has(fact::EXITING | fact::CHILD))
}

/// Of what a thread does itself.
fn of_own_doing(clues: Clues) -> Origin {
    match (clues.signal, clues.code) {
        (libc::SIGSYS, SYS_SECCOMP) => certain(Cause::Seccomp),
        (libc::SIGSYS, SYS_USER_DISPATCH) => certain(Cause::UserDispatch),
        (libc::SIGILL | libc::SIGTRAP | libc::SIGFPE, _) => certain(Cause::Fault),
        // In a call the kernel would have returned EFAULT, but for memory that failed.
        (libc::SIGBUS, 4 | 5) => certain(Cause::Fault),
        (libc::SIGBUS | libc::SIGSEGV, _) if !clues.is_in_call => certain(Cause::Fault),
        (_, 1..=POLL_HUP) => by_current(clues, certain(Cause::FileNotification)),
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(signal: i32, code: i32, facts: u32, is_in_call: bool) -> (&'static str, bool, bool) {
        let clues = Clues { signal, code, facts, is_in_call, target: 812 };
        let Origin { cause, is_certain, is_currents } = of(clues);
        (cause.name(), is_certain, is_currents)
    }

    const NOINFO: u32 = fact::NOINFO;
    const PRIV: u32 = fact::PRIV | fact::PROCESS;
    const ITSELF: u32 = fact::SAME_THREAD | fact::SAME_PROCESS;
    const DYING: u32 = fact::OWN | fact::EXITING;

    #[test]
    fn what_a_call_sends_is_the_callers_whatever_else_is_so() {
        for facts in [0, ITSELF, DYING] {
            let facts = facts | fact::CALL | fact::OWN | fact::OWN_INFO;
            assert_eq!(origin(libc::SIGKILL, 0, facts, true), ("call", true, true));
            assert_eq!(origin(libc::SIGSEGV, 1, facts, true), ("call", true, true));
        }
    }

    #[test]
    fn what_comes_in_the_name_of_the_current_process_is_told_by_the_signal() {
        let own = fact::OWN | fact::PROCESS;
        for (signal, facts, expected) in [
            (libc::SIGPIPE, ITSELF, ("pipe", true, false)),
            (libc::SIGXFSZ, ITSELF, ("file_size_limit", true, false)),
            (libc::SIGTRAP, ITSELF | fact::TRACED, ("ptrace", true, false)),
            (libc::SIGTRAP, ITSELF, ("kernel", true, false)),
            (libc::SIGTERM, DYING | fact::DEATH_SIGNAL | own, ("parent_death", true, true)),
            (libc::SIGKILL, DYING | fact::DEATH_SIGNAL | own, ("parent_death", true, true)),
            (libc::SIGKILL, fact::OWN | fact::TRACER, ("ptrace", true, true)),
            (libc::SIGKILL, fact::OWN, ("cgroup_kill", false, true)),
            // An interrupt that cannot be whose doing it is.
            (libc::SIGKILL, 0, ("kernel", true, false)),
            (libc::SIGHUP, own, ("terminal", false, true)),
            (libc::SIGTERM, own, ("kernel", true, false)),
        ] {
            assert_eq!(origin(signal, 0, NOINFO | facts, true), expected, "{signal} {facts:#x}");
        }
    }

    #[test]
    fn what_comes_in_the_name_of_the_kernel_is_told_by_what_else_is_known() {
        for (signal, facts, expected) in [
            (libc::SIGALRM, fact::ITIMER, ("alarm", true, false)),
            (libc::SIGPROF, fact::ITIMER, ("timer", true, false)),
            (libc::SIGALRM, 0, ("kernel", true, false)),
            (libc::SIGKILL, fact::OUT_OF_MEMORY | fact::OWN, ("oom", true, false)),
            (libc::SIGXCPU, fact::CPU_LIMIT | fact::SAME_PROCESS, ("cpu_limit", true, false)),
            (libc::SIGKILL, fact::RTTIME_LIMIT, ("rttime_limit", true, false)),
            (libc::SIGKILL, fact::TRACER | DYING, ("ptrace", true, true)),
            // A tracer that makes memory run out on a kernel that does not tell.
            (libc::SIGKILL, fact::TRACER | fact::OWN, ("kernel", true, false)),
            (libc::SIGKILL, fact::NAMESPACE_INIT | DYING, ("exec_or_exit", true, true)),
            (libc::SIGKILL, DYING, ("kernel", true, false)),
            (libc::SIGIO, 0, ("file_notification", true, false)),
            (libc::SIGHUP, fact::SESSION_LEADER | DYING, ("terminal", false, true)),
            (libc::SIGCONT, fact::STOPPED | DYING, ("exec_or_exit", false, true)),
            (libc::SIGINT, fact::KERNEL_THREAD, ("terminal", false, false)),
            (libc::SIGINT, fact::OWN, ("terminal", false, true)),
            (libc::SIGWINCH, fact::OWN, ("terminal", false, true)),
            (libc::SIGTERM, fact::OWN, ("kernel", true, false)),
        ] {
            assert_eq!(origin(signal, 0, PRIV | facts, false), expected, "{signal} {facts:#x}");
        }
        let attach = fact::PRIV | fact::OWN;
        assert_eq!(origin(libc::SIGSTOP, 0, attach, true), ("ptrace", true, true));
        let clues = Clues {
            signal: libc::SIGINT,
            code: 0,
            facts: PRIV | fact::KERNEL_THREAD,
            is_in_call: false,
            target: 1,
        };
        assert_eq!(of(clues), UNKNOWN);
    }

    #[test]
    fn what_comes_with_a_siginfo_is_told_by_its_code() {
        let own = fact::OWN_INFO;
        for (signal, code, facts, in_call, expected) in [
            (libc::SIGSEGV, 1, ITSELF | own, false, ("fault", true, false)),
            (libc::SIGBUS, 2, ITSELF | own, false, ("fault", true, false)),
            (libc::SIGBUS, 4, ITSELF | own | fact::OWN, true, ("fault", true, false)),
            (libc::SIGBUS, 5, 0, false, ("fault", true, false)),
            (libc::SIGFPE, 1, ITSELF | own, false, ("fault", true, false)),
            (libc::SIGTRAP, 0x80, ITSELF | own, false, ("fault", true, false)),
            (libc::SIGSEGV, 0x80, ITSELF | own, false, ("kernel", true, false)),
            (libc::SIGSYS, 1, ITSELF | own | fact::OWN, true, ("seccomp", true, false)),
            (libc::SIGSYS, 2, ITSELF | own | fact::OWN, true, ("user_dispatch", true, false)),
            (libc::SIGRTMIN(), -2, fact::PROCESS, false, ("timer", true, false)),
            (libc::SIGUSR1, -3, own | fact::OWN, true, ("file_notification", true, true)),
            (libc::SIGUSR1, -3, fact::OWN, true, ("file_notification", true, false)),
            (libc::SIGRTMIN(), 1, fact::PROCESS | own, false, ("file_notification", true, false)),
            (libc::SIGCHLD, 1, fact::PROCESS | DYING | own, true, ("child", true, false)),
            (libc::SIGCHLD, 5, fact::PROCESS | own, false, ("child", true, false)),
            (libc::SIGUSR1, 1, fact::PROCESS | DYING | fact::CHILD, true, ("child", false, false)),
            (libc::SIGTERM, -6, 0, false, ("kernel", true, false)),
            (libc::SIGTERM, 0x80, fact::OWN, true, ("kernel", true, false)),
        ] {
            assert_eq!(
                origin(signal, code, facts, in_call),
                expected,
                "{signal} {code} {facts:#x}"
            );
        }
    }

    #[test]
    fn a_descriptor_that_sends_itself_what_faults_send_is_told_from_a_fault() {
        let facts = ITSELF | fact::OWN_INFO | fact::OWN;
        assert_eq!(origin(libc::SIGSEGV, 1, facts, true), ("file_notification", true, true));
    }

    #[test]
    fn no_two_causes_have_the_same_word() {
        let mut words: Vec<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Cause::ALL.len());
    }
}
