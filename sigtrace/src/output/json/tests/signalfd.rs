//! What is read from a signalfd.

use std::mem::offset_of;

use sigtrace_common::{Header, Record};

use super::*;

/// The members of `struct signalfd_siginfo` by offset and size, each with another value.
fn structure(signo: u32, code: i32) -> Vec<u8> {
    let mut bytes = vec![0_u8; 128];
    let mut put = |offset: usize, value: &[u8]| {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    };
    put(0, &signo.to_ne_bytes());
    put(4, &11_i32.to_ne_bytes());
    put(8, &code.to_ne_bytes());
    for (offset, value) in
        [(12, 12_u32), (16, 16), (20, 20), (24, 24), (28, 0x41), (32, 32), (36, 36), (40, 40)]
    {
        put(offset, &value.to_ne_bytes());
    }
    put(44, &(-44_i32).to_ne_bytes());
    for (offset, value) in [(48, 48_u64), (56, 56), (64, 64), (72, 72), (88, 88)] {
        put(offset, &value.to_ne_bytes());
    }
    put(80, &80_u16.to_ne_bytes());
    put(84, &84_i32.to_ne_bytes());
    put(96, &0xc000_003e_u32.to_ne_bytes());
    bytes
}

/// A read of descriptor 3, whose mask is SIGUSR1, into 512 bytes at 0x7000.
fn read(ret: i64) -> Sample {
    Sample::of("read", &[3, 512, 0x7000, 512])
        .points_to(0, &[])
        .points_to(1, &longs(&[set(&[10])]))
        .ret(ret)
}

