//! Where code is that an event names by its address: in which file, and how far into it.
//!
//! The agent cannot look: it has no right to, and the process may be over by then.

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::{bpf_get_current_pid_tgid, generated::bpf_ktime_get_boot_ns},
    macros::{kprobe, map},
    maps::{LruHashMap, PerCpuArray},
    programs::ProbeContext,
};
use sigtrace_common::{File, Mapping, RecordKind, select};

use super::{
    header, paths,
    scratch::{self, LARGE, Scratch},
};
use crate::{
    atomic::add_u32,
    config::{config, selects},
    emit::{self, emit},
    kernel::{
        member,
        task::Task,
        vma::{Room, Vma},
    },
    maps::is_tracing,
    shares, slots,
};

/// What a file is called is told again after this long, as a directory may have another name by then.
const AGAIN_NS: u64 = 10_000_000_000;

/// Where the record of a file is put together.
#[repr(C)]
struct Place {
    /// First, so that something is before what a helper writes to.
    pivots: Room,
    file: Scratch<File, LARGE>,
    /// How many programs claim it: one can interrupt or preempt another.
    claims: u32,
}

#[map]
static PLACES: PerCpuArray<Place> = PerCpuArray::with_max_entries(1, 0);

/// When files were told of, by their tokens; the agent sets the size.
#[map]
static FILES: LruHashMap<u64, u64> = LruHashMap::with_max_entries(1, 0);

/// `SIG_IGN` (`include/uapi/asm-generic/signal-defs.h`): handlers are above that.
const SIG_IGN: u64 = 1;

/// Tells where the handler is that a signal is given: `(int sig, struct k_sigaction *act, struct k_sigaction *oact)`,
/// which all calls end in that change an action (`kernel/signal.c`).
#[kprobe]
pub fn do_sigaction(ctx: ProbeContext) -> u32 {
    if !is_tracing() {
        return 0;
    }
    let tid = bpf_get_current_pid_tgid() as u32;
    // Only in a call that is told of.
    if slots::find(tid).is_null() {
        return 0;
    }
    let action: u64 = ctx.arg(1).unwrap_or(0);
    // SAFETY: plain helper.
    handler(member(action, 0), unsafe { bpf_ktime_get_boot_ns() });
    0
}

/// Tells where a handler of the current process is, for an event at this time, if that is asked for.
#[inline(always)]
pub fn handler(address: u64, time_ns: u64) {
    if address > SIG_IGN {
        instruction(address, time_ns);
    }
}

/// Likewise, where an instruction is.
#[inline(always)]
pub fn instruction(address: u64, time_ns: u64) {
    if selects(select::CONTEXT) && config!(offsets.vma_file) != 0 {
        let [low, high] = halves(address);
        let [time_low, time_high] = halves(time_ns);
        tell_mapping(low, high, time_low, time_high);
    }
}

#[inline(always)]
fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// Tells where an address of the current process is. Global.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn tell_mapping(low: u32, high: u32, time_low: u32, time_high: u32) -> u32 {
    let address = u64::from(high) << 32 | u64::from(low);
    let time_ns = u64::from(time_high) << 32 | u64::from(time_low);
    let Some(place) = PLACES.get_ptr_mut(0) else { return 0 };
    // SAFETY: an aligned member of the map's element; volatile, as others change it.
    unsafe {
        let claims = &raw mut (*place).claims;
        add_u32(claims, 1);
        if claims.read_volatile() == 1 {
            tell(place, address, time_ns);
        }
        add_u32(claims, -1);
    }
    0
}

#[inline(always)]
fn tell(place: *mut Place, address: u64, time_ns: u64) {
    let mm: u64 = member(Task::current().address(), config!(offsets.task_mm));
    // SAFETY: the program's own, as it has the claim.
    let (room, file) = unsafe { (&raw mut (*place).pivots, &raw mut (*place).file) };
    let (token, offset) = match Vma::find(mm, address, room) {
        Some(vma) => (tell_file(file, vma.file(), time_ns), vma.offset(address)),
        None => (0, 0),
    };
    if !shares::leaves_room(size_of::<Mapping>() as u32) {
        return;
    }
    let Some(room) = emit::reserve::<Mapping>() else { return };
    let to = room.as_ptr();
    // SAFETY: room in the ring for a whole record, every byte of which is written here.
    unsafe {
        (*to).header = header(RecordKind::Mapping, size_of::<Mapping>() as u16);
        (*to).time_ns = time_ns;
        (*to).address = address;
        (*to).file = token;
        (*to).offset = offset;
        (*to).tid = bpf_get_current_pid_tgid() as u32;
        (*to).reserved = 0;
    }
    room.submit();
}

/// Tells of a file, unless it was not long ago. Its token; 0 if there is no file.
#[inline(always)]
fn tell_file(scratch: *mut Scratch<File, LARGE>, file: u64, time_ns: u64) -> u64 {
    let inode: u64 = member(file, config!(offsets.file_inode));
    if inode == 0 {
        return 0;
    }
    scratch::begin(scratch);
    let block: u64 = member(inode, config!(offsets.inode_sb));
    let device: u32 = member(block, config!(offsets.super_block_dev));
    let number: u64 = member(inode, config!(offsets.inode_ino));
    let token = token(file, inode, device, number);
    // SAFETY: a value of the map.
    let told_ns = FILES.get_ptr(token).map_or(0, |told| unsafe { told.read_volatile() });
    if told_ns != 0 && time_ns.wrapping_sub(told_ns) < AGAIN_NS {
        return token;
    }
    let flags = paths::file(scratch, file);
    let size = size_of::<File>() + scratch::bounded_length(scratch) as usize;
    // SAFETY: the program's own.
    let record = unsafe {
        let head = &raw mut (*scratch).head;
        (*head).header = header(RecordKind::File, size as u16);
        (*head).token = token;
        (*head).inode = number;
        (*head).device = device;
        (*head).flags = flags;
        &*scratch
    };
    if !shares::leaves_room(size as u32) || !emit(record, size) {
        // What the agent has of it may be too old.
        return 0;
    }
    let _ = FILES.insert(token, time_ns, u64::from(BPF_ANY));
    token
}

/// Made of what the file is, and of what it is called: where it is, its name, and whether it still has one.
#[inline(always)]
fn token(file: u64, inode: u64, device: u32, number: u64) -> u64 {
    /// A prime (FNV-1a, of words).
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let dentry: u64 = member(file, config!(offsets.file_dentry));
    let generation: u32 = member(inode, config!(offsets.inode_generation));
    let names: u32 = member(inode, config!(offsets.inode_nlink));
    let mount: u64 = member(file, config!(offsets.file_mnt));
    let above: u64 = member(dentry, config!(offsets.dentry_parent));
    let name: u64 = member(dentry, config!(offsets.dentry_hash));
    let mut token = 0xcbf2_9ce4_8422_2325;
    let is_there = if names == 0 { 0 } else { 1 };
    let numbers = u64::from(device) << 32 | u64::from(generation);
    token = (token ^ numbers).wrapping_mul(PRIME).rotate_left(29);
    token = (token ^ number).wrapping_mul(PRIME).rotate_left(29);
    token = (token ^ dentry).wrapping_mul(PRIME).rotate_left(29);
    token = (token ^ mount).wrapping_mul(PRIME).rotate_left(29);
    token = (token ^ above).wrapping_mul(PRIME).rotate_left(29);
    token = (token ^ name).wrapping_mul(PRIME).rotate_left(29);
    token = (token ^ is_there).wrapping_mul(PRIME);
    token | 1
}
