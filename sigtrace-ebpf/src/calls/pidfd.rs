//! The process behind a pidfd: file descriptor, file, `struct pid`, number.
//!
//! Three kinds of file will do (`pidfd_to_pid`, `kernel/signal.c`), told apart by the magic number
//! of their file system: a pidfd on the anonymous inode (before 6.9), a pidfd on pidfs, and a
//! directory `/proc/PID`.

use crate::{
    config::config,
    kernel::{files::file, member, other::Other, read},
};

/// `ANON_INODE_FS_MAGIC`, `include/uapi/linux/magic.h`.
const ANON_INODE_FS_MAGIC: u64 = 0x0904_1934;
/// `PID_FS_MAGIC`, `include/uapi/linux/magic.h`.
const PID_FS_MAGIC: u64 = 0x5049_4446;
/// `PROC_SUPER_MAGIC`, `include/uapi/linux/magic.h`.
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// `PIDFD_SELF_THREAD` and `PIDFD_SELF_THREAD_GROUP`, `include/uapi/linux/fcntl.h`: the caller. The
/// second had another number before 6.17, the last here.
const PIDFD_SELF: [i32; 3] = [-10000, -10001, -20000];

/// Whom a call is aimed at.
#[derive(Clone, Copy, Default)]
pub struct Target {
    /// Its number in the initial pid namespace, a process group's negative; 0 if unknown.
    pub number: i32,
    /// Whether that stands whatever the call returns. Otherwise the kernel must not have refused
    /// the descriptor: on the anonymous inode and in /proc there are files of many kinds.
    pub certain: bool,
}

/// The process behind a pidfd of a caller's.
#[inline(always)]
pub fn target(fd: i32, caller: u32) -> Target {
    if fd == PIDFD_SELF[0] || fd == PIDFD_SELF[1] || fd == PIDFD_SELF[2] {
        return Target { number: caller as i32, certain: false };
    }
    if fd < 0 || config!(offsets.pid_number) == 0 {
        return Target::default();
    }
    process(file(fd as u32))
}

/// The thread behind a pidfd of the current thread's, its process's first one if it stands for a
/// process.
#[inline(always)]
pub fn thread(fd: i32) -> Option<Other> {
    if fd == PIDFD_SELF[0] {
        Some(Other::current())
    } else if fd == PIDFD_SELF[1] || fd == PIDFD_SELF[2] {
        Some(Other::current().leader())
    } else if fd < 0 {
        None
    } else {
        Other::of_pid(pid(file(fd as u32)).0)
    }
}

/// The process that a file stands for.
#[inline(always)]
fn process(file: u64) -> Target {
    let (pid, certain) = pid(file);
    Target { number: member(pid, config!(offsets.pid_number)), certain }
}

/// The `struct pid` that a file stands for, 0 if it is known to be for none; and whether that is certain.
#[inline(always)]
fn pid(file: u64) -> (u64, bool) {
    let inode: u64 = member(file, config!(offsets.file_inode));
    let magic: u64 =
        member(member(inode, config!(offsets.inode_sb)), config!(offsets.super_block_magic));
    let place = if magic == PID_FS_MAGIC {
        inode.wrapping_add(u64::from(config!(offsets.inode_private)))
    } else if magic == PROC_SUPER_MAGIC {
        inode.wrapping_add_signed(i64::from(config!(offsets.proc_inode_pid)))
    } else if magic == ANON_INODE_FS_MAGIC {
        file.wrapping_add(u64::from(config!(offsets.file_private_data)))
    } else {
        return (0, false);
    };
    (read(place), magic == PID_FS_MAGIC)
}
