//! The file systems the kernel offers.

use std::ffi::CString;
use std::io;

use anyhow::{Context as _, Result, bail};
use sigtrace_tests::kernel::{CONTROL_GROUPS, booted_with, control_groups as cgroup2_root};

/// A file system type and where it goes.
pub(crate) type Mount = (&'static str, &'static str);

/// Without these nothing works.
pub(crate) const ESSENTIAL: [Mount; 3] =
    [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")];

/// What programs expect of a running system.
pub(crate) const SYSTEM: [Mount; 4] =
    [("tmpfs", "/tmp"), ("tmpfs", "/run"), ("devpts", "/dev/pts"), ("tmpfs", "/dev/shm")];

/// Control groups of version 1, by what mount(8) is told by `-o`, and where systemd mounts them.
const VERSION_1: [(&str, &str); 2] =
    [("none,name=systemd", "/sys/fs/cgroup/systemd"), ("pids", "/sys/fs/cgroup/pids")];

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

/// Mounts control groups as the kernel's command line has it (see `kernel.rs`): those of version 2, those of version
/// 1, or both.
pub(crate) fn control_groups() -> Result<()> {
    const ROOT: &str = "/sys/fs/cgroup";
    let layout = booted_with(CONTROL_GROUPS);
    if layout.is_some() {
        mount("tmpfs", ROOT, Some("tmpfs"), 0)?;
        for (options, at) in VERSION_1 {
            std::fs::create_dir(at).with_context(|| format!("creating {at}"))?;
            mount_with("cgroup", at, Some("cgroup"), 0, Some(options))?;
        }
    }
    match layout.as_deref() {
        Some("v1") => Ok(()),
        None | Some("hybrid") => kernel_file_systems(&[("cgroup2", cgroup2_root())]),
        Some(other) => bail!("{CONTROL_GROUPS}{other}: v1 or hybrid"),
    }
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
    mount_with(source, target, kind, flags, None)
}

/// Likewise, with what the file system is told.
fn mount_with(
    source: &str,
    target: &str,
    kind: Option<&str>,
    flags: libc::c_ulong,
    options: Option<&str>,
) -> Result<()> {
    let what = || format!("mounting {source} on {target}");
    let (source, target) = (CString::new(source)?, CString::new(target)?);
    let kind = kind.map(CString::new).transpose()?;
    let options = options.map(CString::new).transpose()?;
    let pointer = |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |t| t.as_ptr());
    let (kind, options) = (pointer(&kind), pointer(&options));
    // SAFETY: all pointers are null where allowed or strings that outlive the call.
    let result =
        unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, options.cast()) };
    check(result).with_context(what)
}

/// Has the root file system written out as a whole, so that the next to mount it finds nothing to recover.
pub(crate) fn remount_root_read_only() {
    let flags = libc::MS_REMOUNT | libc::MS_RDONLY;
    // SAFETY: strings that outlive the call, and null where that is allowed. Where it fails, as it does while somebody
    // writes, there is a journal.
    unsafe {
        libc::mount(std::ptr::null(), c"/".as_ptr(), std::ptr::null(), flags, std::ptr::null())
    };
}

/// The error of a C library call that returned `result`.
pub(crate) fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
