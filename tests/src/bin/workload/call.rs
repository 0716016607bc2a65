//! The calls by name: which registers, and what is to be said about them.

use serde_json::{Map, Value, json};
use sigtrace_tests::{integer, names};

use crate::abi;
use crate::actions;
use crate::pointer::{Ptr, Shown, address};

/// A call that is yet to be made.
pub(crate) struct Call {
    /// The syscall's name.
    pub(crate) name: &'static str,
    /// Its number in the interface it is made through.
    pub(crate) number: libc::c_long,
    /// The name of the interface it is made through.
    pub(crate) abi: &'static str,
    /// Made by `int 0x80`.
    #[cfg(target_arch = "x86_64")]
    int80: bool,
    /// It returns a mask, of which a 32-bit caller gets the low half.
    #[cfg(target_arch = "x86_64")]
    low_half: bool,
    registers: Vec<u64>,
    /// Which of the registers are an `int`: the kernel ignores their upper halves.
    ints: Vec<usize>,
    args: Vec<(&'static str, Shown)>,
}

impl Call {
    /// A call that 64-bit programs have, too.
    fn new(name: &'static str, number: libc::c_long) -> Self {
        #[cfg(target_arch = "x86_64")]
        let number = if abi::is_int80() {
            abi::int80::number(name)
        } else if abi::is_x32() {
            abi::x32::number(name).unwrap_or(number) | abi::x32::BIT
        } else {
            number
        };
        Self::numbered(name, number)
    }

    /// A call with this number of the interface that calls are made through.
    pub(crate) fn numbered(name: &'static str, number: libc::c_long) -> Self {
        Self {
            name,
            number,
            abi: abi::name_for(name),
            #[cfg(target_arch = "x86_64")]
            int80: abi::is_int80(),
            #[cfg(target_arch = "x86_64")]
            low_half: false,
            registers: Vec::new(),
            ints: Vec::new(),
            args: Vec::new(),
        }
    }

    /// A call that returns a mask.
    #[cfg(not(target_arch = "arm"))]
    pub(crate) fn returning_mask(self) -> Self {
        #[cfg(target_arch = "x86_64")]
        let this = Self { low_half: true, ..self };
        #[cfg(not(target_arch = "x86_64"))]
        let this = self;
        this
    }

    /// An argument that is an `int`, and what is shown of it.
    pub(crate) fn int(mut self, name: &'static str, int: i32, shown: Value) -> Self {
        self.ints.push(self.registers.len());
        self.registers.push(i64::from(int).cast_unsigned());
        self.shown(name, shown)
    }

    /// An argument that is an unsigned long, and what is shown of it.
    pub(crate) fn value(mut self, name: &'static str, value: u64, shown: Value) -> Self {
        self.registers.push(value);
        self.shown(name, shown)
    }

    pub(crate) fn signal(self, signo: i32) -> Self {
        self.int("sig", signo, names::signal(signo)).shown("signo", json!(signo))
    }

    /// `how` is named where the kernel's headers have a name for it.
    pub(crate) fn how(self, how: i32) -> Self {
        let name = match how {
            0 => json!("SIG_BLOCK"),
            1 => json!("SIG_UNBLOCK"),
            2 => json!("SIG_SETMASK"),
            _ => json!(how),
        };
        self.int("how", how, name)
    }

    fn flags(self, flags: u32, names: &[(u64, &str)]) -> Self {
        self.int("flags", flags.cast_signed(), names::flags(flags.into(), names))
    }

    pub(crate) fn size(self, name: &'static str, size: u64) -> Self {
        self.value(name, size, integer::shown(abi::word(size)))
    }

    pub(crate) fn pointer(mut self, name: &'static str, pointer: Ptr) -> Self {
        self.registers.push(pointer.address);
        self.args.push((name, pointer.shown));
        self
    }

    pub(crate) fn shown(mut self, name: &'static str, shown: Value) -> Self {
        self.args.push((name, Shown::Now(shown)));
        self
    }

    /// With garbage in the upper halves of the `int`s. There is garbage in the upper halves of all
    /// registers anyway if it is made by `int 0x80`.
    pub(crate) fn with_garbage(mut self) -> Self {
        for index in &self.ints {
            let low = self.registers[*index] & u64::from(u32::MAX);
            self.registers[*index] = 0xdead_beef_0000_0000 | low;
        }
        self
    }

    /// Its first argument, of a call that is about a signal.
    pub(crate) fn signo(&self) -> i32 {
        self.registers.first().map_or(0, |number| *number as i32)
    }

    /// The number of the process or thread it is aimed at, the thread's if both are named.
    pub(crate) fn aimed_at(&self) -> Option<i32> {
        let register = match self.name {
            "kill" | "tkill" | "rt_sigqueueinfo" | "pidfd_open" => 0,
            "tgkill" | "rt_tgsigqueueinfo" => 1,
            _ => return None,
        };
        self.registers.get(register).map(|number| *number as i32)
    }

