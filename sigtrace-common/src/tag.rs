//! What tells a process from the next one with its number, and what it executes from what it executed before.

/// Nanoseconds of a tick, in which /proc has the time when a process began (`USER_HZ`).
pub const TICK_NS: u64 = 10_000_000;

/// Odd, so that different numbers of executions make different tags.
const STEP: u32 = 0x9e37_79b1;
/// What undoes it: `STEP * UNSTEP` is 1 in 32 bits.
const UNSTEP: u32 = 0x0e8b_2f51;

/// The tag of a process that began at this time of `CLOCK_BOOTTIME`, and has executed something so often
/// (`task_struct.self_exec_id`). Two processes of one number have the same only if both began within a
/// hundredth of a second, or 497 days apart, or have executed some millions of programs; what one process
/// executes always has different ones.
pub const fn tag(start_ns: u64, execs: u32) -> u32 {
    ticks_tag(start_ns / TICK_NS, execs)
}

/// The same, by the ticks of /proc.
pub const fn ticks_tag(start_ticks: u64, execs: u32) -> u32 {
    (start_ticks as u32).wrapping_add(execs.wrapping_mul(STEP))
}

/// How often a process that began at these ticks has executed something, by its tag.
pub const fn execs(start_ticks: u64, tag: u32) -> u32 {
    tag.wrapping_sub(start_ticks as u32).wrapping_mul(UNSTEP)
}

const _: () = {
    assert!(STEP.wrapping_mul(UNSTEP) == 1);
    assert!(execs(4711, ticks_tag(4711, 12)) == 12);
    assert!(tag(47_119_999_999, 3) == ticks_tag(4711, 3));
};
