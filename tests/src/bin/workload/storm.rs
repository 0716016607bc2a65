//! Many calls, counted.

use std::thread;

use sigtrace_tests::processors;

/// No process has this number.
const NOBODY: i32 = 0x7fff_fff2;

/// `storm THREADS ROUNDS`: each thread makes, in each round, two calls that succeed (tkill,
/// rt_sigpending) and one that fails (pidfd_open): calls that nobody else makes. Prints how many
/// calls it made of each.
pub(crate) fn run(arguments: &[String]) {
    let numbers: Vec<usize> = arguments.iter().filter_map(|number| number.parse().ok()).collect();
    let [threads, rounds] = numbers[..] else { panic!("usage: workload storm THREADS ROUNDS") };
    processors::take_all();
    let all: Vec<_> = (0..threads).map(|_| thread::spawn(move || make(rounds))).collect();
    let made: usize = all.into_iter().map(|thread| thread.join().unwrap_or_default()).sum();
    println!("{made}");
}

/// How many rounds were made.
fn make(rounds: usize) -> usize {
    let mut set = 0_u64;
    let mut made = 0;
    for _ in 0..rounds {
        // SAFETY: a set to write to.
        unsafe {
            let tid = libc::syscall(libc::SYS_gettid);
            assert_eq!(libc::syscall(libc::SYS_tkill, tid, 0), 0);
            assert_eq!(libc::syscall(libc::SYS_rt_sigpending, &raw mut set, 8), 0);
            assert_eq!(libc::syscall(libc::SYS_pidfd_open, NOBODY, 0), -1);
        }
        made += 1;
    }
    made
}
