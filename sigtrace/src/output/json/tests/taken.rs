//! Which signals calls took.

use super::*;
use crate::decode::Taken;

/// The line of a call that took signals with these ids.
fn line_of(sample: &Sample, ids: &[Option<u64>]) -> String {
    let mut call = decode::call(sample.bytes(), CLOCK).unwrap();
    let mut taken = Taken::default();
    ids.iter().enumerate().for_each(|(index, id)| taken.put(index, *id));
    call.taken = Some(taken);
    let mut buffer = Vec::new();
    Json::new(Sets::Names).write(Event::Call(&call, None), &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    assert_valid(&line);
    line
}

#[test]
fn a_call_that_waited_says_which_signal_it_took() {
    let sample = Sample::of("rt_sigtimedwait", &[0, 0, 0, 8]).ret(10);
    for (id, shown) in [(Some(7), "7"), (None, "null")] {
        let line = line_of(&sample, &[id]);
        let end = format!(r#""ret":10,"error":null,"duration_ns":812,"generate":{shown}}}"#);
        assert!(line.trim_end().ends_with(&end), "{line}");
    }
}

#[test]
fn each_signal_that_is_read_from_a_signalfd_says_which_it_is() {
    let structure = |signo: u8| {
        let mut bytes = [0; 128];
        bytes[0] = signo;
        bytes
    };
    let sample = Sample::of("read", &[3, 256, 0x7000, 256])
        .points_to(1, &longs(&[set(&[10])]))
        .points_to(2, &[])
        .followed_by(&[structure(10), structure(12), structure(10)].concat())
        .ret(384);
    let line = line_of(&sample, &[Some(7), None]);
    let info = |name, signo, id| {
        format!(
            r#"{{"sig":"{name}","signo":{signo},"code":"SI_USER","errno":0,"pid":0,"uid":0,"generate":{id}}}"#
        )
    };
    let (first, second) = (info("SIGUSR1", 10, "7"), info("SIGUSR2", 12, "null"));
    let siginfo = format!(r#""siginfo":[{first},{second},{{"address":"0x7100"}}]"#);
    assert!(line.contains(&siginfo), "{line}");
    assert!(line.trim_end().ends_with(r#""duration_ns":812}"#), "{line}");
}
