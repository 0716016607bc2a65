//! The files behind the current task's descriptors.

use aya_ebpf::helpers::generated::bpf_get_current_task;

use crate::{config::config, kernel::member};

/// The `struct file` behind a descriptor of the current task.
#[inline(always)]
pub fn file(fd: u32) -> Option<u64> {
    // SAFETY: plain helper.
    let task = unsafe { bpf_get_current_task() };
    let files: u64 = member(task, config!(offsets.task_files))?;
    let fdt: u64 = member(files, config!(offsets.files_fdt))?;
    let max_fds: u32 = member(fdt, config!(offsets.fdtable_max_fds))?;
    if fd >= max_fds {
        return None;
    }
    let array: u64 = member(fdt, config!(offsets.fdtable_fd))?;
    member(array.wrapping_add(u64::from(fd) * 8), 0).filter(|&file: &u64| file != 0)
}
