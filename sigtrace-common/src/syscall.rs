//! What a row of the syscall table says.

use core::fmt;

use crate::Abi;

/// One row of the syscall table. Probe stubs, capture, decoding, the command line, the listing,
/// the documentation and the tests all derive from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Syscall {
    /// The kernel's name, without any prefix.
    pub name: &'static str,
    /// What the call is for, in one line.
    pub summary: &'static str,
    /// The number and entry symbol under each binary interface that has the call.
    pub entries: Entries,
    /// Where the call is seen.
    pub hook: Hook,
    /// The arguments in the kernel's order, by the kernel's parameter names. At most
    /// [`MAX_ARGS`](crate::MAX_ARGS).
    pub args: &'static [Arg],
    /// Index of the argument that gives the size of the call's signal sets.
    pub set_size: Option<usize>,
    /// The groups `--syscall @GROUP` selects it by.
    pub groups: &'static [Group],
    /// Whether the caller can sleep in it for long.
    pub blocks: bool,
    /// What the returned value means.
    pub outcome: Outcome,
}

impl Syscall {
    /// Whether ordinary programs make the call all the time, so that what it costs to trace it counts for
    /// more than what it takes to attach to it.
    pub fn is_frequent(&self) -> bool {
        self.is_most_frequent() || matches!(self.name, "rt_sigaction" | "rt_sigreturn" | "tgkill")
    }

    fn is_most_frequent(&self) -> bool {
        matches!(self.name, "rt_sigprocmask" | "kill")
    }

    /// Whether kprobe.session has a program for this call only, of callers like these: for what is not
    /// where calls enter, and for the most frequent calls of native callers. Such a program costs less
    /// than one that serves many, but has to be loaded.
    pub fn has_own_session(&self, abi: Abi, native: Abi) -> bool {
        matches!(self.hook, Hook::Function(_)) || self.is_most_frequent() && abi == native
    }

    /// The bytes of captured structures a record of this call carries: every structure argument in
    /// order, each at its [`data_offset`](Self::data_offset), and for a call that
    /// [changes the mask](Self::changes_mask) the mask before and after.
    pub const fn data_size(&self) -> usize {
        match self.masks_offset() {
            Some(offset) => offset + MASKS_SIZE,
            None => self.data_offset(self.args.len()),
        }
    }

    /// Whether the call is there to change which signals the thread blocks, beyond its return.
    pub const fn changes_mask(&self) -> bool {
        self.position(Kind::How).is_some()
            || matches!(self.outcome, Outcome::Nothing)
            || matches!(self.outcome, Outcome::Mask) && self.registers() > 0
    }

    /// Offset in a record's data of what the thread blocked before and after a call that changes
    /// that: two words, signal n being bit n-1. The first is where the old set goes, if the call tells
    /// it: it is the same.
    pub const fn masks_offset(&self) -> Option<usize> {
        if !self.changes_mask() {
            return None;
        }
        let end = self.data_offset(self.args.len());
        Some(if self.position(Kind::How).is_some() { end - 8 } else { end })
    }

    /// Offset of the structure captured for argument `index`, in a record's data; past the last
    /// argument, where the data ends.
    pub const fn data_offset(&self, index: usize) -> usize {
        let mut offset = 0;
        let mut i = 0;
        while i < index && i < self.args.len() {
            offset += self.args[i].kind.size().next_multiple_of(8);
            i += 1;
        }
        offset
    }

    /// The argument with this index, if the call has so many.
    pub const fn arg(&self, index: usize) -> Option<&Arg> {
        if index < self.args.len() { Some(&self.args[index]) } else { None }
    }

    /// Whether there is an argument with this index, and of this kind.
    pub const fn has(&self, index: usize, kind: Kind) -> bool {
        index < self.args.len() && self.args[index].kind as u8 == kind as u8
    }

    /// How many of the arguments are in the caller's registers.
    pub const fn registers(&self) -> usize {
        let mut count = 0;
        while count < self.args.len()
            && matches!(self.args[count].access, Access::Value | Access::In | Access::Out)
        {
            count += 1;
        }
        count
    }

