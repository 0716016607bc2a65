//! The processes that there are: a program that the kernel runs for each thread when the agent reads from an
//! iterator (5.8; `kernel/bpf/task_iter.c`). It tells what /proc does not, how often a process has executed
//! something and when it began to the nanosecond, and what /proc does not tell to everybody.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::seq_file, helpers::generated::bpf_seq_write, macros::map, maps::PerCpuArray,
};
use sigtrace_common::{Process, RecordKind};

use super::{
    describe, is_first, paths,
    scratch::{self, LARGE, Scratch},
};
use crate::{config::config, kernel::member};

/// Where its records are put together.
#[map]
static FOUND: PerCpuArray<Scratch<Process, LARGE>> = PerCpuArray::with_max_entries(1, 0);

/// `struct bpf_iter__task`.
#[repr(C)]
pub struct Iteration {
    meta: *const Meta,
    task: *const c_void,
}

/// The first member of `struct bpf_iter_meta`.
#[repr(C)]
struct Meta {
    seq: *mut seq_file,
}

/// Writes the record of a process for the agent to read: as if it had executed now what it executes.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub extern "C" fn process_found(ctx: *const Iteration) -> i32 {
    // SAFETY: the kernel gives both; the second is null the last time.
    let (meta, task) = unsafe { ((*ctx).meta, (*ctx).task) };
    if task.is_null() {
        return 0;
    }
    let Some(scratch) = FOUND.get_ptr_mut(0) else { return 0 };
    scratch::begin(scratch);
    // A number from here on: of a pointer with a type the verifier wants to know what it leads to.
    // SAFETY: the program's own.
    let task: u64 = unsafe {
        let place = &raw mut (*scratch).head.time_ns;
        place.write_volatile(task as u64);
        place.read_volatile()
    };
    if !is_first(task) {
        return 0;
    }
    let mm: u64 = member(task, config!(offsets.task_mm));
    let mut flags = paths::exe(scratch, mm);
    let exe_length = scratch::length(scratch);
    flags |= paths::cgroup(scratch, task);
    let cgroup_length = scratch::length(scratch) - exe_length;
    describe(scratch, task, RecordKind::Exec, flags);
    let size = size_of::<Process>() as u32 + scratch::bounded_length(scratch);
    // SAFETY: the program's own; what the kernel gives; as many bytes as there are.
    unsafe {
        let process = &raw mut (*scratch).head;
        (*process).exe_length = exe_length as u16;
        (*process).cgroup_length = cgroup_length as u16;
        (*process).header.length = size as u16;
        bpf_seq_write((*meta).seq, scratch.cast::<c_void>(), size);
    }
    0
}
