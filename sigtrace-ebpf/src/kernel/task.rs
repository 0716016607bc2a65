//! The current thread, by its `task_struct`.
//!
//! Where the kernel lets programs follow typed pointers, members are loaded, which is a tenth of
//! what a helper costs; elsewhere helpers tell. The agent has found out which.

use core::{ffi::c_void, mem};

use aya_ebpf::{
    EbpfContext as _,
    helpers::{
        bpf_get_current_pid_tgid, bpf_get_current_uid_gid,
        generated::{
            bpf_get_current_cgroup_id, bpf_get_current_comm, bpf_get_current_task,
            bpf_get_current_task_btf, bpf_task_pt_regs,
        },
    },
    programs::ProbeContext,
};
use sigtrace_common::{BPF_RDONLY_CAST, access};

use super::{load, member};
use crate::config::config;

/// Whose share of the ring a thread uses up.
#[derive(Clone, Copy)]
pub struct Charged {
    /// The user who is told of.
    pub user: u32,
    /// What the share goes by: the user's id, or another number for the users of a container.
    pub share: u32,
}

/// More than any id of a user who creates a namespace.
const CONTAINERS: u32 = 1 << 31;

/// The current thread's `task_struct`.
#[derive(Clone, Copy)]
pub struct Task(*const u8);

/// Whether pointers to a `task_struct` can be followed.
#[inline(always)]
pub fn is_direct() -> bool {
    config!(access) & access::TASK != 0
}

#[inline(always)]
fn casts() -> bool {
    config!(access) & access::CAST != 0
}

/// Whether pointers to anything can be given their types.
#[inline(always)]
pub(super) fn casts_any() -> bool {
    config!(access) & access::CAST_REGISTERS != 0
}

/// Gives a pointer its type. The agent makes a call of the kfunc of this helper that is none.
#[inline(always)]
pub(super) fn cast(object: *const u8, type_id: u32) -> *const u8 {
    // SAFETY: how the bindings to helpers do it.
    let kfunc: unsafe extern "C" fn(*const u8, u32) -> *const u8 =
        unsafe { mem::transmute(BPF_RDONLY_CAST as usize) };
    // SAFETY: it does nothing.
    unsafe { kfunc(object, type_id) }
}

impl Task {
    /// That of the thread that runs the program.
    #[inline(always)]
    pub fn current() -> Self {
        // SAFETY: plain helpers.
        Self(unsafe {
            if casts() {
                cast(bpf_get_current_task() as *const u8, config!(offsets.type_task))
            } else if is_direct() {
                bpf_get_current_task_btf().cast()
            } else {
                bpf_get_current_task() as *const u8
            }
        })
    }

