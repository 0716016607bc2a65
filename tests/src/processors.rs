//! Which processors tests run on.
//!
//! QEMU's emulation of several processors sometimes runs kernel text that another processor is in
//! the midst of patching, and the guest's kernel panics. Attaching a probe patches the text of a
//! system call. So everything keeps to one processor, where nothing is in the midst of anything,
//! but workloads that begin once all is attached and end before it is detached.

use std::{fs, io};

/// Keeps the calling thread, and all it starts from here on, to the first processor.
pub fn keep_to_one() {
    allow(|cpu| cpu == 0);
}

/// Lets the calling thread, and all it starts from here on, run on every processor: only while no
/// probe is attached or detached.
pub fn take_all() {
    allow(|_| true);
}

fn allow(wanted: impl Fn(usize) -> bool) {
    // SAFETY: a set of bits, for which zeros are a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in (0..libc::CPU_SETSIZE as usize).filter(|&cpu| wanted(cpu)) {
        // SAFETY: the number is below the size of the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // SAFETY: a set of the size given.
    let done = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    assert_eq!(done, 0, "sched_setaffinity: {}", io::Error::last_os_error());
}

/// How many processors there can be: what the kernel makes room for.
pub fn possible() -> usize {
    let list = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
    let last =
        list.trim().rsplit(['-', ',']).next().and_then(|number| number.parse::<usize>().ok());
    last.map(|number| number + 1).unwrap_or_else(|| panic!("{list:?} is not a list of processors"))
}
