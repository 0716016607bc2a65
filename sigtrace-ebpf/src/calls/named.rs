//! Who calls, and whom a call names, for the agent to know them from others with their numbers: only with
//! `--context`.

use sigtrace_common::{NO_ARG, Record, tag::tag};

use super::{namespace, pidfd, regs::int, user};
use crate::{
    config::config,
    kernel::{member, other::Other, task::Task},
    shapes::{ShapeRef, get},
};

/// Writes down who calls, and whom the call names: a process by its number or by that of one of its threads, or
/// by a pidfd.
#[inline(always)]
pub fn describe(shape: ShapeRef, record: &mut Record) {
    record.caller = tag_of_current();
    let fd = get!(shape, pidfd);
    let [process, thread] = [get!(shape, numbers[0]), get!(shape, numbers[1])];
    let number = if thread == NO_ARG { process } else { thread };
    if fd != NO_ARG {
        let named = behind(int(user::arg(record, fd)));
        write(record, named);
    } else if number != NO_ARG {
        let named = with(int(user::arg(record, number)));
        write(record, named);
    }
}

/// Into the upper halves of the first two arguments, which are an `int` each in all calls that name a process
/// (`sigtrace_common` asserts it).
#[inline(always)]
fn write(record: &mut Record, pid_and_tag: u64) {
    let low = u64::from(u32::MAX);
    record.args[0] = record.args[0] & low | pid_and_tag << 32;
    record.args[1] = record.args[1] & low | pid_and_tag & !low;
}

#[inline(never)]
fn tag_of_current() -> u32 {
    let task = Task::current().address();
    let leader: u64 = member(task, config!(offsets.task_group_leader));
    // The same for all threads, as only one is left when a program is executed.
    tag(
        member(leader, config!(offsets.task_start_boottime)),
        member(task, config!(offsets.task_self_exec_id)),
    )
}

/// The process behind a pidfd: its number in the upper half, its tag in the lower; 0 if there is none.
#[inline(never)]
fn behind(fd: i32) -> u64 {
    pidfd::thread(fd).map_or(0, pid_and_tag)
}

/// The process with this number in the current thread's namespace, likewise.
#[inline(never)]
fn with(number: i32) -> u64 {
    if number <= 0 {
        return 0;
    }
    Other::of_pid(namespace::pid(number as u32)).map_or(0, pid_and_tag)
}

#[inline(always)]
fn pid_and_tag(thread: Other) -> u64 {
    let task = thread.leader().address();
    let tag = tag(
        member(task, config!(offsets.task_start_boottime)),
        member(task, config!(offsets.task_self_exec_id)),
    );
    u64::from(member::<u32>(task, config!(offsets.task_tgid))) << 32 | u64::from(tag)
}
