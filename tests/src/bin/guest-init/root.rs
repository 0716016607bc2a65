//! From the initial file system to the one the job runs in.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::mount::{check, mount};

const DISK: &str = "/dev/vda";
const NEW_ROOT: &str = "/newroot";
const UNIT: &str = "sigtrace-job.service";
/// The kernel decompresses the module itself.
const MODULE_INIT_COMPRESSED_FILE: libc::c_int = 4;

/// Loads the modules that came with the kernel. Which needs which differs between kernels, so what
/// fails is tried again until a round brings nothing new.
pub(crate) fn load_modules() -> Result<()> {
    let Ok(dir) = fs::read_dir("/modules") else {
        return Ok(());
    };
    let mut left = dir.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    left.sort();
    loop {
        let before = left.len();
        left.retain(|module| load(module).is_err());
        match left.first() {
            None => return Ok(()),
            Some(module) if left.len() == before => return load(module),
            Some(_) => {}
        }
    }
}

fn load(module: &Path) -> Result<()> {
    let file = File::open(module)?;
    let packed = module.extension().is_some_and(|extension| extension != "ko");
    let flags = if packed { MODULE_INIT_COMPRESSED_FILE } else { 0 };
    // SAFETY: the descriptor is open and the string is terminated.
    let result =
        unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), flags) };
    check(if result < 0 { -1 } else { 0 }).with_context(|| format!("loading {}", module.display()))
}

/// Makes busybox's programs available by their names.
pub(crate) fn install_busybox() -> Result<()> {
    let status = Command::new("/bin/busybox").args(["--install", "-s", "/bin"]).status();
    ensure!(status.context("starting busybox")?.success(), "busybox could not install its links");
    Ok(())
}

/// Makes the disk the root, with the payload still at its place.
pub(crate) fn switch_to_disk() -> Result<()> {
    wait_for(Path::new(DISK))?;
    fs::create_dir_all(NEW_ROOT)?;
    mount(DISK, NEW_ROOT, Some("ext4"), 0)?;
    let payload = format!("{NEW_ROOT}/payload");
    fs::create_dir_all(&payload)?;
    mount("/payload", &payload, None, libc::MS_BIND)?;
    std::env::set_current_dir(NEW_ROOT)?;
    mount(".", "/", None, libc::MS_MOVE)?;
    std::os::unix::fs::chroot(".").context("changing the root")?;
    std::env::set_current_dir("/")?;
    // Our own output goes through the new root's console like everybody's.
    crate::mount::kernel_file_systems(&crate::mount::ESSENTIAL)
}

/// Hands over to the disk's systemd, with the job as a service of it. Returns only what went wrong.
pub(crate) fn start_systemd() -> anyhow::Error {
    if let Err(error) = write_unit() {
        return error.context("writing the job's unit");
    }
    let error = Command::new("/sbin/init").env_clear().exec();
    anyhow::Error::from(error).context("starting /sbin/init")
}

fn write_unit() -> Result<()> {
    let unit = "[Unit]\n\
        After=multi-user.target\n\
        [Service]\n\
        Type=oneshot\n\
        TimeoutStartSec=infinity\n\
        StandardOutput=file:/dev/console\n\
        StandardError=file:/dev/console\n\
        ExecStart=/payload/guest-init --job\n";
    let dir = Path::new("/etc/systemd/system");
    let wants = dir.join("multi-user.target.wants");
    fs::create_dir_all(&wants)?;
    fs::write(dir.join(UNIT), unit)?;
    // The image is written to a snapshot, so the link cannot be there yet.
    symlink(dir.join(UNIT), wants.join(UNIT))?;
    Ok(())
}

fn wait_for(device: &Path) -> Result<()> {
    let start = Instant::now();
    while !device.exists() {
        ensure!(start.elapsed() < Duration::from_secs(30), "no {} appeared", device.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
