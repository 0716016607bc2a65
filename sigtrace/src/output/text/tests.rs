//! Whole lines.

use proptest::prelude::*;
use sigtrace_common::{Abi, Capture, State, find};

use super::Text;
use crate::{
    decode::{self, Comm, Exit, Repeated, WallClock, sample::Sample, tests::records},
    join::Context,
    output::{
        Blind, Event, Format, Known, Lost, Most, MostOf, Parties, Process, Sets, Stats,
        process::sample::{identity, stranger},
    },
};

const CLOCK: WallClock = WallClock { offset_ns: 1_795_290_787_123_456_788 };

/// What every line of a sample begins with.
const CALLER: &str = "19:53:08.123456 nginx[812/815] ";

fn text(sample: &Sample) -> String {
    with(&mut Text::new(Sets::Names, false), sample)
}

fn with(text: &mut Text, sample: &Sample) -> String {
    let call = decode::call(sample.bytes(), CLOCK).unwrap();
    event(text, Event::Call(&call, None))
}

fn event(text: &mut Text, event: Event<'_>) -> String {
    let mut buffer = Vec::new();
    text.write(event, &mut buffer).unwrap();
    String::from_utf8(buffer).unwrap()
}

/// Asserts the line of a sample, without its caller.
#[track_caller]
fn assert_text(sample: &Sample, expected: &str) {
    assert_eq!(text(sample), format!("{CALLER}{expected}\n"));
}

fn longs(longs: &[u64]) -> Vec<u8> {
    longs.iter().flat_map(|long| long.to_ne_bytes()).collect()
}

fn ints(ints: &[i32]) -> Vec<u8> {
    ints.iter().flat_map(|int| int.to_ne_bytes()).collect()
}

#[test]
fn a_call_reads_as_strace_writes_it() {
    assert_text(&Sample::of("kill", &[1234, 15]), "kill(1234, SIGTERM) = 0 <0.000000>");
}

#[test]
fn an_error_has_its_name() {
    assert_text(&Sample::of("kill", &[1234, 65]).ret(-3), "kill(1234, 65) = -1 ESRCH <0.000000>");
    assert_text(
        &Sample::of("kill", &[1234, 0]).ret(-4000),
        "kill(1234, 0) = -1 (errno 4000) <0.000000>",
    );
}

#[test]
fn a_restart_code_says_what_becomes_of_the_call() {
    assert_text(
        &Sample::of("pause", &[]).ret(-514),
        "pause() = ? ERESTARTNOHAND (To be restarted if no handler) <0.000000>",
    );
}

#[test]
fn a_caller_in_a_namespace_has_both_numbers_and_so_has_its_target() {
    assert_eq!(
        text(&Sample::of("kill", &[5, 15]).in_namespace(1, 3).target(4711)),
        "19:53:08.123456 nginx[812/815 ns:1/3] kill(5<pid:4711>, SIGTERM) = 0 <0.000000>\n"
    );
}

#[test]
fn what_a_call_returns_is_decoded_where_it_stands() {
    let old = |sample: Sample| sample.abi(Abi::I386);
    let line = |sample: Sample| text(&old(sample)).replace(CALLER, "");
    assert_eq!(
        line(Sample::of("signal", &[15, 1]).ret(0)),
        "i386:signal(SIGTERM, SIG_IGN) = SIG_DFL <0.000000>\n"
    );
    assert_eq!(
        line(Sample::of("ssetmask", &[2]).ret(0x4001)),
        "i386:ssetmask([INT]) = [HUP TERM] <0.000000>\n"
    );
    assert_eq!(
        line(Sample::of("signal", &[65, 1]).ret(-22)),
        "i386:signal(65, SIG_IGN) = -1 EINVAL <0.000000>\n"
    );
}

#[test]
fn a_read_from_a_signalfd_has_what_was_read() {
    let mut structure = [0; 128];
    structure[0] = 10;
    structure[12] = 12;
    let sample = Sample::of("read", &[3, 512, 0x7000, 512])
        .points_to(0, &[])
        .points_to(1, &longs(&[1 << 9]))
        .points_to(2, &[])
        .followed_by(&structure)
        .ret(256);
    assert_text(
        &sample,
        "read(3, [USR1], [{si_signo=SIGUSR1, si_code=SI_USER, si_pid=12, si_uid=0}, 0x7080], 512) \
         = 256 <0.000000>",
    );
}

#[test]
fn a_return_that_was_not_seen_says_so() {
    assert_text(&Sample::of("pause", &[]).state(State::Missed), "pause() = ? <return missed>");
    assert_text(&Sample::of("pause", &[]).state(State::Entered), "pause() <unfinished ...>");
}

