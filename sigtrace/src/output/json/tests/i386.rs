//! 32-bit callers: narrower registers, and layouts of their own.

use sigtrace_common::{Abi, State};

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

/// Asserts the members that a 32-bit siginfo shows when it is sent with the signal written in it.
#[track_caller]
fn assert_members(info: &[i32], members: &str) {
    let (signal, _) = members.split_once(r#","code""#).unwrap();
    assert_args(
        Sample::of("rt_sigqueueinfo", &[1, info[0] as u64, 0xffff_d000]).points_to(2, &ints(info)),
        "rt_sigqueueinfo",
        &format!(r#"{{"tgid":1,{signal},"info":{{{members}}}}}"#),
    );
}

#[test]
fn a_32_bit_siginfo_is_shown_by_the_signal_of_the_call_as_well() {
    assert_args(
        Sample::of("rt_sigqueueinfo", &[1, 17, 0xffff_d000])
            .points_to(2, &ints(&[10, 0, 1, 5, 6, 3, 8, 9])),
        "rt_sigqueueinfo",
        concat!(
            r#"{"tgid":1,"sig":"SIGCHLD","signo":17,"info":{"sig":"SIGCHLD","signo":17,"#,
            r#""written_signo":10,"code":"CLD_EXITED","errno":0,"pid":5,"uid":6,"status":3,"#,
            r#""utime":8,"stime":9}}"#
        ),
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
            r#""call_addr":"0x1000","syscall":37,"arch":"AUDIT_ARCH_I386","syscall_name":"kill""#
        ),
    );
}

/// Asserts the whole line of a call by a 32-bit program.
#[track_caller]
fn assert_line(sample: Sample, syscall: &str, args: &str, ret: &str, error: &str) {
    assert_eq!(line(&sample.abi(Abi::I386)), expected(syscall, "i386", args, ret, error));
}

#[test]
fn an_old_sigaction_has_its_mask_second() {
    let sample = Sample::of("sigaction", &[15, 0xffff_d000, 0xffff_e000])
        .points_to(1, &ints(&[0x0804_9000, i32::MIN | 1, i32::MIN | 4, 0x0805_0000]))
        .points_to(2, &ints(&[1, 1 << 14, 0, 0]));
    let args = concat!(
        r#"{"sig":"SIGTERM","signo":15,"act":{"handler":"0x8049000","#,
        r#""flags":["SA_RESETHAND","SA_SIGINFO"],"restorer":"0x8050000","#,
        r#""mask":["SIGHUP","SIG32"]},"oldact":{"handler":"SIG_IGN","flags":[],"#,
        r#""restorer":null,"mask":["SIGTERM"]}}"#
    );
    let changed = concat!(
        r#"{"handler":{"from":"SIG_IGN","to":"0x8049000"},"#,
        r#""flags":{"from":[],"to":["SA_RESETHAND","SA_SIGINFO"]},"#,
        r#""mask":{"from":["SIGTERM"],"to":["SIGHUP","SIG32"]}}"#
    );
    let line = line(&sample.abi(Abi::I386));
    assert_eq!(line, expected_change("sigaction", "i386", args, changed));
}

#[test]
fn an_old_set_has_4_bytes() {
    assert_args(
        Sample::of("sigprocmask", &[2, 0xffff_d000, 0xffff_d004])
            .points_to(1, &ints(&[i32::MIN | 1]))
            .points_to(2, &ints(&[0])),
        "sigprocmask",
        r#"{"how":"SIG_SETMASK","set":["SIGHUP","SIG32"],"oldset":[]}"#,
    );
    assert_args(
        Sample::of("sigpending", &[0xffff_d000]).points_to(0, &ints(&[1 << 14])),
        "sigpending",
        r#"{"set":["SIGTERM"]}"#,
    );
    assert_line(
        Sample::of("sigpending", &[0xdead_beef_ffff_d000]).ret(-14),
        "sigpending",
        r#"{"set":{"address":"0xffffd000"}}"#,
        "-14",
        r#""EFAULT""#,
    );
}

#[test]
fn sigsuspend_has_its_mask_in_the_third_register() {
    assert_line(
        Sample::of("sigsuspend", &[1, 0xffff_ffff, 0xdead_beef_8000_0001]).ret(-514),
        "sigsuspend",
        r#"{"unused1":1,"unused2":-1,"mask":["SIGHUP","SIG32"]}"#,
        "-514",
        r#""ERESTARTNOHAND""#,
    );
}

#[test]
fn signal_returns_the_handler_before() {
    assert_line(
        Sample::of("signal", &[15, 0xdead_beef_0000_0001]).ret(0xf7ff_fffe),
        "signal",
        concat!(
            r#"{"sig":"SIGTERM","signo":15,"handler":"SIG_IGN","#,
            r#""oldhandler":"0xf7fffffe"}"#
        ),
        "4160749566",
        "null",
    );
    assert_line(
        Sample::of("signal", &[15, 0x0804_9000]),
        "signal",
        r#"{"sig":"SIGTERM","signo":15,"handler":"0x8049000","oldhandler":"SIG_DFL"}"#,
        "0",
        "null",
    );
    assert_line(
        Sample::of("signal", &[9, 0]).ret(-22),
        "signal",
        r#"{"sig":"SIGKILL","signo":9,"handler":"SIG_DFL","oldhandler":null}"#,
        "-22",
        r#""EINVAL""#,
    );
}

#[test]
fn a_mask_that_is_returned_is_no_error() {
    // All that can be blocked: the kernel returns 64 signals, which look like -262401.
    let all = !(1_i64 << 8 | 1 << 18);
    let names = {
        let sample = Sample::of("sigpending", &[1]).points_to(0, &all.to_ne_bytes()[..4]);
        let line = line(&sample);
        let (start, end) = (line.find('[').unwrap(), line.find(']').unwrap());
        line[start..=end].to_owned()
    };
    assert!(names.starts_with(r#"["SIGHUP","#) && names.ends_with(r#","SIGSYS","SIG32"]"#));
    assert_line(
        Sample::of("sgetmask", &[]).ret(all),
        "sgetmask",
        &format!(r#"{{"mask":{names}}}"#),
        "4294704895",
        "null",
    );
    assert_line(
        Sample::of("ssetmask", &[0xdead_beef_8000_0000]).ret(1 << 63 | 1 << 14),
        "ssetmask",
        r#"{"newmask":["SIG32"],"oldmask":["SIGTERM"]}"#,
        "16384",
        "null",
    );
}

#[test]
fn a_return_that_was_not_seen_returned_no_mask() {
    let line = line(&Sample::of("ssetmask", &[1]).abi(Abi::I386).state(State::Missed));
    assert!(line.contains(r#""args":{"newmask":["SIGHUP"],"oldmask":null},"ret":null"#), "{line}");
}

#[test]
fn half_of_the_nanoseconds_is_padding_in_time64() {
    let time = longs(&[1 << 33, 0xdead_beef_0000_0005]);
    assert_args(
        Sample::of("rt_sigtimedwait_time64", &[0, 0, 0xffff_d000, 8]).points_to(2, &time),
        "rt_sigtimedwait_time64",
        r#"{"set":null,"info":null,"timeout":{"sec":8589934592,"nsec":5},"sigsetsize":8}"#,
    );
    assert_args(
        Sample::of("rt_sigtimedwait_time64", &[0, 0, 0xffff_d000, 8])
            .points_to(2, &longs(&[u64::MAX, u64::MAX])),
        "rt_sigtimedwait_time64",
        r#"{"set":null,"info":null,"timeout":{"sec":-1,"nsec":4294967295},"sigsetsize":8}"#,
    );
}

#[test]
fn both_returns_from_a_handler_show_the_restored_mask() {
    for syscall in ["sigreturn", "rt_sigreturn"] {
        assert_line(
            Sample::of(syscall, &[0xffff_d0f8]).points_to(0, &longs(&[1 << 63 | 1])).ret(-4),
            syscall,
            r#"{"mask":["SIGHUP","SIGRTMIN+30"]}"#,
            "null",
            "null",
        );
    }
}
