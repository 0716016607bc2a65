//! Whether members are where a file says that they are: what programs find there of this very thread is held against
//! what system calls say of it. A file of another kernel would have them tell nonsense as facts.

use std::{fs, io, os::fd::AsFd as _, os::unix::process::parent_id, process};

use anyhow::{Context as _, Result, bail};
use aya_obj::generated::bpf_insn;
use sigtrace_common::Offsets;

use super::{
    code::{
        CURRENT_TASK, R0, R3, R6, R10, add, call, copy, exit, load, load_pointer, or, read_kernel,
        set,
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
    /// The bits of the word that tell.
    mask: u32,
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
    if offsets.task_pid == 0 {
        bail!("it lacks the members of task_struct that say who a process is");
    }
    // A kernel can lack what others have.
    let facts = facts(offsets)?.into_iter().filter(|fact| !fact.path.contains(&0));
    for Fact { name, path, is, mask } in facts {
        let read = read(&path).with_context(|| format!("trying it out takes root: {name}"))?;
        let found = read.with_context(|| {
            format!("it is of another kernel: according to it, {name} of this process is nowhere")
        })?;
        if found & mask != is & mask {
            bail!(
                "it is of another kernel: according to it, {name} of this process would be {found}, but it is {is}"
            );
        }
    }
    Ok(())
}

fn facts(offsets: &Offsets) -> Result<[Fact; 7]> {
    let comm = fs::read("/proc/thread-self/comm").context("/proc/thread-self/comm")?;
    let mut start = [0; 4];
    let length = comm.len().saturating_sub(1).min(start.len());
    start[..length].copy_from_slice(&comm[..length]);
    // SAFETY: plain system calls.
    let (tid, uid) = unsafe { (libc::gettid().cast_unsigned(), libc::getuid()) };
    let fact = |name, path: &[u32], is| Fact { name, path: path.to_vec(), is, mask: u32::MAX };
    // Up to its NUL: up to 5.16 what was there before can follow it.
    let mut mask = [0; 4];
    mask[..=length.min(3)].fill(0xff);
    Ok([
        fact("task_struct.pid", &[offsets.task_pid], tid),
        fact("task_struct.tgid", &[offsets.task_tgid], process::id()),
        fact("real_parent->tgid", &[offsets.task_real_parent, offsets.task_tgid], parent_id()),
        Fact {
            mask: u32::from_ne_bytes(mask),
            ..fact("task_struct.comm", &[offsets.task_comm], u32::from_ne_bytes(start))
        },
        fact("group_leader->tgid", &[offsets.task_group_leader, offsets.task_tgid], process::id()),
        fact("cred->uid", &[offsets.task_cred, offsets.cred_uid], uid),
        fact("thread_pid->numbers", &[offsets.task_thread_pid, offsets.pid_number], tid),
    ])
}

/// The word at the end of this path from the `task_struct` of this thread; none if the path leads nowhere.
fn read(path: &[u32]) -> io::Result<Option<u32>> {
    let run = |code| {
        let program = Program { code, functions: None };
        let loaded = sys::load("read_member", Kind::RawTracepoint, &program);
        let refused = |refused: sys::Refused| {
            tracing::debug!("read_member: {refused}: {}", refused.log);
            refused.error
        };
        sys::run(loaded.map_err(refused)?.as_fd())
    };
    // First whether all of it can be read: what cannot is zero to a program.
    Ok(if run(program(path, Answer::Failure))? == 0 {
        Some(run(program(path, Answer::Word))?)
    } else {
        None
    })
}

/// What a program returns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// What it read last.
    Word,
    /// The error of a read, or 0.
    Failure,
}

/// Where a program keeps what it reads: on its stack, in bytes from the frame pointer.
const PLACE: i16 = -8;

fn program(path: &[u32], answer: Answer) -> Vec<bpf_insn> {
    let mut code = vec![call(CURRENT_TASK), copy(R3, R0), set(R6, 0)];
    let last = path.len().saturating_sub(1);
    for (index, &offset) in path.iter().enumerate() {
        let size = if index == last { size_of::<u32>() } else { size_of::<usize>() };
        code.push(add(R3, offset.cast_signed()));
        code.extend(read_kernel(PLACE, size));
        // Calls leave this register alone.
        code.push(or(R6, R0));
        if index != last {
            code.push(load_pointer(R3, R10, PLACE));
        }
    }
    code.extend(match answer {
        Answer::Word => [load(R0, R10, PLACE), exit()],
        Answer::Failure => [copy(R0, R6), exit()],
    });
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_follows_one_pointer_less_than_its_path_has_members() {
        let steps = |path: &[u32]| {
            let code = program(path, Answer::Word);
            let reads =
                code.iter().filter(|i| i.imm == crate::bpf::code::PROBE_READ_KERNEL).count();
            (reads, code.iter().filter(|i| i.code == 0x79).count())
        };
        assert_eq!(steps(&[8]), (1, 0));
        assert_eq!(steps(&[8, 16]), (2, 1));
    }

    #[test]
    fn types_without_processes_are_refused() {
        let error = check(&Offsets::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it lacks the members of task_struct that say who a process is"
        );
    }
}
