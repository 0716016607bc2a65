//! The process behind a pidfd: file descriptor, file, `struct pid`, number.
//!
//! Three kinds of file will do (`pidfd_to_pid`, `kernel/signal.c`), told apart by the magic number
//! of their file system: a pidfd on the anonymous inode (before 6.9), a pidfd on pidfs, and a
//! directory `/proc/PID`.

use sigtrace_common::{Kind, MAX_ARGS, SYSCALLS};

use crate::{
    config::config,
    files::file,
    kernel::{member, read},
    regs::int,
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

/// Whether the call of a row is on a pidfd.
pub const fn is_on_one(row: usize) -> bool {
    SYSCALLS[row].position(Kind::Pidfd).is_some()
}

/// The process behind the pidfd argument of row `ROW`.
#[inline(always)]
pub fn target<const ROW: usize>(args: &[u64; MAX_ARGS], caller: u32) -> Target {
    let Some(index) = (const { SYSCALLS[ROW].position(Kind::Pidfd) }) else {
        return Target::default();
    };
    let fd = int(args[index]);
    if fd == PIDFD_SELF[0] || fd == PIDFD_SELF[1] || fd == PIDFD_SELF[2] {
        return Target { number: caller as i32, certain: false };
    }
    if fd < 0 || config!(offsets.pid_number) == 0 {
        return Target::default();
    }
    file(fd as u32).and_then(process).unwrap_or_default()
}

/// The process that a file stands for.
#[inline(always)]
fn process(file: u64) -> Option<Target> {
    let inode: u64 = member(file, config!(offsets.file_inode))?;
    let super_block: u64 = member(inode, config!(offsets.inode_sb))?;
    let magic: u64 = member(super_block, config!(offsets.super_block_magic))?;
    let struct_pid: u64 = if magic == PID_FS_MAGIC {
        member(inode, config!(offsets.inode_private))?
    } else if magic == PROC_SUPER_MAGIC {
        let distance = i64::from(config!(offsets.proc_inode_pid));
        read(inode.wrapping_add_signed(distance))?
    } else if magic == ANON_INODE_FS_MAGIC {
        member(file, config!(offsets.file_private_data))?
    } else {
        return None;
    };
    let number = member(struct_pid, config!(offsets.pid_number))?;
    Some(Target { number, certain: magic == PID_FS_MAGIC })
}
