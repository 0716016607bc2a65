//! One writer for the calls of many.

use std::mem::offset_of;

use sigtrace_common::Record;

use super::*;

/// A call of the samples' caller, and one each of callers that differ in one thing.
fn callers() -> Vec<Sample> {
    let sample = || Sample::of("kill", &[1234, 15]);
    let mut callers = vec![sample()];
    for offset in [
        offset_of!(Record, pid),
        offset_of!(Record, tid),
        offset_of!(Record, ppid),
        offset_of!(Record, uid),
        offset_of!(Record, gid),
        offset_of!(Record, ns_tid),
    ] {
        callers.push(sample().with(offset, &77_u32.to_ne_bytes()));
    }
    callers.push(sample().with(offset_of!(Record, ppid), &[0; 4]));
    callers.push(sample().with(offset_of!(Record, cgroup), &u64::MAX.to_ne_bytes()));
    callers.push(sample().comm(b"nginy"));
    // Of more bytes than most.
    callers.push(sample().comm(&[1; 15]).with(offset_of!(Record, cgroup), &[0xff; 8]));
    callers
}

#[test]
fn each_call_is_its_own_callers() {
    let mut json = Json::new(Sets::Names);
    let callers = callers();
    // Everyone after everyone, itself included.
    for first in &callers {
        for second in &callers {
            for sample in [first, second] {
                let mut call = decode::call(sample.bytes(), CLOCK).unwrap();
                (call.id, call.seq) = (41, 17);
                let mut buffer = Vec::new();
                json.write(Event::Call(&call, None), &mut buffer).unwrap();
                assert_eq!(String::from_utf8(buffer).unwrap(), line(sample));
            }
        }
    }
}