    /// The caller's registers, of which the function that `ctx` is about is given the address.
    #[inline(always)]
    pub fn registers(ctx: &ProbeContext) -> *const u8 {
        let address = ctx.arg::<u64>(0).unwrap_or(0) as *const u8;
        if config!(access) & access::CAST_REGISTERS != 0 {
            cast(address, config!(offsets.type_pt_regs))
        } else if is_direct() {
            // They are at the same place, but this pointer has a type.
            // SAFETY: plain helpers.
            unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) as *const u8 }
        } else {
            address
        }
    }

    /// The current thread's process id and its own, in the initial namespace.
    #[inline(always)]
    pub fn ids() -> (u32, u32) {
        // Where the pointer is one that the verifier trusts: each load by another is looked after at
        // run time, too.
        if is_direct() && !casts() {
            let task = Self::current();
            // SAFETY: a typed pointer.
            return unsafe {
                (load(task.0, config!(offsets.task_tgid)), load(task.0, config!(offsets.task_pid)))
            };
        }
        let both = bpf_get_current_pid_tgid();
        ((both >> 32) as u32, both as u32)
    }

    /// The current thread's id in the initial namespace.
    #[inline(always)]
    pub fn tid() -> u32 {
        Self::ids().1
    }

    /// The user and the group that it runs as, by their real ids.
    #[inline(always)]
    pub fn uid_gid(self) -> (u32, u32) {
        if !is_direct() {
            let both = bpf_get_current_uid_gid();
            return (both as u32, (both >> 32) as u32);
        }
        // SAFETY: typed pointers.
        unsafe {
            let cred: *const u8 = load(self.0, config!(offsets.task_cred));
            (load(cred, config!(offsets.cred_uid)), load(cred, config!(offsets.cred_gid)))
        }
    }

    /// The user that it runs as.
    #[inline(always)]
    pub fn uid(self) -> u32 {
        self.uid_gid().0
    }

    /// Whose share it uses up.
    ///
    /// That is the user that it runs as, but in a user namespace the one who created it, or the outermost
    /// of those it is in: who may have a namespace may have 65,536 users in it (subuid(5)). One that
    /// root created is a container's, whose use is not root's; it has as many users, whose ids differ in
    /// the lower half.
    #[inline(always)]
    pub fn charged() -> Charged {
        let task = Self::current();
        let uid = task.uid();
        if config!(offsets.user_ns_parent) == 0 {
            return Charged { user: uid, share: uid };
        }
        let cred: u64 = member(task.address(), config!(offsets.task_cred));
        let namespace: u64 = member(cred, config!(offsets.cred_user_ns));
        if member::<u32>(namespace, config!(offsets.user_ns_level)) == 0 {
            return Charged { user: uid, share: uid };
        }
        match outermost_owner(namespace) {
            0 => Charged { user: uid, share: CONTAINERS | uid >> 16 },
            TOO_DEEP => Charged { user: uid, share: TOO_DEEP },
            owner => Charged { user: owner, share: owner },
        }
    }

    /// The id of its cgroup in the version 2 hierarchy.
    #[inline(always)]
    pub fn cgroup(self) -> u64 {
        if !is_direct() {
            // SAFETY: plain helper.
            return unsafe { bpf_get_current_cgroup_id() };
        }
        // SAFETY: typed pointers.
        unsafe {
            let set: *const u8 = load(self.0, config!(offsets.task_cgroups));
            let cgroup: *const u8 = load(set, config!(offsets.css_set_dfl_cgrp));
            let node: *const u8 = load(cgroup, config!(offsets.cgroup_kn));
            load(node, config!(offsets.kernfs_node_id))
        }
    }

    /// Its name, in words of the bytes in their order.
    #[inline(always)]
    pub fn comm(self) -> [u64; 2] {
        if is_direct() {
            let at = config!(offsets.task_comm);
            // SAFETY: a typed pointer; the name has 16 bytes.
            return unsafe { [load(self.0, at), load(self.0, at + 8)] };
        }
        let mut comm = mem::MaybeUninit::<[u64; 2]>::uninit();
        // Cleared by the byte it would cost many times as much; cleared it must be, as kernels from
        // 5.18 to 6.3 do not pad what they copy.
        // SAFETY: plain helper; `comm` has the size given, and every byte of it is written here.
        unsafe {
            let words = comm.as_mut_ptr().cast::<u64>();
            words.write_volatile(0);
            words.add(1).write_volatile(0);
            bpf_get_current_comm(comm.as_mut_ptr().cast::<c_void>(), 16);
            comm.assume_init()
        }
    }

    /// The process id of its parent, 0 if that cannot be read.
    #[inline(always)]
    pub fn ppid(self) -> u32 {
        let (parent, tgid) = (config!(offsets.task_real_parent), config!(offsets.task_tgid));
        if tgid == 0 {
            return 0;
        }
        if is_direct() {
            // SAFETY: typed pointers.
            return unsafe { load(load::<*const u8>(self.0, parent), tgid) };
        }
        member(member(self.0 as u64, parent), tgid)
    }

    /// The signals that it blocks; only where the kernel's types tell.
    #[inline(always)]
    pub fn blocked(self) -> u64 {
        let blocked = config!(offsets.task_blocked);
        if is_direct() {
            // SAFETY: a typed pointer.
            return unsafe { load(self.0, blocked) };
        }
        member(self.address(), blocked)
    }

    /// Whether no other thread has its memory; no if that is not known.
    #[inline(always)]
    pub fn is_alone(self) -> bool {
        let (mm, users) = (config!(offsets.task_mm), config!(offsets.mm_users));
        mm != 0 && member::<u32>(member(self.address(), mm), users) == 1
    }

    /// How often it gave up its processor; only where the kernel's types tell.
    #[inline(always)]
    pub fn switches(self) -> u32 {
        member(self.address(), config!(offsets.task_nvcsw))
    }

    /// What a signal does, from 1 up: the handler, the flags, the restorer, the mask; only where the
    /// kernel's types tell. Both architectures have them in this order (`__ARCH_HAS_SA_RESTORER`).
    #[inline(always)]
    pub fn action(self, signal: u32) -> Option<[u64; 4]> {
        let (sighand, action) = (config!(offsets.task_sighand), config!(offsets.sighand_action));
        if sighand == 0 {
            return None;
        }
        let actions: u64 = member(self.address(), sighand);
        Some(member(actions, action + (signal - 1) * config!(offsets.k_sigaction_size)))
    }

    /// Where its handlers' stack begins, its flags and its size; only where the kernel's types tell.
    #[inline(always)]
    pub fn stack(self) -> Option<(u64, u32, u64)> {
        let sp = config!(offsets.task_sas_ss_sp);
        if sp == 0 {
            return None;
        }
        let (flags, size) = (config!(offsets.task_sas_ss_flags), config!(offsets.task_sas_ss_size));
        let task = self.address();
        Some((member(task, sp), member(task, flags), member(task, size)))
    }

    /// How many pid namespaces are above its own; 0 if that is not known.
    #[inline(always)]
    pub fn level(self) -> u32 {
        let (pid, level) = (config!(offsets.task_thread_pid), config!(offsets.pid_level));
        if pid == 0 {
            return 0;
        }
        if is_direct() {
            // SAFETY: typed pointers.
            return unsafe { load(load::<*const u8>(self.0, pid), level) };
        }
        member(member(self.0 as u64, pid), level)
    }

    /// The pointer to it, with the type that the verifier knows, where it has one.
    #[inline(always)]
    pub fn as_ptr(self) -> *const u8 {
        self.0
    }

    /// Its address.
    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0 as u64
    }
}

