//! The runs that are yet to begin, and what they need.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::output::lock;
use super::plan::Run;
use crate::arch::Arch;
use crate::build::Programs;
use crate::interrupt;

/// Runs in order, each given out once the programs of its architecture are built.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    runs: VecDeque<Run>,
    built: Vec<(Arch, Arc<Programs>)>,
}

impl Queue {
    /// Of these runs, for none of which there are programs yet.
    pub(super) fn new(runs: VecDeque<Run>) -> Self {
        Self { state: Mutex::new(State { runs, built: Vec::new() }), changed: Condvar::new() }
    }

    /// Whether any run is for this architecture.
    pub(super) fn wants(&self, arch: Arch) -> bool {
        lock(&self.state).runs.iter().any(|run| run.arch == arch)
    }

    /// Has the runs of an architecture given out, with these programs.
    pub(super) fn supply(&self, arch: Arch, programs: Programs) {
        lock(&self.state).built.push((arch, Arc::new(programs)));
        self.changed.notify_all();
    }

    /// Takes out the runs of an architecture for which there are no programs.
    pub(super) fn give_up(&self, arch: Arch) {
        lock(&self.state).runs.retain(|run| run.arch != arch);
        self.changed.notify_all();
    }

    /// Takes out the runs for which there are no programs when this is dropped: there will be none any more, whatever
    /// became of who was building them.
    pub(super) fn builder(&self) -> Builder<'_> {
        Builder(self)
    }

    /// The next run that can begin, with its programs; waits while there can be one. None if no more are left, or the
    /// user wants no more.
    pub(super) fn next(&self) -> Option<(Run, Arc<Programs>)> {
        let mut state = lock(&self.state);
        loop {
            if interrupt::count() > 0 || state.runs.is_empty() {
                return None;
            }
            if let Some(ready) = state.take() {
                return Some(ready);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Who builds programs.
pub(super) struct Builder<'a>(&'a Queue);

impl Drop for Builder<'_> {
    fn drop(&mut self) {
        let State { runs, built } = &mut *lock(&self.0.state);
        runs.retain(|run| built.iter().any(|(arch, _)| *arch == run.arch));
        self.0.changed.notify_all();
    }
}

impl State {
    fn take(&mut self) -> Option<(Run, Arc<Programs>)> {
        let built = &self.built;
        let programs = |run: &Run| built.iter().find(|(arch, _)| *arch == run.arch);
        let (index, programs) = self
            .runs
            .iter()
            .enumerate()
            .find_map(|(index, run)| Some((index, Arc::clone(&programs(run)?.1))))?;
        Some((self.runs.remove(index)?, programs))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::test::plan::{Asked, plan};

    /// Long enough for a thread to begin to wait; if it is not, the tests prove less.
    const UNTIL_IT_WAITS: Duration = Duration::from_millis(50);

    fn queue() -> Queue {
        let suites = ["guest".into()];
        let asked = Asked { arch: None, kernels: None, suites: &suites, may_skip: false };
        Queue::new(plan(asked).unwrap())
    }

    #[test]
    fn runs_begin_once_their_programs_are_built() {
        let queue = queue();
        assert!(queue.wants(Arch::Aarch64) && queue.wants(Arch::X86_64));
        thread::scope(|scope| {
            let first = scope.spawn(|| queue.next().map(|(run, _)| run.label));
            thread::sleep(UNTIL_IT_WAITS);
            queue.supply(Arch::Aarch64, Programs::new());
            assert_eq!(first.join().unwrap().as_deref(), Some("guest 6.12 aarch64"));
        });
        queue.supply(Arch::X86_64, Programs::new());
        assert_eq!(queue.next().unwrap().0.label, "guest 5.10");
    }

    #[test]
    fn who_waits_for_programs_that_cannot_be_built_ends() {
        let queue = queue();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.next().is_none());
            thread::sleep(UNTIL_IT_WAITS);
            queue.give_up(Arch::X86_64);
            queue.give_up(Arch::Aarch64);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn who_waits_for_a_builder_that_is_gone_ends() {
        let queue = queue();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.next().is_none());
            thread::sleep(UNTIL_IT_WAITS);
            drop(queue.builder());
            assert!(waiting.join().unwrap());
        });
    }
}