fn assert_read(sample: &Sample, siginfo: &str, ret: &str, error: &str) {
    let args = format!(r#"{{"fd":3,"mask":["SIGUSR1"],"siginfo":{siginfo},"count":512}}"#);
    assert_eq!(line(sample), expected("read", "x86_64", &args, ret, error));
}

#[test]
fn the_members_are_those_that_the_kernel_fills() {
    for (signo, code, members) in [
        (10, 0, r#""code":"SI_USER","errno":11,"pid":12,"uid":16"#),
        (10, -1, r#""code":"SI_QUEUE","errno":11,"pid":12,"uid":16,"int":-44,"ptr":"0x30""#),
        (
            10,
            -2,
            r#""code":"SI_TIMER","errno":11,"timerid":24,"overrun":32,"int":-44,"ptr":"0x30""#,
        ),
        (29, 1, r#""code":"POLL_IN","errno":11,"band":["POLLIN","POLLRDNORM"],"fd":20"#),
        (11, 1, r#""code":"SEGV_MAPERR","errno":11,"addr":"0x48""#),
        (11, 3, r#""code":"SEGV_BNDERR","errno":11,"addr":"0x48""#),
        (7, 4, r#""code":"BUS_MCEERR_AR","errno":11,"addr":"0x48","addr_lsb":80"#),
        (
            17,
            1,
            r#""code":"CLD_EXITED","errno":11,"pid":12,"uid":16,"status":40,"utime":56,"stime":64"#,
        ),
        (
            31,
            1,
            r#""code":"SYS_SECCOMP","errno":11,"call_addr":"0x58","syscall":84,"arch":"AUDIT_ARCH_X86_64","syscall_name":"rmdir""#,
        ),
    ] {
        let sample = read(128).points_to(2, &[]).followed_by(&structure(signo, code));
        let name = crate::names::signal::name(signo.cast_signed()).unwrap();
        let info = format!(r#"[{{"sig":"{name}","signo":{signo},{members}}}]"#);
        assert_read(&sample, &info, "128", "null");
    }
}

#[test]
fn several_signals_are_several_structures() {
    let two = [structure(10, 0), structure(12, 0)].concat();
    let info = |name, signo| {
        format!(
            r#"{{"sig":"{name}","signo":{signo},"code":"SI_USER","errno":11,"pid":12,"uid":16}}"#
        )
    };
    let (usr1, usr2) = (info("SIGUSR1", 10), info("SIGUSR2", 12));
    let sample = read(256).points_to(2, &[]).followed_by(&two);
    assert_read(&sample, &format!("[{usr1},{usr2}]"), "256", "null");
    // There is room in the record for four.
    let sample = read(128).points_to(2, &[]).followed_by(&two);
    assert_read(&sample, &format!("[{usr1}]"), "128", "null");
    // It has less than was read.
    let sample = read(384).points_to(2, &[]).followed_by(&two);
    assert_read(&sample, &format!(r#"[{usr1},{usr2},{{"address":"0x7100"}}]"#), "384", "null");
}

#[test]
fn no_more_is_shown_than_the_buffer_has() {
    // As readv into a buffer for three and another: the record has a place for four.
    let four = structure(10, 0).repeat(4);
    let sample = Sample::of("read", &[3, 384, 0x7000, 512])
        .points_to(0, &[])
        .points_to(1, &longs(&[set(&[10])]))
        .points_to(2, &[])
        .followed_by(&four)
        .ret(512);
    let one = r#"{"sig":"SIGUSR1","signo":10,"code":"SI_USER","errno":11,"pid":12,"uid":16}"#;
    let siginfo = format!(r#"[{one},{one},{one},{{"address":"0x7180"}}]"#);
    assert_read(&sample, &siginfo, "512", "null");
}

/// What is longer is not written in one piece.
#[test]
fn the_longest_line_goes_into_a_pipe_whole() {
    let codes = (-7..=8).chain([-60, 128, i32::MIN]);
    let all = codes.flat_map(|code| (1..=64).map(move |signo| (signo, code)));
    let longest = all.map(|(signo, code)| longest_line(signo, code)).max().unwrap();
    assert!((3500..=libc::PIPE_BUF).contains(&longest), "{longest}");
}

/// How long a line is with so many reads of a signal that one more would not be shown, each number
/// in it being as long as it can be.
fn longest_line(signo: i32, code: i32) -> usize {
    let mut structure = [0xff; 128];
    for (at, value) in [(0, signo), (4, i32::MIN), (8, code), (12, i32::MIN), (40, i32::MIN)] {
        structure[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }
    for at in [20, 24, 32, 44] {
        structure[at..at + 4].copy_from_slice(&i32::MIN.to_ne_bytes());
    }
    structure[56..72].copy_from_slice(&longs(&[i64::MIN as u64; 2]));
    let count = sigtrace_common::MAX_SIGNALFD_SIGINFOS + 1;
    let mut sample = Sample::of("read", &[0x8000_0000, u64::MAX, u64::MAX, u64::MAX])
        .comm(&[1; 15])
        .in_namespace(u32::MAX, u32::MAX)
        .points_to(0, &[])
        .points_to(1, &longs(&[u64::MAX]))
        .points_to(2, &[])
        .followed_by(&structure.repeat(count))
        .ret(128 * count as i64);
    for at in [offset_of!(Record, cgroup), offset_of!(Record, duration_ns)] {
        sample = sample.with(at, &[0xff; 8]);
    }
    for at in [offset_of!(Record, tid), offset_of!(Record, pid), offset_of!(Record, ppid)] {
        sample = sample.with(at, &[0xff; 4]);
    }
    for at in [offset_of!(Record, uid), offset_of!(Record, gid), offset_of!(Header, cpu)] {
        sample = sample.with(at, &[0xff; 4]);
    }
    // Its id and its number have two digits, where there can be 16 and 20.
    line(&sample).len() + 14 + 18
}

#[test]
fn nothing_read_is_an_address() {
    assert_read(&read(-11), r#"{"address":"0x7000"}"#, "-11", r#""EAGAIN""#);
    assert_read(&read(128).unreadable(2), r#"{"unreadable":"0x7000"}"#, "128", "null");
}

#[test]
fn a_reader_without_a_descriptor_is_one_of_io_uring() {
    let sample = Sample::of("read", &[0, 512, 0x7000, 512]).points_to(1, &longs(&[0])).ret(-11);
    let args = r#"{"fd":null,"mask":[],"siginfo":{"address":"0x7000"},"count":512}"#;
    assert_eq!(line(&sample), expected("read", "x86_64", args, "-11", r#""EAGAIN""#));
}
