//! A thread other than the current one, by its `task_struct`; only where the kernel's types tell its
//! members.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;

use super::{member, object::Object, task::Task};
use crate::config::config;

/// A thread's `task_struct`.
#[derive(Clone, Copy)]
pub struct Other(u64);

/// Cgroups are looked for as far from the root as this: the length of a loop has to have an end that
/// the verifier knows. A thread can be in one that is further below.
const DEPTH: u32 = 64;

impl Other {
    /// The thread at this address.
    #[inline(always)]
    pub fn at(address: u64) -> Self {
        Self(address)
    }

    /// The current thread, as others see it.
    #[inline(always)]
    pub fn current() -> Self {
        Self(Task::current().address())
    }

    /// The thread whose `struct pid` this is (`pid_task` for `PIDTYPE_PID`, `kernel/pid.c`); `None` if
    /// it is no more, or there is no `struct pid` at that address.
    #[inline(always)]
    pub fn of_pid(pid: u64) -> Option<Self> {
        let link: u64 = member(pid, config!(offsets.pid_tasks));
        let task = link.wrapping_sub(u64::from(config!(offsets.task_pid_links)));
        let is_its_own = pid != 0 && member::<u64>(task, config!(offsets.task_thread_pid)) == pid;
        if is_its_own { Some(Self(task)) } else { None }
    }

    /// Its address.
    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0
    }

    /// Its process's id and its own, in the initial namespace.
    #[inline(always)]
    pub fn ids(self) -> (u32, u32) {
        let task = Object::task(self.0);
        (task.get(config!(offsets.task_tgid)), task.get(config!(offsets.task_pid)))
    }

    /// When it began, in nanoseconds of `CLOCK_BOOTTIME`.
    #[inline(always)]
    pub fn start_ns(self) -> u64 {
        member(self.0, config!(offsets.task_start_boottime))
    }

    /// The user and the group that it runs as, by their real ids.
    #[inline(always)]
    pub fn uid_gid(self) -> [u32; 2] {
        let cred = Object::task(self.0).follow(config!(offsets.task_real_cred));
        [cred.get(config!(offsets.cred_uid)), cred.get(config!(offsets.cred_gid))]
    }

    /// How many user namespaces are above its own.
    #[inline(always)]
    pub fn user_namespaces(self) -> u32 {
        Object::task(self.0)
            .follow(config!(offsets.task_real_cred))
            .follow(config!(offsets.cred_user_ns))
            .get(config!(offsets.user_ns_level))
    }

    /// How many pid namespaces are above its own.
    #[inline(always)]
    pub fn pid_namespaces(self) -> u32 {
        Object::task(self.0)
            .follow(config!(offsets.task_thread_pid))
            .get(config!(offsets.pid_level))
    }

    /// The first thread of its process.
    #[inline(always)]
    pub fn leader(self) -> Self {
        Self(member(self.0, config!(offsets.task_group_leader)))
    }

    /// Its id in the initial namespace.
    #[inline(always)]
    pub fn tid(self) -> u32 {
        member(self.0, config!(offsets.task_pid))
    }

    /// The user that it runs as, by the real id; `None` if that cannot be read. Not by `task.cred`, which
    /// the kernel exchanges while it acts for somebody else.
    #[inline(always)]
    pub fn uid(self) -> Option<u32> {
        let cred: u64 = member(self.0, config!(offsets.task_real_cred));
        if cred == 0 { None } else { Some(member(cred, config!(offsets.cred_uid))) }
    }

    /// Its name, in words of the bytes in their order.
    #[inline(always)]
    pub fn comm(self) -> [u64; 2] {
        name(self.0.wrapping_add(u64::from(config!(offsets.task_comm))))
    }

    /// Whether it is in the cgroup with this id of the version 2 hierarchy, or in one below
    /// (`cgroup_is_descendant`, `include/linux/cgroup.h`, but that the level of the one is not known).
    #[inline(always)]
    pub fn is_below(self, id: u64) -> bool {
        let set: u64 = member(self.0, config!(offsets.task_cgroups));
        let cgroup: u64 = member(set, config!(offsets.css_set_dfl_cgrp));
        let level: u32 = member(cgroup, config!(offsets.cgroup_level));
        // Volatile, as otherwise the compiler makes one bound of the two, which 5.10's verifier does not
        // know to be one.
        // SAFETY: a variable.
        let is_above = |i| i <= unsafe { (&raw const level).read_volatile() };
        let mut i = 0;
        while i < DEPTH && is_above(i) {
            if ancestor(cgroup, i) == id {
                return true;
            }
            i += 1;
        }
        false
    }
}

/// The name of a thread at this address, likewise. What is behind the NUL is zero here, while in a `task_struct`
/// before 5.17 it can be what is left of a longer name.
#[inline(always)]
pub fn name(address: u64) -> [u64; 2] {
    let mut comm = MaybeUninit::<[u64; 2]>::uninit();
    // SAFETY: plain helper, which checks the source; `comm` has the size given, and every byte of
    // it is written here.
    unsafe {
        let words = comm.as_mut_ptr().cast::<u64>();
        words.write_volatile(0);
        words.add(1).write_volatile(0);
        bpf_probe_read_kernel_str(comm.as_mut_ptr().cast::<c_void>(), 16, address as *const c_void);
        comm.assume_init()
    }
}

/// The id of the cgroup that is above another, or the same, at this level.
#[inline(always)]
fn ancestor(cgroup: u64, level: u32) -> u64 {
    let place = cgroup.wrapping_add(u64::from(level) * 8);
    let (pointers, ids) = (config!(offsets.cgroup_ancestors), config!(offsets.cgroup_ancestor_ids));
    if pointers == 0 {
        return member(place, ids);
    }
    let node: u64 = member(member(place, pointers), config!(offsets.cgroup_kn));
    member(node, config!(offsets.kernfs_node_id))
}
