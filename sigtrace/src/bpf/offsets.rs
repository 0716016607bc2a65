//! Where the running kernel keeps the members the programs look for.

use sigtrace_common::{Offsets, select};

use super::types::{Structure, Types};

/// The offsets as far as the kernel's types tell them.
pub(super) fn of(types: &Types) -> Offsets {
    let task = types.structure("task_struct");
    let mut offsets = Offsets::default();
    // Each group stands or falls as a whole.
    for group in [
        parent,
        process_end,
        exits,
        files,
        pidfd,
        namespace,
        signalfd,
        iterator,
        tries,
        caller,
        user_namespaces,
        kept,
        compat,
        others,
        ancestors,
        signals,
        memory,
        context,
        mappings,
    ] {
        if let Some(found) = group(types, &task, offsets) {
            offsets = found;
        }
    }
    offsets
}

/// The same with the numbers by which the kernel knows structures, where these are its own types.
pub(super) fn with_numbers(types: &Types, offsets: Offsets) -> Offsets {
    let number = |name| types.structure(name).number();
    let numbers = (number("task_struct"), number("pt_regs"), number("k_sigaction"));
    let (Some(type_task), Some(type_pt_regs), Some(type_k_sigaction)) = numbers else {
        return offsets;
    };
    Offsets { type_task, type_pt_regs, type_k_sigaction, ..offsets }
}

/// Whether programs that know these offsets can tell the identity of targets, as far as these filters
/// ask for it.
pub(super) fn tell_identity(offsets: &Offsets, filters: u64) -> bool {
    (filters & select::TARGET_IDENTITY == 0 || offsets.task_pid_links != 0)
        && (filters & select::TARGET_CGROUP == 0 || offsets.cgroup_level != 0)
}

/// Whether programs that know these offsets can tell how processes end.
pub(super) fn tell_exits(offsets: &Offsets) -> bool {
    offsets.task_start_boottime != 0
}

/// Whether programs that know these offsets can tell of signals that are sent.
pub(super) fn tell_signals(offsets: &Offsets) -> bool {
    offsets.task_ptrace != 0
}

/// Whether programs that know these offsets can tell who processes are.
pub(super) fn tell_context(offsets: &Offsets) -> bool {
    offsets.mm_exe_file != 0
}

/// Whether programs that know these offsets can tell where code is.
pub(super) fn tell_mappings(offsets: &Offsets) -> bool {
    offsets.vma_file != 0
}

/// Whether programs that know these offsets can make sense of what a function is called with.
pub(super) fn suffice(offsets: &Offsets, symbol: &str) -> bool {
    symbol != "signalfd_read_iter" || offsets.iter_count != 0
}

fn parent(_: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets {
        task_real_parent: task.member("real_parent")?,
        task_tgid: task.member("tgid")?,
        task_pid: task.member("pid")?,
        task_comm: task.member("comm")?,
        ..offsets
    })
}

fn process_end(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets {
        task_signal: task.member("signal")?,
        signal_live: types.structure("signal_struct").member("live")?,
        ..offsets
    })
}

/// For programs that tell which processes end by a signal.
fn exits(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    (offsets.task_comm != 0 && offsets.signal_live != 0).then_some(())?;
    let signal = types.structure("signal_struct");
    Some(Offsets {
        signal_flags: signal.member("flags")?,
        signal_group_exit_code: signal.member("group_exit_code")?,
        task_exit_code: task.member("exit_code")?,
        task_flags: task.member("flags")?,
        task_start_boottime: task.member("start_boottime")?,
        task_group_leader: task.member("group_leader")?,
        ..offsets
    })
}

fn files(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    let fdtable = types.structure("fdtable");
    Some(Offsets {
        task_files: task.member("files")?,
        files_fdt: types.structure("files_struct").member("fdt")?,
        fdtable_max_fds: fdtable.member("max_fds")?,
        fdtable_fd: fdtable.member("fd")?,
        file_private_data: types.structure("file").member("private_data")?,
        ..offsets
    })
}

fn pidfd(types: &Types, _: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    (offsets.task_files != 0).then_some(())?;
    let (inode, proc_inode) = (types.structure("inode"), types.structure("proc_inode"));
    let proc_pid = i64::from(proc_inode.member("pid")?);
    let proc_vfs = i64::from(proc_inode.member("vfs_inode")?);
    Some(Offsets {
        file_inode: types.structure("file").member("f_inode")?,
        inode_private: inode.member("i_private")?,
        inode_sb: inode.member("i_sb")?,
        super_block_magic: types.structure("super_block").member("s_magic")?,
        proc_inode_pid: i32::try_from(proc_pid - proc_vfs).ok()?,
        pid_number: types.structure("pid").member("numbers")?
            + types.structure("upid").member("nr")?,
        ..offsets
    })
}

