//! Few process ids to go round, so that each is soon somebody else's.

use std::fs;

const PID_MAX: &str = "/proc/sys/kernel/pid_max";
/// Below these ids none is given out a second time (`RESERVED_PIDS`, `kernel/pid.c`).
const RESERVED: usize = 300;

/// As long as this is there.
pub(crate) struct FewNumbers {
    before: String,
}

impl FewNumbers {
    /// Leaves so many for all who begin meanwhile.
    pub(crate) fn only(room: usize) -> Self {
        let before = fs::read_to_string(PID_MAX).unwrap_or_default();
        set(&(RESERVED + used() + room).to_string());
        Self { before }
    }
}

impl Drop for FewNumbers {
    fn drop(&mut self) {
        set(&self.before);
    }
}

fn set(max: &str) {
    fs::write(PID_MAX, max).unwrap_or_else(|error| panic!("{PID_MAX}: {max}: {error}"));
}

/// How many ids from the first that are given out again on are taken, those of threads included.
fn used() -> usize {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let tasks = processes.filter_map(|process| fs::read_dir(process.path().join("task")).ok());
    let number = |task: fs::DirEntry| task.file_name().to_str()?.parse::<usize>().ok();
    tasks.flatten().flatten().filter_map(number).filter(|tid| *tid >= RESERVED).count()
}
