//! Control groups: all of one are killed, or one uses more memory than it may.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::{Value, json};
use sigtrace_tests::kernel::control_groups;

use super::{fork, resting, set_action};
use crate::process::{until, wait};

/// A group of our own.
struct Group(String);

impl Group {
    fn new(name: &str) -> Self {
        let path = format!("{}/{name}", control_groups());
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(path)
    }

    fn has(&self, file: &str) -> bool {
        Path::new(&self.0).join(file).exists()
    }

    fn write(&self, file: &str, what: &str) {
        let path = Path::new(&self.0).join(file);
        fs::write(&path, what).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    fn id(&self) -> u64 {
        fs::metadata(&self.0).unwrap_or_else(|error| panic!("{}: {error}", self.0)).ino()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        until(|| fs::remove_dir(&self.0).is_ok());
    }
}

/// All processes of a group are killed, where groups have that.
pub(super) fn kill() -> Value {
    let group = Group::new("cause-kill");
    if !group.has("cgroup.kill") {
        return json!({ "missing": true });
    }
    // In which order they end is not for us to say, so nobody is to be told.
    set_action(libc::SIGCHLD, libc::SIG_IGN);
    let children: Vec<i32> = (0..2).map(|_| resting(|| group.write("cgroup.procs", "0"))).collect();
    group.write("cgroup.kill", "1");
    // It fails once there is none.
    // SAFETY: no status is asked for.
    unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
    json!({ "children": children })
}

/// A child uses more memory than its group may.
pub(super) fn out_of_memory() -> Value {
    const LIMIT: usize = 20 << 20;
    let _ = fs::write(format!("{}/cgroup.subtree_control", control_groups()), "+memory");
    let group = Group::new("cause-oom");
    if !group.has("memory.max") {
        return json!({ "missing": true });
    }
    group.write("memory.max", &LIMIT.to_string());
    let child = fork(|| {
        group.write("cgroup.procs", "0");
        let memory = vec![1_u8; 2 * LIMIT];
        i32::from(std::hint::black_box(&memory)[LIMIT])
    });
    assert_eq!(wait(child), libc::SIGKILL);
    json!({ "child": child, "cgroup": group.id(), "limit": LIMIT })
}