fn namespace(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    (offsets.pid_number != 0).then_some(())?;
    let (upid, node) = (types.structure("upid"), types.structure("xa_node"));
    let tree = types.structure("pid_namespace").member("idr")?
        + types.structure("idr").member("idr_rt")?
        + types.structure("xarray").member("xa_head")?;
    // 64 slots a node: with CONFIG_BASE_SMALL there are fewer.
    let slots = node.size()?.checked_sub(node.member("slots")?)?;
    (slots >= 64 * 8).then_some(())?;
    Some(Offsets {
        task_thread_pid: task.member("thread_pid")?,
        task_group_leader: task.member("group_leader")?,
        pid_level: types.structure("pid").member("level")?,
        upid_size: upid.size()?,
        upid_ns: upid.member("ns")?.checked_sub(upid.member("nr")?)?,
        pid_namespace_tree: tree,
        xa_node_shift: node.member("shift")?,
        xa_node_slots: node.member("slots")?,
        ..offsets
    })
}

fn signalfd(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets {
        task_stack: task.member("stack")?,
        pt_regs_size: types.structure("pt_regs").size()?,
        ..offsets
    })
}

fn iterator(types: &Types, _: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    let (kiocb, iterator) = (types.structure("kiocb"), types.structure("iov_iter"));
    Some(Offsets {
        kiocb_file: kiocb.member("ki_filp")?,
        iter_type: iterator.member("iter_type")?,
        iter_count: iterator.member("count")?,
        iter_offset: iterator.member("iov_offset")?,
        iter_ubuf: iterator.member("ubuf")?,
        ..offsets
    })
}

fn tries(types: &Types, _: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    let io_rw = types.structure("io_rw");
    (io_rw.member("kiocb")? == 0).then_some(())?;
    Some(Offsets {
        kiocb_flags: types.structure("kiocb").member("ki_flags")?,
        io_rw_flags: io_rw.member("flags")?,
        ..offsets
    })
}

fn caller(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    let cred = types.structure("cred");
    Some(Offsets {
        task_cred: task.member("cred")?,
        cred_uid: cred.member("uid")?,
        cred_gid: cred.member("gid")?,
        task_cgroups: task.member("cgroups")?,
        css_set_dfl_cgrp: types.structure("css_set").member("dfl_cgrp")?,
        cgroup_kn: types.structure("cgroup").member("kn")?,
        kernfs_node_id: types.structure("kernfs_node").member("id")?,
        task_blocked: task.member("blocked")?,
        ..offsets
    })
}

fn user_namespaces(types: &Types, _: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    let namespace = types.structure("user_namespace");
    Some(Offsets {
        cred_user_ns: types.structure("cred").member("user_ns")?,
        user_ns_parent: namespace.member("parent")?,
        user_ns_level: namespace.member("level")?,
        user_ns_owner: namespace.member("owner")?,
        ..offsets
    })
}

fn kept(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets {
        task_mm: task.member("mm")?,
        mm_users: types.structure("mm_struct").member("mm_users")?,
        task_nvcsw: task.member("nvcsw")?,
        task_sighand: task.member("sighand")?,
        sighand_action: types.structure("sighand_struct").member("action")?,
        k_sigaction_size: types.structure("k_sigaction").size()?,
        task_sas_ss_sp: task.member("sas_ss_sp")?,
        task_sas_ss_size: task.member("sas_ss_size")?,
        task_sas_ss_flags: task.member("sas_ss_flags")?,
        ..offsets
    })
}

fn compat(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets {
        // With CONFIG_THREAD_INFO_IN_TASK it is there; only x86 has the member.
        task_status: match task.member("thread_info") {
            Some(info) => types.structure("thread_info").member("status").map_or(0, |at| info + at),
            None => 0,
        },
        ..offsets
    })
}

fn others(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    (offsets.task_comm != 0 && offsets.pid_namespace_tree != 0).then_some(())?;
    Some(Offsets {
        pid_tasks: types.structure("pid").member("tasks")?,
        task_pid_links: task.member("pid_links")?,
        task_real_cred: task.member("real_cred")?,
        cred_uid: types.structure("cred").member("uid")?,
        ..offsets
    })
}

fn ancestors(types: &Types, _: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    (offsets.kernfs_node_id != 0).then_some(())?;
    let cgroup = types.structure("cgroup");
    let (pointers, ids) = (cgroup.member("ancestors"), cgroup.member("ancestor_ids"));
    pointers.or(ids)?;
    Some(Offsets {
        cgroup_level: cgroup.member("level")?,
        cgroup_ancestors: pointers.unwrap_or(0),
        cgroup_ancestor_ids: ids.unwrap_or(0),
        ..offsets
    })
}

/// For programs that tell of signals that are sent.
fn signals(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    let needed = [
        offsets.task_start_boottime,
        offsets.task_thread_pid,
        offsets.task_stack,
        offsets.task_sighand,
        offsets.task_blocked,
        offsets.task_pid_links,
        offsets.user_ns_level,
    ];
    needed.iter().all(|offset| *offset != 0).then_some(())?;
    let signal = types.structure("signal_struct");
    let times = signal.member("cputimer")?
        + types.structure("thread_group_cputimer").member("cputime_atomic")?;
    let atomic = types.structure("task_cputime_atomic");
    Some(Offsets {
        task_ptrace: task.member("ptrace")?,
        task_parent: task.member("parent")?,
        task_real_blocked: task.member("real_blocked")?,
        task_pdeath_signal: task.member("pdeath_signal")?,
        task_seccomp: match task.member("seccomp") {
            Some(at) => at + types.structure("seccomp").member("mode").unwrap_or(0),
            None => 0,
        },
        signal_leader: signal.member("leader")?,
        pid_namespace_child_reaper: types.structure("pid_namespace").member("child_reaper")?,
        signal_rlim: signal.member("rlim")?,
        signal_cputimer_utime: times + atomic.member("utime")?,
        signal_cputimer_stime: times + atomic.member("stime")?,
        task_rt_timeout: task.member("rt")?
            + types.structure("sched_rt_entity").member("timeout")?,
        ..offsets
    })
}

