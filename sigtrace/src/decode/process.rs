//! Processes that come, go and change (`sigtrace_common::Process`).

use std::mem::{offset_of, size_of};

use sigtrace_common::{End, Header, Process, RecordKind, Rename, tag::tag};

use super::{Comm, DecodeError, bytes, header};

/// What tells a process from all others, and what it executes from what it executed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// Its id, in the initial pid namespace.
    pub pid: u32,
    /// When it began, in nanoseconds of `CLOCK_BOOTTIME`.
    pub start_ns: u64,
    /// How often it, and those that it descends from, have executed something.
    pub execs: u32,
}

impl Who {
    /// What records of calls carry of it.
    pub fn tag(&self) -> u32 {
        tag(self.start_ns, self.execs)
    }
}

/// What happened to a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change<'a> {
    /// It was created, by the process with this id that began then.
    Fork(State<'a>, (u32, u64)),
    /// It executed something.
    Exec(State<'a>, Exec<'a>),
    /// It was moved to a control group.
    Move(State<'a>),
    /// Its first thread has this name.
    Rename {
        /// Its id.
        pid: u32,
        /// When it began.
        start_ns: u64,
        /// The name.
        comm: Comm,
    },
    /// It is over.
    End {
        /// Its id.
        pid: u32,
        /// When it began.
        start_ns: u64,
        /// When it ended.
        time_ns: u64,
    },
}

/// What it is from then on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State<'a> {
    /// The process.
    pub who: Who,
    /// When it happened.
    pub time_ns: u64,
    /// Its parent's id, and when that began; `None` if it has none.
    pub parent: Option<(u32, u64)>,
    /// The name of its first thread.
    pub comm: Comm,
    /// Who logged in.
    pub loginuid: Option<u32>,
    /// The id of its session.
    pub session: u32,
    /// Its id in its own pid namespace, if that is not the initial one.
    pub ns_pid: Option<u32>,
    /// The id of its control group.
    pub cgroup: u64,
    /// The path of that, if it is there. Of a fork's that is missing altogether it is the creator's.
    pub cgroup_path: Path<'a>,
}

/// What it executes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exec<'a> {
    /// The executable.
    pub exe: Path<'a>,
    /// Whether it has no name any more, or never had one.
    pub exe_deleted: bool,
    /// The path of a script, as it was given.
    pub script: Option<&'a [u8]>,
    /// The arguments as far as they were read, and how many bytes there are.
    pub args: Option<(&'a [u8], u64)>,
}

/// A path, as its names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Path<'a> {
    /// It is not there.
    Missing,
    /// Its beginning is not.
    Cut,
    /// The names from the last to the first, each with a NUL behind it.
    Whole(&'a [u8]),
}

impl<'a> Path<'a> {
    /// Of these names, which lead to the root if it `is_whole`.
    pub(super) fn new(names: &'a [u8], is_whole: bool) -> Self {
        match (is_whole, names.is_empty()) {
            (true, _) => Self::Whole(names),
            (false, true) => Self::Missing,
            (false, false) => Self::Cut,
        }
    }

    /// The path from the root on, if it is whole.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let Self::Whole(names) = self else { return None };
        let mut path = Vec::with_capacity(names.len() + 1);
        let names = names.strip_suffix(&[0]).unwrap_or(names);
        for name in names.rsplit(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        Some(path)
    }
}

/// Whether a record is of a process that comes, goes or changes, as far as its first byte tells.
pub fn is_change(record: &[u8]) -> bool {
    let kind = record.first().and_then(|kind| RecordKind::from_number(*kind));
    matches!(
        kind,
        Some(
            RecordKind::Exec
                | RecordKind::Fork
                | RecordKind::End
                | RecordKind::Move
                | RecordKind::Rename
        )
    )
}

/// Decodes such a record.
///
/// # Errors
///
/// When the bytes are none.
pub fn change(record: &[u8]) -> Result<Change<'_>, DecodeError> {
    let (kind, record) = header::record(record)?;
    let too_short = |needed| DecodeError::TooShort { length: record.len(), needed };
    match kind {
        RecordKind::Exec | RecordKind::Fork | RecordKind::Move => {
            process(kind, record).ok_or(too_short(needed(record)))
        }
        RecordKind::End => end(record).ok_or(too_short(size_of::<End>())),
        RecordKind::Rename => rename(record).ok_or(too_short(size_of::<Rename>())),
        other => Err(DecodeError::OtherKind(other as u8)),
    }
}

/// How many bytes the record says that it has.
fn needed(record: &[u8]) -> usize {
    lengths(record).map_or(0, |lengths| lengths.into_iter().sum()) + size_of::<Process>()
}

