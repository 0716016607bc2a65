//! A kernel that is locked down. There is no way back, so this comes last.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::path::Path;

use sigtrace_tests::expect::entry;
use sigtrace_tests::harness::{Test, sigtrace};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] =
    tests![what_the_verifier_says_is_in_a_file, kprobes_are_denied, the_lockdown_is_named,];

const SECURITYFS: &CStr = c"/sys/kernel/security";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

fn mount() {
    let kind = c"securityfs".as_ptr();
    // SAFETY: strings that end.
    let done = unsafe { libc::mount(kind, SECURITYFS.as_ptr(), kind, 0, std::ptr::null()) };
    assert_eq!(done, 0, "mounting {SECURITYFS:?}: {}", io::Error::last_os_error());
}

/// Has the kernel refuse what reads its memory.
fn lock_down() {
    if !Path::new(LOCKDOWN).exists() {
        mount();
    }
    let mode = fs::read_to_string(LOCKDOWN).unwrap_or_default();
    if !mode.contains("[confidentiality]") {
        let locked = fs::write(LOCKDOWN, "confidentiality");
        assert!(locked.is_ok(), "{locked:?}");
    }
}

/// Without securityfs sigtrace cannot know, and goes on until it is refused.
fn lock_down_and_hide_it() {
    lock_down();
    // SAFETY: a string that ends.
    let unmounted = unsafe { libc::umount(SECURITYFS.as_ptr()) };
    assert_eq!(unmounted, 0, "unmounting {SECURITYFS:?}: {}", io::Error::last_os_error());
}

/// A call that only programs of 32 bits make, and the kernel's function for it.
#[cfg(target_arch = "x86_64")]
const OLD: (&str, &str) = ("ssetmask", "__ia32_sys_ssetmask");
#[cfg(target_arch = "aarch64")]
const OLD: (&str, &str) = ("sigpending", "__arm64_compat_sys_sigpending");

fn what_the_verifier_says_is_in_a_file() {
    lock_down_and_hide_it();
    let (syscall, function) = OLD;
    // Its entry is a program that reads the kernel's memory by a helper, for callers in a pid namespace
    // of their own. Other mechanisms fail before that, or with it, as kprobes are forbidden, too.
    let ended = sigtrace(&["-s", syscall, "--probe", "fentry", "--no-shares"]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let path = ended
        .stderr
        .strip_prefix(format!("sigtrace: {syscall}: cannot probe {function}: ").as_str())
        .and_then(|rest| rest.strip_prefix("the verifier rejected the program; its log is in "))
        .and_then(|rest| rest.strip_suffix(": Invalid argument (os error 22)\n"))
        .unwrap_or_else(|| panic!("{}", ended.stderr));
    let log = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(log.contains("bpf_probe_read"), "{log}");
    fs::remove_file(path).unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn kprobes_are_denied() {
    lock_down_and_hide_it();
    // A call whose return nothing is read at, or that would be refused before. Shares are read, too.
    let ended = sigtrace(&["-s", "pause", "--probe", "kprobe", "--no-shares"]);
    let expected = format!(
        "sigtrace: pause: the kernel denied permission: see `sigtrace doctor`: cannot probe {}: \
         Operation not permitted (os error 1)\n",
        entry("pause")
    );
    assert_eq!((ended.status.code(), ended.stderr), (Some(1), expected));
}

fn the_lockdown_is_named() {
    lock_down();
    let ended = sigtrace(&["-s", "kill"]);
    let expected = "sigtrace: lockdown: confidentiality; it forbids kprobes and reading kernel memory; boot \
                    with lockdown=integrity or none\n";
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), expected));
    let doctor = sigtrace(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{doctor:?}");
    assert!(doctor.stdout.contains("missing  lockdown: confidentiality"), "{}", doctor.stdout);
}
