//! Processes that end in the midst of their calls, or soon after.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr::{null, null_mut};
use std::thread;

use sigtrace_tests::processors;

use crate::process::{fork, sleep, wait, wait_until_in};

/// No process has this number.
const NOBODY: i32 = 0x7fff_fff2;

/// `killed PROCESSES`: so many processes call rt_sigsuspend, and are killed in it. Prints how many.
pub(crate) fn killed(arguments: &[String]) {
    let count = number(arguments);
    let children: Vec<i32> = (0..count).map(|_| fork(suspend)).collect();
    for child in children {
        wait_until_in(child, libc::SYS_rt_sigsuspend);
        // SAFETY: no memory is involved; the child has not been waited for.
        unsafe { libc::kill(child, libc::SIGKILL) };
        wait(child);
    }
    println!("{count}");
}

fn suspend() -> i32 {
    let mask = 0_u64;
    // SAFETY: a set to read from.
    unsafe { libc::syscall(libc::SYS_rt_sigsuspend, &raw const mask, 8) };
    1
}

/// `ended PROCESSES`: so many processes, each with four threads that call tkill without end, end
/// while they do. Prints how many calls there were at least: those of processes that counted.
pub(crate) fn ended(arguments: &[String]) {
    processors::take_all();
    let count = number(arguments);
    for _ in 0..count {
        let child = fork(|| {
            for _ in 0..4 {
                thread::spawn(|| {
                    loop {
                        nobody();
                    }
                });
            }
            for _ in 0..50 {
                nobody();
            }
            0
        });
        wait(child);
    }
    println!("{}", 50 * count);
}

/// `forked PROCESSES`: so many processes, several at a time, each of which makes ten calls of
/// tkill, executes another program, and makes ten more. Prints how many calls that are.
pub(crate) fn forked(arguments: &[String]) {
    processors::take_all();
    let count = number(arguments);
    let starts = (0..4).map(|part| {
        let share = count / 4 + usize::from(part < count % 4);
        thread::spawn(move || {
            for _ in 0..share {
                let mut command = Command::new("/proc/self/exe");
                // SAFETY: only system calls are made.
                let command = unsafe { command.arg("tens").pre_exec(ten) };
                let ended = command.status();
                assert!(ended.is_ok_and(|status| status.success()));
            }
        })
    });
    for start in starts.collect::<Vec<_>>() {
        assert!(start.join().is_ok());
    }
    println!("{}", 20 * count);
}

/// `vforked PROCESSES`: the same one after the other, each started as vfork does it: in the memory
/// of its parent, who waits until it executes something else. Prints how many calls that are.
pub(crate) fn vforked(arguments: &[String]) {
    let count = number(arguments);
    let mut stack = vec![0_u128; 4096];
    for _ in 0..count {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // SAFETY: the child has the stack to itself until it is done with it, and only makes system
        // calls on it.
        let child = unsafe {
            libc::clone(ten_twice, stack.as_mut_ptr_range().end.cast(), flags, null_mut())
        };
        assert!(child > 0, "clone: {}", io::Error::last_os_error());
        assert_eq!(wait(child), 0);
    }
    println!("{}", 20 * count);
}

extern "C" fn ten_twice(_: *mut c_void) -> c_int {
    let _ = ten();
    let argv = [c"workload".as_ptr(), c"tens".as_ptr(), null()];
    // SAFETY: strings, and a list of them that ends with null.
    unsafe { libc::execv(c"/proc/self/exe".as_ptr(), argv.as_ptr()) };
    1
}

/// `tens`: ten calls of tkill.
pub(crate) fn tens(_: &[String]) {
    let _ = ten();
}

fn ten() -> io::Result<()> {
    for _ in 0..10 {
        nobody();
    }
    Ok(())
}

/// `hog THREADS`: so many threads that want a processor each, until killed.
pub(crate) fn hog(arguments: &[String]) {
    processors::take_all();
    for _ in 0..number(arguments) {
        thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    sleep();
}

fn nobody() {
    // SAFETY: tkill touches no memory, and there is no such thread.
    unsafe { libc::syscall(libc::SYS_tkill, NOBODY, 0) };
}

fn number(arguments: &[String]) -> usize {
    let number = arguments.first().and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("how many?"))
}