/// Asserts the line of the return of a sample, 7.2 s after it was entered.
#[track_caller]
fn assert_return(sample: Sample, expected: &str) {
    let duration = std::mem::offset_of!(sigtrace_common::Record, duration_ns);
    let sample = sample.with(duration, &7_200_000_000_u64.to_ne_bytes());
    let call = decode::call(sample.bytes(), CLOCK).unwrap();
    let late = Event::Return { call: &call, time_ns: 1_795_290_795_323_456_789 };
    assert_eq!(
        event(&mut Text::new(Sets::Names, false), late),
        format!("19:53:15.323456 nginx[812/815] {expected}\n")
    );
}

#[test]
fn a_late_return_resumes_its_call() {
    let suspend = Sample::of("rt_sigsuspend", &[0x7ffe_1000, 8]).points_to(0, &longs(&[0]));
    assert_return(
        suspend.ret(-514),
        "<... rt_sigsuspend resumed>) = ? ERESTARTNOHAND (To be restarted if no handler) \
         <7.200000>",
    );
    assert_return(
        Sample::of("kill", &[1, 15]).ret(-3),
        "<... kill resumed>) = -1 ESRCH <7.200000>",
    );
}

#[test]
fn a_late_return_has_all_arguments_if_outputs_are_among_them() {
    let wait = Sample::of("rt_sigtimedwait", &[0x7ffe_1000, 0x7ffe_2000, 0, 8])
        .points_to(0, &longs(&[1 << 9]))
        .points_to(1, &ints(&[10, 0, 0, 0, 9, 0]));
    assert_return(
        wait.ret(10),
        "<... rt_sigtimedwait resumed>[USR1], {si_signo=SIGUSR1, si_code=SI_USER, si_pid=9, \
         si_uid=0}, NULL, 8) = 10 (SIGUSR1) <7.200000>",
    );
}

#[test]
fn a_late_return_that_was_missed_says_so() {
    assert_return(
        Sample::of("pause", &[]).state(State::Missed),
        "<... pause resumed>) = ? <return missed>",
    );
}

#[test]
fn a_late_return_of_a_32_bit_caller_is_marked() {
    assert_return(
        Sample::of("sigsuspend", &[0, 0, 1 << 14]).abi(Abi::I386).ret(-514),
        "<... i386:sigsuspend resumed>) = ? ERESTARTNOHAND (To be restarted if no handler) \
         <7.200000>",
    );
}

#[test]
fn a_main_thread_is_its_process() {
    let sample = Sample::of("pause", &[]);
    let tid = std::mem::offset_of!(sigtrace_common::Record, tid);
    assert_eq!(
        text(&sample.with(tid, &812_u32.to_ne_bytes()).ret(-4)),
        "19:53:08.123456 nginx[812] pause() = -1 EINTR <0.000000>\n"
    );
}

#[test]
fn a_32_bit_caller_is_marked() {
    assert_text(
        &Sample::of("kill", &[1, 9]).abi(Abi::I386),
        "i386:kill(1, SIGKILL) = 0 <0.000000>",
    );
}

#[test]
fn what_an_old_call_returns_stands_where_its_result_does() {
    let i386 = |sample: Sample, expected: &str| assert_text(&sample.abi(Abi::I386), expected);
    i386(
        Sample::of("signal", &[15, 1]).ret(0x0804_9000),
        "i386:signal(SIGTERM, SIG_IGN) = 0x8049000 <0.000000>",
    );
    i386(
        Sample::of("signal", &[15, 0x0804_9000]),
        "i386:signal(SIGTERM, 0x8049000) = SIG_DFL <0.000000>",
    );
    i386(
        Sample::of("signal", &[9, 0]).ret(-22),
        "i386:signal(SIGKILL, SIG_DFL) = -1 EINVAL <0.000000>",
    );
    i386(Sample::of("sgetmask", &[]).ret(1 << 14), "i386:sgetmask() = [TERM] <0.000000>");
    i386(
        Sample::of("ssetmask", &[1 << 31]).ret(1 << 63 | 1),
        "i386:ssetmask([32]) = [HUP] <0.000000>",
    );
    i386(
        Sample::of("ssetmask", &[1]).state(State::Missed),
        "i386:ssetmask([HUP]) = ? <return missed>",
    );
}

