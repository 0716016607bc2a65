//! Reads from a signalfd: not where the syscall enters, as that is busy with files of all kinds,
//! but in the file's own function.
//!
//! ```c
//! ssize_t signalfd_read(struct file *file, char __user *buf, size_t count, loff_t *ppos); // to 6.9
//! ssize_t signalfd_read_iter(struct kiocb *iocb, struct iov_iter *to);                // from 6.10
//! ```
//!
//! (`fs/signalfd.c`.) readv comes here too, before 6.10 once for each of its buffers, and so does
//! io_uring.

use core::{
    ffi::c_void,
    mem::{MaybeUninit, offset_of},
    ptr,
};

use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_probe_read_user};
use sigtrace_common::{
    Abi, Capture, Counter, DATA_OFFSET, MAX_ARGS, MAX_SIGNALFD_SIGINFOS, Record,
    SIGNALFD_SIGINFO_SIZE,
};

use crate::{
    abi::NATIVE,
    capture::Source,
    config::config,
    emit::{emit, wakeup},
    files::file,
    kernel::{member, read},
    maps::{EVENTS, count},
};

/// Indices of the row's arguments.
const FD: usize = 0;
const MASK: usize = 1;
/// The mask is at no address of the caller's: in its place is how much of the buffer there is.
const ROOM: usize = MASK;
const SIGINFO: usize = 2;
const COUNT: usize = 3;

/// `ITER_UBUF` and `ITER_IOVEC`, `include/linux/uio.h` of 6.10 and later: one buffer, several.
const ITER_UBUF: u8 = 0;
const ITER_IOVEC: u8 = 1;

/// A record with its mask, which lies where the row's data begins.
const HEAD: usize = DATA_OFFSET + 8;

/// A read.
#[derive(Clone, Copy)]
pub struct SignalfdRead {
    file: u64,
    /// The row's, as far as they can be read.
    args: Option<[u64; MAX_ARGS]>,
    caller: Option<Caller>,
}

/// Where to put what is read.
#[derive(Clone, Copy)]
struct Buffer {
    /// Its address; 0 if it is not in user memory.
    address: u64,
    /// How much of it is there, in bytes.
    room: u64,
    /// How much is to be read, into other buffers, too.
    count: u64,
}

/// Who reads, by the registers of its system call.
#[derive(Clone, Copy)]
struct Caller {
    fd: u32,
    abi: Abi,
}

impl SignalfdRead {
    /// By the arguments of `signalfd_read`.
    #[inline(always)]
    pub fn of_file(file: u64, buffer: u64, count: u64) -> Self {
        Self::new(file, Some(Buffer { address: buffer, room: count, count }))
    }

    /// By the arguments of `signalfd_read_iter`.
    #[inline(always)]
    pub fn of_iter(iocb: u64, iter: u64) -> Self {
        let file = member(iocb, config!(offsets.kiocb_file)).unwrap_or(0);
        Self::new(file, first_buffer(iter))
    }

    #[inline(always)]
    fn new(file: u64, buffer: Option<Buffer>) -> Self {
        let caller = caller(file);
        let fd = match caller {
            Some(caller) => u64::from(caller.fd),
            None => 0,
        };
        let args = buffer.map(|buffer| [fd, buffer.room, buffer.address, buffer.count]);
        Self { file, args, caller }
    }
}

/// The first buffer of an iterator that nobody has used yet.
#[inline(always)]
fn first_buffer(iter: u64) -> Option<Buffer> {
    let count = member(iter, config!(offsets.iter_count))?;
    let done: u64 = member(iter, config!(offsets.iter_offset))?;
    let kind: u8 = member(iter, config!(offsets.iter_type))?;
    let at: u64 = member(iter, config!(offsets.iter_ubuf))?;
    let [base, length] = match kind {
        ITER_UBUF => [at, done.wrapping_add(count)],
        ITER_IOVEC => read(at)?,
        _ => [0, 0],
    };
    let address = if base == 0 { 0 } else { base.wrapping_add(done) };
    Some(Buffer { address, room: length.saturating_sub(done), count })
}

impl Source for SignalfdRead {
    #[inline(always)]
    fn args(&self) -> Option<[u64; MAX_ARGS]> {
        self.args
    }

    #[inline(always)]
    fn abi(&self) -> Abi {
        match self.caller {
            Some(caller) => caller.abi,
            None => NATIVE,
        }
    }

    #[inline(always)]
    fn look(&self, record: &mut Record, _abi: Abi) {
        if self.caller.is_some() {
            record.captures[FD] = Capture::Whole as u8;
        }
        if config!(offsets.file_private_data) == 0 {
            return;
        }
        // `struct signalfd_ctx` is the complement of the mask, and nothing else.
        let context: Option<u64> = member(self.file, config!(offsets.file_private_data));
        if let Some(complement) = context.and_then(read::<u64>) {
            // SAFETY: a set is 8 bytes at a multiple of 8.
            unsafe { record.data.as_mut_ptr().cast::<u64>().write(!complement) };
            record.captures[MASK] = Capture::Whole as u8;
        }
    }
}

/// Who reads `file`: the thread's registers tell, if the descriptor they hold is one of that file.
/// io_uring's do not.
#[inline(always)]
fn caller(wanted: u64) -> Option<Caller> {
    if config!(offsets.task_stack) == 0 || config!(offsets.task_files) == 0 {
        return None;
    }
    // SAFETY: plain helper.
    let stack: u64 = member(unsafe { bpf_get_current_task() }, config!(offsets.task_stack))?;
    let (fd, abi) = match at_top(stack, 0) {
        Some(found) => found,
        None => at_top(stack, PADDING)?,
    };
    if file(fd)? == wanted { Some(Caller { fd, abi }) } else { None }
}

