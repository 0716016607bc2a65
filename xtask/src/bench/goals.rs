//! What the figures have to reach: the same on every kernel, or kernel by kernel.

use crate::arch::Arch;

/// Of strace's overhead, sigtrace's is at most this part.
pub(super) const OF_STRACE: f64 = 0.08;
/// What is not traced costs what it always did, give or take a measurement's last digit.
pub(super) const UNTRACED: f64 = 1.0;
/// The agent's own instructions for a kill event, of many in a row and of one a millisecond.
pub(super) const INSTRUCTIONS_IN_A_ROW: f64 = 3000.0;
pub(super) const INSTRUCTIONS_ALONE: f64 = 5000.0;
/// The agent's share of memory, in millions of bytes.
pub(super) const SHARE_MB: f64 = 9.0;
/// What a signal that is told of costs its sender more, in instructions.
pub(super) const GENERATE: f64 = 900.0;
/// Of what tools of others cost the sender of a signal, sigtrace costs it at most this part.
pub(super) const OF_OTHERS: f64 = 1.0;
/// The agent's own instructions for a signal of which it tells the call, the signal and its delivery.
pub(super) const INSTRUCTIONS_JOINED: f64 = 6000.0;
/// The agent's share of memory with 10,000 processes known, in millions of bytes.
pub(super) const SHARE_OF_MANY_MB: f64 = 24.0;
/// From SIGTERM until nobody has the agent's output open any more.
pub(super) const OUTPUT_SECONDS: f64 = 0.3;
pub(super) const ALLOCATIONS: f64 = 0.0;
pub(super) const TIMES_AS_FAST: f64 = 4.0;

/// A figure for each of the two syscalls that are measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) rt_sigprocmask: f64,
    pub(super) kill: f64,
}

/// Of bpftrace's overhead, sigtrace's is at most this part.
pub(super) const OF_BPFTRACE: Pair = pair(0.31, 0.28);

/// What differs between kernels. What is not there is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Goals {
    /// Figures have no bar, but those of what is not traced, and are only stated.
    pub(super) stated_only: bool,
    /// Overhead by the mechanism that sigtrace chooses itself.
    pub(super) auto: Option<Pair>,
    /// Overhead with `--probe fentry`.
    pub(super) fentry: Option<Pair>,
    /// Overhead of a call that is filtered out by its user or thread name.
    pub(super) by_caller: Option<Pair>,
    /// Overhead of a call that is filtered out as it is between other processes.
    pub(super) by_process: Option<Pair>,
    /// Million instructions from the agent's start to attached.
    pub(super) start_millions: Option<f64>,
    /// From SIGTERM to the agent's exit.
    pub(super) exit_seconds: Option<f64>,
}

const FENTRY: Pair = pair(1080.0, 850.0);

impl Goals {
    /// A goal that is the same on every kernel, where figures have one.
    pub(super) fn unless_stated_only(&self, goal: f64) -> Option<f64> {
        (!self.stated_only).then_some(goal)
    }
}

/// The goals on the kernel of this release, such as `6.12.107+deb13-cloud-amd64`. They were set for x86_64.
pub(super) fn of(arch: Arch, release: &str) -> Goals {
    match arch {
        Arch::X86_64 => of_x86_64(release),
        Arch::Aarch64 => Goals { stated_only: true, ..Goals::default() },
    }
}

fn of_x86_64(release: &str) -> Goals {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(7)), _) => Goals {
            auto: Some(pair(1650.0, 1400.0)),
            fentry: Some(FENTRY),
            by_caller: Some(pair(650.0, 550.0)),
            by_process: Some(pair(680.0, 580.0)),
            start_millions: Some(400.0),
            exit_seconds: Some(0.5),
            ..Goals::default()
        },
        (Some(Ok(6)), Some(Ok(12))) => Goals {
            auto: Some(pair(1500.0, 1250.0)),
            fentry: Some(FENTRY),
            by_caller: Some(pair(650.0, 450.0)),
            by_process: Some(pair(680.0, 480.0)),
            start_millions: Some(700.0),
            exit_seconds: Some(4.0),
            ..Goals::default()
        },
        (Some(Ok(6)), Some(Ok(1))) => {
            Goals { auto: Some(pair(1700.0, 1450.0)), ..Goals::default() }
        }
        (Some(Ok(5)), Some(Ok(10))) => {
            Goals { auto: Some(pair(1300.0, 1050.0)), ..Goals::default() }
        }
        _ => Goals::default(),
    }
}

const fn pair(rt_sigprocmask: f64, kill: f64) -> Pair {
    Pair { rt_sigprocmask, kill }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kernel_has_its_own() {
        let auto = |release| of(Arch::X86_64, release).auto;
        assert_eq!(auto("7.3.4+deb13-cloud-amd64"), Some(pair(1650.0, 1400.0)));
        assert_eq!(auto("6.12.107+deb13-cloud-amd64"), Some(pair(1500.0, 1250.0)));
        assert_eq!(auto("6.1.0-50-cloud-amd64"), Some(pair(1700.0, 1450.0)));
        assert_eq!(auto("5.10.0-32-cloud-amd64"), Some(pair(1300.0, 1050.0)));
    }

    #[test]
    fn of_a_kernel_that_has_none_all_is_only_stated() {
        for release in ["6.19.2+deb13-cloud-amd64", "8.0.1", ""] {
            assert_eq!(of(Arch::X86_64, release), Goals::default(), "{release}");
        }
    }

    #[test]
    fn on_aarch64_figures_have_no_bars() {
        let goals = of(Arch::Aarch64, "6.12.117+deb13-cloud-arm64");
        assert_eq!(goals, Goals { stated_only: true, ..Goals::default() });
        assert_eq!(goals.unless_stated_only(SHARE_MB), None);
        assert_eq!(Goals::default().unless_stated_only(SHARE_MB), Some(SHARE_MB));
    }
}