#[test]
fn the_structures_of_old_calls_read_like_the_others() {
    let i386 = |sample: Sample, expected: &str| assert_text(&sample.abi(Abi::I386), expected);
    i386(
        Sample::of("sigaction", &[2, 0xffff_d000, 0])
            .points_to(1, &ints(&[0x0804_9000, 1 << 14, 4, 0x0805_0000])),
        "i386:sigaction(SIGINT, {sa_handler=0x8049000, sa_mask=[TERM], sa_flags=SA_SIGINFO, \
         sa_restorer=0x8050000}, NULL) = 0 <0.000000>",
    );
    i386(
        Sample::of("sigprocmask", &[0, 0xffff_d000, 0x10]).points_to(1, &ints(&[1])).unreadable(2),
        "i386:sigprocmask(SIG_BLOCK, [HUP], 0x10<unreadable>) = 0 <0.000000>",
    );
    i386(
        Sample::of("sigsuspend", &[0, 0, 1 << 14]).ret(-514),
        "i386:sigsuspend(0, 0, [TERM]) = ? ERESTARTNOHAND (To be restarted if no handler) \
         <0.000000>",
    );
    i386(
        Sample::of("rt_sigtimedwait_time64", &[0xffff_d000, 0, 0xffff_e000, 8])
            .points_to(0, &longs(&[1 << 14]))
            .points_to(2, &longs(&[1 << 33, 0xdead_beef_0000_0005]))
            .ret(15),
        "i386:rt_sigtimedwait_time64([TERM], NULL, {tv_sec=8589934592, tv_nsec=5}, 8) = 15 \
         (SIGTERM) <0.000000>",
    );
    i386(
        Sample::of("sigreturn", &[0xffff_d000]).points_to(0, &longs(&[1 << 63])),
        "i386:sigreturn({mask=[RTMIN+30]}) = ? <0.000000>",
    );
}

#[test]
fn nobody_writes_on_the_terminal() {
    assert_eq!(
        text(&Sample::of("kill", &[1, 9]).comm(b"\x1b]0;\"x\"\x07\xff")),
        "19:53:08.123456 \\x1b\\x5d0;\\\"x\\\"\\x07\\xff[812/815] kill(1, SIGKILL) = 0 <0.000000>\n"
    );
}

#[test]
fn an_action_is_a_struct() {
    let act = longs(&[0x55d0_c0de_1000, 0x1400_0000, 0x7f00_dead_b000, 1 << 1 | 1 << 14]);
    assert_text(
        &Sample::of("rt_sigaction", &[2, 0x7ffe_1000, 0x7ffe_2000, 8])
            .points_to(1, &act)
            .points_to(2, &longs(&[0, 0, 0, 0])),
        "rt_sigaction(SIGINT, {sa_handler=0x55d0c0de1000, sa_mask=[INT TERM], \
         sa_flags=SA_RESTORER|SA_RESTART, sa_restorer=0x7f00deadb000}, \
         {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, 8) = 0 \
         (handler was SIG_DFL, flags were 0, mask was []) <0.000000>",
    );
    assert_text(
        &Sample::of("rt_sigaction", &[2, 0x7ffe_1000, 0, 8])
            .points_to(1, &longs(&[1, 0, 0, 0]))
            .points_to(2, &longs(&[1, 0, 0, 1 << 14]))
            .captured(2, Capture::Kept),
        "rt_sigaction(SIGINT, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, NULL, 8) = 0 \
         (mask was [TERM]) <0.000000>",
    );
}

#[test]
fn flags_without_a_name_come_last() {
    assert_text(
        &Sample::of("signalfd4", &[u64::MAX, 0x7ffe_1000, 4, 0x8_0001]).ret(-22),
        "signalfd4(-1, 0x7ffe1000, 4, SFD_CLOEXEC|0x1) = -1 EINVAL <0.000000>",
    );
    assert_text(
        &Sample::of("pidfd_open", &[1, 0x10]).ret(-22),
        "pidfd_open(1, 0x10) = -1 EINVAL <0.000000>",
    );
}

#[test]
fn a_set_of_most_signals_lists_the_others() {
    for (set, text) in [
        (0, "[]"),
        (1 << 33 | 1 << 36, "[RTMIN RTMIN+3]"),
        (u64::MAX, "~[]"),
        (!(1 << 8 | 1 << 18), "~[KILL STOP]"),
        (
            u64::from(u32::MAX),
            "[HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM \
                               TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM \
                               PROF WINCH IO PWR SYS 32]",
        ),
    ] {
        assert_text(
            &Sample::of("rt_sigprocmask", &[0, 0x7ffe_1000, 0, 8]).points_to(1, &longs(&[set])),
            &format!("rt_sigprocmask(SIG_BLOCK, {text}, NULL, 8) = 0 <0.000000>"),
        );
    }
}

