//! Ways to end.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, abort};
use std::{fs, thread};

use crate::process::{fork, until, wait};

/// `die HOW [NUMBER]`: ends like this.
pub(crate) fn die(arguments: &[String]) {
    let how = arguments.first().map_or("", String::as_str);
    let number = || arguments.get(1).and_then(|text| text.parse().ok()).expect("a number");
    match how {
        "exit" => std::process::exit(number()),
        "signal" => die_by(number()),
        "abort" => abort(),
        // SAFETY: none, which is the point.
        "fault" => unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) },
        "threads" => with_threads(number().unsigned_abs()),
        "leader-first" => {
            thread::spawn(|| {
                until_the_leader_is_gone();
                die_by(libc::SIGTERM);
            });
            end_thread(3);
        }
        "leader-first-quietly" => {
            thread::spawn(|| {
                until_the_leader_is_gone();
                end_thread(0);
            });
            end_thread(0);
        }
        "exec" => {
            let exec =
                || panic!("{}", Command::new("/payload/workload").args(["die", "abort"]).exec());
            let _ = thread::spawn(exec).join();
        }
        _ => panic!("{how:?} is no way to end"),
    }
}

/// `deaths PROCESSES THREADS`: so many processes, one after the other, end by SIGKILL while so many threads of
/// theirs live. Prints how many.
pub(crate) fn deaths(arguments: &[String]) {
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse::<u32>().ok());
    let (Some(processes), Some(threads)) = (number(0), number(1)) else { panic!("two numbers") };
    for _ in 0..processes {
        let child = fork(|| {
            with_threads(threads);
            0
        });
        assert_eq!(wait(child), libc::SIGKILL);
    }
    println!("{processes}");
}

fn with_threads(threads: u32) {
    for _ in 0..threads {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
    }
    die_by(libc::SIGKILL);
}

/// Sends the process a signal that ends it.
fn die_by(signal: i32) {
    // SAFETY: the action is the default one; kill touches no memory.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
    }
    loop {
        thread::park();
    }
}

/// Ends this thread, and only this.
fn end_thread(status: i32) {
    // SAFETY: nothing of what it has on its stack is used by others.
    unsafe { libc::syscall(libc::SYS_exit, status) };
}

fn until_the_leader_is_gone() {
    let pid = std::process::id();
    let stat = || fs::read_to_string(format!("/proc/{pid}/task/{pid}/stat")).unwrap_or_default();
    until(|| stat().rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')));
}
