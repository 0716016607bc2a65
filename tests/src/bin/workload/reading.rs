//! Reads from a signalfd.

use std::ptr;

use serde_json::{Value, json};
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::names::{bits, hex};

use crate::call::{
    Call, kill, read_signals, readv_signals, rt_sigprocmask, rt_sigqueueinfo, signalfd4, tgkill,
};
use crate::errno::{EAGAIN, EFAULT, EINVAL, ERESTARTSYS};
use crate::memory::{at_page_end, keep, keep_bytes, read_only};
use crate::pointer::{self, Ptr, address, null, to, to_set, unread, unread_memory};
use crate::process::{fd, fork, wait};
use crate::script::Script;
use crate::siginfo::Info;
use crate::waiting::{USR1, begin_with_handler, sender};

const USR2: i32 = libc::SIGUSR2;
const CHLD: i32 = libc::SIGCHLD;
const SFD_NONBLOCK: u32 = 0x800;
/// No process has memory there, but the kernel tries.
const NOWHERE: u64 = 0x10;

/// Bytes of a `struct signalfd_siginfo`.
const SIZE: usize = 128;
/// How many of them sigtrace shows of one read.
const SHOWN: usize = 10;

pub(crate) fn run(_: &[String]) {
    let mut script = begin_with_handler(0);
    let waited = bits(&[USR2, CHLD, 34, 64]);
    script.call(rt_sigprocmask(2, to_set(waited), null(), 8), 0);
    let flags = SFD_NONBLOCK;
    let eager = fd(script.call_for_number(signalfd4(-1, to_set(waited), 8, flags)));
    let patient = fd(script.call_for_number(signalfd4(-1, to_set(waited), 8, 0)));

    let mut reader = Reader { script, fd: eager, mask: waited, mask_of_thread: waited };
    reader.nothing_to_read();
    reader.one_signal();
    reader.several_signals();
    reader.where_nothing_can_be_written();
    reader.a_child();
    // Another mask, and another number for the same file.
    reader.mask = bits(&[64]);
    let other = to_set(reader.mask);
    reader.script.call(signalfd4(eager, other, 8, 0), eager.into());
    // SAFETY: no memory is involved.
    reader.fd = unsafe { libc::dup(eager) };
    reader.read(unread_memory(), SIZE, EAGAIN);
    reader.scattered();

    // Without SIGCHLD, so that the end of who sends the signal is not to be read, too.
    let other = to_set(reader.mask);
    reader.script.call(signalfd4(patient, other, 8, 0), patient.into());
    reader.fd = patient;
    reader.asleep();
    reader.script.end();
}

struct Reader {
    script: Script,
    fd: i32,
    /// The descriptor's.
    mask: u64,
    mask_of_thread: u64,
}

impl Reader {
    fn own(&self) -> i32 {
        self.script.identity.pid
    }

    fn call(&self, buffer: Ptr, count: usize) -> Call {
        read_signals(self.fd, self.mask, buffer, count as u64)
    }

    fn read(&mut self, buffer: Ptr, count: usize, ret: i64) {
        let call = self.call(buffer, count);
        self.script.call(call, ret);
    }

    /// Sends ourselves a signal.
    fn send(&mut self, signo: i32) -> Info {
        let own = self.own();
        self.script.call(kill(own, signo), 0);
        Info::new(signo, 0, json!("SI_USER")).kill(own, 0)
    }

    fn nothing_to_read(&mut self) {
        self.read(unread_memory(), SIZE, EAGAIN);
        self.read(unread(NOWHERE), 4 * SIZE, EAGAIN);
        self.read(null(), SIZE, EAGAIN);
        // A buffer too small for one is no buffer, whatever there is to read.
        for count in [0, 1, SIZE - 1] {
            self.read(unread_memory(), count, EINVAL);
        }
    }

    fn one_signal(&mut self) {
        for count in [SIZE, SIZE + 1, 10 * SIZE] {
            let info = self.send(USR2);
            self.read(room(count, &[info.shown()]), count, SIZE as i64);
        }
        let own = self.own();
        self.script.call(tgkill(own, own, 64), 0);
        let info = Info::new(64, -6, json!("SI_TKILL")).rt(own, 0, 0);
        self.read(room(SIZE, &[info.shown()]), SIZE, SIZE as i64);
        let info = Info::new(34, -1, json!("SI_QUEUE")).rt(4242, 7, 0xffff_fffe_8000_0001);
        self.script.call(rt_sigqueueinfo(own, 34, info.given()), 0);
        self.read(room(SIZE, &[info.shown()]), SIZE, SIZE as i64);
        let info = self.send(USR2);
        let end = at_page_end(&[0; SIZE]);
        self.read(to(end, json!([info.shown()])), SIZE, SIZE as i64);
        // Twice the same, of which one is kept.
        self.send(USR2);
        let info = self.send(USR2);
        self.read(room(2 * SIZE, &[info.shown()]), 2 * SIZE, SIZE as i64);
    }