#[test]
fn an_old_set_of_most_of_its_32_signals_lists_the_others() {
    let i386 = |sample: Sample, expected: &str| assert_text(&sample.abi(Abi::I386), expected);
    let (all_but_hup, all_but_usr1) = (0xffff_fffe_u32, 0xffff_fdff_u32);
    i386(
        Sample::of("sigprocmask", &[0, 0xffff_d000, 0xffff_e000])
            .points_to(1, &all_but_hup.to_ne_bytes())
            .points_to(2, &u32::MAX.to_ne_bytes()),
        "i386:sigprocmask(SIG_BLOCK, ~[HUP], ~[]) = 0 <0.000000>",
    );
    i386(
        Sample::of("sigpending", &[0xffff_d000]).points_to(0, &0x1_ffff_u32.to_ne_bytes()),
        "i386:sigpending(~[CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS 32]) \
         = 0 <0.000000>",
    );
    i386(
        Sample::of("sigpending", &[0xffff_d000]).points_to(0, &0xffff_u32.to_ne_bytes()),
        "i386:sigpending([HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM \
         STKFLT]) = 0 <0.000000>",
    );
    i386(
        Sample::of("sigsuspend", &[0, 0, all_but_usr1.into()]).ret(-4),
        "i386:sigsuspend(0, 0, ~[USR1]) = -1 EINTR <0.000000>",
    );
    i386(
        Sample::of("ssetmask", &[all_but_hup.into()]).ret(all_but_usr1.into()),
        "i386:ssetmask(~[HUP]) = ~[USR1] <0.000000>",
    );
    i386(
        Sample::of("sgetmask", &[]).ret(all_but_hup.into()),
        "i386:sgetmask() = ~[HUP] <0.000000>",
    );
    i386(
        Sample::of("sigaction", &[2, 0xffff_d000, 0])
            .points_to(1, &ints(&[0, all_but_hup.cast_signed(), 0, 0])),
        "i386:sigaction(SIGINT, {sa_handler=SIG_DFL, sa_mask=~[HUP], sa_flags=0}, NULL) = 0 \
         <0.000000>",
    );
}

#[test]
fn what_a_call_did_to_the_mask_follows_its_result_if_it_changed() {
    let block = || Sample::of("rt_sigprocmask", &[0, 0x7ffe_1000, 0, 8]).points_to(1, &longs(&[3]));
    let call = "rt_sigprocmask(SIG_BLOCK, [HUP INT], NULL, 8)";
    for (before, after, expected) in [
        (0, 3, " = 0 (blocked [HUP INT])"),
        (6, 3, " = 0 (blocked [HUP], unblocked [QUIT])"),
        (3, 2, " = 0 (unblocked [HUP])"),
        (!0, 0, " = 0 (unblocked ~[])"),
        (3, 3, " = 0"),
    ] {
        let sample = block().masks(before, after);
        assert_text(&sample, &format!("{call}{expected} <0.000000>"));
    }
    assert_text(
        &block().masks(0, 3).ret(-14),
        &format!("{call} = -1 EFAULT (blocked [HUP INT]) <0.000000>"),
    );
    let args = std::mem::offset_of!(sigtrace_common::Record, args);
    assert_text(
        &Sample::of("rt_sigreturn", &[]).masks(1 << 9, 0).with(args, &[5]),
        "rt_sigreturn({mask=0x5}) = ? (unblocked [USR1]) <0.000000>",
    );
}

#[test]
fn sets_can_be_masks() {
    let sample =
        Sample::of("rt_sigprocmask", &[9, 0x7ffe_1000, 0, 8]).points_to(1, &longs(&[1 << 14]));
    assert_eq!(
        with(&mut Text::new(Sets::Mask, false), &sample),
        format!("{CALLER}rt_sigprocmask(0x9, 0x0000000000004000, NULL, 8) = 0 <0.000000>\n")
    );
}

#[test]
fn a_how_and_a_code_without_a_name_are_hexadecimal() {
    assert_text(
        &Sample::of("rt_sigprocmask", &[-1_i32 as u64, 0, 0, 8]).ret(-22),
        "rt_sigprocmask(0xffffffff, NULL, NULL, 8) = -1 EINVAL <0.000000>",
    );
    assert_text(
        &Sample::of("rt_sigqueueinfo", &[1, 5, 0x7ffe_1000])
            .points_to(2, &ints(&[5, 0, 5 | 4 << 8, 0, 812, 33])),
        "rt_sigqueueinfo(1, SIGTRAP, {si_signo=SIGTRAP, si_code=0x405, si_pid=812, si_uid=33}) = 0 \
         <0.000000>",
    );
}