fn lengths(record: &[u8]) -> Option<[usize; 4]> {
    let length = |offset| bytes::u16(record, offset).map(usize::from);
    Some([
        length(offset_of!(Process, exe_length))?,
        length(offset_of!(Process, script_length))?,
        length(offset_of!(Process, cgroup_length))?,
        length(offset_of!(Process, args_length))?,
    ])
}

fn process<'a>(kind: RecordKind, record: &'a [u8]) -> Option<Change<'a>> {
    let word = |offset| bytes::u32(record, offset);
    let long = |offset| bytes::u64(record, offset);
    let mut rest = record.get(size_of::<Process>()..)?;
    let mut parts = [&[][..]; 4];
    for (part, length) in parts.iter_mut().zip(lengths(record)?) {
        (*part, rest) = rest.split_at_checked(length)?;
    }
    let [exe, script, cgroup, args] = parts;
    let flags = word(offset_of!(Process, flags))?;
    let has = |flag| flags & flag != 0;
    let path = |names, flag| Path::new(names, has(flag));
    let ppid = word(offset_of!(Process, ppid))?;
    let loginuid = word(offset_of!(Process, loginuid))?;
    let state = State {
        who: Who {
            pid: word(offset_of!(Process, pid))?,
            start_ns: long(offset_of!(Process, start_ns))?,
            execs: word(offset_of!(Process, execs))?,
        },
        time_ns: long(offset_of!(Process, time_ns))?,
        parent: (ppid != 0).then_some((ppid, long(offset_of!(Process, parent_start_ns))?)),
        comm: Comm(bytes::array(record, offset_of!(Process, comm))?),
        loginuid: (loginuid != Process::UNKNOWN_UID).then_some(loginuid),
        session: word(offset_of!(Process, session))?,
        ns_pid: Some(word(offset_of!(Process, ns_pid))?).filter(|pid| *pid != 0),
        cgroup: long(offset_of!(Process, cgroup))?,
        cgroup_path: path(cgroup, Process::CGROUP),
    };
    Some(match kind {
        RecordKind::Exec => {
            let script = script.strip_suffix(&[0]).unwrap_or(script);
            Change::Exec(
                state,
                Exec {
                    exe: path(exe, Process::EXE),
                    exe_deleted: has(Process::EXE_DELETED),
                    script: (has(Process::SCRIPT) && !script.is_empty()).then_some(script),
                    args: has(Process::ARGS)
                        .then_some((args, long(offset_of!(Process, args_total))?)),
                },
            )
        }
        RecordKind::Fork => {
            let creator = word(offset_of!(Process, creator))?;
            Change::Fork(state, (creator, long(offset_of!(Process, creator_start_ns))?))
        }
        _ => Change::Move(state),
    })
}

fn end(record: &[u8]) -> Option<Change<'_>> {
    Some(Change::End {
        pid: bytes::u32(record, offset_of!(End, pid))?,
        start_ns: bytes::u64(record, offset_of!(End, start_ns))?,
        time_ns: bytes::u64(record, offset_of!(End, time_ns))?,
    })
}

fn rename(record: &[u8]) -> Option<Change<'_>> {
    Some(Change::Rename {
        pid: bytes::u32(record, offset_of!(Rename, pid))?,
        start_ns: bytes::u64(record, offset_of!(Rename, start_ns))?,
        comm: Comm(bytes::array(record, offset_of!(Rename, comm))?),
    })
}

