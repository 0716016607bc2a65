//! What the service is kept from.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::service::Service;

const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_PERFMON: u64 = 1 << 38;
const CAP_BPF: u64 = 1 << 39;

super::trials![it_has_one_capability_can_write_nowhere_sees_no_files_and_executes_nothing_else];

fn it_has_one_capability_can_write_nowhere_sees_no_files_and_executes_nothing_else() -> Result<()> {
    let service = Service::started()?;
    let pid = service.pid()?;
    it_keeps_one_capability_of_three_and_gets_no_more(pid)?;
    // Through its root one sees the mounts that it sees.
    let root = format!("/proc/{pid}/root");
    it_can_write_nowhere(&root);
    it_sees_no_files_of_the_administrator_or_of_users(&root)?;
    it_can_execute_nothing_but_itself(&root);
    Ok(())
}

fn it_keeps_one_capability_of_three_and_gets_no_more(pid: i32) -> Result<()> {
    let mask = |capabilities: u64| format!("{capabilities:016x}");
    let expected = [
        ("CapAmb", mask(0)),
        ("CapBnd", mask(CAP_BPF | CAP_PERFMON | CAP_SYS_ADMIN)),
        ("CapEff", mask(CAP_BPF)),
        ("CapInh", mask(0)),
        ("CapPrm", mask(CAP_BPF)),
        ("NoNewPrivs", "1".into()),
        // A filter.
        ("Seccomp", "2".into()),
    ];
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(process::privileges(pid)?, expected);
    Ok(())
}

fn it_can_write_nowhere(root: &str) {
    let places = ["", "/dev/shm", "/run", "/run/systemd", "/tmp", "/usr/bin", "/var/tmp"];
    let refused = places.map(|place| {
        let file = format!("{root}{place}/sigtrace-was-here");
        (place, OpenOptions::new().write(true).create_new(true).open(file).err().map(kind))
    });
    assert_eq!(refused, places.map(|place| (place, Some(ErrorKind::ReadOnlyFilesystem))));
    let setting = OpenOptions::new().write(true).open(format!("{root}/proc/sys/kernel/hostname"));
    assert_eq!(setting.err().map(kind), Some(ErrorKind::ReadOnlyFilesystem));
}

fn it_sees_no_files_of_the_administrator_or_of_users(root: &str) -> Result<()> {
    for place in ["/boot", "/etc", "/home", "/opt", "/root", "/srv", "/tmp"] {
        let seen = fs::read_dir(format!("{root}{place}"))?.count();
        assert_eq!((place, seen), (place, 0));
    }
    Ok(())
}

fn it_can_execute_nothing_but_itself(root: &str) {
    let start = |program: &str| {
        let result = Command::new(format!("{root}{program}")).arg("--version").output();
        result.map(|output| output.status.success()).map_err(kind)
    };
    assert_eq!(start("/usr/bin/sigtrace"), Ok(true));
    assert_eq!(start("/usr/bin/env"), Err(ErrorKind::PermissionDenied));
}

fn kind(error: io::Error) -> ErrorKind {
    error.kind()
}