#[test]
fn the_signal_taken_has_its_name() {
    assert_text(
        &Sample::of("rt_sigtimedwait", &[0x7ffe_1000, 0x7ffe_2000, 0x7ffe_3000, 8])
            .points_to(0, &longs(&[1 << 16]))
            .points_to(1, &ints(&[17, 0, 2, 0, 9, 0, 15, 0, 2, 0, 1]))
            .points_to(2, &longs(&[1, 0]))
            .ret(17),
        "rt_sigtimedwait([CHLD], {si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=9, si_uid=0, \
         si_status=SIGTERM, si_utime=2, si_stime=1}, {tv_sec=1, tv_nsec=0}, 8) = 17 (SIGCHLD) \
         <0.000000>",
    );
}

#[test]
fn every_arm_of_a_siginfo_is_a_struct() {
    for (info, text) in [
        (&[15, 0, 0, 0, 5, 6][..], "si_signo=SIGTERM, si_code=SI_USER, si_pid=5, si_uid=6"),
        (
            &[34, 0, -1, 0, 5, 6, 7],
            "si_signo=SIGRTMIN, si_code=SI_QUEUE, si_pid=5, si_uid=6, si_int=7, si_ptr=0x7",
        ),
        (
            &[14, 0, -2, 0, 3, 2],
            "si_signo=SIGALRM, si_code=SI_TIMER, si_timerid=3, si_overrun=2, si_int=0, si_ptr=NULL",
        ),
        (
            &[17, 0, 1, 0, 9, 0, 3],
            "si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=9, si_uid=0, si_status=3, si_utime=0, \
             si_stime=0",
        ),
        (
            &[29, 0, 1, 0, 0x41, 0, 4],
            "si_signo=SIGIO, si_code=POLL_IN, si_band=POLLIN|POLLRDNORM, si_fd=4",
        ),
        (&[11, 0, 1], "si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL"),
        (
            &[7, 0, 4, 0, 0x1000, 0, 12],
            "si_signo=SIGBUS, si_code=BUS_MCEERR_AR, si_addr=0x1000, si_addr_lsb=12",
        ),
        (
            &[11, 0, 3, 0, 0x1000, 0, 0, 0, 0x2000, 0, 0x3000],
            "si_signo=SIGSEGV, si_code=SEGV_BNDERR, si_addr=0x1000, si_lower=0x2000, \
             si_upper=0x3000",
        ),
        (
            &[11, 0, 4, 0, 0x1000, 0, 0, 0, 15],
            "si_signo=SIGSEGV, si_code=SEGV_PKUERR, si_addr=0x1000, si_pkey=15",
        ),
        (
            &[5, 0, 6, 0, 0x1000, 0, 7, 0, 1, 1],
            "si_signo=SIGTRAP, si_code=TRAP_PERF, si_addr=0x1000, si_perf_data=0x7, \
             si_perf_type=1, si_perf_flags=TRAP_PERF_FLAG_ASYNC",
        ),
        (
            &[31, 42, 1, 0, 0x1000, 0, 62, 0x4000_0003],
            "si_signo=SIGSYS, si_code=SYS_SECCOMP, si_errno=42, si_call_addr=0x1000, \
             si_syscall=__NR_ustat, si_arch=AUDIT_ARCH_I386",
        ),
        (&[10, 0, -6, 0, 5, 6], "si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=5, si_uid=6"),
        (
            &[10, 0, -6, 0, 5, 6, 7],
            "si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=5, si_uid=6, si_int=7, si_ptr=0x7",
        ),
        (
            &[34, 0, -1, 0, 5, 6],
            "si_signo=SIGRTMIN, si_code=SI_QUEUE, si_pid=5, si_uid=6, si_int=0, si_ptr=NULL",
        ),
        (
            &[0, 0, -100, 0, 5, 6],
            "si_signo=0, si_code=0xffffff9c, si_pid=5, si_uid=6, si_int=0, si_ptr=NULL",
        ),
    ] {
        let signal = text.trim_start_matches("si_signo=").split(',').next().unwrap();
        let args = [1, info[0] as u64, 0x7ffe_1000];
        assert_text(
            &Sample::of("rt_sigqueueinfo", &args).points_to(2, &ints(info)),
            &format!("rt_sigqueueinfo(1, {signal}, {{{text}}}) = 0 <0.000000>"),
        );
    }
}

#[test]
fn a_siginfo_in_which_another_signal_is_written_has_both() {
    for (written, name) in [(12, "SIGUSR2"), (-1, "-1")] {
        assert_text(
            &Sample::of("rt_sigqueueinfo", &[1, 10, 0x7ffe_1000])
                .points_to(2, &ints(&[written, 0, 0, 0, 5, 6])),
            &format!(
                "rt_sigqueueinfo(1, SIGUSR1, {{si_signo=SIGUSR1, written_signo={name}, \
                 si_code=SI_USER, si_pid=5, si_uid=6}}) = 0 <0.000000>"
            ),
        );
    }
}