    /// What is to be said of an argument, if that is known before the call.
    pub(crate) fn shown_now(&self, argument: &str) -> Option<Value> {
        self.args.iter().find_map(|(name, shown)| match shown {
            Shown::Now(value) if *name == argument => Some(value.clone()),
            _ => None,
        })
    }

    /// Makes the call. Returns what the kernel does, so a negative errno if it fails.
    pub(crate) fn make(&self) -> i64 {
        let given = actions::given(self);
        let ret = self.enter();
        actions::made(self, given, ret);
        ret
    }

    fn enter(&self) -> i64 {
        let register = |index: usize| self.registers.get(index).copied().unwrap_or(0);
        #[cfg(target_arch = "x86_64")]
        if self.int80 {
            let registers = [register(0), register(1), register(2), register(3)];
            // SAFETY: the pointers are those the workload made for this call.
            let ret = unsafe { abi::int80::call(self.number, registers) };
            return if self.low_half { ret & i64::from(u32::MAX) } else { ret };
        }
        let register = |index: usize| register(index) as libc::c_long;
        // SAFETY: as above.
        let ret = unsafe {
            libc::syscall(self.number, register(0), register(1), register(2), register(3))
        };
        match ret {
            // SAFETY: the thread's own errno.
            -1 => -i64::from(unsafe { *libc::__errno_location() }),
            // Masks and addresses have no sign.
            #[cfg(target_pointer_width = "32")]
            ret => i64::from(ret.cast_unsigned()),
            #[cfg(target_pointer_width = "64")]
            ret => ret,
        }
    }

    /// What is to be said of the arguments, before the call.
    pub(crate) fn args_now(&self) -> Value {
        let now = |shown: &Shown| match shown {
            Shown::Now(value) => value.clone(),
            Shown::After(_) => panic!("{}: only known after the call", self.name),
        };
        let args = self.args.iter().map(|(name, shown)| ((*name).to_owned(), now(shown)));
        Value::from(args.collect::<Map<_, _>>())
    }

