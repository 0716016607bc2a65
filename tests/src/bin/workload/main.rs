//! Programs that make signal calls and state, call by call, what sigtrace has to say about them.
//!
//! `workload NAME [ARG]...` runs one of them, `workload int80 NAME` and `workload x32 NAME` the same
//! with the calls of 32-bit and of x32 programs. They call the kernel by number and keep to their own
//! pointers, so that each call is what it says it is.

mod abi;
mod action;
mod actions;
mod arms;
mod arrivals;
mod brief;
mod bystander;
mod call;
mod callers;
#[cfg(target_pointer_width = "64")]
mod causes;
#[cfg(target_pointer_width = "64")]
mod day;
mod death;
mod doomed;
mod errno;
mod flood;
mod handlers;
mod identity;
mod kill;
mod late;
mod masks;
mod memory;
mod namespaces;
mod narrow;
mod numbers;
mod pidfd;
mod pointer;
mod process;
mod puppet;
mod queue;
mod reading;
mod rush;
mod script;
mod sender;
mod sigaction;
mod siginfo;
mod signalfd;
mod sigprocmask;
mod sleepers;
mod stack;
mod stage;
mod storm;
mod stuck;
mod timed;
#[cfg(target_pointer_width = "64")]
mod uring;
mod userfault;
mod waiters;
mod waiting;
#[cfg(target_arch = "x86_64")]
mod x32;

use std::env;
use std::process::ExitCode;

/// A workload: its name, and what it does.
type Workload = (&'static str, fn(&[String]));

const WORKLOADS: &[Workload] = &[
    ("rush", rush::run),
    ("kill", kill::processes),
    ("tkill-tgkill", kill::threads),
    ("rt_sigaction", sigaction::run),
    ("rt_sigprocmask", sigprocmask::masks),
    ("rt_sigpending", sigprocmask::pending),
    ("siginfo", queue::every_arm),
    ("rt_sigqueueinfo", queue::odd_ones),
    ("arrivals", arrivals::run),
    #[cfg(not(target_arch = "aarch64"))]
    ("pause", waiting::pausing),
    ("rt_sigsuspend", waiting::suspending),
    ("rt_sigtimedwait", timed::run),
    ("restart_syscall", waiting::restarting),
    ("rt_sigreturn", waiting::returning),
    ("sigaltstack", stack::run),
    ("signalfd", signalfd::run),
    ("read", reading::run),
    #[cfg(target_pointer_width = "64")]
    ("io_uring", uring::run),
    ("pidfd_open", pidfd::opening),
    ("pidfd_send_signal", pidfd::sending),
    #[cfg(not(target_arch = "arm"))]
    ("signal", narrow::by_value::signals),
    ("sigaction", narrow::actions::sigactions),
    ("sigprocmask", narrow::masks::sigprocmasks),
    ("sigpending", narrow::masks::sigpendings),
    #[cfg(not(target_arch = "arm"))]
    ("sgetmask-ssetmask", narrow::by_value::masks),
    ("sigsuspend", narrow::waits::sigsuspends),
    ("rt_sigtimedwait_time64", narrow::waits::until_after_2038),
    #[cfg(target_pointer_width = "32")]
    ("sigreturn", narrow::frames::run),
    #[cfg(target_arch = "x86_64")]
    ("x32-frames", x32::frames),
    ("late", late::run),
    ("names", callers::names),
    ("users", callers::users),
    ("families", callers::families),
    ("threads", callers::threads),
    ("cgroups", callers::cgroups),
    ("processors", callers::processors),
    ("namespaces", namespaces::run),
    ("exec", callers::executing),
    ("executed", callers::executed),
    ("storm", storm::run),
    ("flood", flood::run),
    ("waiters", waiters::served),
    ("waiters-together", waiters::served_together),
    ("waiters-killed", waiters::killed),
    ("endless", waiters::endless),
    ("stuck", stuck::run),
    ("sleepers", sleepers::run),
    ("bystander", bystander::run),
    #[cfg(target_pointer_width = "64")]
    ("cause", causes::run),
    #[cfg(target_pointer_width = "64")]
    ("day", day::run),
    ("brief", brief::run),
    ("die", death::die),
    ("deaths", death::deaths),
    ("handlers", handlers::run),
    ("killed", doomed::killed),
    ("ended", doomed::ended),
    ("forked", doomed::forked),
    ("vforked", doomed::vforked),
    ("tens", doomed::tens),
    ("send", sender::send),
    ("send-by-thread", sender::by_thread),
    ("send-from-memory", sender::from_memory),
    ("hog", doomed::hog),
    ("sleep", waiters::sleep),
    ("puppet", puppet::run),
];

fn main() -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "int80") {
        abi::become_i386();
        arguments.remove(0);
    }
    #[cfg(target_arch = "x86_64")]
    if arguments.first().is_some_and(|first| first == "x32") {
        abi::become_x32();
        arguments.remove(0);
    }
    let Some((name, arguments)) = arguments.split_first() else {
        eprintln!("usage: workload NAME [ARG]...");
        return ExitCode::from(2);
    };
    let Some((_, run)) = WORKLOADS.iter().find(|(known, _)| known == name) else {
        eprintln!("workload: there is no {name}");
        return ExitCode::from(2);
    };
    run(arguments);
    ExitCode::SUCCESS
}