#[test]
fn a_stack_is_a_struct_and_memory_that_could_not_be_read_is_not() {
    assert_text(
        &Sample::of("sigaltstack", &[0x7ffe_1000, 0x10])
            .points_to(0, &longs(&[0, 2, 0]))
            .unreadable(1),
        "sigaltstack({ss_sp=NULL, ss_flags=SS_DISABLE, ss_size=0}, 0x10<unreadable>) = 0 \
         <0.000000>",
    );
}

#[test]
fn a_pidfd_shows_the_process_behind_it() {
    assert_text(
        &Sample::of("pidfd_send_signal", &[5, 9, 0, 0]).target(1234),
        "pidfd_send_signal(5<pid:1234>, SIGKILL, NULL, 0) = 0 <0.000000>",
    );
    assert_text(
        &Sample::of("pidfd_send_signal", &[5, 9, 0, 0]),
        "pidfd_send_signal(5, SIGKILL, NULL, 0) = 0 <0.000000>",
    );
}

#[test]
fn rt_sigreturn_shows_the_restored_mask_and_no_result() {
    assert_text(
        &Sample::of("rt_sigreturn", &[0x7ffe_1000]).points_to(0, &longs(&[1 << 14])).ret(-4),
        "rt_sigreturn({mask=[TERM]}) = ? <0.000000>",
    );
}

#[test]
fn a_duration_has_microseconds() {
    let duration = std::mem::offset_of!(sigtrace_common::Record, duration_ns);
    assert_text(
        &Sample::of("kill", &[1, 9]).with(duration, &2_000_812_999_u64.to_ne_bytes()),
        "kill(1, SIGKILL) = 0 <2.000812>",
    );
}

#[test]
fn colours_surround_the_parts_of_a_line() {
    assert_eq!(
        with(&mut Text::new(Sets::Names, true), &Sample::of("kill", &[1, 9]).ret(-1)),
        "\x1b[2m19:53:08.123456\x1b[0m \x1b[36mnginx[812/815]\x1b[0m \x1b[1mkill\x1b[0m\
         (1, SIGKILL) = -1 \x1b[31mEPERM\x1b[0m \x1b[2m<0.000000>\x1b[0m\n"
    );
}

#[test]
fn lost_calls_have_a_line() {
    for (returns, end) in [(0, ""), (1, "; 1 late return"), (2, "; 2 late returns")] {
        let lost = Lost {
            time_ns: 1_795_290_788_123_456_789,
            causes: vec![("ring_full", 12), ("pending_full", 1)],
            returns,
            events: vec![("exit", 0)],
            most: None,
        };
        assert_eq!(
            event(&mut Text::new(Sets::Names, false), Event::Lost(&lost)),
            format!("19:53:08.123456 lost 13 calls: ring_full 12, pending_full 1{end}\n")
        );
    }
}

#[test]
fn a_loss_says_whose_the_most_were() {
    let lost = Lost {
        time_ns: 1_795_290_788_123_456_789,
        causes: vec![("ring_full", 12)],
        returns: 0,
        events: vec![("exit", 1)],
        most: Some(Most {
            user: MostOf { what: 1000, lost: 12 },
            process: MostOf { what: (900, Comm(*b"flo[d\0\0\0\0\0\0\0\0\0\0\0"), 0), lost: 7 },
            syscall: MostOf { what: "kill", lost: 11 },
            signal: Some(MostOf { what: 65, lost: 9 }),
        }),
    };
    assert_eq!(
        event(&mut Text::new(Sets::Names, false), Event::Lost(&lost)),
        "19:53:08.123456 lost 12 calls: ring_full 12; 1 exit; most by user 1000 (12), flo\\x5bd[900] (7), kill \
         (11), 65 (9)\n"
    );
}

#[test]
fn merged_calls_have_a_line() {
    let repeated = |signal, ret, count| Repeated {
        seq: 3,
        syscall: find("kill").unwrap().1,
        signal,
        pid: 900,
        comm: Comm(*b"flood\0\0\0\0\0\0\0\0\0\0\0"),
        uid: 1000,
        ret,
        first_ns: 1_795_290_788_123_456_789,
        last_ns: 1_795_290_789_000_000_000,
        count,
    };
    for (repeated, expected) in [
        (repeated(Some(28), Some(0), 51_234), "kill(..., SIGWINCH) = 0 <51234 times from"),
        (repeated(Some(65), Some(-22), 2), "kill(..., 65) = -1 EINVAL <2 times from"),
        (repeated(None, None, 1), "kill(...) = ? <1 time from"),
    ] {
        let event_of = Event::Repeated { repeated: &repeated, time_ns: 1_795_290_790_000_000_000 };
        assert_eq!(
            event(&mut Text::new(Sets::Names, false), event_of),
            format!("19:53:10.000000 flood[900] {expected} 19:53:08.123456 to 19:53:09.000000>\n")
        );
    }
}