/// Stands for the owner of namespaces that are deeper than is looked. The users in there have one share
/// between them, which they have no reason to wish for.
const TOO_DEEP: u32 = u32::MAX;

/// Who created the outermost of the user namespaces that one is in, below the initial one.
///
/// A function of its own, so that the verifier does not take how deep that is for something that what
/// comes after depends on.
#[inline(never)]
fn outermost_owner(innermost: u64) -> u32 {
    /// A container in a container, and one more. The verifier looks at each.
    const DEEPEST: u32 = 3;
    let mut namespace = innermost;
    let mut i = 0;
    while i < DEEPEST {
        let parent: u64 = member(namespace, config!(offsets.user_ns_parent));
        if member::<u32>(parent, config!(offsets.user_ns_level)) == 0 {
            return member(namespace, config!(offsets.user_ns_owner));
        }
        namespace = parent;
        i += 1;
    }
    TOO_DEEP
}

/// Whether the program runs at the function's return; only in one attached as a session. The kfunc
/// takes nothing in 6.12, and `ctx` in 7.x.
#[inline(always)]
pub fn is_return(ctx: &ProbeContext) -> bool {
    // SAFETY: how the bindings to helpers do it; the agent makes it a call of the kfunc.
    unsafe {
        let kfunc: unsafe extern "C" fn(*mut c_void) -> bool =
            mem::transmute(sigtrace_common::BPF_SESSION_IS_RETURN as usize);
        kfunc(ctx.as_ptr())
    }
}
