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

use core::{ffi::c_void, mem::offset_of, ptr};

use aya_ebpf::{helpers::generated::bpf_probe_read_user, macros::map, maps::PerCpuArray};
use sigtrace_common::{
    Abi, Capture, DATA_OFFSET, Header, MAX_ARGS, MAX_SIGNALFD_SIGINFOS, Record,
    SIGNALFD_SIGINFO_SIZE, undecided,
};

use super::enter::Source;
use crate::{
    arch::{self, NATIVE},
    atomic::add_u32,
    config::config,
    emit::emit,
    kernel::{files::file, member, read, stack::Stack},
    shapes::ShapeRef,
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
    /// Whether it is a try.
    is_try: bool,
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
        Self::new(file, 0, Some(Buffer { address: buffer, room: count, count }))
    }

    /// By the arguments of `signalfd_read_iter`.
    #[inline(always)]
    pub fn of_iter(iocb: u64, iter: u64) -> Self {
        Self::new(member(iocb, config!(offsets.kiocb_file)), iocb, Some(first_buffer(iter)))
    }

    #[inline(always)]
    fn new(file: u64, iocb: u64, buffer: Option<Buffer>) -> Self {
        let caller = caller(file);
        let fd = match caller {
            Some(caller) => u64::from(caller.fd),
            None => 0,
        };
        let args = buffer.map(|buffer| [fd, buffer.room, buffer.address, buffer.count]);
        Self { file, args, caller, is_try: caller.is_none() && is_try(iocb) }
    }
}

/// `IOCB_NOWAIT`, which is `RWF_NOWAIT` (`include/linux/fs.h`, `include/uapi/linux/fs.h`): not to wait.
const NOWAIT: u32 = 0x8;
/// `IOCB_AIO_RW`, `include/linux/fs.h`: it is a read by io_submit(2). Newer kernels have it at bit 22, older
/// ones at 23; the other one never is set for a read from a signalfd.
const AIO: u32 = 1 << 22 | 1 << 23;

/// Whether a read that no thread makes a call for is a try of io_uring's: it does not wait, though who
/// asked for it did not say so. If there is nothing to read io_uring waits until there is and reads again,
/// even from a file that is not to block (`io_rw_init_file`, `io_uring/rw.c`).
#[inline(always)]
fn is_try(iocb: u64) -> bool {
    if config!(offsets.io_rw_flags) == 0 || iocb == 0 {
        return false;
    }
    let flags: u32 = member(iocb, config!(offsets.kiocb_flags));
    if flags & (NOWAIT | AIO) != NOWAIT {
        return false;
    }
    // As the kernel says that it is not AIO's, the `kiocb` is the beginning of a `struct io_rw`.
    member::<u32>(iocb, config!(offsets.io_rw_flags)) & NOWAIT == 0
}

/// The first buffer of an iterator that nobody has used yet.
#[inline(always)]
fn first_buffer(iter: u64) -> Buffer {
    let count: u64 = member(iter, config!(offsets.iter_count));
    let done: u64 = member(iter, config!(offsets.iter_offset));
    let kind: u8 = member(iter, config!(offsets.iter_type));
    let at: u64 = member(iter, config!(offsets.iter_ubuf));
    let [base, length] = match kind {
        ITER_UBUF => [at, done.wrapping_add(count)],
        ITER_IOVEC => read(at),
        _ => [0, 0],
    };
    let address = if base == 0 { 0 } else { base.wrapping_add(done) };
    Buffer { address, room: length.saturating_sub(done), count }
}

impl Source for SignalfdRead {
    #[inline(always)]
    fn args(&self, _count: usize) -> Option<[u64; MAX_ARGS]> {
        self.args
    }

    #[inline(always)]
    fn abi(&self, _shape: ShapeRef) -> u8 {
        match self.caller {
            Some(caller) => caller.abi as u8,
            None => NATIVE as u8,
        }
    }

    #[inline(always)]
    fn undecided(&self) -> u32 {
        if self.is_try { undecided::TRY } else { 0 }
    }