#[test]
fn a_blind_time_has_a_line_when_it_is_noticed_and_one_when_it_is_over() {
    let mut blind = Blind {
        time_ns: 1_795_290_788_123_456_789,
        seq: 22,
        since_ns: 1_795_290_783_100_000_000,
        until_ns: None,
        syscalls: vec!["kill", "tkill"],
        reason: "kprobes are disabled".to_owned(),
    };
    let mut text = Text::new(Sets::Names, false);
    assert_eq!(
        event(&mut text, Event::Blind(&blind)),
        "19:53:08.123456 blind since 19:53:03.100000: kill, tkill: kprobes are disabled\n"
    );
    blind.until_ns = Some(1_795_290_788_000_000_000);
    blind.reason = "f is live patched by \x1b".to_owned();
    assert_eq!(
        event(&mut text, Event::Blind(&blind)),
        "19:53:08.123456 blind since 19:53:03.100000 until 19:53:08.000000: kill, tkill: \
         f is live patched by \\x1b\n"
    );
}

#[test]
fn stats_have_a_line() {
    let stats = Stats {
        time_ns: 1_795_290_788_123_456_789,
        elapsed_ns: 10_500_000_000,
        printed: vec![("kill", 42), ("pause", 1)],
        filtered: 7,
        merged: 5,
        lost: vec![("ring_full", 12), ("pending_full", 0)],
        incomplete: vec![("return_missed", 3), ("unreadable", 1)],
        returns: vec![("printed", 5), ("lost", 2)],
        events: vec![("exit", vec![("printed", 4), ("lost", 1)])],
        context: vec![],
        probes: vec![("kill", "kprobe"), ("pause", "fentry")],
    };
    assert_eq!(
        event(&mut Text::new(Sets::Names, false), Event::Stats(&stats)),
        "19:53:08.123456 stats after 10.500000 s: printed 43 (kill 42, pause 1), filtered 7, \
         merged 5, lost 12 (ring_full 12, pending_full 0), incomplete (return_missed 3, unreadable 1), \
         returns (printed 5, lost 2), exits (printed 4, lost 1), probes (kill kprobe, pause fentry)\n"
    );
}

#[test]
fn a_name_cannot_pass_for_a_caller_and_a_call() {
    assert_eq!(
        text(&Sample::of("kill", &[1, 9]).comm(b"bash[1] kill(2,")),
        "19:53:08.123456 bash\\x5b1\\x5d kill(2,[812/815] kill(1, SIGKILL) = 0 <0.000000>\n"
    );
}

#[test]
fn the_end_of_a_process_has_a_line_as_strace_writes_it() {
    let record = decode::tests_of_exit::segfault(&[]);
    let exit = decode::exit(&record, CLOCK).unwrap();
    let mut format = Text::new(Sets::Names, false);
    assert_eq!(
        event(&mut format, Event::Exit(&exit, None)),
        "19:53:08.123456 nginx[812] +++ killed by SIGSEGV (core dumped) +++\n"
    );
    let exit = Exit { signal: 40, core_dumped: false, ..exit };
    assert_eq!(
        event(&mut format, Event::Exit(&exit, None)),
        "19:53:08.123456 nginx[812] +++ killed by SIGRTMIN+6 +++\n"
    );
}

#[test]
fn who_processes_are_stands_behind_what_they_did() {
    let sample = Sample::of("kill", &[900, 15]);
    let call = decode::call(sample.bytes(), CLOCK).unwrap();
    let caller = Process::of_caller(&call, identity(), Context::Full, CLOCK);
    let target = Process::of_target(900, identity(), Context::Full, CLOCK);
    let who = format!(
        r#"./x.sh of /bin/sh\xff <deleted> (containerd {}) "sh" "./x.sh" "--token=***" "\xff\"\x1b\x5bm" ..."#,
        "c".repeat(64)
    );
    let mut format = Text::new(Sets::Names, false);
    let parties = Parties { caller: Some(caller), target: Some(target), handler_at: None };
    assert_eq!(
        event(&mut format, Event::Call(&call, Some(&parties))),
        format!("{CALLER}kill(900→x.sh, SIGTERM) = 0 <0.000000> by {who} to {who}\n")
    );
    let stranger = Process::of_target(900, stranger(), Context::Full, CLOCK);
    let parties = Parties { caller: None, target: Some(stranger), handler_at: None };
    assert_eq!(
        event(&mut format, Event::Call(&call, Some(&parties))),
        format!("{CALLER}kill(900, SIGTERM) = 0 <0.000000> to ?\n")
    );
    let exit = decode::exit(&decode::tests_of_exit::segfault(&[]), CLOCK).unwrap();
    let known = Known { context: Context::Full, identity: Some(identity()) };
    assert_eq!(
        event(&mut format, Event::Exit(&exit, Some(&known))),
        format!("19:53:08.123456 nginx[812] +++ killed by SIGSEGV (core dumped) +++ {who}\n")
    );
}

