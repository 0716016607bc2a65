//! Who is named in a record.

use sigtrace_common::{Thread, select};

use crate::{
    calls::namespace,
    config::{config, selects},
    kernel::{member, other::Other},
};

/// Writes down a thread and its process.
///
/// # Safety
///
/// The place must be one to write to.
#[inline(always)]
pub unsafe fn describe(place: *mut Thread, thread: Other, ids: (u32, u32)) {
    let leader = thread.leader();
    let [uid, gid] = thread.uid_gid();
    // SAFETY: the caller's promise; the name is 16 bytes at a multiple of 8.
    unsafe {
        (*place).start_ns = leader.start_ns();
        (&raw mut (*place).comm).cast::<[u64; 2]>().write(leader.comm());
        ((*place).pid, (*place).tid) = ids;
        (*place).ppid = thread.ppid();
        ((*place).uid, (*place).gid) = (uid, gid);
        (*place).ns_pid = if config!(offsets.task_thread_pid) == 0 {
            0
        } else {
            namespace::own_number(leader.address())
        };
        (*place).execs = if selects(select::CONTEXT) {
            member(thread.address(), config!(offsets.task_self_exec_id))
        } else {
            0
        };
        (*place).reserved = 0;
    }
}
