//! The paths of executables and of control groups.
//!
//! No helper tells them to programs of tracepoints: `bpf_d_path` and its kfunc are for others only. So the names
//! are followed from the last to the first. Nothing is locked meanwhile: a directory that is renamed just then
//! can make a path that never was.

use sigtrace_common::{CGROUP_ROOM, EXE_ROOM, Process, SCRIPT_ROOM};

use super::scratch::{Appended, LARGE, Scratch, append_name, length};
use crate::{config::config, kernel::member};

/// No more names of a path are followed, mounts included: the length of a loop has to have an end that the
/// verifier knows.
const NAMES: u32 = 40;
/// Likewise, of a control group's.
const GROUPS: u32 = 24;

/// Appends the names of the executable's path. Returns flags of [`Process`].
#[inline(always)]
pub fn exe(scratch: *mut Scratch<Process, LARGE>, mm: u64) -> u32 {
    file(scratch, member(mm, config!(offsets.mm_exe_file)))
}

/// Likewise, of any file, up to the root of all mounts (`prepend_path`, `fs/d_path.c`).
#[inline(always)]
pub fn file<Head>(scratch: *mut Scratch<Head, LARGE>, file: u64) -> u32 {
    let mut dentry: u64 = member(file, config!(offsets.file_dentry));
    let mut mnt: u64 = member(file, config!(offsets.file_mnt));
    let inode: u64 = member(dentry, config!(offsets.dentry_inode));
    let names: u32 = member(inode, config!(offsets.inode_nlink));
    let flags = if inode != 0 && names == 0 { Process::EXE_DELETED } else { 0 };
    let mut i = 0;
    while i < NAMES {
        if length(scratch) >= EXE_ROOM as u32 {
            return flags;
        }
        let root: u64 = member(mnt, config!(offsets.vfsmount_root));
        if dentry == root {
            let mount = mnt.wrapping_sub(u64::from(config!(offsets.mount_mnt)));
            let above: u64 = member(mount, config!(offsets.mount_parent));
            if above == 0 {
                return flags;
            }
            if above == mount {
                return flags | Process::EXE;
            }
            dentry = member(mount, config!(offsets.mount_mountpoint));
            mnt = above.wrapping_add(u64::from(config!(offsets.mount_mnt)));
        } else {
            let parent: u64 = member(dentry, config!(offsets.dentry_parent));
            if append_name(scratch, member(dentry, config!(offsets.dentry_name))) != Appended::Whole
            {
                return flags;
            }
            if parent == dentry {
                // A file that is in no directory, as that of memfd_create(2).
                return flags | Process::EXE;
            }
            dentry = parent;
        }
        i += 1;
    }
    flags
}

/// The node of a thread's control group in the version 2 hierarchy.
#[inline(always)]
pub fn group(task: u64) -> u64 {
    let set: u64 = member(task, config!(offsets.task_cgroups));
    member(member(set, config!(offsets.css_set_dfl_cgrp)), config!(offsets.cgroup_kn))
}

/// Appends the names of the path of a thread's control group (`kernfs_path_from_node`, `fs/kernfs/dir.c`).
/// Likewise.
#[inline(always)]
pub fn cgroup<const SIZE: usize>(scratch: *mut Scratch<Process, SIZE>, task: u64) -> u32 {
    let mut node = group(task);
    let end = if SIZE == LARGE { END } else { ALONE };
    let mut i = 0;
    while i < GROUPS {
        let parent: u64 = member(node, config!(offsets.kernfs_parent));
        if parent == 0 {
            return if node == 0 { 0 } else { Process::CGROUP };
        }
        if length(scratch) >= end
            || append_name(scratch, member(node, config!(offsets.kernfs_name))) != Appended::Whole
        {
            return 0;
        }
        node = parent;
        i += 1;
    }
    0
}

/// Where the names of a group end behind those of an executable and a script, …
const END: u32 = (EXE_ROOM + SCRIPT_ROOM + CGROUP_ROOM) as u32;
/// … and without these, so that the last is in the room, too.
const ALONE: u32 = CGROUP_ROOM as u32 - 256;
