//! Signals that are sent, by calls and without, each in the way that the command line asks for.
//!
//! `workload cause HOW` does it and then states, as one line of JSON, who we are (`self`) and what else there is
//! to know: the ids of those that it was done to, addresses, numbers.

mod by_calls;
mod children;
mod groups;
mod job_control;
mod limits;
#[cfg_attr(target_arch = "x86_64", path = "causes/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "causes/aarch64.rs")]
mod machine;
mod notices;
mod own_doing;
mod seccomp;
mod taken;
mod targets;
mod terminals;
mod timers;

use std::io::{self, Read as _, Write as _};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use serde_json::{Value, json};
use sigtrace_tests::names;

use crate::identity;
use crate::process::{sleep, until, wait};

/// A way: its name, and what does it.
type Way = (&'static str, fn() -> Value);

const WAYS: &[Way] = &[
    ("nothing", || json!({})),
    ("faults", own_doing::faults),
    ("pipe", own_doing::pipe),
    ("file-size", own_doing::file_size),
    ("seccomp", seccomp::trapped_and_killed),
    ("timers", timers::all),
    ("child", children::child),
    ("parent-death", children::parent_death),
    ("ptrace", children::ptrace),
    ("namespace-end", children::namespace_end),
    ("orphans", children::orphans),
    ("cpu-limit", limits::cpu),
    ("rttime-limit", limits::rttime),
    ("cgroup-kill", groups::kill),
    ("oom", groups::out_of_memory),
    ("terminal", terminals::hung_up),
    ("session-end", terminals::session_end),
    ("terminal-given-up", terminals::given_up),
    ("background", job_control::background),
    ("job-keys", job_control::keys),
    ("notices", notices::all),
    ("taken", taken::all),
    ("taken-by-calls", by_calls::all),
    ("dispositions", targets::dispositions),
    ("queues", targets::queues),
    ("forged", targets::forged),
    ("states", targets::states),
    ("threads", targets::threads),
    ("namespace-init", targets::namespace_init),
];

/// Does what the command line asks for, once standard input has ended: our end is told to who started us, and is
/// to find it with the mask of signals that it has when it does nothing.
pub(crate) fn run(arguments: &[String]) {
    let how = arguments.first().map_or("", String::as_str);
    let Some((_, act)) = WAYS.iter().find(|(known, _)| *known == how) else {
        panic!("{how:?} is no way to be sent a signal");
    };
    let awaited = io::read_to_string(io::stdin());
    awaited.unwrap_or_else(|error| panic!("cannot read standard input: {error}"));
    set_limit(libc::RLIMIT_CORE, 0, 0);
    let identity = identity::own();
    let own = json!({ "pid": identity.pid, "tid": identity.tid, "comm": identity.comm,
        "ppid": identity.ppid, "uid": identity.uid, "gid": identity.gid });
    let mut facts = act();
    facts["self"] = own;
    println!("{facts}");
}

/// Sets a limit of ours. The type of its number is the library's.
fn set_limit(resource: impl Into<i64>, soft: u64, hard: u64) {
    let limit = [soft, hard];
    let no_limit = ptr::null_mut::<u64>();
    // SAFETY: a limit to read from.
    let done =
        unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource.into(), limit.as_ptr(), no_limit) };
    assert_eq!(done, 0);
}

/// Forks a process that does `what` and exits with what it returns. Not by the library's function, which blocks
/// signals meanwhile, so that those of a child would come while they are blocked, or not.
fn fork(what: impl FnOnce() -> i32) -> i32 {
    let [stack, parent, child, tls] = [0_usize; 4];
    // SAFETY: like fork; we have one thread.
    match unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, stack, parent, child, tls) } {
        -1 => panic!("cannot fork"),
        // SAFETY: ends the child without running what the parent has yet to run at its end.
        0 => unsafe { libc::_exit(what()) },
        pid => pid as i32,
    }
}

/// A child that does this and then sleeps; it is ready once we return.
fn resting(prepare: impl FnOnce()) -> i32 {
    let (mut told, mut tell) = pipe();
    let child = fork(|| {
        prepare();
        let _ = tell.write_all(b"!");
        sleep()
    });
    drop(tell);
    let ready = told.read_exact(&mut [0]);
    ready.unwrap_or_else(|error| panic!("a child is not ready: {error}"));
    child
}

/// Sends a signal by kill, which succeeds.
fn kill(pid: i32, signo: i32) {
    // SAFETY: kill touches no memory.
    let done = unsafe { libc::kill(pid, signo) };
    assert_eq!(done, 0, "kill({pid}, {signo}): {}", io::Error::last_os_error());
}

/// Ends a child by SIGKILL.
fn finish(pid: i32) {
    kill(pid, libc::SIGKILL);
    assert_eq!(wait(pid), libc::SIGKILL);
}

/// Waits until a child is stopped, or goes on; its status.
fn wait_for_change(pid: i32) -> i32 {
    let (mut status, flags) = (0, libc::WUNTRACED | libc::WCONTINUED);
    // SAFETY: a status to write to.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, flags) }, pid, "no child {pid}");
    status
}

/// Signals that were caught.
static CAUGHT: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: libc::c_int) {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
}

/// Catches a signal from now on. The handler, as it is shown.
fn catch(signo: i32) -> Value {
    let handler = count as extern "C" fn(libc::c_int) as libc::sighandler_t;
    set_action(signo, handler);
    json!(names::hex(handler as u64))
}

/// Sets what a signal does.
fn set_action(signo: i32, handler: libc::sighandler_t) {
    // SAFETY: the handler is one, or stands for an action.
    assert_ne!(unsafe { libc::signal(signo, handler) }, libc::SIG_ERR);
}

/// How many signals were caught so far.
fn caught() -> u32 {
    CAUGHT.load(Ordering::Relaxed)
}

/// Waits until so many were caught.
fn until_caught(count: u32) {
    until(|| caught() >= count);
}

/// Likewise, at work.
fn work_until_caught(count: u32) {
    while caught() < count {
        std::hint::spin_loop();
    }
}

/// Blocks a signal in the current thread.
fn block(signo: i32) {
    let set = names::bits(&[signo]);
    let size = size_of_val(&set);
    let no_set = ptr::null_mut::<u64>();
    // SAFETY: a set to read from.
    let done = unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &raw const set, no_set, size)
    };
    assert_eq!(done, 0);
}

/// Becomes the parent of those who lose theirs below us.
fn adopt() {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }, 0);
}

fn pipe() -> (io::PipeReader, io::PipeWriter) {
    io::pipe().unwrap_or_else(|error| panic!("no pipe: {error}"))
}

/// A number that children share with us.
fn shared() -> &'static AtomicU64 {
    let (access, how) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: a mapping of its own, which is never taken away.
    unsafe {
        let memory = libc::mmap(ptr::null_mut(), 4096, access, how, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED);
        &*memory.cast::<AtomicU64>()
    }
}

/// What a child noted there, as an address is shown.
fn address(noted: &AtomicU64) -> Value {
    json!(names::hex(noted.load(Ordering::Relaxed)))
}
