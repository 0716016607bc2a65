//! Every syscall of the table, by 64-bit callers.

use sigtrace_common::{Abi, Capture};

use super::*;

#[test]
fn kill_is_a_whole_line() {
    let sample = Sample::of("kill", &[1234, 15]).abi(Abi::X86_64);
    assert_eq!(
        line(&sample),
        concat!(
            r#"{"event":"syscall","id":41,"time":"2026-11-21T19:53:08.123456789Z","seq":17,"cpu":3,"#,
            r#""syscall":"kill","abi":"x86_64","pid":812,"tid":815,"ppid":1,"uid":33,"gid":34,"#,
            r#""comm":"nginx","cgroup":4321,"args":{"pid":1234,"sig":"SIGTERM","signo":15},"#,
            r#""ret":0,"error":null,"duration_ns":812}"#,
            "\n"
        )
    );
}

#[test]
fn an_int_argument_is_the_low_half_of_its_register() {
    assert_args(
        &Sample::of("kill", &[0xdead_beef_ffff_ff00, 0xffff_ffff_0000_0009]),
        "kill",
        r#"{"pid":-256,"sig":"SIGKILL","signo":9}"#,
    );
}

#[test]
fn a_number_that_is_no_signal_is_shown_without_a_name() {
    for (register, signo) in [(0, "0"), (65, "65"), (u64::MAX, "-1")] {
        assert_args(
            &Sample::of("kill", &[1, register]),
            "kill",
            &format!(r#"{{"pid":1,"sig":null,"signo":{signo}}}"#),
        );
    }
}

#[test]
fn tkill_names_a_thread() {
    assert_args(
        &Sample::of("tkill", &[815, 33]),
        "tkill",
        r#"{"tid":815,"sig":"SIG33","signo":33}"#,
    );
}

#[test]
fn tgkill_names_a_thread_and_its_process() {
    assert_args(
        &Sample::of("tgkill", &[812, 815, 35]),
        "tgkill",
        r#"{"tgid":812,"tid":815,"sig":"SIGRTMIN+1","signo":35}"#,
    );
}

#[test]
fn rt_sigaction_shows_the_new_and_the_old_action() {
    let act = longs(&[0x55d0_c0de_1000, 0x0400_0004, 0x7f00_dead_b000, set(&[2])]);
    let sample = Sample::of("rt_sigaction", &[1, 0x7ffe_1000, 0x7ffe_2000, 8])
        .points_to(1, &act)
        .points_to(2, &longs(&[0, 0, 0, 0]));
    let args = concat!(
        r#"{"sig":"SIGHUP","signo":1,"act":{"handler":"0x55d0c0de1000","#,
        r#""flags":["SA_RESTORER","SA_SIGINFO"],"restorer":"0x7f00deadb000","#,
        r#""mask":["SIGINT"]},"oldact":{"handler":"SIG_DFL","flags":[],"restorer":null,"#,
        r#""mask":[]},"sigsetsize":8}"#
    );
    let changed = concat!(
        r#"{"handler":{"from":"SIG_DFL","to":"0x55d0c0de1000"},"#,
        r#""flags":{"from":[],"to":["SA_RESTORER","SA_SIGINFO"]},"#,
        r#""mask":{"from":[],"to":["SIGINT"]}}"#
    );
    assert_eq!(line(&sample), expected_change("rt_sigaction", "x86_64", args, changed));
}

#[test]
fn rt_sigaction_tells_what_it_changed_if_the_caller_does_not_ask() {
    let act = longs(&[1, 0, 0, set(&[2])]);
    let sample = Sample::of("rt_sigaction", &[1, 0x7ffe_1000, 0, 8])
        .points_to(1, &act)
        .points_to(2, &longs(&[0, 0, 0, set(&[2])]))
        .captured(2, Capture::Kept);
    let args = concat!(
        r#"{"sig":"SIGHUP","signo":1,"act":{"handler":"SIG_IGN","flags":[],"restorer":null,"#,
        r#""mask":["SIGINT"]},"oldact":null,"sigsetsize":8}"#
    );
    let changed = r#"{"handler":{"from":"SIG_DFL","to":"SIG_IGN"},"flags":null,"mask":null}"#;
    assert_eq!(line(&sample), expected_change("rt_sigaction", "x86_64", args, changed));
    let failed = sample.ret(-22);
    assert_eq!(line(&failed), expected("rt_sigaction", "x86_64", args, "-22", r#""EINVAL""#));
}

#[test]
fn flags_the_c_library_sign_extended_are_those_it_was_given() {
    let act = longs(&[1, 0xffff_ffff_8400_0000, 0, 0]);
    assert_args(
        &Sample::of("rt_sigaction", &[1, 0x7ffe_1000, 0, 8]).points_to(1, &act),
        "rt_sigaction",
        concat!(
            r#"{"sig":"SIGHUP","signo":1,"act":{"handler":"SIG_IGN","#,
            r#""flags":["SA_RESTORER","SA_RESETHAND"],"restorer":null,"mask":[]},"#,
            r#""oldact":null,"sigsetsize":8}"#
        ),
    );
}

#[test]
fn flags_without_a_name_come_last_in_hexadecimal() {
    let act = longs(&[2, 0x1_0000_0031, 0, 0]);
    assert_args(
        &Sample::of("rt_sigaction", &[1, 0x7ffe_1000, 0, 8]).points_to(1, &act),
        "rt_sigaction",
        concat!(
            r#"{"sig":"SIGHUP","signo":1,"act":{"handler":"0x2","#,
            r#""flags":["SA_NOCLDSTOP","0x100000030"],"restorer":null,"mask":[]},"#,
            r#""oldact":null,"sigsetsize":8}"#
        ),
    );
}

#[test]
fn rt_sigprocmask_shows_both_sets() {
    let sample = Sample::of("rt_sigprocmask", &[2, 0x7ffe_1000, 0x7ffe_2000, 8])
        .points_to(1, &longs(&[set(&[1, 15, 64])]))
        .points_to(2, &longs(&[0]));
    assert_args(
        &sample,
        "rt_sigprocmask",
        concat!(
            r#"{"how":"SIG_SETMASK","set":["SIGHUP","SIGTERM","SIGRTMIN+30"],"oldset":[],"#,
            r#""sigsetsize":8}"#
        ),
    );
}

#[test]
fn a_how_without_a_name_is_a_number() {
    assert_args(
        &Sample::of("rt_sigprocmask", &[99, 0, 0, 8]),
        "rt_sigprocmask",
        r#"{"how":99,"set":null,"oldset":null,"sigsetsize":8}"#,
    );
}

#[test]
fn rt_sigpending_shows_the_pending_signals() {
    assert_args(
        &Sample::of("rt_sigpending", &[0x7ffe_1000, 2]).points_to(0, &longs(&[set(&[10])])),
        "rt_sigpending",
        r#"{"set":["SIGUSR1"],"sigsetsize":2}"#,
    );
}

#[test]
fn rt_sigsuspend_shows_the_mask() {
    let sample = Sample::of("rt_sigsuspend", &[0x7ffe_1000, 8])
        .points_to(0, &longs(&[set(&[17])]))
        .ret(-514);
    let args = r#"{"mask":["SIGCHLD"],"sigsetsize":8}"#;
    let error = r#""ERESTARTNOHAND""#;
    assert_eq!(line(&sample), expected("rt_sigsuspend", "x86_64", args, "-514", error));
}

#[test]
fn rt_sigtimedwait_shows_what_it_waited_for_and_what_came() {
    let mut info = ints(&[34, 0, -1, 0, 4242, 7]);
    info.extend(longs(&[0x1_0000_0005]));
    let sample = Sample::of("rt_sigtimedwait", &[0x7ffe_1000, 0x7ffe_2000, 0x7ffe_3000, 8])
        .points_to(0, &longs(&[set(&[34])]))
        .points_to(1, &info)
        .points_to(2, &longs(&[1, 500_000_000]))
        .ret(34);
    let args = concat!(
        r#"{"set":["SIGRTMIN"],"info":{"sig":"SIGRTMIN","signo":34,"code":"SI_QUEUE","#,
        r#""errno":0,"pid":4242,"uid":7,"int":5,"ptr":"0x100000005"},"#,
        r#""timeout":{"sec":1,"nsec":500000000},"sigsetsize":8}"#
    );
    assert_eq!(line(&sample), expected("rt_sigtimedwait", "x86_64", args, "34", "null"));
}

#[test]
fn a_timeout_out_of_range_is_shown_as_given() {
    let sample = Sample::of("rt_sigtimedwait", &[0x7ffe_1000, 0, 0x7ffe_3000, 8])
        .points_to(0, &longs(&[0]))
        .points_to(2, &longs(&[u64::MAX, 1_000_000_000]))
        .ret(-22);
    let args = r#"{"set":[],"info":null,"timeout":{"sec":-1,"nsec":1000000000},"sigsetsize":8}"#;
    assert_eq!(line(&sample), expected("rt_sigtimedwait", "x86_64", args, "-22", r#""EINVAL""#));
}

#[test]
fn integers_of_more_than_53_bits_are_strings_wherever_they_are() {
    let sample = Sample::of("rt_sigtimedwait", &[0x7ffe_1000, 0, 0x7ffe_3000, u64::MAX])
        .points_to(2, &longs(&[1 << 63, 1 << 53]))
        .ret(-22);
    let args = concat!(
        r#"{"set":{"address":"0x7ffe1000"},"info":null,"timeout":{"sec":"-9223372036854775808","#,
        r#""nsec":"9007199254740992"},"sigsetsize":"18446744073709551615"}"#
    );
    assert_eq!(line(&sample), expected("rt_sigtimedwait", "x86_64", args, "-22", r#""EINVAL""#));
}

#[test]
fn rt_sigqueueinfo_shows_the_senders_siginfo() {
    let mut info = ints(&[0, 0, -1, 0, 812, 33]);
    info.extend(longs(&[0]));
    assert_args(
        &Sample::of("rt_sigqueueinfo", &[99, 10, 0x7ffe_1000]).points_to(2, &info),
        "rt_sigqueueinfo",
        concat!(
            r#"{"tgid":99,"sig":"SIGUSR1","signo":10,"info":{"sig":"SIGUSR1","signo":10,"#,
            r#""written_signo":0,"code":"SI_QUEUE","errno":0,"pid":812,"uid":33,"int":0,"ptr":"0x0"}}"#
        ),
    );
}

#[test]
fn rt_tgsigqueueinfo_shows_the_senders_siginfo() {
    assert_args(
        &Sample::of("rt_tgsigqueueinfo", &[99, 100, 12, 0x7ffe_1000])
            .points_to(3, &ints(&[12, 0, -100, 0, 812, 33, 0, 0])),
        "rt_tgsigqueueinfo",
        concat!(
            r#"{"tgid":99,"tid":100,"sig":"SIGUSR2","signo":12,"info":{"sig":"SIGUSR2","#,
            r#""signo":12,"code":-100,"errno":0,"pid":812,"uid":33,"int":0,"ptr":"0x0"}}"#
        ),
    );
}

#[test]
fn sigaltstack_shows_both_stacks() {
    let sample = Sample::of("sigaltstack", &[0x7ffe_1000, 0x7ffe_2000])
        .points_to(0, &longs(&[0x7f00_0000_0000, 0xdead_beef_8000_0001, 8192]))
        .points_to(1, &longs(&[0, 2, 0]));
    assert_args(
        &sample,
        "sigaltstack",
        concat!(
            r#"{"ss":{"sp":"0x7f0000000000","flags":["SS_ONSTACK","SS_AUTODISARM"],"#,
            r#""size":8192},"old_ss":{"sp":null,"flags":["SS_DISABLE"],"size":0}}"#
        ),
    );
}

#[test]
fn pidfd_send_signal_shows_the_process_it_went_to() {
    assert_args(
        &Sample::of("pidfd_send_signal", &[5, 9, 0, 4]).target(1234),
        "pidfd_send_signal",
        concat!(
            r#"{"pidfd":5,"sig":"SIGKILL","signo":9,"info":null,"#,
            r#""flags":["PIDFD_SIGNAL_PROCESS_GROUP"],"target":1234}"#
        ),
    );
}

#[test]
fn pidfd_send_signal_without_a_known_target_says_so() {
    let sample = Sample::of("pidfd_send_signal", &[(-10000_i64).cast_unsigned(), 0, 0, 0]).ret(-9);
    let args = r#"{"pidfd":-10000,"sig":null,"signo":0,"info":null,"flags":[],"target":null}"#;
    assert_eq!(line(&sample), expected("pidfd_send_signal", "x86_64", args, "-9", r#""EBADF""#));
}

#[test]
fn pidfd_open_shows_its_flags() {
    let sample = Sample::of("pidfd_open", &[1, 0x881]).ret(7);
    let args = r#"{"pid":1,"flags":["PIDFD_NONBLOCK","PIDFD_THREAD","0x1"]}"#;
    assert_eq!(line(&sample), expected("pidfd_open", "x86_64", args, "7", "null"));
}

#[test]
fn signalfd_shows_its_mask() {
    let sample =
        Sample::of("signalfd", &[u64::MAX, 0x7ffe_1000, 8]).points_to(1, &longs(&[1])).ret(3);
    let args = r#"{"fd":-1,"mask":["SIGHUP"],"sizemask":8}"#;
    assert_eq!(line(&sample), expected("signalfd", "x86_64", args, "3", "null"));
}

#[test]
fn signalfd4_shows_its_mask_and_flags() {
    let sample = Sample::of("signalfd4", &[u64::MAX, 0x7ffe_1000, 8, 0x8_0800])
        .points_to(1, &longs(&[set(&[2, 3])]))
        .ret(3);
    let args = concat!(
        r#"{"fd":-1,"mask":["SIGINT","SIGQUIT"],"sizemask":8,"#,
        r#""flags":["SFD_NONBLOCK","SFD_CLOEXEC"]}"#
    );
    assert_eq!(line(&sample), expected("signalfd4", "x86_64", args, "3", "null"));
}

#[test]
fn rt_sigreturn_shows_the_restored_mask_and_no_result() {
    let sample =
        Sample::of("rt_sigreturn", &[0x7ffe_1000]).points_to(0, &longs(&[set(&[15])])).ret(-4);
    let args = r#"{"mask":["SIGTERM"]}"#;
    assert_eq!(line(&sample), expected("rt_sigreturn", "x86_64", args, "null", "null"));
}

#[test]
fn pause_and_restart_syscall_have_no_arguments() {
    for (syscall, ret, error) in
        [("pause", -514, "ERESTARTNOHAND"), ("restart_syscall", -516, "ERESTART_RESTARTBLOCK")]
    {
        let error = format!("\"{error}\"");
        assert_eq!(
            line(&Sample::of(syscall, &[]).ret(ret)),
            expected(syscall, "x86_64", "{}", &ret.to_string(), &error)
        );
    }
}

#[test]
fn memory_that_could_not_be_read_is_no_value() {
    let sample = Sample::of("sigaltstack", &[0x10, 0x20]).unreadable(0).ret(-14);
    let args = r#"{"ss":{"unreadable":"0x10"},"old_ss":{"address":"0x20"}}"#;
    assert_eq!(line(&sample), expected("sigaltstack", "x86_64", args, "-14", r#""EFAULT""#));
}

#[test]
fn a_set_of_a_wrong_size_is_an_address() {
    let sample = Sample::of("rt_sigsuspend", &[0x7ffe_1000, 128]).ret(-22);
    let args = r#"{"mask":{"address":"0x7ffe1000"},"sigsetsize":128}"#;
    assert_eq!(line(&sample), expected("rt_sigsuspend", "x86_64", args, "-22", r#""EINVAL""#));
}

#[test]
fn sets_can_be_masks_everywhere() {
    let sample = Sample::of("rt_sigaction", &[1, 0x7ffe_1000, 0, 8])
        .points_to(1, &longs(&[0, 0, 0, set(&[15])]));
    let args = concat!(
        r#"{"sig":"SIGHUP","signo":1,"act":{"handler":"SIG_DFL","flags":[],"restorer":null,"#,
        r#""mask":"0x0000000000004000"},"oldact":null,"sigsetsize":8}"#
    );
    assert_eq!(
        line_with(Sets::Mask, &sample),
        expected("rt_sigaction", "x86_64", args, "0", "null")
    );
    let sample = Sample::of("rt_sigsuspend", &[0x7ffe_1000, 8]).points_to(0, &longs(&[u64::MAX]));
    let args = r#"{"mask":"0xffffffffffffffff","sigsetsize":8}"#;
    assert_eq!(
        line_with(Sets::Mask, &sample),
        expected("rt_sigsuspend", "x86_64", args, "0", "null")
    );
}
