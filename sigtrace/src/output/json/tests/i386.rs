//! 32-bit callers: narrower registers, and layouts of their own.

use sigtrace_common::Abi;

use super::*;

/// Asserts the `args` of a call by a 32-bit program that returned 0.
#[track_caller]
fn assert_args(sample: Sample, syscall: &str, args: &str) {
    let expected = |abi| expected(syscall, abi, args, "0", "null");
    let sample = sample.abi(Abi::I386);
    assert_eq!(line(&sample), expected("i386"));
    assert_eq!(line(&sample.abi(Abi::Arm)), expected("arm"));
}

#[test]
fn every_argument_is_the_low_half_of_its_register() {
    assert_args(
        Sample::of("rt_sigpending", &[0xdead_beef_0000_1000, 0xdead_beef_0000_0009]),
        "rt_sigpending",
        r#"{"set":{"address":"0x1000"},"sigsetsize":9}"#,
    );
    assert_args(
        Sample::of("rt_sigpending", &[0xdead_beef_0000_0000, 8]),
        "rt_sigpending",
        r#"{"set":null,"sigsetsize":8}"#,
    );
    assert_args(
        Sample::of("rt_sigpending", &[0xdead_beef_ffff_f000, 8]).unreadable(0),
        "rt_sigpending",
        r#"{"set":{"unreadable":"0xfffff000"},"sigsetsize":8}"#,
    );
}

#[test]
fn a_sigaction_has_20_bytes() {
    let (low, high) = (1 << 14, i32::MIN);
    assert_args(
        Sample::of("rt_sigaction", &[15, 0xffff_d000, 0, 8])
            .points_to(1, &ints(&[0x0804_9000, 0x1000_0000, 0x0805_0000, low, high])),
        "rt_sigaction",
        concat!(
            r#"{"sig":"SIGTERM","signo":15,"act":{"handler":"0x8049000","#,
            r#""flags":["SA_RESTART"],"restorer":"0x8050000","#,
            r#""mask":["SIGTERM","SIGRTMIN+30"]},"oldact":null,"sigsetsize":8}"#
        ),
    );
}

#[test]
fn flags_with_the_highest_bit_are_not_sign_extended() {
    assert_args(
        Sample::of("rt_sigaction", &[15, 0xffff_d000, 0, 8])
            .points_to(1, &ints(&[1, i32::MIN, 0, 0, 0])),
        "rt_sigaction",
        concat!(
            r#"{"sig":"SIGTERM","signo":15,"act":{"handler":"SIG_IGN","#,
            r#""flags":["SA_RESETHAND"],"restorer":null,"mask":[]},"oldact":null,"#,
            r#""sigsetsize":8}"#
        ),
    );
}

#[test]
fn a_stack_has_12_bytes() {
    assert_args(
        Sample::of("sigaltstack", &[0xffff_d000, 0]).points_to(0, &ints(&[0x1000, 1, 8192])),
        "sigaltstack",
        r#"{"ss":{"sp":"0x1000","flags":["SS_ONSTACK"],"size":8192},"old_ss":null}"#,
    );
}

#[test]
fn a_timespec_has_8_bytes() {
    assert_args(
        Sample::of("rt_sigtimedwait", &[0, 0, 0xffff_d000, 8]).points_to(2, &ints(&[-1, 5])),
        "rt_sigtimedwait",
        r#"{"set":null,"info":null,"timeout":{"sec":-1,"nsec":5},"sigsetsize":8}"#,
    );
}

/// Asserts the members that a 32-bit siginfo shows.
#[track_caller]
fn assert_members(info: &[i32], members: &str) {
    assert_args(
        Sample::of("rt_sigqueueinfo", &[1, 1, 0xffff_d000]).points_to(2, &ints(info)),
        "rt_sigqueueinfo",
        &format!(r#"{{"tgid":1,"sig":"SIGHUP","signo":1,"info":{{{members}}}}}"#),
    );
}

#[test]
fn every_arm_of_a_siginfo_has_offsets_of_its_own() {
    assert_members(
        &[10, 0, 0, 5, 6],
        r#""sig":"SIGUSR1","signo":10,"code":"SI_USER","errno":0,"pid":5,"uid":6"#,
    );
    assert_members(
        &[10, 0, -1, 5, 6, -7],
        concat!(
            r#""sig":"SIGUSR1","signo":10,"code":"SI_QUEUE","errno":0,"pid":5,"uid":6,"#,
            r#""int":-7,"ptr":"0xfffffff9""#
        ),
    );
    assert_members(
        &[14, 0, -2, 5, 6, 7],
        concat!(
            r#""sig":"SIGALRM","signo":14,"code":"SI_TIMER","errno":0,"timerid":5,"#,
            r#""overrun":6,"int":7,"ptr":"0x7""#
        ),
    );
    assert_members(
        &[17, 0, 1, 5, 6, 3, 8, 9],
        concat!(
            r#""sig":"SIGCHLD","signo":17,"code":"CLD_EXITED","errno":0,"pid":5,"uid":6,"#,
            r#""status":3,"utime":8,"stime":9"#
        ),
    );
    assert_members(
        &[11, 0, 3, 0x1000, 0, 0x2000, 0x3000],
        concat!(
            r#""sig":"SIGSEGV","signo":11,"code":"SEGV_BNDERR","errno":0,"addr":"0x1000","#,
            r#""lower":"0x2000","upper":"0x3000""#
        ),
    );
    assert_members(
        &[11, 0, 4, 0x1000, 0, 15],
        concat!(
            r#""sig":"SIGSEGV","signo":11,"code":"SEGV_PKUERR","errno":0,"addr":"0x1000","#,
            r#""pkey":15"#
        ),
    );
    assert_members(
        &[7, 0, 4, 0x1000, 12],
        concat!(
            r#""sig":"SIGBUS","signo":7,"code":"BUS_MCEERR_AR","errno":0,"addr":"0x1000","#,
            r#""addr_lsb":12"#
        ),
    );
    assert_members(
        &[5, 0, 6, 0x1000, 7, 1, 1],
        concat!(
            r#""sig":"SIGTRAP","signo":5,"code":"TRAP_PERF","errno":0,"addr":"0x1000","#,
            r#""perf_data":"0x7","perf_type":1,"perf_flags":["TRAP_PERF_FLAG_ASYNC"]"#
        ),
    );
    assert_members(
        &[29, 0, 1, 0x41, 4],
        concat!(
            r#""sig":"SIGIO","signo":29,"code":"POLL_IN","errno":0,"#,
            r#""band":["POLLIN","POLLRDNORM"],"fd":4"#
        ),
    );
    assert_members(
        &[31, 42, 1, 0x1000, 37, 0x4000_0003],
        concat!(
            r#""sig":"SIGSYS","signo":31,"code":"SYS_SECCOMP","errno":42,"#,
            r#""call_addr":"0x1000","syscall":37,"arch":"AUDIT_ARCH_I386""#
        ),
    );
}
