//! A disk that is full, and has room again.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use sigtrace_tests::harness::{Account, Flood, Streaming, Test, sigtrace, temporary, until};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_full_disk_costs_events_and_no_line_is_broken,
    a_full_disk_changes_nothing_for_the_command,
];

/// A file system of 64 KiB.
struct Disk(PathBuf);

impl Disk {
    fn new() -> Self {
        let directory = temporary("disk");
        let created = fs::create_dir(&directory);
        assert!(created.is_ok(), "{created:?}");
        let (path, kind) = (string(&directory), c"tmpfs".as_ptr());
        // SAFETY: strings that outlive the call.
        let mounted = unsafe {
            libc::mount(kind, path.as_ptr(), kind, 0, c"size=64k".as_ptr().cast::<libc::c_void>())
        };
        assert_eq!(mounted, 0, "{}", io::Error::last_os_error());
        Self(directory)
    }

    /// A file of so many KiB on it.
    fn file(&self, size: usize) -> PathBuf {
        let path = self.0.join("large");
        let written = fs::write(&path, vec![0; size << 10]);
        assert!(written.is_ok(), "{written:?}");
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // SAFETY: a string that outlives the call.
        unsafe { libc::umount2(string(&self.0).as_ptr(), libc::MNT_DETACH) };
        let _ = fs::remove_dir(&self.0);
    }
}

fn string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn a_full_disk_costs_events_and_no_line_is_broken() {
    for redirected in [false, true] {
        let disk = Disk::new();
        let large = disk.file(32);
        let path = disk.0.join("events");
        let output = path.to_string_lossy();
        let args = ["-s", "tkill", "--stats"];
        let sigtrace = if redirected {
            // As `>>`.
            let file = File::options().create(true).append(true).open(&path);
            Streaming::start(&args, file.unwrap_or_else(|error| panic!("{error}")))
        } else {
            Streaming::start(&[&args[..], &["-o", &output]].concat(), Stdio::null())
        };
        // Four times as much as there is room for.
        let mut made = Flood::run(1, 500);
        until("the disk to be full", || (length(&path) > 28 << 10).then_some(()));
        sleep(Duration::from_secs(1));
        let when_full = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(when_full.ends_with("}\n"), "{when_full}");
        let removed = fs::remove_file(large);
        assert!(removed.is_ok(), "{removed:?}");
        made += Flood::run(1, 20);
        sigtrace.signal(libc::SIGTERM);
        let started = sigtrace.started();
        let (status, stderr) = sigtrace.end();
        assert_eq!(status.code(), Some(0), "{stderr}");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(text.starts_with(&when_full) && text.ends_with("}\n"), "{text}");
        let account = Account::told(&stderr);
        let trace = Streaming::trace(&started, &text, status, stderr);
        let printed = trace.calls().count() as u64;
        let lost = made - printed;
        assert!(printed > 20 && lost > 0, "{printed} of {made} in the output");
        let expected = Account { printed, filtered: 0, lost, output: lost, ring_full: 0 };
        assert_eq!(account, expected);
        let told = trace.lost();
        assert_eq!(told.get("output").and_then(serde_json::Value::as_u64), Some(lost), "{told:?}");
        assert_eq!((trace.stats().printed(), trace.stats().lost()), (printed, lost));
        let said: Vec<&str> = trace
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("sigtrace: warning: "))
            .collect();
        let full = "output: No space left on device (os error 28); events that do not fit are lost";
        assert_eq!(said, [full, "output: there is space again"]);
    }
}

fn a_full_disk_changes_nothing_for_the_command() {
    let disk = Disk::new();
    disk.file(64);
    let path = disk.0.join("events");
    let output = path.to_string_lossy();
    let script = "kill -0 1; kill -0 1; sleep 1; kill -0 1; exit 3";
    let ended = sigtrace(&["-q", "-s", "kill", "-o", &output, "--", "/bin/sh", "-c", script]);
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert_eq!(ended.stderr, "sigtrace: 0 events, 0 calls filtered out, 3 lost, output 3\n");
    assert_eq!(length(&path), 0);
}
