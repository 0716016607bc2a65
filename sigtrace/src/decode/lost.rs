//! A record of a call that is lost before it is decoded.

use std::mem::offset_of;

use sigtrace_common::{
    Kind, Record, SYSCALLS,
    crowd::{Alike, Entry, alike},
};

use super::bytes;

/// What is told of such a call: whose it is, and the signal that it names; the same as programs say of a call
/// that they lose. `None` if the bytes are no record.
pub fn lost(record: &[u8]) -> Option<Entry> {
    let row = bytes::u16(record, offset_of!(Record, syscall))?;
    let syscall = SYSCALLS.get(usize::from(row))?;
    let (mut what, mut signal) = (u32::from(row) | alike::USED | alike::LOST, 0);
    if let Some(index) = syscall.position(Kind::Signal) {
        what |= alike::HAS_SIGNAL;
        // The lower half of the register, which carries an `int`, comes first.
        signal = bytes::i32(record, offset_of!(Record, args) + 8 * index)?;
    }
    let pid = bytes::u32(record, offset_of!(Record, pid))?;
    let uid = bytes::u32(record, offset_of!(Record, uid))?;
    Some(Entry {
        alike: Alike { pid, uid, what, signal, ret: 0 },
        lost: 1,
        comm: bytes::array(record, offset_of!(Record, comm))?,
        charged: uid,
        ..Entry::default()
    })
}

#[cfg(test)]
mod tests {
    use sigtrace_common::find;

    use super::*;
    use crate::decode::sample::Sample;

    #[test]
    fn a_lost_call_tells_whose_it_is_and_its_signal() {
        let [kill, pause] =
            ["kill", "pause"].map(|name| u32::try_from(find(name).unwrap().0).unwrap());
        let what = alike::USED | alike::LOST;
        let entry = lost(Sample::of("kill", &[1, 0xdead_beef_0000_000f]).bytes()).unwrap();
        let expected =
            Alike { pid: 812, uid: 33, what: kill | what | alike::HAS_SIGNAL, signal: 15, ret: 0 };
        assert_eq!((entry.alike, entry.lost, entry.charged), (expected, 1, 33));
        assert_eq!(&entry.comm[..6], b"nginx\0");
        let entry = lost(Sample::of("pause", &[]).ret(-514).bytes()).unwrap();
        assert_eq!((entry.alike.what, entry.alike.signal, entry.alike.ret), (pause | what, 0, 0));
    }

    #[test]
    fn bytes_that_are_no_record_are_nobodys() {
        assert_eq!(lost(b"no record"), None);
        let unknown = Sample::of("kill", &[1, 9]).with(offset_of!(Record, syscall), &[0xff; 2]);
        assert_eq!(lost(unknown.bytes()), None);
    }
}
