//! Control groups of the tests' own.

use std::fs;
use std::path::Path;

use sigtrace_tests::harness::{Puppet, until};
use sigtrace_tests::kernel::control_groups;

/// A control group, taken away when dropped.
pub(crate) struct Group(String);

impl Group {
    /// One with this path in the hierarchy.
    pub(crate) fn new(path: &str) -> Self {
        let path = format!("{}/{path}", control_groups());
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(path)
    }

    /// Its directory.
    pub(crate) fn path(&self) -> &str {
        &self.0
    }

    /// Takes in a process.
    pub(crate) fn join(&self, puppet: &Puppet) {
        let file = Path::new(&self.0).join("cgroup.procs");
        fs::write(&file, puppet.pid().to_string())
            .unwrap_or_else(|error| panic!("{file:?}: {error}"));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Once its processes are gone for good.
        until("a control group to be empty", || fs::remove_dir(&self.0).ok());
    }
}