proptest! {
    #[test]
    fn every_record_is_one_line_without_a_control_character(bytes in records()) {
        let call = decode::call(&bytes, CLOCK).unwrap();
        for told in [Event::Call(&call, None), Event::Return { call: &call, time_ns: 0 }] {
            let line = event(&mut Text::new(Sets::Names, false), told);
            prop_assert_eq!(line.find(char::is_control), Some(line.len() - 1));
            prop_assert!(line.ends_with('\n'));
        }
    }
}

#[test]
fn a_signal_that_is_sent_tells_by_whom_and_what_comes_of_it() {
    use crate::decode::tests_of_generate::{bytes_of, terminate, words};
    use sigtrace_common::fact;
    let line = |record: &sigtrace_common::Generate| {
        let generate = decode::generate(&bytes_of(record), CLOCK).unwrap();
        let line = event(&mut Text::new(Sets::Names, false), Event::Generate(&generate, None));
        line.strip_prefix("19:53:08.123456 ").unwrap().to_owned()
    };
    assert_eq!(
        line(&terminate()),
        "nginx[812] <-- SIGTERM from sh[900/901] by kill {si_signo=SIGTERM, si_code=SI_USER, \
         si_pid=900, si_uid=1000} = delivered (handler 0x55aa00001000)\n"
    );
    let mut hangup = sigtrace_common::Generate {
        facts: fact::PRIV | fact::PROCESS | fact::FATAL | fact::BLOCKED | fact::UNKILLABLE,
        signal: 1,
        handler: 0,
        ..terminate()
    };
    assert_eq!(
        line(&hangup),
        "nginx[812] <-- SIGHUP (terminal)? {si_signo=SIGHUP, si_code=SI_KERNEL, si_pid=0, si_uid=0} = \
         delivered (fatal, blocked, init of a pid namespace, no handler)\n"
    );
    hangup.facts = fact::SAME_THREAD | fact::OWN_INFO | fact::STOPPED | fact::TRACED;
    (hangup.info, hangup.target.tid) = (words(&[(0, 11), (8, 1), (16, 0x1000)]), 815);
    (hangup.signal, hangup.outcome, hangup.handler) = (11, 2, 1);
    hangup.number = sigtrace_common::NO_CALL;
    assert_eq!(
        line(&hangup),
        "nginx[812/815] <-- SIGSEGV (fault) {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x1000} = \
         already pending (SIG_IGN, stopped, traced)\n"
    );
}

#[test]
fn a_signal_that_is_taken_tells_what_its_thread_does_and_when() {
    use crate::decode::tests_of_deliver::{bytes_of, taken};
    let line = |record: &sigtrace_common::Deliver| {
        let deliver = decode::deliver(&bytes_of(record), CLOCK).unwrap();
        event(&mut Text::new(Sets::Names, false), Event::Deliver(&deliver, None))
    };
    assert_eq!(
        line(&taken()),
        "19:53:08.123460 nginx[812] --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=900, \
         si_uid=1000} --- handler 0x55aa00001000 <0.000004>\n"
    );
    let default = sigtrace_common::Deliver { handler: 0, generated_ns: 0, ..taken() };
    assert!(line(&default).ends_with("} --- SIG_DFL\n"));
}

#[test]
fn a_process_that_a_filter_ended_tells_what_was_refused() {
    use crate::decode::{Reason, Refused};
    let exit = decode::exit(&decode::tests_of_exit::segfault(&[]), CLOCK).unwrap();
    let reason = Reason::Seccomp(Refused { number: 83, arch: 0xc000_003e });
    let exit = Exit { signal: 31, core_dumped: false, reason, ..exit };
    assert_eq!(
        event(&mut Text::new(Sets::Names, false), Event::Exit(&exit, None)),
        "19:53:08.123456 nginx[812] +++ killed by SIGSYS (seccomp: mkdir) +++\n"
    );
}
