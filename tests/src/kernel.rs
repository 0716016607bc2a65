//! The one list of what differs between the kernels under test.

use std::fs;

/// Whether the kernel is one of Arm's.
const ARM: bool = cfg!(target_arch = "aarch64");

/// What calls can be probed by, as `--probe` has it, and the first kernel of Debian's that has what it takes, on x86
/// and on Arm. Others are refused.
const MECHANISMS: [(&str, [Kernel; 2]); 5] = [
    ("auto", [Kernel::new(5, 10), Kernel::new(5, 10)]),
    ("kprobe", [Kernel::new(5, 10), Kernel::new(5, 10)]),
    // Arm's ftrace can call other code than its own from 6.4 on (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS).
    ("fentry", [Kernel::new(5, 10), Kernel::new(6, 12)]),
    // Debian's 6.1 is built without what it takes (CONFIG_FPROBE), and Arm had that only once it needed no
    // "rethook" any more.
    ("kprobe.multi", [Kernel::new(6, 12), Kernel::new(6, 14)]),
    ("kprobe.session", [Kernel::new(6, 12), Kernel::new(6, 14)]),
];

/// Tests, by parts of their names, that see more return than a kretprobe has slots for, or trace by trampolines.
const UNLIMITED_RETURNS: [&str; 11] = [
    "mechanisms::trampolines_see_",
    "mechanisms::trampolines_tell_",
    "mechanisms::auto_sees_",
    "mechanisms::sleepers_that_are_woken_together_",
    "mechanisms::each_mechanism_is_what_is_asked_for",
    "mechanisms::a_program_that_the_verifier_refuses_",
    "stuck::",
    // It expects no warning that returns can be missed.
    "hidden_proc::calls_take_no_wrong_signal_",
    "held::links_that_are_held_elsewhere_",
    "accounting::processes_that_come_and_go_",
    "lockdown::what_the_verifier_says_",
];

/// Calls that ordinary programs make all the time.
pub const FREQUENT: [&str; 5] =
    ["rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "kill", "tgkill"];

/// Whether programs of 32 bits enter this call, which others make as well, by a function of their own. On Arm they do
/// where their structures differ.
pub fn has_entry_32(syscall: &str) -> bool {
    !ARM || !["kill", "tkill", "tgkill", "pidfd_send_signal", "pidfd_open"].contains(&syscall)
}

/// Bytes of a page: of 4 KiB on x86, on Arm also of 16 or 64.
pub fn page_size() -> usize {
    // SAFETY: no memory is involved.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or_else(|error| panic!("no page size: {error}"))
}

/// All calls that the kernel has, in the order of the table. Arm never had three that old libraries of i386 call
/// (`arch/arm/tools/syscall.tbl`).
pub fn syscalls() -> Vec<&'static str> {
    const ALL: [&str; 28] = [
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigreturn",
        "rt_sigpending",
        "rt_sigtimedwait",
        "rt_sigqueueinfo",
        "rt_tgsigqueueinfo",
        "rt_sigsuspend",
        "sigaltstack",
        "kill",
        "tkill",
        "tgkill",
        "pidfd_send_signal",
        "pidfd_open",
        "signalfd",
        "signalfd4",
        "pause",
        "restart_syscall",
        "read",
        "signal",
        "sigaction",
        "sigprocmask",
        "sigpending",
        "sigsuspend",
        "sgetmask",
        "ssetmask",
        "sigreturn",
        "rt_sigtimedwait_time64",
    ];
    let is_there = |name: &&str| !ARM || !["signal", "sgetmask", "ssetmask"].contains(name);
    ALL.into_iter().filter(is_there).collect()
}

/// What follows this on the kernel's command line, in the last word that begins so, which is the one that counts.
pub fn booted_with(start: &str) -> Option<String> {
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    line.split_ascii_whitespace().rev().find_map(|word| word.strip_prefix(start)).map(str::to_owned)
}

/// Where the control groups of version 2 are mounted, of a guest that has them: as systemd does it, by
/// `sigtrace.cgroup=` on the kernel's command line (`guest-init`).
pub fn control_groups() -> &'static str {
    match booted_with(CONTROL_GROUPS).as_deref() {
        Some("v1") => "/nowhere, as there are no control groups of version 2",
        Some("hybrid") => "/sys/fs/cgroup/unified",
        _ => "/sys/fs/cgroup",
    }
}

