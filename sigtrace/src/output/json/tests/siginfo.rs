//! Every arm of siginfo_t, and the cases in which tracers differ.

use sigtrace_common::Capture;

use super::*;

/// Asserts the members that a 64-bit siginfo shows when it is sent with the signal written in it.
#[track_caller]
fn assert_members(info: &[i32], members: &str) {
    let (signal, _) = members.split_once(r#","code""#).unwrap();
    super::assert_args(
        &Sample::of("rt_sigqueueinfo", &[1, info[0] as u64, 0x7ffe_1000]).points_to(2, &ints(info)),
        "rt_sigqueueinfo",
        &format!(r#"{{"tgid":1,{signal},"info":{{{members}}}}}"#),
    );
}

#[test]
fn a_siginfo_is_sent_with_the_signal_of_the_call_which_selects_its_members() {
    let queued = |signo: u64, info: &[i32], shown: &str| {
        super::assert_args(
            &Sample::of("rt_sigqueueinfo", &[1, signo, 0x7ffe_1000]).points_to(2, &ints(info)),
            "rt_sigqueueinfo",
            &format!(r#"{{"tgid":1,{shown}}}"#),
        );
    };
    queued(
        10,
        &[17, 0, 1, 0, 0x41, 0, 4],
        concat!(
            r#""sig":"SIGUSR1","signo":10,"info":{"sig":"SIGUSR1","signo":10,"written_signo":17,"#,
            r#""code":"POLL_IN","errno":0,"band":["POLLIN","POLLRDNORM"],"fd":4}"#
        ),
    );
    queued(
        17,
        &[10, 0, 1, 0, 9, 7, 3, 0, 2, 0, 1, 0],
        concat!(
            r#""sig":"SIGCHLD","signo":17,"info":{"sig":"SIGCHLD","signo":17,"written_signo":10,"#,
            r#""code":"CLD_EXITED","errno":0,"pid":9,"uid":7,"status":3,"utime":2,"stime":1}"#
        ),
    );
    // Of the register it is the low half that counts.
    queued(
        0xdead_beef_0000_000b,
        &[-1, 0, 1, 0, 0x1000, 0],
        concat!(
            r#""sig":"SIGSEGV","signo":11,"info":{"sig":"SIGSEGV","signo":11,"written_signo":-1,"#,
            r#""code":"SEGV_MAPERR","errno":0,"addr":"0x1000"}"#
        ),
    );
}

#[test]
fn the_other_sends_show_the_signal_of_the_call_as_well() {
    let info = ints(&[12, 0, -1, 0, 5, 6, 0, 0]);
    let shown = concat!(
        r#""sig":"SIGUSR1","signo":10,"info":{"sig":"SIGUSR1","signo":10,"written_signo":12,"#,
        r#""code":"SI_QUEUE","errno":0,"pid":5,"uid":6,"int":0,"ptr":"0x0"}"#
    );
    super::assert_args(
        &Sample::of("rt_tgsigqueueinfo", &[1, 2, 10, 0x7ffe_1000]).points_to(3, &info),
        "rt_tgsigqueueinfo",
        &format!(r#"{{"tgid":1,"tid":2,{shown}}}"#),
    );
    let refused = Sample::of("pidfd_send_signal", &[5, 10, 0x7ffe_1000, 0]).points_to(2, &info);
    assert_eq!(
        line(&refused.ret(-22)),
        expected(
            "pidfd_send_signal",
            "x86_64",
            &format!(r#"{{"pidfd":5,{shown},"flags":[],"target":null}}"#),
            "-22",
            r#""EINVAL""#
        )
    );
}

#[test]
fn what_the_kernel_wrote_is_shown_by_the_signal_in_it() {
    let sample = Sample::of("rt_sigtimedwait", &[0x7ffe_1000, 0x7ffe_2000, 0, 8])
        .points_to(0, &longs(&[set(&[17])]))
        .points_to(1, &ints(&[17, 0, -1, 0, 5, 6, 0, 0]))
        .ret(17);
    let args = concat!(
        r#"{"set":["SIGCHLD"],"info":{"sig":"SIGCHLD","signo":17,"code":"SI_QUEUE","errno":0,"#,
        r#""pid":5,"uid":6,"int":0,"ptr":"0x0"},"timeout":null,"sigsetsize":8}"#
    );
    assert_eq!(line(&sample), expected("rt_sigtimedwait", "x86_64", args, "17", "null"));
}

#[test]
fn a_sent_signal_tells_its_sender() {
    for (code, name) in [(0, "\"SI_USER\""), (128, "\"SI_KERNEL\""), (129, "129")] {
        assert_members(
            &[15, 0, code, 0, 5, -1, 77, 77],
            &format!(
                r#""sig":"SIGTERM","signo":15,"code":{name},"errno":0,"pid":5,"uid":4294967295"#
            ),
        );
    }
}

#[test]
fn a_queued_signal_tells_its_value_even_if_it_is_zero() {
    assert_members(
        &[34, 0, -1, 0, 5, 6, 0, 0],
        concat!(
            r#""sig":"SIGRTMIN","signo":34,"code":"SI_QUEUE","errno":0,"pid":5,"uid":6,"#,
            r#""int":0,"ptr":"0x0""#
        ),
    );
}

#[test]
fn every_negative_code_but_two_is_a_queued_signals() {
    for (code, name) in [
        (-3, "\"SI_MESGQ\""),
        (-4, "\"SI_ASYNCIO\""),
        (-6, "\"SI_TKILL\""),
        (-7, "\"SI_DETHREAD\""),
        (-60, "\"SI_ASYNCNL\""),
        (-100, "-100"),
        (i32::MIN, "-2147483648"),
    ] {
        assert_members(
            &[10, 0, code, 0, 5, 6, 7, 8],
            &format!(
                r#""sig":"SIGUSR1","signo":10,"code":{name},"errno":0,"pid":5,"uid":6,"int":7,"ptr":"0x800000007""#
            ),
        );
    }
}

#[test]
fn a_timer_tells_which_it_is() {
    assert_members(
        &[14, 0, -2, 0, 3, 2, -1, -1],
        concat!(
            r#""sig":"SIGALRM","signo":14,"code":"SI_TIMER","errno":0,"timerid":3,"#,
            r#""overrun":2,"int":-1,"ptr":"0xffffffffffffffff""#
        ),
    );
}

#[test]
fn a_child_tells_how_it_ended() {
    assert_members(
        &[17, 0, 2, 0, 9, 0, 9, 0, 2, 0, 1, 0],
        concat!(
            r#""sig":"SIGCHLD","signo":17,"code":"CLD_KILLED","errno":0,"pid":9,"uid":0,"#,
            r#""status":9,"utime":2,"stime":1"#
        ),
    );
}

#[test]
fn a_descriptor_tells_what_happened_to_it_through_any_signal() {
    let members = r#""errno":0,"band":["POLLIN","POLLRDNORM"],"fd":4"#;
    assert_members(
        &[29, 0, 1, 0, 0x41, 0, 4],
        &format!(r#""sig":"SIGIO","signo":29,"code":"POLL_IN",{members}"#),
    );
    assert_members(
        &[10, 0, 1, 0, 0x41, 0, 4],
        &format!(r#""sig":"SIGUSR1","signo":10,"code":"POLL_IN",{members}"#),
    );
    assert_members(
        &[17, 0, -5, 0, 0x41, 0, 4],
        &format!(r#""sig":"SIGCHLD","signo":17,"code":"SI_SIGIO",{members}"#),
    );
    assert_members(
        &[7, 0, 6, 0, 0x41, 0, 4],
        &format!(r#""sig":"SIGBUS","signo":7,"code":6,{members}"#),
    );
}

#[test]
fn a_fault_tells_where() {
    for (signo, code, names) in [
        (4, 2, r#""sig":"SIGILL","signo":4,"code":"ILL_ILLOPN""#),
        (8, 1, r#""sig":"SIGFPE","signo":8,"code":"FPE_INTDIV""#),
        (11, 1, r#""sig":"SIGSEGV","signo":11,"code":"SEGV_MAPERR""#),
        (7, 2, r#""sig":"SIGBUS","signo":7,"code":"BUS_ADRERR""#),
        (5, 1, r#""sig":"SIGTRAP","signo":5,"code":"TRAP_BRKPT""#),
    ] {
        assert_members(&[signo, 0, code, 0, 0, 0], &format!(r#"{names},"errno":0,"addr":"0x0""#));
    }
}

#[test]
fn some_faults_tell_more() {
    assert_members(
        &[7, 0, 5, 0, 0x1000, 0, 12],
        concat!(
            r#""sig":"SIGBUS","signo":7,"code":"BUS_MCEERR_AO","errno":0,"addr":"0x1000","#,
            r#""addr_lsb":12"#
        ),
    );
    assert_members(
        &[11, 0, 3, 0, 0x1000, 0, 0, 0, 0x2000, 0, 0x3000, 1],
        concat!(
            r#""sig":"SIGSEGV","signo":11,"code":"SEGV_BNDERR","errno":0,"addr":"0x1000","#,
            r#""lower":"0x2000","upper":"0x100003000""#
        ),
    );
    assert_members(
        &[11, 0, 4, 0, 0x1000, 0, 0, 0, 15],
        concat!(
            r#""sig":"SIGSEGV","signo":11,"code":"SEGV_PKUERR","errno":0,"addr":"0x1000","#,
            r#""pkey":15"#
        ),
    );
    assert_members(
        &[5, 0, 6, 0, 0x1000, 0, 7, 1, 4, 3],
        concat!(
            r#""sig":"SIGTRAP","signo":5,"code":"TRAP_PERF","errno":0,"addr":"0x1000","#,
            r#""perf_data":"0x100000007","perf_type":4,"#,
            r#""perf_flags":["TRAP_PERF_FLAG_ASYNC","0x2"]"#
        ),
    );
}

#[test]
fn a_fault_the_kernel_says_nothing_about_has_a_sender_of_zeros() {
    assert_members(
        &[11, 0, 128],
        r#""sig":"SIGSEGV","signo":11,"code":"SI_KERNEL","errno":0,"pid":0,"uid":0"#,
    );
}

#[test]
fn a_ptrace_event_has_a_sender() {
    assert_members(
        &[5, 0, 5 | 4 << 8, 0, 812, 33],
        r#""sig":"SIGTRAP","signo":5,"code":1029,"errno":0,"pid":812,"uid":33"#,
    );
}

#[test]
fn a_refused_syscall_tells_which_and_what_the_filter_said() {
    assert_members(
        &[31, 42, 1, 0, 0x1000, 0, 62, 0xc000_003e_u32.cast_signed()],
        concat!(
            r#""sig":"SIGSYS","signo":31,"code":"SYS_SECCOMP","errno":42,"#,
            r#""call_addr":"0x1000","syscall":62,"arch":"AUDIT_ARCH_X86_64","syscall_name":"kill""#
        ),
    );
    assert_members(
        &[31, 0, 2, 0, 0x1000, 0, 62, 7],
        concat!(
            r#""sig":"SIGSYS","signo":31,"code":"SYS_USER_DISPATCH","errno":0,"#,
            r#""call_addr":"0x1000","syscall":62,"arch":"0x7","syscall_name":null"#
        ),
    );
}

#[test]
fn a_number_that_is_no_signal_keeps_the_members_of_its_code() {
    assert_members(
        &[-1, 0, 0, 0, 5, 6],
        r#""sig":null,"signo":-1,"code":"SI_USER","errno":0,"pid":5,"uid":6"#,
    );
}

#[test]
fn a_siginfo_that_is_refused_for_what_follows_it_says_so() {
    let sent = || {
        Sample::of("rt_sigqueueinfo", &[1, 10, 0x7ffe_1000])
            .points_to(2, &ints(&[10, 0, 77, 0, 5, 6]))
    };
    let shown = |rest: &str| {
        format!(
            concat!(
                r#"{{"tgid":1,"sig":"SIGUSR1","signo":10,"info":{{"sig":"SIGUSR1","signo":10,"#,
                r#"{}"code":77,"errno":0,"pid":5,"uid":6}}}}"#
            ),
            rest
        )
    };
    for (capture, rest) in [
        (Capture::Whole, ""),
        (Capture::Nonzero, r#""rest":"nonzero","#),
        (Capture::Cut, r#""rest":"unreadable","#),
    ] {
        super::assert_args(&sent().captured(2, capture), "rt_sigqueueinfo", &shown(rest));
    }
}

#[test]
fn a_siginfo_that_was_read_late_is_that_of_the_calls_signal_too() {
    super::assert_args(
        &Sample::of("rt_sigqueueinfo", &[1, 10, 0x7ffe_1000])
            .points_late_to(2, &ints(&[17, 0, 0, 0, 5, 6])),
        "rt_sigqueueinfo",
        concat!(
            r#"{"tgid":1,"sig":"SIGUSR1","signo":10,"info":{"read_late":{"sig":"SIGUSR1","signo":10,"#,
            r#""written_signo":17,"code":"SI_USER","errno":0,"pid":5,"uid":6}}}"#
        ),
    );
}
