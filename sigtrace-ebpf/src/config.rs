//! The agent's configuration as the programs see it.

use sigtrace_common::{Config, ERROR_WORDS, FEW, Offsets, select};

/// Overridden by the agent before loading. Read-only and frozen, so that the verifier knows its
/// content and removes what is not in use.
#[unsafe(no_mangle)]
static CONFIG: Config = Config {
    select: 0,
    signals: 0,
    min_duration_ns: 0,
    errors: [0; ERROR_WORDS],
    comms: [[0; 2]; FEW],
    target_comms: [[0; 2]; FEW],
    target_cgroup: 0,
    tids: [0; FEW],
    uids: [0; FEW],
    target_uids: [0; FEW],
    self_pid: 0,
    wakeup_bytes: 0,
    ring_bits: 0,
    has_shares: 0,
    slot_mask: 0,
    access: 0,
    kinds: 0,
    tick_us: 0,
    page_shift: 0,
    stack_size: 0,
    offsets: Offsets {
        task_real_parent: 0,
        task_tgid: 0,
        task_pid: 0,
        task_comm: 0,
        task_signal: 0,
        signal_live: 0,
        signal_flags: 0,
        signal_group_exit_code: 0,
        task_exit_code: 0,
        task_start_boottime: 0,
        task_flags: 0,
        task_files: 0,
        files_fdt: 0,
        fdtable_max_fds: 0,
        fdtable_fd: 0,
        file_private_data: 0,
        file_inode: 0,
        inode_private: 0,
        inode_sb: 0,
        super_block_magic: 0,
        proc_inode_pid: 0,
        pid_number: 0,
        task_thread_pid: 0,
        pid_tasks: 0,
        task_pid_links: 0,
        task_group_leader: 0,
        pid_level: 0,
        upid_size: 0,
        upid_ns: 0,
        pid_namespace_tree: 0,
        xa_node_shift: 0,
        xa_node_slots: 0,
        task_stack: 0,
        pt_regs_size: 0,
        kiocb_file: 0,
        kiocb_flags: 0,
        io_rw_flags: 0,
        iter_type: 0,
        iter_count: 0,
        iter_offset: 0,
        iter_ubuf: 0,
        task_cred: 0,
        task_real_cred: 0,
        cred_uid: 0,
        cred_gid: 0,
        task_cgroups: 0,
        css_set_dfl_cgrp: 0,
        cgroup_level: 0,
        cgroup_ancestors: 0,
        cgroup_ancestor_ids: 0,
        cgroup_kn: 0,
        kernfs_node_id: 0,
        task_blocked: 0,
        task_mm: 0,
        mm_users: 0,
        task_nvcsw: 0,
        task_sighand: 0,
        sighand_action: 0,
        k_sigaction_size: 0,
        task_sas_ss_sp: 0,
        task_sas_ss_size: 0,
        task_sas_ss_flags: 0,
        cred_user_ns: 0,
        user_ns_parent: 0,
        user_ns_level: 0,
        user_ns_owner: 0,
        task_self_exec_id: 0,
        task_loginuid: 0,
        signal_pids: 0,
        mm_exe_file: 0,
        mm_arg_start: 0,
        mm_arg_end: 0,
        file_dentry: 0,
        file_mnt: 0,
        dentry_parent: 0,
        dentry_name: 0,
        dentry_inode: 0,
        inode_nlink: 0,
        mount_mnt: 0,
        mount_parent: 0,
        mount_mountpoint: 0,
        vfsmount_root: 0,
        kernfs_parent: 0,
        kernfs_name: 0,
        binprm_filename: 0,
        binprm_interp: 0,
        task_status: 0,
        task_ptrace: 0,
        task_parent: 0,
        task_real_blocked: 0,
        task_pdeath_signal: 0,
        task_seccomp: 0,
        signal_leader: 0,
        pid_namespace_child_reaper: 0,
        signal_rlim: 0,
        signal_cputimer_utime: 0,
        signal_cputimer_stime: 0,
        task_rt_timeout: 0,
        oom_control_memcg: 0,
        mem_cgroup_cgroup: 0,
        mem_cgroup_memory_max: 0,
        mm_maple_root: 0,
        mm_rb: 0,
        vma_rb: 0,
        rb_left: 0,
        rb_right: 0,
        vma_start: 0,
        vma_end: 0,
        vma_mm: 0,
        vma_pgoff: 0,
        vma_file: 0,
        inode_ino: 0,
        inode_generation: 0,
        super_block_dev: 0,
        dentry_hash: 0,
        type_task: 0,
        type_pt_regs: 0,
        type_k_sigaction: 0,
    },
};

/// Reads one member of the configuration. Volatile, as the compiler must not take the value it
/// sees here for the one the agent puts in its place.
macro_rules! config {
    ($($member:tt)+) => {{
        // SAFETY: a valid, aligned static. It is also used in what is unsafe itself.
        #[allow(unused_unsafe)]
        unsafe { ::core::ptr::read_volatile(&raw const $crate::config::get().$($member)+) }
    }};
}
pub(crate) use config;

/// The configuration, to be read with [`config!`] only.
#[inline(always)]
pub fn get() -> &'static Config {
    &CONFIG
}

/// Whether any of these filters is in use.
#[inline(always)]
pub fn selects(filters: u64) -> bool {
    config!(select) & filters != 0
}

/// Whether calls are selected by whom they are aimed at.
#[inline(always)]
pub fn selects_targets() -> bool {
    selects(select::EITHER | select::TARGET | select::TARGET_IDENTITY)
}

/// Whether they are by its number.
#[inline(always)]
pub fn selects_targets_by_number() -> bool {
    selects(select::EITHER | select::TARGET)
}

/// Whether they are by its name, its user or its control group.
#[inline(always)]
pub fn selects_targets_by_identity() -> bool {
    selects(select::TARGET_IDENTITY)
}
