//! What the agent tells the kernel side before the programs are loaded.
//!
//! The programs see it as a read-only global, so that the verifier drops the code of every filter
//! that is not in use.

/// The highest errno the filter can select: the restart codes end at 516.
pub const MAX_ERROR: u32 = 575;

/// Words of the bitmap of selected errnos.
pub const ERROR_WORDS: usize = (MAX_ERROR as usize + 1) / 64;

/// Up to so many threads, users or names are compared with one by one: looking in a map costs as
/// much as all the rest of leaving a call out.
pub const FEW: usize = 4;

/// The filter and the running kernel's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Config {
    /// Which of the filters below are in use: bits of [`select`].
    pub select: u64,
    /// With [`select::SIGNAL`]: signal n is bit n-1.
    pub signals: u64,
    /// With [`select::MIN_DURATION`]: nanoseconds.
    pub min_duration_ns: u64,
    /// With [`select::ERROR`]: errno n is bit n % 64 of word n / 64.
    pub errors: [u64; ERROR_WORDS],
    /// With [`select::FEW_COMMS`]: names, NUL-padded, each as two words of its bytes in their
    /// order. Of fewer than [`FEW`], the last is there again, here and in the next two.
    pub comms: [[u64; 2]; FEW],
    /// With [`select::FEW_TARGET_COMMS`], likewise.
    pub target_comms: [[u64; 2]; FEW],
    /// With [`select::TARGET_CGROUP`]: the cgroup's id, which is the inode number of its directory.
    pub target_cgroup: u64,
    /// With [`select::FEW_TIDS`].
    pub tids: [u32; FEW],
    /// With [`select::FEW_UIDS`].
    pub uids: [u32; FEW],
    /// With [`select::FEW_TARGET_UIDS`].
    pub target_uids: [u32; FEW],
    /// With [`select::NOT_SELF`]: the process to leave out, in the initial pid namespace.
    pub self_pid: u32,
    /// When this many bytes wait in the ring, the agent is woken.
    pub wakeup_bytes: u32,
    /// The ring has two to the power of this many bytes.
    pub ring_bits: u32,
    /// 1 if users have shares of a ring that is filling.
    pub has_shares: u32,
    /// The number of slots less 1, which is a power of two less 1.
    pub slot_mask: u32,
    /// How kernel memory is read: bits of [`access`].
    pub access: u32,
    /// Which kinds of events besides calls are chosen: bits of [`kinds`].
    pub kinds: u32,
    /// Microseconds from one tick of the kernel's clock to the next.
    pub tick_us: u32,
    /// A page has two to the power of this many bytes.
    pub page_shift: u32,
    /// Bytes of a kernel stack, `THREAD_SIZE`.
    pub stack_size: u32,
    /// Where the running kernel keeps what the programs look for.
    pub offsets: Offsets,
}