    /// Index of the first argument of this kind.
    pub const fn position(&self, kind: Kind) -> Option<usize> {
        let mut i = 0;
        while i < self.args.len() {
            if self.args[i].kind as u8 == kind as u8 {
                return Some(i);
            }
            i += 1;
        }
        None
    }

    /// Whether one of its arguments names a process, or one of its threads.
    pub const fn names_process(&self) -> bool {
        self.position(Kind::Pid).is_some()
            || self.position(Kind::Tid).is_some()
            || self.position(Kind::Pidfd).is_some()
    }

    /// Whether it is there to say what a signal does.
    pub const fn gives_action(&self) -> bool {
        self.position(Kind::Sigaction).is_some()
            || self.position(Kind::OldSigaction).is_some()
            || self.position(Kind::Handler).is_some()
    }

    /// Whether its first two arguments have 32 bits each, whatever the interface, so that the upper halves of
    /// their registers mean nothing.
    pub(crate) const fn begins_with_ints(&self) -> bool {
        let mut i = 0;
        while i < 2 {
            let is_int = i < self.args.len()
                && matches!(
                    self.args[i].kind,
                    Kind::Pid
                        | Kind::Tid
                        | Kind::Fd
                        | Kind::Pidfd
                        | Kind::Int
                        | Kind::Signal
                        | Kind::PidfdOpenFlags
                );
            if !is_int {
                return false;
            }
            i += 1;
        }
        true
    }

    /// Where it is probed on a kernel of `native`'s architecture. A call hooked in a function is
    /// probed in the first of these that the kernel has; any other at all of them, which are its
    /// entries, but for that of 32-bit callers where they enter through the same function as
    /// others. Few kernels have those of x32 callers.
    pub fn points(&'static self, native: Abi) -> impl Iterator<Item = Point> {
        let points = match self.hook {
            Hook::Function(names) => {
                let point = |name: &&'static str| Point::new(native, "", name, name);
                [names.first().map(point), names.get(1).map(point), None]
            }
            Hook::Entry => {
                let compat = native.compat();
                let own = self.entries.get(native);
                let other = self.entries.get(compat).filter(|_| !self.shares_entry(native));
                let (prefix, x32) = match compat {
                    Abi::I386 => ("i386_", self.entries.get(Abi::X32)),
                    _ => ("arm_", None),
                };
                [
                    own.map(|entry| Point::new(native, "", self.name, entry.symbol)),
                    other.map(|entry| Point::new(compat, prefix, self.name, entry.symbol)),
                    x32.map(|entry| Point::new(Abi::X32, "x32_", self.name, entry.symbol)),
                ]
            }
        };
        points.into_iter().flatten()
    }

    /// Whether callers of both widths enter through one function, on a kernel of `native`'s
    /// architecture.
    pub const fn shares_entry(&self, native: Abi) -> bool {
        match (self.entries.get(native), self.entries.get(native.compat())) {
            (Some(own), Some(compat)) => same(own.symbol, compat.symbol),
            _ => false,
        }
    }

    /// Whether the call belongs to `group`.
    pub const fn is_in(&self, group: Group) -> bool {
        let mut i = 0;
        while i < self.groups.len() {
            if self.groups[i] as u8 == group as u8 {
                return true;
            }
            i += 1;
        }
        false
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

/// A place in the kernel that is probed. Its text is what the names of its programs begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The interface of the callers that come there, as far as the place tells.
    pub abi: Abi,
    /// The kernel function.
    pub symbol: &'static str,
    prefix: &'static str,
    name: &'static str,
}

impl Point {
    fn new(abi: Abi, prefix: &'static str, name: &'static str, symbol: &'static str) -> Self {
        Self { abi, symbol, prefix, name }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix)?;
        f.write_str(self.name)
    }
}

/// The number of the point where calls of a row enter through `abi`.
pub const fn point_number(row: usize, abi: Abi) -> u32 {
    row as u32 * POINTS_OF_A_ROW + abi.place()
}

