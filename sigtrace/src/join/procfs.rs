//! One process, or all, as /proc has them (proc(5)).
//!
//! What is not there, or may not be read (`hidepid`, no right to ptrace), is unknown and nothing else: each
//! file by itself. A process may end, or execute something else, while it is being read. Names, paths and
//! arguments are bytes that it chose.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    path::Path,
};

use super::{
    image::{Args, Image, MAX_ARGS},
    redact::Redaction,
};

/// The processes are not read beyond so many bytes a file: the longest, a status, has 1.5 KiB and a line for
/// the groups of the user.
const LONGEST: u64 = 1 << 20;

/// What the flags of a thread of the kernel have (`PF_KTHREAD`, `include/linux/sched.h`).
const PF_KTHREAD: u64 = 0x0020_0000;

/// How the text of a link ends whose file has no name any more.
const DELETED: &[u8] = b" (deleted)";

/// A process as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id, in the namespace of /proc, and its parent's; 0 if that is not in there.
    pub pid: u32,
    /// Likewise.
    pub ppid: u32,
    /// The id of its session, which is that of the session's leader.
    pub session: u32,
    /// When it began, in hundredths of a second (`CLOCK_BOOTTIME`).
    pub start_ticks: u64,
    /// The same in nanoseconds, and how often it has executed something, which /proc does not say.
    pub exact: Option<(u64, u32)>,
    /// The name of its first thread.
    pub comm: Vec<u8>,
    /// Whether it is a thread of the kernel.
    pub is_of_kernel: bool,
    /// Its id in its own pid namespace, if that is another.
    pub ns_pid: Option<u32>,
    /// Who logged in (`pam_loginuid(8)`).
    pub loginuid: Option<u32>,
    /// The path of its control group: in version 2, or where systemd uses none of that, in systemd's.
    pub cgroup: Option<Vec<u8>>,
    /// The id of that in version 2, which /proc does not say.
    pub cgroup_id: Option<u64>,
    /// What it executes.
    pub image: Image,
}

/// All processes below this directory, /proc. With arguments, if it is said what is secret among them.
pub fn scan(root: &Path, redaction: Option<&Redaction>) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| read(root, pid, redaction)).collect()
}

/// The process with this id. `None` if there is none, or it became another while it was read.
pub fn read(root: &Path, pid: u32, redaction: Option<&Redaction>) -> Option<Found> {
    let directory = root.join(pid.to_string());
    let stat = Stat::read(&directory)?;
    let status = file(&directory, "status").unwrap_or_default();
    let found = Found {
        pid,
        ppid: stat.ppid,
        session: stat.session,
        start_ticks: stat.start_ticks,
        exact: None,
        comm: stat.comm,
        is_of_kernel: stat.flags & PF_KTHREAD != 0,
        ns_pid: own_number(&status),
        loginuid: file(&directory, "loginuid").and_then(|text| loginuid(&text)),
        cgroup: file(&directory, "cgroup").and_then(|text| cgroup(&text)),
        cgroup_id: None,
        image: image(&directory, redaction),
    };
    // Its number may have been another's from some point on.
    (Stat::read(&directory)?.start_ticks == found.start_ticks).then_some(found)
}