/// The filters that can be in use: bits of [`Config::select`].
pub mod select {
    /// Leave out calls by the process in `self_pid`, and do not count them either.
    pub const NOT_SELF: u64 = 1 << 0;
    /// Calls whose caller or target is marked [`side::EITHER`](super::side::EITHER).
    pub const EITHER: u64 = 1 << 1;
    /// Calls whose calling process is marked [`side::CALLER`](super::side::CALLER).
    pub const CALLER: u64 = 1 << 2;
    /// Calls whose target is marked [`side::TARGET`](super::side::TARGET).
    pub const TARGET: u64 = 1 << 3;
    /// Calls by a thread in the map `TIDS`.
    pub const TID: u64 = 1 << 4;
    /// Calls by a thread whose name is in the map `COMMS`.
    pub const COMM: u64 = 1 << 5;
    /// Calls by a user in the map `UIDS`.
    pub const UID: u64 = 1 << 6;
    /// Calls by a task in or below the cgroup in the map `CGROUP`.
    pub const CGROUP: u64 = 1 << 7;
    /// Calls that name a signal in `signals`, as an argument or in a set; of those that change the
    /// mask, the ones that block or unblock one.
    pub const SIGNAL: u64 = 1 << 8;
    /// Leave out sends of signal 0.
    pub const NO_PROBE: u64 = 1 << 9;
    /// Calls that failed.
    pub const FAILED: u64 = 1 << 10;
    /// Calls that failed with an errno in `errors`.
    pub const ERROR: u64 = 1 << 11;
    /// Calls that took at least `min_duration_ns`.
    pub const MIN_DURATION: u64 = 1 << 12;
    /// Calls by one of the threads `tids`.
    pub const FEW_TIDS: u64 = 1 << 14;
    /// Calls by a thread named as one of `comms`.
    pub const FEW_COMMS: u64 = 1 << 15;
    /// Calls by one of the users `uids`.
    pub const FEW_UIDS: u64 = 1 << 16;
    /// Not a filter, but how [`SIGNAL`] is meant: calls that change the mask go by the set that they name,
    /// too.
    pub const IN_SET: u64 = 1 << 17;
    /// Not a filter: new processes of selected callers are selected too.
    pub const FOLLOW: u64 = 1 << 13;
    /// Calls aimed at a thread whose name is in the map `TARGET_COMMS`.
    pub const TARGET_COMM: u64 = 1 << 20;
    /// Calls aimed at a thread named as one of `target_comms`.
    pub const FEW_TARGET_COMMS: u64 = 1 << 21;
    /// Calls aimed at a thread of a user in the map `TARGET_UIDS`.
    pub const TARGET_UID: u64 = 1 << 22;
    /// Calls aimed at a thread of one of the users `target_uids`.
    pub const FEW_TARGET_UIDS: u64 = 1 << 23;
    /// Calls aimed at a thread in or below the cgroup `target_cgroup`.
    pub const TARGET_CGROUP: u64 = 1 << 24;
    /// Not a filter: what tells the caller of a call, and the process that it names, from others with their
    /// numbers is in its record.
    pub const CONTEXT: u64 = 1 << 25;
    /// Not a filter, either: the arguments of processes are told.
    pub const ARGS: u64 = 1 << 26;
    /// Any of those by who the target is. One target has to be all that is asked for, its number
    /// included.
    pub const TARGET_IDENTITY: u64 =
        TARGET_COMM | FEW_TARGET_COMMS | TARGET_UID | FEW_TARGET_UIDS | TARGET_CGROUP;
}

/// Bits of a value in the maps `PIDS` (by process id) and `THREADS` (by thread id of a target).
pub mod side {
    /// Selected whether it calls or is called upon.
    pub const EITHER: u32 = 1 << 0;
    /// Selected as a caller.
    pub const CALLER: u32 = 1 << 1;
    /// Selected as a target.
    pub const TARGET: u32 = 1 << 2;
    /// Joined by being a selected process's child, and leaves when it ends. One that was named
    /// stays: its number is what was asked for.
    pub const FOLLOWED: u32 = 1 << 3;
}

/// Kinds of events: bits of [`Config::kinds`].
pub mod kinds {
    /// Signals that are sent.
    pub const GENERATE: u32 = 1 << 0;
    /// Processes that end by a signal.
    pub const EXIT: u32 = 1 << 1;
    /// Signals that are taken.
    pub const DELIVER: u32 = 1 << 2;
    /// Those for which it is followed what becomes of signals.
    pub const SIGNALS: u32 = GENERATE | DELIVER;
}

