//! What the kernel's iterator says of processes, beside what /proc does.

use std::collections::HashMap;

use sigtrace_common::{Header, tag::TICK_NS};

use super::{image::Image, procfs::Found};
use crate::decode::{self, Change, Exec, State};

/// Adds what records say, one after the other, to what was found in /proc at about the same time: what that does
/// not have, or may not be read.
pub fn add(found: &mut Vec<Found>, records: &[u8]) {
    let mut by_pid: HashMap<u32, usize> =
        found.iter().enumerate().map(|(at, found)| (found.pid, at)).collect();
    let mut rest = records;
    while let Some((record, after)) = split(rest) {
        rest = after;
        let Ok(Change::Exec(state, exec)) = decode::change(record) else { continue };
        match by_pid.get(&state.who.pid).and_then(|at| found.get_mut(*at)) {
            Some(known) if known.start_ticks == state.who.start_ns / TICK_NS => {
                complete(known, &state, &exec);
            }
            // Another one has the number by now, or had it.
            Some(_) => {}
            None => {
                by_pid.insert(state.who.pid, found.len());
                found.push(alone(&state, &exec));
            }
        }
    }
}

/// The first record, by the length that it says that it has.
fn split(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let [_, _, low, high, ..] = *records.first_chunk::<{ size_of::<Header>() }>()?;
    let length = usize::from(u16::from_ne_bytes([low, high]));
    if length < size_of::<Header>() { None } else { records.split_at_checked(length) }
}

fn complete(known: &mut Found, state: &State<'_>, exec: &Exec<'_>) {
    known.exact = Some((state.who.start_ns, state.who.execs));
    if known.image.exe.is_none() {
        known.image.exe = exec.exe.bytes().map(Vec::into_boxed_slice);
        known.image.exe_deleted = exec.exe_deleted;
    }
    known.session = if state.session == 0 { known.session } else { state.session };
    known.ns_pid = known.ns_pid.or(state.ns_pid);
    known.loginuid = known.loginuid.or(state.loginuid);
    let path = state.cgroup_path.bytes();
    // In a hierarchy of version 1 it is somewhere else.
    if known.cgroup.is_none() || path == known.cgroup {
        known.cgroup_id = path.is_some().then_some(state.cgroup);
        known.cgroup = path;
    }
}

/// One that /proc does not show, as with `hidepid`, or that it did not yet.
fn alone(state: &State<'_>, exec: &Exec<'_>) -> Found {
    let mut found = Found {
        pid: state.who.pid,
        ppid: state.parent.map_or(0, |(pid, _)| pid),
        session: state.session,
        start_ticks: state.who.start_ns / TICK_NS,
        exact: None,
        comm: state.comm.bytes().to_vec(),
        is_of_kernel: false,
        ns_pid: None,
        loginuid: None,
        cgroup: None,
        cgroup_id: None,
        image: Image::default(),
    };
    complete(&mut found, state, exec);
    found
}

#[cfg(test)]
mod tests {
    use sigtrace_common::{Process, RecordKind};

    use super::*;
    use crate::decode::tests_of_process::record;

    fn told(pid: u32, ticks: u64) -> Vec<u8> {
        let process = Process {
            start_ns: ticks * TICK_NS + 5,
            pid,
            ppid: 1,
            execs: 9,
            session: 7,
            loginuid: u32::MAX,
            cgroup: 77,
            comm: *b"x\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            flags: Process::EXE | Process::CGROUP,
            ..Process::default()
        };
        record(RecordKind::Exec, process, [b"x\0bin\0", b"", b"a.service\0", b""])
    }

    /// What /proc says of it to who may not read all.
    fn found(pid: u32, ticks: u64) -> Found {
        let told = told(pid, ticks);
        let Ok(Change::Exec(state, exec)) = decode::change(&told) else { panic!("no record") };
        let found = alone(&state, &exec);
        Found { exact: None, cgroup_id: None, image: Image::default(), ..found }
    }

    #[test]
    fn what_proc_does_not_say_is_added() {
        let mut all = vec![found(10, 5), found(11, 5), found(12, 6)];
        let records = [told(10, 5), told(11, 8), told(13, 9)].concat();
        add(&mut all, &records);
        let exact: Vec<_> = all.iter().map(|found| (found.pid, found.exact)).collect();
        let at = |ticks: u64| Some((ticks * TICK_NS + 5, 9));
        assert_eq!(exact, [(10, at(5)), (11, None), (12, None), (13, at(9))]);
        let exes: Vec<_> = all.iter().map(|found| found.image.exe.as_deref()).collect();
        let x = Some(&b"/bin/x"[..]);
        assert_eq!(exes, [x, None, None, x]);
        assert_eq!(
            (all[0].cgroup_id, all[0].cgroup.as_deref()),
            (Some(77), Some(&b"/a.service"[..]))
        );
    }

    #[test]
    fn another_hierarchy_is_left_alone() {
        let mut all = vec![Found { cgroup: Some(b"/s".to_vec()), ..found(10, 5) }];
        add(&mut all, &told(10, 5));
        assert_eq!((all[0].cgroup_id, all[0].cgroup.as_deref()), (None, Some(&b"/s"[..])));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_records_or_none(bytes in proptest::collection::vec(0..16_u8, 0..400)) {
            add(&mut Vec::new(), &bytes);
            add(&mut vec![found(10, 5)], &[told(10, 5), bytes].concat());
        }
    }
}