/// Whether there is a process with this id, which needs no rights, and is none of the calls that are traced.
pub fn is_there(pid: u32) -> bool {
    // SAFETY: no memory is involved.
    let group = unsafe { libc::getpgid(pid.cast_signed()) };
    group >= 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Whether there is one that /proc does not show us (`hidepid`).
pub fn hides(pid: u32) -> bool {
    is_there(pid) && !Path::new(&format!("/proc/{pid}/stat")).exists()
}

fn file(directory: &Path, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(directory.join(name)).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// `/proc/PID/stat`.
struct Stat {
    comm: Vec<u8>,
    ppid: u32,
    session: u32,
    flags: u64,
    start_ticks: u64,
}

impl Stat {
    fn read(directory: &Path) -> Option<Self> {
        Self::parse(&file(directory, "stat")?)
    }

    /// `PID (COMM) STATE PPID PGRP SESSION …`: the name may have anything in it, what follows has not.
    fn parse(text: &[u8]) -> Option<Self> {
        let begin = text.iter().position(|byte| *byte == b'(')?;
        let end = text.iter().rposition(|byte| *byte == b')')?;
        let comm = text.get(begin + 1..end)?.to_vec();
        let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        // The first is the third of the manual.
        let fields: Vec<&str> = rest.split_ascii_whitespace().take(20).collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            comm,
            ppid: u32::try_from(number(4)?).ok()?,
            session: u32::try_from(number(6)?).ok()?,
            flags: number(9)?,
            start_ticks: number(22)?,
        })
    }
}

/// The last number of `NSpid`, if there are several.
fn own_number(status: &[u8]) -> Option<u32> {
    let mut lines = status.split(|byte| *byte == b'\n');
    let numbers = lines.find_map(|line| line.strip_prefix(b"NSpid:"))?;
    std::str::from_utf8(numbers).ok()?.split_ascii_whitespace().skip(1).last()?.parse().ok()
}

/// Nobody has logged in if it is the largest number.
fn loginuid(text: &[u8]) -> Option<u32> {
    let uid = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
    (uid != u32::MAX).then_some(uid)
}

/// The path in version 2; in a hybrid or in version 1 that of systemd, which has units there.
fn cgroup(text: &[u8]) -> Option<Vec<u8>> {
    let path = |of: &[u8]| {
        let mut lines = text.split(|byte| *byte == b'\n');
        lines.find_map(|line| {
            let (_, rest) = split(line)?;
            let (controllers, path) = split(rest)?;
            (controllers == of).then_some(path)
        })
    };
    let unified = path(b"");
    let found = match (unified, path(b"name=systemd")) {
        (None | Some(b"/"), Some(named)) => Some(named),
        (unified, _) => unified,
    };
    let found = found.filter(|path| path.starts_with(b"/") && !path.starts_with(b"/.."))?;
    // Of a group that was removed, in which there are only zombies.
    Some(found.strip_suffix(DELETED).unwrap_or(found).to_vec())
}

fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|byte| *byte == b':')?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

fn image(directory: &Path, redaction: Option<&Redaction>) -> Image {
    let (exe, exe_deleted) = exe(directory).map_or((None, false), |(exe, gone)| (Some(exe), gone));
    Image {
        exe,
        exe_deleted,
        script: None,
        args: redaction.and_then(|names| args(directory, names)),
    }
}

/// The path, and whether its file has no name any more; `None` if that cannot be told, as a file may be called
/// what the kernel says of one that is gone.
fn exe(directory: &Path) -> Option<(Box<[u8]>, bool)> {
    let link = directory.join("exe");
    let text = fs::read_link(&link).ok()?.into_os_string().into_vec();
    if !text.starts_with(b"/") {
        return None;
    }
    let Some(name) = text.strip_suffix(DELETED) else { return Some((text.into(), false)) };
    match fs::metadata(&link).ok()?.nlink() {
        0 => Some((name.into(), true)),
        _ => Some((text.into(), false)),
    }
}