/// How the programs read kernel memory: bits of [`Config::access`]. What the kernel allows is found
/// out by trying; without any of these it is read by `bpf_probe_read_kernel`.
pub mod access {
    /// Pointers to a `task_struct` and to registers can be followed: the helpers
    /// `bpf_get_current_task_btf` and `bpf_task_pt_regs` (5.11, 5.15) give them with their types.
    pub const TASK: u32 = 1 << 0;
    /// The kfunc `bpf_rdonly_cast` (6.2) gives the first, which the verifier is quicker with on some
    /// kernels.
    pub const CAST: u32 = 1 << 1;
    /// Returns can be missed of which the kernel does not count that it skipped them: a thread that enters
    /// a call may still have another in its slot, which is to be told of.
    pub const MISSES: u32 = 1 << 2;
    /// The kfunc `bpf_rdonly_cast` gives pointers to registers, and whatever else.
    pub const CAST_REGISTERS: u32 = 1 << 3;
}

/// Byte offsets of members in the running kernel's structs, from its BTF. A whole group is zero
/// when BTF has not all of it; then what needs it is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Offsets {
    /// `task_struct.real_parent`.
    pub task_real_parent: u32,
    /// `task_struct.tgid`.
    pub task_tgid: u32,
    /// `task_struct.pid`: the thread's id.
    pub task_pid: u32,
    /// `task_struct.comm`.
    pub task_comm: u32,
    /// `task_struct.signal`.
    pub task_signal: u32,
    /// `signal_struct.live`: how many threads of the process have not ended.
    pub signal_live: u32,
    /// `signal_struct.flags`.
    pub signal_flags: u32,
    /// `signal_struct.group_exit_code`.
    pub signal_group_exit_code: u32,
    /// `task_struct.exit_code`.
    pub task_exit_code: u32,
    /// `task_struct.start_boottime`.
    pub task_start_boottime: u32,
    /// `task_struct.flags`.
    pub task_flags: u32,
    /// `task_struct.files`.
    pub task_files: u32,
    /// `files_struct.fdt`.
    pub files_fdt: u32,
    /// `fdtable.max_fds`.
    pub fdtable_max_fds: u32,
    /// `fdtable.fd`.
    pub fdtable_fd: u32,
    /// `file.private_data`.
    pub file_private_data: u32,
    /// `file.f_inode`.
    pub file_inode: u32,
    /// `inode.i_private`.
    pub inode_private: u32,
    /// `inode.i_sb`.
    pub inode_sb: u32,
    /// `super_block.s_magic`.
    pub super_block_magic: u32,
    /// `proc_inode.pid` less `proc_inode.vfs_inode`: from the inode to its pid. Negative.
    pub proc_inode_pid: i32,
    /// `pid.numbers[0].nr`: the number in the initial pid namespace.
    pub pid_number: u32,
    /// `task_struct.thread_pid`.
    pub task_thread_pid: u32,
    /// `pid.tasks`: the threads of the number, by what it is to them; first those whose own it is.
    pub pid_tasks: u32,
    /// `task_struct.pid_links`: the links of those lists, in the same order.
    pub task_pid_links: u32,
    /// `task_struct.group_leader`.
    pub task_group_leader: u32,
    /// `pid.level`: how many namespaces are above the pid's own.
    pub pid_level: u32,
    /// Bytes from one of `pid.numbers` to the next, one a namespace.
    pub upid_size: u32,
    /// From the `nr` of a `struct upid` to its `ns`.
    pub upid_ns: u32,
    /// `pid_namespace.idr.idr_rt.xa_head`: the root of the tree of its pids.
    pub pid_namespace_tree: u32,
    /// `xa_node.shift`.
    pub xa_node_shift: u32,
    /// `xa_node.slots`.
    pub xa_node_slots: u32,
    /// `task_struct.stack`.
    pub task_stack: u32,
    /// Bytes of `struct pt_regs`, the last thing on a kernel stack.
    pub pt_regs_size: u32,
    /// `kiocb.ki_filp`.
    pub kiocb_file: u32,
    /// `kiocb.ki_flags`.
    pub kiocb_flags: u32,
    /// `io_rw.flags`, of which `io_rw.kiocb` is the beginning.
    pub io_rw_flags: u32,
    /// `iov_iter.iter_type`.
    pub iter_type: u32,
    /// `iov_iter.count`.
    pub iter_count: u32,
    /// `iov_iter.iov_offset`.
    pub iter_offset: u32,
    /// `iov_iter.ubuf`, where `iov_iter.__iov` is, too.
    pub iter_ubuf: u32,
    /// `task_struct.cred`.
    pub task_cred: u32,
    /// `task_struct.real_cred`: what the thread is to others.
    pub task_real_cred: u32,
    /// `cred.uid`.
    pub cred_uid: u32,
    /// `cred.gid`.
    pub cred_gid: u32,
    /// `task_struct.cgroups`.
    pub task_cgroups: u32,
    /// `css_set.dfl_cgrp`.
    pub css_set_dfl_cgrp: u32,
    /// `cgroup.level`: how many cgroups are above it.
    pub cgroup_level: u32,
    /// `cgroup.ancestors`: pointers to those from the root on, and to itself; 0 before 6.1.
    pub cgroup_ancestors: u32,
    /// `cgroup.ancestor_ids`: their ids; 0 from 6.1 on.
    pub cgroup_ancestor_ids: u32,
    /// `cgroup.kn`.
    pub cgroup_kn: u32,
    /// `kernfs_node.id`.
    pub kernfs_node_id: u32,
    /// `task_struct.blocked`.
    pub task_blocked: u32,
    /// `task_struct.mm`.
    pub task_mm: u32,
    /// `mm_struct.mm_users`: how many threads have the memory.
    pub mm_users: u32,
    /// `task_struct.nvcsw`: how often the thread gave up its processor.
    pub task_nvcsw: u32,
    /// `task_struct.sighand`.
    pub task_sighand: u32,
    /// `sighand_struct.action`: what each signal does.
    pub sighand_action: u32,
    /// Bytes of one of them, a `struct k_sigaction`.
    pub k_sigaction_size: u32,
    /// `task_struct.sas_ss_sp`.
    pub task_sas_ss_sp: u32,
    /// `task_struct.sas_ss_size`.
    pub task_sas_ss_size: u32,
    /// `task_struct.sas_ss_flags`.
    pub task_sas_ss_flags: u32,
    /// `cred.user_ns`.
    pub cred_user_ns: u32,
    /// `user_namespace.parent`.
    pub user_ns_parent: u32,
    /// `user_namespace.level`: how many namespaces it is in.
    pub user_ns_level: u32,
    /// `user_namespace.owner`: who created it, in the initial namespace.
    pub user_ns_owner: u32,
    /// `task_struct.self_exec_id`: how often the thread and those it descends from have executed something.
    pub task_self_exec_id: u32,
    /// `task_struct.loginuid`; [`MISSING`](Self::MISSING) without CONFIG_AUDIT.
    pub task_loginuid: u32,
    /// `signal_struct.pids`: its numbers by what they are to it.
    pub signal_pids: u32,
    /// `mm_struct.exe_file`.
    pub mm_exe_file: u32,
    /// `mm_struct.arg_start`.
    pub mm_arg_start: u32,
    /// `mm_struct.arg_end`.
    pub mm_arg_end: u32,
    /// `file.f_path.dentry`.
    pub file_dentry: u32,
    /// `file.f_path.mnt`.
    pub file_mnt: u32,
    /// `dentry.d_parent`.
    pub dentry_parent: u32,
    /// `dentry.d_name.name`.
    pub dentry_name: u32,
    /// `dentry.d_inode`.
    pub dentry_inode: u32,
    /// `inode.i_nlink`: how many names it has.
    pub inode_nlink: u32,
    /// `mount.mnt`, which is what others have of a mount.
    pub mount_mnt: u32,
    /// `mount.mnt_parent`.
    pub mount_parent: u32,
    /// `mount.mnt_mountpoint`.
    pub mount_mountpoint: u32,
    /// `vfsmount.mnt_root`.
    pub vfsmount_root: u32,
    /// `kernfs_node.parent`, from 6.15 on `__parent`.
    pub kernfs_parent: u32,
    /// `kernfs_node.name`.
    pub kernfs_name: u32,
    /// `linux_binprm.filename`: what was given to execve.
    pub binprm_filename: u32,
    /// `linux_binprm.interp`: what is executed instead, of a script its interpreter.
    pub binprm_interp: u32,
    /// `task_struct.thread_info.status`, which tells 32-bit callers on x86.
    pub task_status: u32,
    /// `task_struct.ptrace`: how the thread is traced.
    pub task_ptrace: u32,
    /// `task_struct.parent`: who traces it, or its parent.
    pub task_parent: u32,
    /// `task_struct.real_blocked`: what it blocked before it began to wait in rt_sigtimedwait.
    pub task_real_blocked: u32,
    /// `task_struct.pdeath_signal`.
    pub task_pdeath_signal: u32,
    /// `task_struct.seccomp.mode`: how its system calls are filtered; 0 if the kernel filters none.
    pub task_seccomp: u32,
    /// `signal_struct.leader`: whether the process leads its session.
    pub signal_leader: u32,
    /// `pid_namespace.child_reaper`: its first process.
    pub pid_namespace_child_reaper: u32,
    /// `signal_struct.rlim`.
    pub signal_rlim: u32,
    /// `signal_struct.cputimer.cputime_atomic.utime`.
    pub signal_cputimer_utime: u32,
    /// `signal_struct.cputimer.cputime_atomic.stime`.
    pub signal_cputimer_stime: u32,
    /// `task_struct.rt.timeout`: ticks of real-time scheduling.
    pub task_rt_timeout: u32,
    /// `oom_control.memcg`.
    pub oom_control_memcg: u32,
    /// `mem_cgroup.css.cgroup`.
    pub mem_cgroup_cgroup: u32,
    /// `mem_cgroup.memory.max`, in pages.
    pub mem_cgroup_memory_max: u32,
    /// `mm_struct.mm_mt.ma_root`: the root of the tree of mappings, from 6.1 on.
    pub mm_maple_root: u32,
    /// `mm_struct.mm_rb`: likewise, before.
    pub mm_rb: u32,
    /// `vm_area_struct.vm_rb`: a node of the latter.
    pub vma_rb: u32,
    /// `rb_node.rb_left`.
    pub rb_left: u32,
    /// `rb_node.rb_right`.
    pub rb_right: u32,
    /// `vm_area_struct.vm_start`.
    pub vma_start: u32,
    /// `vm_area_struct.vm_end`.
    pub vma_end: u32,
    /// `vm_area_struct.vm_mm`.
    pub vma_mm: u32,
    /// `vm_area_struct.vm_pgoff`: where the mapping begins in its file, in pages.
    pub vma_pgoff: u32,
    /// `vm_area_struct.vm_file`.
    pub vma_file: u32,
    /// `inode.i_ino`.
    pub inode_ino: u32,
    /// `inode.i_generation`.
    pub inode_generation: u32,
    /// `super_block.s_dev`.
    pub super_block_dev: u32,
    /// `dentry.d_name.hash_len`.
    pub dentry_hash: u32,
    /// The number of the type `struct task_struct`.
    pub type_task: u32,
    /// The number of the type `struct pt_regs`.
    pub type_pt_regs: u32,
    /// The number of the type `struct k_sigaction`.
    pub type_k_sigaction: u32,
}

impl Offsets {
    /// The offset of a member that the running kernel does not have, in a group that is there without it.
    pub const MISSING: u32 = u32::MAX;
}

// SAFETY: integers only; every bit pattern is a value. `Config` has words of 8 bytes
// first, then an even number of 4: no padding.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Config {}

const _: () = {
    assert!(size_of::<Offsets>() == 118 * 4);
    assert!(size_of::<Config>() == 8 * (4 + ERROR_WORDS + 4 * FEW) + 4 * (3 * FEW + 10 + 118));
};
