//! The file systems the kernel offers.

use std::ffi::CString;
use std::io;

use anyhow::{Context as _, Result};

/// A file system type and where it goes.
pub(crate) type Mount = (&'static str, &'static str);

/// Without these nothing works.
pub(crate) const ESSENTIAL: [Mount; 3] =
    [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")];

/// What programs expect of a running system.
pub(crate) const SYSTEM: [Mount; 5] = [
    ("tmpfs", "/tmp"),
    ("tmpfs", "/run"),
    ("devpts", "/dev/pts"),
    ("tmpfs", "/dev/shm"),
    ("cgroup2", "/sys/fs/cgroup"),
];

/// What tracers need.
pub(crate) const TRACING: [Mount; 3] =
    [("tracefs", "/sys/kernel/tracing"), ("debugfs", "/sys/kernel/debug"), ("bpf", "/sys/fs/bpf")];

/// Mounts each where it is not mounted yet.
pub(crate) fn kernel_file_systems(mounts: &[Mount]) -> Result<()> {
    for (kind, at) in mounts {
        // A folder that cannot be made is one the mount will complain about.
        let _ = std::fs::create_dir_all(at);
        if !is_mounted(kind, at) {
            mount(kind, at, Some(kind), 0)?;
        }
    }
    Ok(())
}

fn is_mounted(kind: &str, at: &str) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts.lines().any(|line| {
        let mut fields = line.split(' ');
        fields.nth(1) == Some(at) && fields.next() == Some(kind)
    })
}

/// mount(2).
pub(crate) fn mount(
    source: &str,
    target: &str,
    kind: Option<&str>,
    flags: libc::c_ulong,
) -> Result<()> {
    let what = || format!("mounting {source} on {target}");
    let (source, target) = (CString::new(source)?, CString::new(target)?);
    let kind = kind.map(CString::new).transpose()?;
    let kind = kind.as_ref().map_or(std::ptr::null(), |kind| kind.as_ptr());
    // SAFETY: all pointers are null where allowed or strings that outlive the call.
    let result =
        unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, std::ptr::null()) };
    check(result).with_context(what)
}

/// The error of a C library call that returned `result`.
pub(crate) fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
