//! What something takes.

/// The processor time that this process has had, in nanoseconds: unlike time on the wall it is the same
/// however busy the machine is.
pub(super) fn processor_time_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a timespec to write to. This clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What the parts of the start take, in nanoseconds of our processor time.
pub(super) struct Parts {
    since_ns: u64,
    ended: Vec<String>,
}

impl Parts {
    /// From here on.
    pub(super) fn begin() -> Self {
        Self {
            since_ns: processor_time_ns(),
            ended: vec![format!("begin {}", processor_time_ns())],
        }
    }

    /// A part ends here, and the next one begins.
    pub(super) fn end(&mut self, part: &str) {
        let now_ns = processor_time_ns();
        self.ended.push(format!("{part} {}", now_ns - self.since_ns));
        self.since_ns = now_ns;
    }

    /// Says what all of them took, to who wants to know more.
    pub(super) fn tell(&self) {
        tracing::debug!("start: {}", self.ended.join(", "));
    }
}