/// As many numbers of points has a row, whether it has such points or not.
pub const POINTS_OF_A_ROW: u32 = 4;

/// No call of the table has such a number. Those of x32 callers come last. A power of two, so that compilers
/// mask a number that is less: of what they compare otherwise the verifier of 6.12 concludes nothing.
pub const SYSCALL_NUMBERS: u32 = 1024;

/// Where a call is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Where it enters the kernel: at the symbols of its [`Entries`].
    Entry,
    /// In the function that does the work for one kind of file, which has another name on other
    /// kernels: a kernel has one of them. The syscall itself is busy with files of all kinds.
    Function(&'static [&'static str]),
}

/// Number and entry symbol under each binary interface; `None` where it has no such call.
#[derive(Debug, PartialEq, Eq)]
pub struct Entries {
    /// 64-bit x86.
    pub x86_64: Option<Entry>,
    /// 32-bit callers on an x86_64 kernel.
    pub i386: Option<Entry>,
    /// x32 callers, of a call whose structures differ for them; the others are as those of x86_64.
    pub x32: Option<Entry>,
    /// 64-bit Arm.
    pub aarch64: Option<Entry>,
    /// 32-bit callers on an aarch64 kernel.
    pub arm: Option<Entry>,
}

impl Entries {
    /// The entry under `abi`.
    pub const fn get(&self, abi: Abi) -> Option<&Entry> {
        match abi {
            Abi::X86_64 => self.x86_64.as_ref(),
            Abi::I386 => self.i386.as_ref(),
            Abi::X32 => self.x32.as_ref(),
            Abi::Aarch64 => self.aarch64.as_ref(),
            Abi::Arm => self.arm.as_ref(),
        }
    }
}

/// Where a call enters the kernel under one binary interface.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The syscall number, without the bit that x32 callers set.
    pub number: u16,
    /// The kernel function that the dispatcher calls.
    pub symbol: &'static str,
}

/// One argument of a syscall.
#[derive(Debug, PartialEq, Eq)]
pub struct Arg {
    /// The kernel's parameter name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it is the value itself or points to something, and which way that goes.
    pub access: Access,
}

/// How an argument carries its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Access {
    /// The argument is the value.
    Value,
    /// The kernel reads it from user memory.
    In,
    /// The kernel writes it to user memory.
    Out,
    /// No argument of the call: taken from the caller's signal frame, at its stack pointer.
    Frame,
    /// Found by looking at the kernel's own objects; not always there to be found.
    Kernel,
    /// No argument of the call: what it returned, unless that is an error.
    Returned,
}

/// The type of an argument. The kernel side needs only its size; the agent has a decoder for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `pid_t`: a process, or a process group.
    Pid,
    /// `pid_t` that names a thread.
    Tid,
    /// `int` that is a file descriptor.
    Fd,
    /// `int` that is a pidfd; the record's target is the process behind it.
    Pidfd,
    /// `int` without a meaning.
    Int,
    /// `size_t`.
    Size,
    /// `int` that is a signal number.
    Signal,
    /// `int` that says what rt_sigprocmask does with its set.
    How,
    /// Flags of signalfd4, `SFD_*`.
    SignalfdFlags,
    /// Flags of pidfd_send_signal, `PIDFD_SIGNAL_*`.
    PidfdSignalFlags,
    /// Flags of pidfd_open, `PIDFD_*`.
    PidfdOpenFlags,
    /// `sigset_t *`: 8 bytes, signal n is bit n-1.
    SignalSet,
    /// `old_sigset_t`, an unsigned long of 32-bit callers: the first 32 signals.
    OldMask,
    /// `old_sigset_t *`: 4 bytes.
    OldSignalSet,
    /// `__sighandler_t`: an address, `SIG_DFL` or `SIG_IGN`.
    Handler,
    /// `struct sigaction *`: 32 bytes (20 for 32-bit callers): handler, flags, restorer, mask.
    Sigaction,
    /// `struct old_sigaction *` of 32-bit callers: 16 bytes: handler, mask, flags, restorer
    /// (`struct compat_old_sigaction`, `include/linux/compat.h`).
    OldSigaction,
    /// `siginfo_t *`: 128 bytes, of which the kernel keeps the first 48
    /// (`struct kernel_siginfo`, `include/linux/signal_types.h`).
    Siginfo,
    /// `stack_t *`: 24 bytes (12 for 32-bit callers): sp, flags, size.
    Stack,
    /// `struct timespec *`: 16 bytes (8 for 32-bit callers): seconds, nanoseconds.
    Timespec,
    /// `struct __kernel_timespec *`: 16 bytes for every caller. Of a 32-bit caller's nanoseconds
    /// only the low half counts (`get_timespec64`, `kernel/time/time.c`).
    Timespec64,
    /// `struct signalfd_siginfo *`: as many as were read, each of [`SIGNALFD_SIGINFO_SIZE`] bytes.
    /// They are the end of their record, see [`MAX_SIGNALFD_SIGINFOS`].
    SignalfdSiginfo,
}

