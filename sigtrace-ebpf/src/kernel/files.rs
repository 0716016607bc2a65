//! The files behind the current task's descriptors.

use super::{member, task::Task};
use crate::config::config;

/// The `struct file` behind a descriptor of the current task; 0 if there is none.
#[inline(always)]
pub fn file(fd: u32) -> u64 {
    let files = member(Task::current().address(), config!(offsets.task_files));
    let table = member(files, config!(offsets.files_fdt));
    let number: u32 = member(table, config!(offsets.fdtable_max_fds));
    if fd >= number {
        return 0;
    }
    let array: u64 = member(table, config!(offsets.fdtable_fd));
    member(array.wrapping_add(u64::from(fd) * 8), 0)
}
