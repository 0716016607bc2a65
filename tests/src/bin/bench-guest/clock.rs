//! Clocks. In a guest that counts instructions a nanosecond is an instruction, on any of them; so a
//! process's processor time is the number of instructions it executed. A clock ticks once a
//! nanosecond there, for which xtask sees to it (`fine_clock` in `xtask/src/arch.rs`), so that the time
//! of a single call is exact, too.

use std::arch::asm;
use std::io;

/// The instructions that [`counted`] counts.
pub(crate) const EXECUTED: u64 = 20_000;
/// What it may be off by: a kernel calibrates x86's counter, 63 millionths wrong for one (7.3).
pub(crate) const TOLERANCE: u64 = EXECUTED / 5000;
/// The least that a loop goes round to find out.
const ROUNDS: u64 = 1000;
const TRIES: usize = 11;

/// The time that passes, in nanoseconds.
pub(crate) fn now() -> u64 {
    // Not CLOCK_MONOTONIC: on aarch64, reading that takes eight instructions more for part of each second.
    nanoseconds(libc::CLOCK_MONOTONIC_RAW).unwrap_or_default()
}

/// The processor time process `pid` has used so far, its system calls included, in nanoseconds.
pub(crate) fn processor_time(pid: u32) -> io::Result<u64> {
    let mut clock = 0;
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: the clock id outlives the call.
    match unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) } {
        0 => nanoseconds(clock),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// What the clock says of [`EXECUTED`] instructions: the judge of everything that is measured by it. The median of some
/// tries, each the difference between a longer loop and a shorter one, so that reading the clock is not in it.
pub(crate) fn counted() -> u64 {
    let time = |rounds| {
        let start = now();
        spin(rounds);
        now() - start
    };
    let more = |_| time(ROUNDS + EXECUTED / 2).saturating_sub(time(ROUNDS));
    median((0..TRIES).map(more).collect())
}

/// Executes two instructions a round.
#[cfg(target_arch = "x86_64")]
fn spin(rounds: u64) {
    // SAFETY: a register, which is given up.
    unsafe {
        asm!("2: dec {0}", "jnz 2b", inout(reg) rounds => _, options(nomem, nostack));
    };
}

/// Executes two instructions a round.
#[cfg(target_arch = "aarch64")]
fn spin(rounds: u64) {
    // SAFETY: a register, which is given up.
    unsafe {
        asm!("2: subs {0}, {0}, #1", "b.ne 2b", inout(reg) rounds => _, options(nomem, nostack));
    };
}

/// The middle one of `values`, the upper one of the two in the middle of an even number; 0 of none.
pub(crate) fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn nanoseconds(clock: libc::clockid_t) -> io::Result<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a timespec to write to.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_leaves_out_outliers() {
        assert_eq!(median(vec![7, 1_000_000, 5, 6, 0]), 6);
        assert_eq!(median(vec![4, 3]), 4);
        assert_eq!(median(Vec::new()), 0);
    }

    #[test]
    fn processor_time_grows_with_work() {
        let own = std::process::id();
        let before = processor_time(own).unwrap();
        let start = now();
        while now() - start < 1_000_000 {}
        assert!(processor_time(own).unwrap() > before);
    }

    #[test]
    fn a_process_that_is_not_there_has_no_clock() {
        assert!(processor_time(u32::MAX).is_err());
        // The kernel gives out ids up to 4 Mi.
        assert!(processor_time(5_000_000).is_err());
    }
}