/// What tells a guest which control groups it has: `v1` or `hybrid`, instead of version 2 only.
pub const CONTROL_GROUPS: &str = "sigtrace.cgroup=";

/// The running kernel's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kernel {
    major: u32,
    minor: u32,
}

impl Kernel {
    /// The one we run on.
    pub fn running() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Self { major, minor },
            _ => panic!("no version in {release:?}"),
        }
    }

    const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    const fn at_least(self, major: u32, minor: u32) -> bool {
        self.major > major || self.major == major && self.minor >= minor
    }

    /// What rt_sigaction keeps of flags. From 5.11 on it clears those it does not know; before,
    /// only the two that tell how a handler was installed (`SA_IA32_ABI`, `SA_X32_ABI`), and with
    /// them, their complement being one of 32 bits, the upper half of the word
    /// (`sigaction_compat_abi`, `arch/x86/kernel/signal_compat.c`).
    pub fn kept_sa_flags(self, flags: u64) -> u64 {
        if self.at_least(5, 11) { flags & 0xdc00_0807 } else { flags & 0xfcff_ffff }
    }

    /// pidfd_send_signal takes `PIDFD_SIGNAL_*`, pidfd_open takes `PIDFD_THREAD` (6.9); before,
    /// either is EINVAL.
    pub fn has_thread_pidfds(self) -> bool {
        self.at_least(6, 9)
    }

    /// `PIDFD_SELF` and its sibling stand for the caller for pidfd_send_signal: on 6.17 and later; on 6.16 and before
    /// they are EBADF.
    pub fn has_pidfd_self(self) -> bool {
        self.at_least(6, 17)
    }

    /// What pidfd_open says of a thread that is no leader: ENOENT on 6.16 and later, EINVAL on 6.12
    /// and before. (Between them no kernel was tried.)
    pub fn pidfd_open_of_a_thread(self) -> i64 {
        if self.at_least(6, 16) { -2 } else { -22 }
    }

    /// SIGSEGV has a code 10, SEGV_CPERR (6.6), SIGTRAP a code 6, TRAP_PERF (5.13), SIGSYS a code
    /// 2 (5.11): whether the kernel looks at the bytes past the 48th of a siginfo with this code,
    /// and refuses them with E2BIG if they are not zero.
    pub fn knows_code(self, signo: i32, code: i32) -> bool {
        match (signo, code) {
            (libc::SIGSEGV, 10) => self.at_least(6, 6),
            (libc::SIGTRAP, 6) => self.at_least(5, 13),
            (libc::SIGSYS, 2) => self.at_least(5, 11),
            _ => true,
        }
    }

    /// Reads from a signalfd get an iterator (6.10) instead of a buffer.
    pub fn reads_signalfds_by_iterator(self) -> bool {
        self.at_least(6, 10)
    }

    /// Calls whose functions' arguments the kernel's types do not have: there are no trampolines
    /// for them. (5.10's `fs/signalfd.c` knows `struct pt_regs` by name only, and of sgetmask's
    /// names its types have none.)
    pub fn untyped(self) -> &'static [&'static str] {
        if self.at_least(6, 1) { &[] } else { &["signalfd", "signalfd4", "sgetmask"] }
    }

    /// Whether calls can be probed by this, as `--probe` has it.
    pub fn has_mechanism(self, name: &str) -> bool {
        MECHANISMS.iter().any(|(known, first)| *known == name && first[usize::from(ARM)] <= self)
    }

    /// Whether calls are no longer seen by this, as `--probe` has it, when ftrace is switched off. Arm's kprobes are
    /// instructions of their own, also at the entry of a function.
    pub fn hangs_on_ftrace(self, probe: &str) -> bool {
        !ARM || probe != "kprobe"
    }

    /// What writing 0 to `kernel.ftrace_enabled` fails with while calls are probed by this, as `--probe`
    /// has it; nothing if it succeeds. 7.3 does not take it at all, 5.10 not while there are trampolines.
    pub fn refuses_to_switch_ftrace_off(self, probe: &str) -> Option<i32> {
        if self.at_least(7, 3) {
            Some(libc::EOPNOTSUPP)
        } else if !self.at_least(6, 1) && probe == "fentry" {
            Some(libc::EBUSY)
        } else {
            None
        }
    }

    /// By what a call is probed if nothing else is asked for: of those that lose nothing the cheapest
    /// if the call is a frequent one, or has a function of its own, else the quickest to attach.
    pub fn probe(self, syscall: &str) -> &'static str {
        self.probe_for(syscall, FREQUENT.contains(&syscall) || syscall == "read")
    }

    /// The same for the entry that programs of 32 bits have of their own: their calls are rare.
    pub fn probe_32(self, syscall: &str) -> &'static str {
        self.probe_for(syscall, false)
    }

    fn probe_for(self, syscall: &str, alone: bool) -> &'static str {
        if self.at_least(6, 14) {
            "kprobe.session"
        } else if !self.has_mechanism("fentry") {
            "kprobe"
        } else if self.untyped().contains(&syscall) {
            "kprobe+fexit"
        } else if self.has_mechanism("kprobe.multi")
            && (!alone || self.skips())
            && syscall != "read"
        {
            "kprobe.multi+fexit"
        } else if self.skips() {
            "kprobe+fexit"
        } else {
            "fentry"
        }
    }

    /// It does not begin a trampoline's program that is under way on the processor already (5.12), and as it preempts
    /// itself there can be one.
    fn skips(self) -> bool {
        self.preempts() && self.at_least(5, 12)
    }

    /// Why this kernel cannot pass a test, by the whole name of that: such tests are not run, and the log says why.
    pub fn cannot_pass(self, test: &str) -> Option<&'static str> {
        if !UNLIMITED_RETURNS.iter().any(|part| test.contains(part)) {
            return None;
        }
        match self.probe("kill") {
            "kprobe" => Some(
                "there are no trampolines, and no sessions: returns are missed if more callers sleep than a kretprobe \
                 has slots",
            ),
            "kprobe+fexit" | "kprobe.multi+fexit" => Some(
                "the kernel preempts itself, and has no sessions: it skips programs of trampolines, and returns are \
                 missed then if more callers sleep than a kretprobe has slots",
            ),
            _ => None,
        }
    }

    /// What a seccomp filter kills a process by is sent to it like a signal (5.16, where a fault in the kernel's
    /// hands ends a process by a signal that it cannot catch); before, it just ended so.
    pub fn sends_what_seccomp_kills_by(self) -> bool {
        self.at_least(5, 16)
    }

    /// kill makes the siginfo itself; from 7.3 on it leaves that to who queues it, who looks up the sender in
    /// the target's namespace.
    pub fn kills_with_siginfo(self) -> bool {
        !self.at_least(7, 3)
    }

    /// Control groups have a file `cgroup.kill` (5.14).
    pub fn kills_cgroups(self) -> bool {
        self.at_least(5, 14)
    }

    /// Debian's kernels preempt threads in the kernel, lazily, from 6.17 on, and others from 6.1 on if they are told
    /// to (`CONFIG_PREEMPT_DYNAMIC`).
    pub fn preempts(self) -> bool {
        match booted_with("preempt=").as_deref() {
            Some(how) if self.at_least(6, 1) => how == "full" || how == "lazy",
            _ => self.at_least(6, 17),
        }
    }

    /// Workloads, by the names of their tests, whose returns pairs can miss though nobody else takes part: where a
    /// kretprobe has one slot, whoever sleeps in that call holds it, and any process can come to sleep in this one.
    pub fn workloads_without_slots(self) -> &'static [&'static str] {
        if self.return_slots(1) > 1 {
            return &[];
        }
        &["restart_syscall", "i386-int80-restart_syscall", "32-bit-program-restart_syscall"]
    }

    /// Return slots of a kretprobe: one a processor on 5.10 without CONFIG_PREEMPTION, else twice
    /// that and ten at least.
    pub fn return_slots(self, processors: usize) -> usize {
        if self.at_least(6, 1) { (2 * processors).max(10) } else { processors }
    }
}
