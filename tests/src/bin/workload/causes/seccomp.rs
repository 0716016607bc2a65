//! Calls that a filter refuses.

use serde_json::{Value, json};

use super::machine::getppid;
use super::{address, catch, fork, shared};
use crate::process::wait;

/// `SECCOMP_RET_*` (`include/uapi/linux/seccomp.h`).
const KILL_PROCESS: u32 = 0x8000_0000;
const TRAP: u32 = 0x0003_0000;
const ALLOW: u32 = 0x7fff_0000;

/// One child makes a call for which its filter has it sent a signal, another one for which it has it killed. What
/// comes with either is from the filter, too.
pub(super) fn trapped_and_killed() -> Value {
    let (trapped_at, killed_at) = (shared(), shared());
    let handler = catch(libc::SIGSYS);
    let trapped = fork(|| {
        refuse(TRAP | 7);
        getppid(trapped_at);
        0
    });
    assert_eq!(wait(trapped), 0);
    let killed = fork(|| {
        refuse(KILL_PROCESS | 9);
        getppid(killed_at);
        0
    });
    assert_eq!(wait(killed), libc::SIGSYS);
    json!({ "trapped": trapped, "trapped_at": address(trapped_at), "handler": handler,
        "killed": killed, "killed_at": address(killed_at) })
}

/// From now on getppid comes to this.
fn refuse(action: u32) {
    let step =
        |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let (load, jump, end) = (
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        libc::BPF_RET | libc::BPF_K,
    );
    let mut steps = [
        step(load, 0, 0, 0),
        step(jump, libc::SYS_getppid as u32, 0, 1),
        step(end, action, 0, 0),
        step(end, ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: a program to read from.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let filter = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, filter, &raw const program), 0);
    }
}