/// `THREAD_SIZE`: a kernel stack (`arch/x86/include/asm/page_64_types.h`,
/// `arch/arm64/include/asm/memory.h`), at whose top the user's registers are. Kernels built with
/// KASAN have larger ones, and so has arm64 with pages of 64 KB.
const THREAD_SIZE: u64 = 16384;
/// `TOP_OF_KERNEL_STACK_PADDING` with `CONFIG_X86_FRED` (`arch/x86/include/asm/thread_info.h`).
const PADDING: u64 = 16;

/// The descriptor and the interface of a read, if there are the registers of one.
#[cfg(bpf_target_arch = "x86_64")]
#[inline(always)]
fn at_top(stack: u64, padding: u64) -> Option<(u32, Abi)> {
    use sigtrace_common::regs::x86;
    let regs = stack.wrapping_add(THREAD_SIZE - padding - u64::from(config!(offsets.pt_regs_size)));
    let number: u64 = read(regs.wrapping_add(x86::ORIG_AX as u64))?;
    // read, pread64, readv, preadv, preadv2, by arch/x86/entry/syscalls/syscall_{64,32}.tbl: no
    // number of one is among those of the other that can come here.
    let (register, abi) = match number {
        0 | 17 | 19 | 295 | 327 => (x86::DI, Abi::X86_64),
        3 | 145 | 180 | 333 | 378 => (x86::BX, Abi::I386),
        _ => return None,
    };
    Some((read::<u64>(regs.wrapping_add(register as u64))? as u32, abi))
}

/// The descriptor and the interface of a read, if there are the registers of one.
#[cfg(bpf_target_arch = "aarch64")]
#[inline(always)]
fn at_top(stack: u64, _padding: u64) -> Option<(u32, Abi)> {
    use sigtrace_common::regs::aarch64;
    let regs = stack.wrapping_add(THREAD_SIZE - u64::from(config!(offsets.pt_regs_size)));
    let fd = read::<u64>(regs.wrapping_add(aarch64::X0 as u64))? as u32;
    let pstate: u64 = read(regs.wrapping_add(aarch64::PSTATE as u64))?;
    Some((fd, if pstate & aarch64::PSTATE_32BIT == 0 { Abi::Aarch64 } else { Abi::Arm }))
}

/// Puts a read that returned into the ring, with what was read: at most so many structures, and no
/// more than the first buffer holds.
#[inline(always)]
pub fn emit_read(record: &mut Record) {
    let size = SIGNALFD_SIGINFO_SIZE as u64;
    let bytes = if record.ret > 0 { (record.ret as u64).min(record.args[ROOM]) } else { 0 };
    let siginfos = (bytes / size).min(MAX_SIGNALFD_SIGINFOS as u64);
    if siginfos == 0 || record.args[SIGINFO] == 0 {
        return emit(record, HEAD);
    }
    // The size of what is reserved has to be a constant; one is by far the most frequent.
    match siginfos {
        1 => emit_some::<1>(record, siginfos),
        2 => emit_some::<2>(record, siginfos),
        3..=4 => emit_some::<4>(record, siginfos),
        5..=8 => emit_some::<8>(record, siginfos),
        _ => emit_some::<MAX_SIGNALFD_SIGINFOS>(record, siginfos),
    }
}

/// A record in the ring, with room for `N` structures.
#[repr(C)]
struct WithSiginfos<const N: usize> {
    head: [u64; HEAD / 8],
    siginfos: [[u8; SIGNALFD_SIGINFO_SIZE]; N],
}

#[inline(always)]
fn emit_some<const N: usize>(record: &mut Record, siginfos: u64) {
    let Some(mut entry) = EVENTS.reserve::<WithSiginfos<N>>(0) else {
        return count(Counter::RingFull);
    };
    let room: &mut MaybeUninit<WithSiginfos<N>> = &mut entry;
    let start = room.as_mut_ptr().cast::<u8>();
    // The verifier (5.10 to 7.3) has lost that it is at most N by now, and the compiler, which has
    // not, must not leave out what tells it: so it is made to forget.
    // SAFETY: a valid, aligned local.
    let siginfos = unsafe { ptr::read_volatile(&raw const siginfos) }.min(N as u64);
    let size = siginfos as u32 * SIGNALFD_SIGINFO_SIZE as u32;
    // SAFETY: the destination has room for `N` structures, of which there are at most as many; the
    // helper checks the source.
    let failed = unsafe {
        bpf_probe_read_user(
            start.add(offset_of!(WithSiginfos<N>, siginfos)).cast::<c_void>(),
            size,
            record.args[SIGINFO] as *const c_void,
        )
    };
    let capture = if failed == 0 { Capture::Whole } else { Capture::Unreadable };
    record.captures[SIGINFO] = capture as u8;
    // SAFETY: both have that many bytes, at a multiple of 8.
    unsafe {
        ptr::copy_nonoverlapping((&raw const *record).cast::<u64>(), start.cast::<u64>(), HEAD / 8);
    }
    entry.submit(wakeup());
}

const _: () = assert!(COUNT < MAX_ARGS && HEAD.is_multiple_of(8));