    fn several_signals(&mut self) {
        let own = self.own();
        for many in [2, 3, 4, 5, 8, 9, SHOWN, SHOWN + 8] {
            let infos: Vec<Info> = (0..many as u64)
                .map(|value| Info::new(34, -1, json!("SI_QUEUE")).rt(own, 0, value))
                .collect();
            for info in &infos {
                self.script.call(rt_sigqueueinfo(own, 34, info.given()), 0);
            }
            let shown: Vec<_> = infos.iter().map(Info::shown).collect();
            self.read(room(many * SIZE, &shown), many * SIZE, (many * SIZE) as i64);
        }
        // Lowest number first, whichever came first; what does not fit stays for the next read.
        self.send(64);
        let (low, high) = (self.send(USR2), Info::new(64, 0, json!("SI_USER")).kill(own, 0));
        self.read(room(SIZE, &[low.shown()]), SIZE, SIZE as i64);
        self.read(room(SIZE, &[high.shown()]), SIZE, SIZE as i64);
    }

    /// What cannot be written is gone all the same.
    fn where_nothing_can_be_written(&mut self) {
        for buffer in [unread(NOWHERE), null(), unread(address(read_only(&[0; SIZE])))] {
            self.send(USR2);
            self.read(buffer, SIZE, EFAULT);
        }
        self.read(unread_memory(), SIZE, EAGAIN);
    }

    fn a_child(&mut self) {
        let child = self.script.off_the_record(|| fork(|| 3));
        wait(child);
        let buffer: *mut [u8; SIZE] = keep([0; SIZE]);
        let look = move || {
            // SAFETY: never freed; it is looked at after the call has written.
            let bytes = unsafe { &*buffer };
            let long = |at: usize| {
                let mut long = [0; 8];
                long.copy_from_slice(&bytes[at..at + 8]);
                i64::from_ne_bytes(long)
            };
            let times = [long(56), long(64)];
            let info = Info::new(CHLD, 1, json!("CLD_EXITED"));
            json!([info.child(child, 0, 3, (times[0], times[1])).shown()])
        };
        self.read(pointer::to_output(buffer, look), SIZE, SIZE as i64);
    }

    /// readv: before it got an iterator signalfd was called once for each buffer.
    fn scattered(&mut self) {
        let (fd, mask, size) = (self.fd, self.mask, SIZE as u64);
        let first = self.send(64).shown();
        let call = readv_signals(fd, mask, &[size], json!([first.clone()]), size);
        self.script.call(call, SIZE as i64);
        self.send(64);
        self.send(64);
        if Kernel::running().reads_signalfds_by_iterator() {
            // Of a buffer for three, another behind it, and four to read.
            for _ in 0..4 {
                let again = Info::new(64, -1, json!("SI_QUEUE")).rt(0, 0, 1).given();
                let own = self.own();
                self.script.call(rt_sigqueueinfo(own, 64, again), 0);
            }
            let queued = Info::new(64, -1, json!("SI_QUEUE")).rt(0, 0, 1).shown();
            // Two of them are those sent above.
            let infos = json!([first.clone(), first.clone(), queued.clone(), "rest"]);
            let sizes = [3 * size, size];
            let call = readv_signals(fd, mask, &sizes, infos, 4 * size);
            self.script.call(call, 4 * SIZE as i64);
            let call = readv_signals(fd, mask, &[size, size], json!([queued, "rest"]), 2 * size);
            self.script.call(call, 2 * SIZE as i64);
        } else {
            let one = json!({ "fd": fd, "mask": sigtrace_tests::names::set(mask), "siginfo": [first], "count": SIZE });
            self.script.state("read", one, Some(SIZE as i64));
            let call = readv_signals(fd, mask, &[size, size], json!([first]), size);
            self.script.call_as(call, 2 * SIZE as i64, SIZE as i64);
        }
    }

    fn asleep(&mut self) {
        let other = sender(&self.script, &[(libc::SYS_read, 64)]);
        let info = Info::new(64, 0, json!("SI_USER")).kill(other, 0);
        self.read(room(2 * SIZE, &[info.shown()]), 2 * SIZE, SIZE as i64);
        wait(other);
        let other = sender(&self.script, &[(libc::SYS_read, USR1)]);
        let call = self.call(unread_memory(), SIZE);
        self.script.call_interrupted(call, ERESTARTSYS);
        self.script.sigreturn(self.mask_of_thread);
        wait(other);
    }
}

/// Room for so many bytes, of which a read fills as many as these structures have.
fn room(count: usize, infos: &[Value]) -> Ptr {
    let buffer = address(keep_bytes(&vec![0; count]));
    let rest = buffer + (SHOWN * SIZE) as u64;
    let more = (infos.len() > SHOWN).then(|| json!({ "address": hex(rest) }));
    let shown = infos.iter().take(SHOWN).cloned().chain(more).collect();
    to(ptr::with_exposed_provenance::<u8>(buffer as usize), shown)
}
