//! `sleepers THREADS`: so many threads asleep in rt_sigtimedwait at the same time, tens of thousands
//! of them. Once they are the first part ends; with the next one they are woken one by one, and each
//! part prints how many did what it is about.

use std::ffi::c_void;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use sigtrace_tests::kernel::page_size;
use sigtrace_tests::names::bits;

use crate::identity;
use crate::memory::untouched_pages;
use crate::process::{until, wait_until_asleep_in};
use crate::stage;

const USR1: i32 = libc::SIGUSR1;
/// Pages of a thread's stack. All stacks are one mapping, as each by itself would be two.
const STACK: usize = 4;
/// What a machine has room for by itself depends on its memory.
const LIMITS: [(&str, usize); 2] =
    [("/proc/sys/kernel/pid_max", 1 << 22), ("/proc/sys/kernel/threads-max", 1 << 18)];

/// How many were woken by what they waited for.
static WOKEN: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn run(arguments: &[String]) {
    let count = arguments.first().and_then(|count| count.parse().ok());
    let count: usize = count.unwrap_or_else(|| panic!("usage: workload sleepers THREADS"));
    for (path, limit) in LIMITS {
        let raised = fs::write(path, limit.to_string());
        raised.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    // Inherited by the threads.
    let mask = bits(&[USR1]);
    // SAFETY: a set to read from.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, 0, &raw const mask, 0_usize, 8) };
    let tids: Vec<i32> = start(count).into_iter().map(tid).collect();
    for tid in &tids {
        wait_until_asleep_in(*tid, libc::SYS_rt_sigtimedwait);
    }
    println!("{}", tids.len());
    if stage::is_to_go_on() {
        let own = identity::own().pid;
        for tid in tids {
            // SAFETY: no memory is involved.
            assert_eq!(unsafe { libc::syscall(libc::SYS_tgkill, own, tid, USR1) }, 0);
        }
        until(|| WOKEN.load(Ordering::SeqCst) == count);
        println!("{}", WOKEN.load(Ordering::SeqCst));
        stage::is_to_go_on();
    }
}

/// The number that a thread puts into its place.
fn tid(place: &AtomicI32) -> i32 {
    until(|| place.load(Ordering::SeqCst) != 0);
    place.load(Ordering::SeqCst)
}

/// Starts threads, whose places are in the order in which they were started. Not by the language's
/// library, whose threads take more memory and set up more.
fn start(count: usize) -> Vec<&'static AtomicI32> {
    let places: &'static [AtomicI32] =
        Box::leak((0..count).map(|_| AtomicI32::new(0)).collect::<Box<_>>());
    let stacks = untouched_pages(count * STACK);
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: attributes to initialize.
    assert_eq!(unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) }, 0);
    // SAFETY: they have been.
    let mut attributes = unsafe { attributes.assume_init() };
    for (index, place) in places.iter().enumerate() {
        let stack = stacks.wrapping_add(index * STACK * page_size());
        let mut thread = MaybeUninit::uninit();
        let argument = (&raw const *place).cast_mut().cast();
        // SAFETY: a stack that is nobody else's and never unmapped, and an argument that is never
        // freed.
        let started = unsafe {
            libc::pthread_attr_setstack(&raw mut attributes, stack.cast(), STACK * page_size());
            libc::pthread_create(thread.as_mut_ptr(), &raw const attributes, sleep, argument)
        };
        assert_eq!(started, 0, "thread {index}: {}", io::Error::from_raw_os_error(started));
    }
    places.iter().collect()
}

/// A thread: sleeps until it gets its signal.
extern "C" fn sleep(place: *mut c_void) -> *mut c_void {
    // SAFETY: the thread's place, which is never freed.
    let place = unsafe { &*place.cast::<AtomicI32>() };
    let set = bits(&[USR1]);
    // SAFETY: a set to read from.
    let woken = unsafe {
        place.store(libc::syscall(libc::SYS_gettid) as i32, Ordering::SeqCst);
        let (set, none) = (&raw const set, null_mut::<c_void>());
        libc::syscall(libc::SYS_rt_sigtimedwait, set, none, none, 8)
    };
    WOKEN.fetch_add(usize::from(woken == libc::c_long::from(USR1)), Ordering::SeqCst);
    null_mut()
}