// The header is read in one go.
const _: () = assert!(offset_of!(Process, header) == 0 && size_of::<Header>() == 8);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record of this kind with what is there and these parts behind it.
    pub(crate) fn record(kind: RecordKind, process: Process, parts: [&[u8]; 4]) -> Vec<u8> {
        let length = size_of::<Process>() + parts.concat().len();
        let mut bytes = Vec::new();
        bytes.extend(kind.head(length as u16).to_ne_bytes());
        bytes.extend([0; 4]);
        for long in [
            process.time_ns,
            process.start_ns,
            process.parent_start_ns,
            process.creator_start_ns,
            process.cgroup,
            process.args_total,
        ] {
            bytes.extend(long.to_ne_bytes());
        }
        bytes.extend(process.comm);
        for word in [
            process.pid,
            process.ppid,
            process.creator,
            process.execs,
            process.loginuid,
            process.session,
            process.ns_pid,
            process.flags,
        ] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(parts.iter().flat_map(|part| (part.len() as u16).to_ne_bytes()));
        bytes.extend(parts.concat());
        bytes
    }

    fn sample() -> Process {
        Process {
            time_ns: 5,
            start_ns: 4,
            parent_start_ns: 3,
            creator_start_ns: 2,
            cgroup: 77,
            args_total: 900,
            comm: *b"nginx\0\0\0\0\0\0\0\0\0\0\0",
            pid: 812,
            ppid: 700,
            creator: 701,
            execs: 9,
            loginuid: 1000,
            session: 700,
            ns_pid: 1,
            flags: Process::EXE | Process::CGROUP | Process::ARGS | Process::SCRIPT,
            ..Process::default()
        }
    }

    const PARTS: [&[u8]; 4] =
        [b"x\0bin\0usr\0", b"./x\0", b"x.service\0system.slice\0", b"x\0-v\0"];

    #[test]
    fn an_execution_is_decoded() {
        let bytes = record(RecordKind::Exec, sample(), PARTS);
        assert!(is_change(&bytes));
        let Ok(Change::Exec(state, exec)) = change(&bytes) else { panic!("{:?}", change(&bytes)) };
        assert_eq!(state.who, Who { pid: 812, start_ns: 4, execs: 9 });
        assert_eq!((state.parent, state.loginuid), (Some((700, 3)), Some(1000)));
        assert_eq!((state.session, state.ns_pid, state.cgroup), (700, Some(1), 77));
        assert_eq!(state.cgroup_path.bytes().as_deref(), Some(&b"/system.slice/x.service"[..]));
        assert_eq!(exec.exe.bytes().as_deref(), Some(&b"/usr/bin/x"[..]));
        assert_eq!((exec.script, exec.args), (Some(&b"./x"[..]), Some((&b"x\0-v\0"[..], 900))));
        assert!(!exec.exe_deleted);
    }

    #[test]
    fn what_is_not_there_as_a_whole_is_unknown() {
        let process =
            Process { flags: Process::EXE_DELETED, loginuid: u32::MAX, ppid: 0, ..sample() };
        let bytes = record(RecordKind::Exec, process, PARTS);
        let Ok(Change::Exec(state, exec)) = change(&bytes) else { panic!("{:?}", change(&bytes)) };
        assert_eq!((state.parent, state.loginuid, state.cgroup_path), (None, None, Path::Cut));
        assert_eq!((exec.exe, exec.exe.bytes()), (Path::Cut, None));
        assert_eq!((exec.script, exec.args, exec.exe_deleted), (None, None, true));
    }

    #[test]
    fn the_creator_of_a_process_need_not_be_its_parent() {
        let bytes = record(RecordKind::Fork, Process { flags: 0, ..sample() }, [b""; 4]);
        let Ok(Change::Fork(state, creator)) = change(&bytes) else {
            panic!("{:?}", change(&bytes))
        };
        assert_eq!((state.parent, creator), (Some((700, 3)), (701, 2)));
        assert_eq!(state.cgroup_path, Path::Missing);
    }

    #[test]
    fn the_root_is_a_path() {
        assert_eq!(Path::Whole(b"").bytes().as_deref(), Some(&b"/"[..]));
        assert_eq!(Path::Whole(b"a b\0\xff\0").bytes().as_deref(), Some(&b"/\xff/a b"[..]));
    }

    #[test]
    fn ends_and_names_are_decoded() {
        let end = [
            &RecordKind::End.head(32).to_ne_bytes()[..],
            &[0; 4],
            &5_u64.to_ne_bytes(),
            &4_u64.to_ne_bytes(),
            &812_u32.to_ne_bytes(),
            &[0; 4],
        ]
        .concat();
        assert_eq!(change(&end), Ok(Change::End { pid: 812, start_ns: 4, time_ns: 5 }));
        let comm = *b"new\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let rename = [
            &RecordKind::Rename.head(40).to_ne_bytes()[..],
            &[0; 4],
            &4_u64.to_ne_bytes(),
            &comm,
            &812_u32.to_ne_bytes(),
            &[0; 4],
        ]
        .concat();
        let expected = Change::Rename { pid: 812, start_ns: 4, comm: Comm(comm) };
        assert_eq!(change(&rename), Ok(expected));
    }

    #[test]
    fn bytes_that_are_no_such_record_are_refused() {
        let whole = record(RecordKind::Exec, sample(), PARTS);
        for length in 0..whole.len() {
            assert!(change(&whole[..length]).is_err(), "{length}");
        }
        // One that says that its parts are longer than it is.
        let mut long = whole.clone();
        long[offset_of!(Process, args_length)] = 200;
        let needed = whole.len() + 200 - 5;
        let error = DecodeError::TooShort { length: whole.len(), needed };
        assert_eq!(change(&long), Err(error));
        assert!(!is_change(&[]) && !is_change(&[1]) && !is_change(&[2]) && !is_change(&[255]));
    }
}