/// Where the kernel is out of memory.
fn memory(types: &Types, _: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    (offsets.kernfs_node_id != 0).then_some(())?;
    let group = types.structure("mem_cgroup");
    Some(Offsets {
        oom_control_memcg: types.structure("oom_control").member("memcg")?,
        mem_cgroup_cgroup: group.member("css")?
            + types.structure("cgroup_subsys_state").member("cgroup")?,
        mem_cgroup_memory_max: group.member("memory")?
            + types.structure("page_counter").member("max")?,
        ..offsets
    })
}

/// For programs that tell who processes are.
fn context(types: &Types, task: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    let has_all = [
        offsets.task_start_boottime,
        offsets.pid_level,
        offsets.task_pid_links,
        offsets.kernfs_node_id,
        offsets.task_mm,
        offsets.file_inode,
    ];
    has_all.iter().all(|offset| *offset != 0).then_some(())?;
    let (mm, file) = (types.structure("mm_struct"), types.structure("file"));
    let (dentry, mount) = (types.structure("dentry"), types.structure("mount"));
    let (path, node) = (types.structure("path"), types.structure("kernfs_node"));
    let binprm = types.structure("linux_binprm");
    let file_path = file.member("f_path")?;
    Some(Offsets {
        task_self_exec_id: task.member("self_exec_id")?,
        task_loginuid: task.member("loginuid").unwrap_or(Offsets::MISSING),
        signal_pids: types.structure("signal_struct").member("pids")?,
        mm_exe_file: mm.member("exe_file")?,
        mm_arg_start: mm.member("arg_start")?,
        mm_arg_end: mm.member("arg_end")?,
        file_dentry: file_path + path.member("dentry")?,
        file_mnt: file_path + path.member("mnt")?,
        dentry_parent: dentry.member("d_parent")?,
        dentry_name: dentry.member("d_name")? + types.structure("qstr").member("name")?,
        dentry_inode: dentry.member("d_inode")?,
        inode_nlink: types.structure("inode").member("i_nlink")?,
        mount_mnt: mount.member("mnt")?,
        mount_parent: mount.member("mnt_parent")?,
        mount_mountpoint: mount.member("mnt_mountpoint")?,
        vfsmount_root: types.structure("vfsmount").member("mnt_root")?,
        kernfs_parent: node.member("__parent").or_else(|| node.member("parent"))?,
        kernfs_name: node.member("name")?,
        binprm_filename: binprm.member("filename")?,
        binprm_interp: binprm.member("interp")?,
        ..offsets
    })
}

/// For programs that tell where code is.
fn mappings(types: &Types, _: &Structure<'_>, offsets: Offsets) -> Option<Offsets> {
    (offsets.mm_exe_file != 0).then_some(())?;
    let (mm, vma) = (types.structure("mm_struct"), types.structure("vm_area_struct"));
    let (inode, node) = (types.structure("inode"), types.structure("rb_node"));
    let (range, arange) = (types.structure("maple_range_64"), types.structure("maple_arange_64"));
    let offsets = Offsets {
        rb_left: node.member("rb_left")?,
        rb_right: node.member("rb_right")?,
        vma_start: vma.member("vm_start")?,
        vma_end: vma.member("vm_end")?,
        vma_mm: vma.member("vm_mm")?,
        vma_pgoff: vma.member("vm_pgoff")?,
        inode_ino: inode.member("i_ino")?,
        inode_generation: inode.member("i_generation")?,
        super_block_dev: types.structure("super_block").member("s_dev")?,
        dentry_hash: types.structure("dentry").member("d_name")?
            + types.structure("qstr").member("hash_len")?,
        ..offsets
    };
    // What the programs know of nodes: behind a pointer 15 or 9 pivots, and then slots.
    let is_known = |node: &Structure<'_>, pivots: u32| {
        node.member("pivot") == Some(8) && node.member("slot") == Some(8 + 8 * pivots)
    };
    let vma_file = vma.member("vm_file")?;
    if let Some(tree) = mm.member("mm_mt") {
        (is_known(&range, 15) && is_known(&arange, 9)).then_some(())?;
        Some(Offsets {
            mm_maple_root: tree + types.structure("maple_tree").member("ma_root")?,
            vma_file,
            ..offsets
        })
    } else {
        let (mm_rb, vma_rb) = (mm.member("mm_rb")?, vma.member("vm_rb")?);
        Some(Offsets { mm_rb, vma_rb, vma_file, ..offsets })
    }
}
