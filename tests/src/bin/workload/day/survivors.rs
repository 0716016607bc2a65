//! Signals that kill nobody.

use std::env;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use sigtrace_tests::names::bits;

use super::victim::{Victim, kill, own};
use crate::process::{sleep, wait_until_state};

/// Signals that nobody takes are sent until there is no room for more.
pub(super) fn overflow() {
    let mut hoarder = Victim::new(|| {
        let signal = libc::SIGRTMIN() + 2;
        let set = bits(&[signal]);
        let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
        // SAFETY: a set, a limit and a value to read from.
        unsafe {
            libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &raw const set, 0_usize, 8);
            libc::setrlimit(libc::RLIMIT_SIGPENDING, &raw const limit);
            let value = libc::sigval { sival_ptr: std::ptr::null_mut() };
            while libc::sigqueue(own(), signal, value) == 0 {}
        }
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EAGAIN));
        0
    });
    hoarder.go();
    hoarder.ends();
}

static CAUGHT: AtomicI32 = AtomicI32::new(0);
static TERMINATED: AtomicBool = AtomicBool::new(false);

extern "C" fn count(signal: i32) {
    CAUGHT.fetch_add(1, Ordering::SeqCst);
    if signal == libc::SIGTERM {
        TERMINATED.store(true, Ordering::SeqCst);
    }
}

fn catch(signal: i32) {
    // SAFETY: the handler does what is allowed in one.
    unsafe { libc::signal(signal, count as *const () as libc::sighandler_t) };
}

/// One ignores SIGTERM, catches SIGUSR1, and waits for SIGUSR2.
pub(super) fn untouched() {
    let mut one = Victim::new(|| {
        let set = bits(&[libc::SIGUSR2]);
        // SAFETY: sets to read from.
        unsafe {
            libc::signal(libc::SIGTERM, libc::SIG_IGN);
            catch(libc::SIGUSR1);
            libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &raw const set, 0_usize, 8);
            kill(own(), libc::SIGSTOP);
            while libc::syscall(libc::SYS_rt_sigtimedwait, &raw const set, 0_usize, 0_usize, 8) < 0
            {
            }
        }
        i32::from(CAUGHT.load(Ordering::SeqCst) != 1)
    });
    one.go();
    wait_until_state(one.pid, 'T');
    for signal in [libc::SIGTERM, libc::SIGUSR1, libc::SIGCONT, libc::SIGUSR2] {
        kill(one.pid, signal);
    }
    one.ends();
}

/// Tells the service manager.
fn notify(state: &str) {
    let to = env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to(state.as_bytes(), &to));
    sent.unwrap_or_else(|error| panic!("{}: {error}", Path::new(&to).display()));
}

/// A service that shows signs of life until there is this file.
pub(super) fn watched(cue: &str) {
    notify("READY=1");
    while !Path::new(cue).exists() {
        notify("WATCHDOG=1");
        thread::sleep(Duration::from_millis(200));
    }
    sleep();
}

/// A service that reloads at SIGHUP, of which this file is the sign, and ends well at SIGTERM.
pub(super) fn reloaded(sign: &str) {
    catch(libc::SIGHUP);
    catch(libc::SIGTERM);
    notify("READY=1");
    while !TERMINATED.load(Ordering::SeqCst) {
        if CAUGHT.load(Ordering::SeqCst) > 0 {
            std::fs::write(sign, "").unwrap_or_else(|error| panic!("{sign}: {error}"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}
