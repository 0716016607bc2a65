//! Whether members are where a file says that they are: what programs find there of this very thread is held against
//! what system calls say of it. A file of another kernel would have them tell nonsense as facts.

use std::{fs, io, os::fd::AsFd as _, os::unix::process::parent_id, process};

use anyhow::{Context as _, Result, bail};
use aya_obj::generated::bpf_insn;
use sigtrace_common::Offsets;

use super::{
    code::{
        CURRENT_TASK, PROBE_READ_KERNEL, R0, R1, R2, R3, R10, add, call, copy, exit, load,
        load_pointer, set,
    },
    object::Program,
    sys::{self, Kind},
};

/// What a member of a thread is found by: from its `task_struct` along pointers, each at its offset, the last offset
/// being that of the member.
struct Fact {
    name: &'static str,
    path: Vec<u32>,
    /// What it is, according to a system call.
    is: u32,
}

/// Refuses offsets by which programs do not find what is known of this thread.
///
/// # Errors
///
/// When they do not, or when such a program cannot be run.
pub(super) fn check(offsets: &Offsets) -> Result<()> {
    // Our parent may end while we look.
    check_once(offsets).or_else(|_| check_once(offsets))
}

fn check_once(offsets: &Offsets) -> Result<()> {
    for fact in facts(offsets)? {
        if fact.path.contains(&0) {
            bail!("it does not say where {} is", fact.name);
        }
        let found = read(&fact.path).context("cannot try it out")?;
        if found != fact.is {
            bail!(
                "it is of another kernel: by it, {} of this process would be {found}, and it is {}",
                fact.name,
                fact.is
            );
        }
    }
    Ok(())
}

fn facts(offsets: &Offsets) -> Result<[Fact; 6]> {
    let comm = fs::read("/proc/thread-self/comm").context("/proc/thread-self/comm")?;
    let mut start = [0; 4];
    let length = comm.len().saturating_sub(1).min(start.len());
    start[..length].copy_from_slice(&comm[..length]);
    // SAFETY: plain system calls.
    let (tid, uid) = unsafe { (libc::gettid().cast_unsigned(), libc::getuid()) };
    let fact = |name, path: &[u32], is| Fact { name, path: path.to_vec(), is };
    Ok([
        fact("task_struct.pid", &[offsets.task_pid], tid),
        fact("task_struct.tgid", &[offsets.task_tgid], process::id()),
        fact("real_parent->tgid", &[offsets.task_real_parent, offsets.task_tgid], parent_id()),
        fact("task_struct.comm", &[offsets.task_comm], u32::from_ne_bytes(start)),
        fact("cred->uid", &[offsets.task_cred, offsets.cred_uid], uid),
        fact("thread_pid->numbers", &[offsets.task_thread_pid, offsets.pid_number], tid),
    ])
}

/// The word at the end of this path from the `task_struct` of this thread.
fn read(path: &[u32]) -> io::Result<u32> {
    let program = Program { code: program(path), functions: None };
    let loaded = sys::load("read_member", Kind::RawTracepoint, &program);
    sys::run(loaded.map_err(|refused| refused.error)?.as_fd())
}

/// Where a program keeps what it reads: on its stack, in bytes from the frame pointer.
const PLACE: i16 = -8;

fn program(path: &[u32]) -> Vec<bpf_insn> {
    let mut code = vec![call(CURRENT_TASK), copy(R3, R0)];
    let last = path.len().saturating_sub(1);
    for (index, &offset) in path.iter().enumerate() {
        let size = if index == last { size_of::<u32>() } else { size_of::<usize>() };
        code.extend([
            add(R3, offset.cast_signed()),
            copy(R1, R10),
            add(R1, PLACE.into()),
            set(R2, size as u32),
            call(PROBE_READ_KERNEL),
        ]);
        if index != last {
            code.push(load_pointer(R3, R10, PLACE));
        }
    }
    code.extend([load(R0, R10, PLACE), exit()]);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_follows_one_pointer_less_than_its_path_has_members() {
        let steps = |path: &[u32]| {
            let code = program(path);
            let reads = code.iter().filter(|i| i.imm == PROBE_READ_KERNEL).count();
            (reads, code.iter().filter(|i| i.code == 0x79).count())
        };
        assert_eq!(steps(&[8]), (1, 0));
        assert_eq!(steps(&[8, 16]), (2, 1));
    }

    #[test]
    fn offsets_that_are_not_there_are_named() {
        let error = check(&Offsets::default()).unwrap_err();
        assert_eq!(error.to_string(), "it does not say where task_struct.pid is");
    }
}