    /// What is to be said of the arguments, after the call.
    pub(crate) fn args_after(self) -> Value {
        let after = |shown: Shown| match shown {
            Shown::Now(value) => value,
            Shown::After(look) => look(),
        };
        let args = self.args.into_iter().map(|(name, shown)| (name.to_owned(), after(shown)));
        Value::from(args.collect::<Map<_, _>>())
    }
}

pub(crate) fn kill(pid: i32, signo: i32) -> Call {
    Call::new("kill", libc::SYS_kill).int("pid", pid, json!(pid)).signal(signo)
}

pub(crate) fn tkill(tid: i32, signo: i32) -> Call {
    Call::new("tkill", libc::SYS_tkill).int("tid", tid, json!(tid)).signal(signo)
}

pub(crate) fn tgkill(tgid: i32, tid: i32, signo: i32) -> Call {
    Call::new("tgkill", libc::SYS_tgkill)
        .int("tgid", tgid, json!(tgid))
        .int("tid", tid, json!(tid))
        .signal(signo)
}

pub(crate) fn rt_sigqueueinfo(tgid: i32, signo: i32, info: Ptr) -> Call {
    Call::new("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo)
        .int("tgid", tgid, json!(tgid))
        .signal(signo)
        .pointer("info", info)
}

pub(crate) fn rt_tgsigqueueinfo(tgid: i32, tid: i32, signo: i32, info: Ptr) -> Call {
    Call::new("rt_tgsigqueueinfo", libc::SYS_rt_tgsigqueueinfo)
        .int("tgid", tgid, json!(tgid))
        .int("tid", tid, json!(tid))
        .signal(signo)
        .pointer("info", info)
}

/// `target` is the process behind `pidfd`, if there is one.
pub(crate) fn pidfd_send_signal(
    pidfd: i32,
    signo: i32,
    info: Ptr,
    flags: u32,
    target: Option<i32>,
) -> Call {
    Call::new("pidfd_send_signal", libc::SYS_pidfd_send_signal)
        .int("pidfd", pidfd, json!(pidfd))
        .signal(signo)
        .pointer("info", info)
        .flags(flags, names::PIDFD_SIGNAL)
        .shown("target", json!(target))
}

pub(crate) fn pidfd_open(pid: i32, flags: u32) -> Call {
    Call::new("pidfd_open", libc::SYS_pidfd_open)
        .int("pid", pid, json!(pid))
        .flags(flags, names::PIDFD)
}

pub(crate) fn rt_sigaction(signo: i32, act: Ptr, oldact: Ptr, sigsetsize: u64) -> Call {
    Call::new("rt_sigaction", libc::SYS_rt_sigaction)
        .signal(signo)
        .pointer("act", act)
        .pointer("oldact", oldact)
        .size("sigsetsize", sigsetsize)
}

pub(crate) fn rt_sigprocmask(how: i32, set: Ptr, oldset: Ptr, sigsetsize: u64) -> Call {
    Call::new("rt_sigprocmask", libc::SYS_rt_sigprocmask)
        .how(how)
        .pointer("set", set)
        .pointer("oldset", oldset)
        .size("sigsetsize", sigsetsize)
}

pub(crate) fn rt_sigpending(set: Ptr, sigsetsize: u64) -> Call {
    Call::new("rt_sigpending", libc::SYS_rt_sigpending)
        .pointer("set", set)
        .size("sigsetsize", sigsetsize)
}

pub(crate) fn rt_sigsuspend(mask: Ptr, sigsetsize: u64) -> Call {
    Call::new("rt_sigsuspend", libc::SYS_rt_sigsuspend)
        .pointer("mask", mask)
        .size("sigsetsize", sigsetsize)
}

pub(crate) fn rt_sigtimedwait(set: Ptr, info: Ptr, timeout: Ptr, sigsetsize: u64) -> Call {
    Call::new("rt_sigtimedwait", libc::SYS_rt_sigtimedwait)
        .pointer("set", set)
        .pointer("info", info)
        .pointer("timeout", timeout)
        .size("sigsetsize", sigsetsize)
}

pub(crate) fn sigaltstack(ss: Ptr, old_ss: Ptr) -> Call {
    Call::new("sigaltstack", libc::SYS_sigaltstack).pointer("ss", ss).pointer("old_ss", old_ss)
}

/// Where there is no such call C libraries make the other one.
#[cfg(target_arch = "aarch64")]
pub(crate) fn signalfd(fd: i32, mask: Ptr, sizemask: u64) -> Call {
    signalfd4(fd, mask, sizemask, 0)
}

#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn signalfd(fd: i32, mask: Ptr, sizemask: u64) -> Call {
    Call::new("signalfd", libc::SYS_signalfd)
        .int("fd", fd, json!(fd))
        .pointer("mask", mask)
        .size("sizemask", sizemask)
}

pub(crate) fn signalfd4(fd: i32, mask: Ptr, sizemask: u64, flags: u32) -> Call {
    Call::new("signalfd4", libc::SYS_signalfd4)
        .int("fd", fd, json!(fd))
        .pointer("mask", mask)
        .size("sizemask", sizemask)
        .flags(flags, names::SFD)
}

/// There is none on Arm of 64 bits (`scripts/syscall.tbl`).
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn pause() -> Call {
    Call::new("pause", libc::SYS_pause)
}

pub(crate) fn restart_syscall() -> Call {
    Call::new("restart_syscall", libc::SYS_restart_syscall)
}

/// Sleeping is no signal call, but the kernel resumes it with one.
pub(crate) fn nanosleep(time: Ptr) -> Call {
    Call::new("nanosleep", libc::SYS_nanosleep).pointer("rqtp", time)
}

/// A read from a signalfd whose mask is this.
pub(crate) fn read_signals(fd: i32, mask: u64, siginfo: Ptr, count: u64) -> Call {
    Call::new("read", libc::SYS_read)
        .int("fd", fd, json!(fd))
        .shown("mask", names::set(mask))
        .pointer("siginfo", siginfo)
        .size("count", count)
}

/// A read from a signalfd into buffers of these sizes, of which `siginfo` is shown, and `count`
/// asked for. Text in it stands for the address after the first buffer.
pub(crate) fn readv_signals(fd: i32, mask: u64, sizes: &[u64], siginfo: Value, count: u64) -> Call {
    let buffer = |size: &u64| {
        let buffer = Box::leak(vec![0_u8; *size as usize].into_boxed_slice());
        libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() }
    };
    let buffers: Vec<libc::iovec> = sizes.iter().map(buffer).collect();
    let end = |buffer: &libc::iovec| address(buffer.iov_base) + buffer.iov_len as u64;
    let rest = buffers.first().map_or(0, end);
    let rest = json!({ "address": names::hex(rest) });
    let siginfo: Vec<Value> = siginfo
        .as_array()
        .into_iter()
        .flatten()
        .map(|info| if info.is_string() { rest.clone() } else { info.clone() })
        .collect();
    let vector = address(Box::leak(buffers.into_boxed_slice()).as_ptr());
    let mut call = Call::new("read", libc::SYS_readv)
        .int("fd", fd, json!(fd))
        .shown("mask", names::set(mask))
        .shown("siginfo", json!(siginfo))
        .shown("count", integer::shown(count));
    call.registers.extend([vector, sizes.len() as u64]);
    call
}
