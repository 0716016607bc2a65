//! Where the running kernel keeps the members the programs look for, from its BTF.

use std::fs;

use anyhow::Context as _;
use btf_rs::{Btf, Type};
use sigtrace_common::Offsets;

/// The kernel's own type information.
pub const BTF: &str = "/sys/kernel/btf/vmlinux";

/// The offsets as far as the kernel tells them.
pub fn from_kernel() -> Offsets {
    // Read in one go: the file is some megabytes, and each small read of it costs a system call.
    let btf = fs::read(BTF)
        .context("cannot read it")
        .and_then(|bytes| Btf::from_bytes(&bytes).context("cannot make sense of it"));
    let btf = match btf {
        Ok(btf) => btf,
        Err(error) => {
            tracing::info!("{BTF}: {error:#}: no parents, targets and pid namespaces");
            return Offsets::default();
        }
    };
    let mut offsets = Offsets::default();
    // Each group stands or falls as a whole.
    for group in [parent, process_end, files, pidfd, namespace, signalfd, iterator] {
        if let Some(found) = group(&btf, offsets) {
            offsets = found;
        }
    }
    offsets
}

fn parent(btf: &Btf, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets {
        task_real_parent: member(btf, "task_struct", "real_parent")?,
        task_tgid: member(btf, "task_struct", "tgid")?,
        task_comm: member(btf, "task_struct", "comm")?,
        ..offsets
    })
}

fn process_end(btf: &Btf, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets {
        task_signal: member(btf, "task_struct", "signal")?,
        signal_live: member(btf, "signal_struct", "live")?,
        ..offsets
    })
}

fn files(btf: &Btf, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets {
        task_files: member(btf, "task_struct", "files")?,
        files_fdt: member(btf, "files_struct", "fdt")?,
        fdtable_max_fds: member(btf, "fdtable", "max_fds")?,
        fdtable_fd: member(btf, "fdtable", "fd")?,
        file_private_data: member(btf, "file", "private_data")?,
        ..offsets
    })
}

fn pidfd(btf: &Btf, offsets: Offsets) -> Option<Offsets> {
    let proc_pid = i64::from(member(btf, "proc_inode", "pid")?);
    let proc_inode = i64::from(member(btf, "proc_inode", "vfs_inode")?);
    (offsets.task_files != 0).then_some(())?;
    Some(Offsets {
        file_inode: member(btf, "file", "f_inode")?,
        inode_private: member(btf, "inode", "i_private")?,
        inode_sb: member(btf, "inode", "i_sb")?,
        super_block_magic: member(btf, "super_block", "s_magic")?,
        proc_inode_pid: i32::try_from(proc_pid - proc_inode).ok()?,
        pid_number: member(btf, "pid", "numbers")? + member(btf, "upid", "nr")?,
        ..offsets
    })
}

fn namespace(btf: &Btf, offsets: Offsets) -> Option<Offsets> {
    let tree = member(btf, "pid_namespace", "idr")?
        + member(btf, "idr", "idr_rt")?
        + member(btf, "xarray", "xa_head")?;
    (offsets.pid_number != 0).then_some(())?;
    // 64 slots a node: with CONFIG_BASE_SMALL there are fewer.
    let slots = size(btf, "xa_node")?.checked_sub(member(btf, "xa_node", "slots")?)?;
    (slots >= 64 * 8).then_some(())?;
    Some(Offsets {
        task_thread_pid: member(btf, "task_struct", "thread_pid")?,
        task_group_leader: member(btf, "task_struct", "group_leader")?,
        pid_level: member(btf, "pid", "level")?,
        upid_size: size(btf, "upid")?,
        upid_ns: member(btf, "upid", "ns")? - member(btf, "upid", "nr")?,
        pid_namespace_tree: tree,
        xa_node_shift: member(btf, "xa_node", "shift")?,
        xa_node_slots: member(btf, "xa_node", "slots")?,
        ..offsets
    })
}

fn signalfd(btf: &Btf, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets { task_stack: member(btf, "task_struct", "stack")?, ..offsets })
}

fn iterator(btf: &Btf, offsets: Offsets) -> Option<Offsets> {
    Some(Offsets {
        kiocb_file: member(btf, "kiocb", "ki_filp")?,
        iter_type: member(btf, "iov_iter", "iter_type")?,
        iter_count: member(btf, "iov_iter", "count")?,
        iter_offset: member(btf, "iov_iter", "iov_offset")?,
        iter_ubuf: member(btf, "iov_iter", "ubuf")?,
        ..offsets
    })
}

/// Bytes of a structure.
fn size(btf: &Btf, structure: &str) -> Option<u32> {
    btf.resolve_types_by_name(structure).ok()?.iter().find_map(|found| match found {
        Type::Struct(found) => u32::try_from(found.size()).ok(),
        _ => None,
    })
}

/// Byte offset of a member, also of one inside unnamed members.
fn member(btf: &Btf, structure: &str, name: &str) -> Option<u32> {
    btf.resolve_types_by_name(structure).ok()?.iter().find_map(|found| match found {
        Type::Struct(_) => member_of(btf, found, name),
        _ => None,
    })
}

fn member_of(btf: &Btf, structure: &Type, name: &str) -> Option<u32> {
    let members = match structure {
        Type::Struct(structure) => &structure.members,
        Type::Union(union) => &union.members,
        _ => return None,
    };
    members.iter().find_map(|member| {
        let offset = member.bit_offset() / 8;
        match btf.resolve_name(member).ok()?.as_str() {
            found if found == name => Some(offset),
            "" => Some(offset + member_of(btf, &btf.resolve_chained_type(member).ok()?, name)?),
            _ => None,
        }
    })
}
