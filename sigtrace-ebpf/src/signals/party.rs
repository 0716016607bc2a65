//! Who is named in a record.

use sigtrace_common::{Thread, select};

use crate::{
    config::{config, selects},
    kernel::object::Object,
};

/// Writes down a thread and its process; `ns_pid` is what that is in its own pid namespace.
///
/// # Safety
///
/// The place must be one to write to.
#[inline(always)]
pub unsafe fn describe(place: *mut Thread, task: Object, ids: (u32, u32), ns_pid: u32) {
    let leader = task.follow(config!(offsets.task_group_leader));
    let cred = task.follow(config!(offsets.task_real_cred));
    let parent = task.follow(config!(offsets.task_real_parent));
    // SAFETY: the caller's promise; the name is 16 bytes at a multiple of 8.
    unsafe {
        (*place).start_ns = leader.get(config!(offsets.task_start_boottime));
        (&raw mut (*place).comm).cast::<[u64; 2]>().write(leader.name(config!(offsets.task_comm)));
        ((*place).pid, (*place).tid) = ids;
        (*place).ppid = parent.get(config!(offsets.task_tgid));
        (*place).uid = cred.get(config!(offsets.cred_uid));
        (*place).gid = cred.get(config!(offsets.cred_gid));
        (*place).ns_pid = ns_pid;
        (*place).execs =
            if selects(select::CONTEXT) { task.get(config!(offsets.task_self_exec_id)) } else { 0 };
        (*place).reserved = 0;
        (*place).cgroup = if selects(select::CONTEXT) { cgroup(task) } else { 0 };
    }
}

/// The id of a thread's control group.
#[inline(always)]
fn cgroup(task: Object) -> u64 {
    let set = task.follow(config!(offsets.task_cgroups));
    let group = set.follow(config!(offsets.css_set_dfl_cgrp));
    group.follow(config!(offsets.cgroup_kn)).get(config!(offsets.kernfs_node_id))
}
