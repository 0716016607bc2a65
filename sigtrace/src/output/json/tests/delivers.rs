//! Signals that are taken.

use super::*;
use crate::decode::tests_of_deliver::{bytes_of, taken};

fn deliver(record: &sigtrace_common::Deliver) -> String {
    let mut deliver = decode::deliver(&bytes_of(record), CLOCK).unwrap();
    (deliver.id, deliver.seq, deliver.generate) = (43, 19, deliver.key.map(|_| 42));
    let mut buffer = Vec::new();
    Json::new(Sets::Names).write(Event::Deliver(&deliver, None), &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    assert_valid(&line);
    line
}

#[test]
fn a_signal_that_is_taken_has_a_line() {
    let expected = concat!(
        r#"{"event":"deliver","id":43,"time":"2026-11-21T19:53:08.123460889Z","seq":19,"cpu":2,"#,
        r#""generate":42,"sig":"SIGTERM","signo":15,"#,
        r#""info":{"sig":"SIGTERM","signo":15,"code":"SI_USER","errno":0,"pid":900,"uid":1000},"#,
        r#""handler":"0x55aa00001000","flags":["SA_RESTORER","SA_RESTART"],"latency_ns":4100,"#,
        r#""process":{"pid":812,"tid":812,"start":"2026-11-21T19:53:07.523456789Z","comm":"nginx","#,
        r#""ppid":1,"uid":33,"gid":34}}"#,
        "\n"
    );
    assert_eq!(deliver(&taken()), expected);
    let unknown = sigtrace_common::Deliver { generated_ns: 0, handler: 0, flags: 0, ..taken() };
    let expected = expected
        .replace(r#""generate":42"#, r#""generate":null"#)
        .replace(r#""latency_ns":4100"#, r#""latency_ns":null"#)
        .replace(
            r#""0x55aa00001000","flags":["SA_RESTORER","SA_RESTART"]"#,
            r#""SIG_DFL","flags":[]"#,
        );
    assert_eq!(deliver(&unknown), expected);
}