fn args(directory: &Path, redaction: &Redaction) -> Option<Args> {
    let mut bytes = Vec::new();
    let room = MAX_ARGS as u64 + 1;
    File::open(directory.join("cmdline")).ok()?.take(room).read_to_end(&mut bytes).ok()?;
    // Threads of the kernel have none, and what has ended.
    (!bytes.is_empty()).then(|| Args::new(&bytes, bytes.len() as u64, redaction))
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::{ffi::OsStrExt as _, fs::symlink};

    use super::*;

    const STAT: &[u8] = b"812 (a) b (c\xff) S 700 812 690 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 \
                          4711 1 2 3\n";

    fn process(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("812");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("stat"), STAT).unwrap();
        for (name, bytes) in files {
            fs::write(directory.join(name), bytes).unwrap();
        }
        root
    }

    #[test]
    fn a_process_is_read() {
        let root = process(&[
            ("status", b"Name:\tNSpid:\t9\nNSpid:\t812\t9\t1\n"),
            ("loginuid", b"1000"),
            ("cgroup", b"1:name=systemd:/x\n0::/system.slice/web.service\n"),
            ("cmdline", b"x\0--token=1\0\xff\0"),
        ]);
        symlink("/usr/bin/x", root.path().join("812/exe")).unwrap();
        let expected = Found {
            pid: 812,
            ppid: 700,
            session: 690,
            start_ticks: 4711,
            exact: None,
            comm: b"a) b (c\xff".to_vec(),
            is_of_kernel: false,
            ns_pid: Some(1),
            loginuid: Some(1000),
            cgroup: Some(b"/system.slice/web.service".to_vec()),
            cgroup_id: None,
            image: Image {
                exe: Some((*b"/usr/bin/x").into()),
                exe_deleted: false,
                script: None,
                args: Some(Args::new(b"x\0--token=1\0\xff\0", 14, &Redaction::default())),
            },
        };
        let found = scan(root.path(), Some(&Redaction::default()));
        assert_eq!(found, std::slice::from_ref(&expected));
        let without = Found { image: Image { args: None, ..expected.image }, ..expected };
        assert_eq!(read(root.path(), 812, None), Some(without));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let root = process(&[]);
        let found = read(root.path(), 812, Some(&Redaction::default())).unwrap();
        assert_eq!(found.image, Image::default());
        assert_eq!((found.ns_pid, found.loginuid, found.cgroup), (None, None, None));
        assert_eq!(read(root.path(), 813, None), None);
        assert_eq!(scan(&root.path().join("none"), None), []);
    }

    #[test]
    fn a_file_that_is_gone_is_told_from_one_that_is_called_so() {
        let root = process(&[("x (deleted)", b"")]);
        let (there, link) = (root.path().join("812/x (deleted)"), root.path().join("812/exe"));
        symlink(&there, &link).unwrap();
        let found = read(root.path(), 812, None).unwrap().image;
        assert_eq!(found.exe.as_deref(), Some(there.as_os_str().as_bytes()));
        // Where nobody can look at the file, it is not known what it is.
        fs::remove_file(&there).unwrap();
        assert_eq!(read(root.path(), 812, None).unwrap().image.exe, None);
    }

    #[test]
    fn the_group_is_that_of_the_hierarchy_in_which_there_are_units() {
        let path = |text: &[u8]| cgroup(text).map(|path| String::from_utf8(path).unwrap());
        assert_eq!(path(b"0::/a:b\n").as_deref(), Some("/a:b"));
        assert_eq!(path(b"0::/a (deleted)\n").as_deref(), Some("/a"));
        assert_eq!(path(b"4:pids:/p\n1:name=systemd:/s\n0::/\n").as_deref(), Some("/s"));
        assert_eq!(path(b"4:pids:/p\n1:name=systemd:/s\n").as_deref(), Some("/s"));
        assert_eq!(path(b"0::/../../x\n"), None);
        assert_eq!(path(b"nothing\n\n:\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(
            proptest::sample::select(b"()0 9-:/S\n\xff".to_vec()), 0..80,
        )) {
            let _ = Stat::parse(&bytes);
            let _ = (own_number(&bytes), loginuid(&bytes), cgroup(&bytes));
        }
    }

    #[test]
    fn we_are_among_all() {
        let own = read(Path::new("/proc"), std::process::id(), Some(&Redaction::default()));
        let own = own.expect("ourselves");
        assert_eq!(
            own.image.exe.as_deref(),
            std::env::current_exe().ok().as_deref().map(|exe| { exe.as_os_str().as_bytes() })
        );
        assert_eq!(own.image.args.unwrap().iter().count(), std::env::args_os().count());
    }
}