/// Bytes of a `struct signalfd_siginfo` (`include/uapi/linux/signalfd.h`), for every caller.
pub const SIGNALFD_SIGINFO_SIZE: usize = 128;

/// Bytes of the masks before and after, in the record of a call that changes the mask.
pub const MASKS_SIZE: usize = 16;

/// What stands for the mask after a call where the kernel does not say what it is: no thread blocks
/// SIGKILL (`sigprocmask`, `kernel/signal.c`).
pub const UNKNOWN_MASK: u64 = u64::MAX;

/// The most of them that a record carries: more are read, but not shown. So many make a line of
/// JSON that still goes into a pipe in one piece.
pub const MAX_SIGNALFD_SIGINFOS: usize = 10;

impl Kind {
    /// Bytes a record reserves for the structure behind a pointer of this kind; 0 for values, and
    /// for what makes a record longer as needed.
    pub const fn size(self) -> usize {
        match self {
            Self::OldSignalSet => 4,
            Self::SignalSet => 8,
            Self::OldSigaction | Self::Timespec | Self::Timespec64 => 16,
            Self::Stack => 24,
            Self::Sigaction => 32,
            Self::Siginfo => 48,
            _ => 0,
        }
    }

    /// Bytes the structure has for callers under `abi`, as far as it is captured.
    pub const fn size_under(self, abi: Abi) -> usize {
        if abi.is_64bit() {
            return self.size();
        }
        match self {
            Self::Sigaction => 20,
            Self::Stack => 12,
            // An x32 caller's is a `struct __kernel_timespec`.
            Self::Timespec if !matches!(abi, Abi::X32) => 8,
            _ => self.size(),
        }
    }
}

/// What `--syscall @NAME` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Group {
    /// Sends a signal, or asks whether it could be sent.
    Send,
    /// Examines or changes what a signal does.
    Action,
    /// Examines or changes which signals are blocked.
    Mask,
    /// Waits for a signal.
    Wait,
    /// Examines or changes the stack handlers run on, or leaves one.
    Stack,
    /// Works with file descriptors that stand for signals or processes.
    Fd,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 6] =
        [Self::Send, Self::Action, Self::Mask, Self::Wait, Self::Stack, Self::Fd];

    /// The name without its `@`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Action => "action",
            Self::Mask => "mask",
            Self::Wait => "wait",
            Self::Stack => "stack",
            Self::Fd => "fd",
        }
    }
}

/// What the value a call returns means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0, or a negative errno.
    Status,
    /// A file descriptor, or a negative errno.
    Fd,
    /// The number of the signal taken, or a negative errno.
    Signal,
    /// Nothing: what a return probe sees is the register that is being restored.
    Nothing,
    /// Only ever an error or a restart code, or what the restarted call returns.
    Restart,
    /// The address of the handler that was set before, or a negative errno.
    Handler,
    /// The mask that was set before, of which a 32-bit caller gets the first 32 signals. No error.
    Mask,
    /// How many bytes were read, or a negative errno.
    Bytes,
}