    #[inline(always)]
    fn capture(&self, _shape: ShapeRef, record: &mut Record) {
        if self.caller.is_some() {
            record.captures[FD] = Capture::Whole as u8;
        }
        if config!(offsets.file_private_data) == 0 {
            return;
        }
        // `struct signalfd_ctx` is the complement of the mask, and nothing else.
        let context: u64 = member(self.file, config!(offsets.file_private_data));
        if context != 0 {
            let complement: u64 = read(context);
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
    let (fd, abi) = arch::reading(Stack::current())?;
    if wanted != 0 && file(fd) == wanted { Some(Caller { fd, abi }) } else { None }
}

/// A record with what was read, put together before the ring is asked for room: whatever becomes of
/// the copying, nobody else's record has to wait for it there.
#[repr(C)]
struct WithSiginfos {
    head: [u64; HEAD / 8],
    siginfos: [[u8; SIGNALFD_SIGINFO_SIZE]; MAX_SIGNALFD_SIGINFOS],
    /// How many threads claim it. A program of a trampoline can be preempted by another thread's on
    /// the same processor.
    claims: u32,
    unused: u32,
}

#[map]
static SCRATCH: PerCpuArray<WithSiginfos> = PerCpuArray::with_max_entries(1, 0);

/// How many structures are shown of what was read: at most so many, and no more than the first buffer holds.
#[inline(always)]
fn siginfos(record: &Record) -> u64 {
    let bytes = if record.ret > 0 { (record.ret as u64).min(record.args[ROOM]) } else { 0 };
    (bytes / SIGNALFD_SIGINFO_SIZE as u64).min(MAX_SIGNALFD_SIGINFOS as u64)
}

/// Bytes that they take.
#[inline(always)]
pub fn siginfo_bytes(record: &Record) -> u32 {
    siginfos(record) as u32 * SIGNALFD_SIGINFO_SIZE as u32
}

/// Puts a read that returned into the ring, with what was read. Says whether there was room.
#[inline(always)]
pub fn emit_read(record: &mut Record) -> bool {
    let siginfos = siginfos(record);
    if siginfos == 0 || record.args[SIGINFO] == 0 {
        return emit(record, HEAD);
    }
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else { return emit(record, HEAD) };
    // SAFETY: an aligned member of the map's element; volatile, as others change it.
    unsafe {
        let claims = &raw mut (*scratch).claims;
        add_u32(claims, 1);
        let emitted = if claims.read_volatile() == 1 {
            emit_from(scratch, record, siginfos)
        } else {
            record.captures[SIGINFO] = Capture::Unreadable as u8;
            emit(record, HEAD)
        };
        add_u32(claims, -1);
        emitted
    }
}

/// # Safety
///
/// Nobody else may use the scratch.
#[inline(always)]
unsafe fn emit_from(scratch: *mut WithSiginfos, record: &mut Record, siginfos: u64) -> bool {
    let start = scratch.cast::<u8>();
    // The verifier (5.10 to 7.3) has lost that it is at most so many by now, and the compiler, which
    // has not, must not leave out what tells it: so it is made to forget.
    // SAFETY: a valid, aligned local.
    let siginfos = unsafe { ptr::read_volatile(&raw const siginfos) };
    let siginfos = siginfos.min(MAX_SIGNALFD_SIGINFOS as u64) as u32;
    let size = siginfos * SIGNALFD_SIGINFO_SIZE as u32;
    // SAFETY: the destination has room for so many structures; the helper checks the source.
    let failed = unsafe {
        bpf_probe_read_user(
            start.add(offset_of!(WithSiginfos, siginfos)).cast::<c_void>(),
            size,
            record.args[SIGINFO] as *const c_void,
        )
    };
    let capture = if failed == 0 { Capture::Whole } else { Capture::Unreadable };
    record.captures[SIGINFO] = capture as u8;
    // SAFETY: both have that many bytes, at a multiple of 8.
    unsafe {
        ptr::copy_nonoverlapping((&raw const *record).cast::<u64>(), start.cast::<u64>(), HEAD / 8);
        let length = start.add(offset_of!(Record, header) + offset_of!(Header, length));
        length.cast::<u16>().write((HEAD + size as usize) as u16);
        emit(&*scratch, HEAD + size as usize)
    }
}

const _: () = assert!(COUNT < MAX_ARGS && HEAD.is_multiple_of(8));
