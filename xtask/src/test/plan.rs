//! Which suites run on which kernels.

use std::collections::VecDeque;

use anyhow::{Result, anyhow};

use super::report::Outcome;
use super::suite::{SUITES, Suite};
use crate::arch::Arch;
use crate::cli::Boot;
use crate::setup::kernel::Version;

/// One suite on one kernel.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// What runs.
    pub(super) suite: Suite,
    /// What it runs on.
    pub(super) arch: Arch,
    /// The kernel that it runs on.
    pub(super) kernel: Version,
    /// What the report calls it.
    pub(super) label: String,
    /// For the kernel's command line.
    pub(super) options: String,
    /// Modules of which no test is run.
    pub(super) skipped: &'static [&'static str],
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Guests of this architecture only, and of it all.
    pub(super) arch: Option<Arch>,
    /// These kernels, and no others.
    pub(super) kernels: Option<&'a [Version]>,
    /// These suites; all that run without being named, if there is none.
    pub(super) suites: &'a [String],
    /// Not all of a suite need run on each kernel.
    pub(super) may_skip: bool,
}

/// What to run: every suite on every kernel it is for.
pub(super) fn plan(asked: Asked<'_>) -> Result<VecDeque<Run>> {
    let mut runs = VecDeque::new();
    for suite in SUITES.iter().filter(|suite| suite.is_among(asked.suites)) {
        for (arch, kernel) in guests(asked)? {
            if suite.archs.contains(&arch) && asked.wants(suite, arch, &kernel) {
                runs.push_back(asked.run(suite, arch, kernel));
            }
        }
    }
    Ok(runs)
}

/// The guests that what is asked for may be about.
fn guests(asked: Asked<'_>) -> Result<Vec<(Arch, Version)>> {
    let archs: &[Arch] = match (asked.arch, asked.kernels) {
        (Some(arch), _) => &[arch],
        // A kernel that is named without an architecture is one of this machine's.
        (None, Some(_)) => &[Arch::of_host()?],
        (None, None) => &[Arch::X86_64, Arch::Aarch64],
    };
    let mut guests = Vec::new();
    for arch in archs {
        let kernels = match asked.kernels {
            Some(kernels) => kernels.to_vec(),
            None => arch.tested().iter().map(|name| name.parse()).collect::<Result<_>>()?,
        };
        guests.extend(kernels.into_iter().map(|kernel| (*arch, kernel)));
    }
    Ok(guests)
}

/// The guests of all tests if nothing is asked for, or of all of this architecture, each once.
pub(super) fn all_guests(arch: Option<Arch>) -> Result<Vec<(Arch, Version)>> {
    let asked = Asked { arch, kernels: None, suites: &[], may_skip: false };
    let mut guests = Vec::new();
    for run in plan(asked)? {
        if !guests.contains(&(run.arch, run.kernel.clone())) {
            guests.push((run.arch, run.kernel));
        }
    }
    Ok(guests)
}

/// The suites that were asked for by name, but are for none of the kernels.
pub(super) fn without_runs(named: &[String], runs: &VecDeque<Run>) -> Vec<Outcome> {
    let has_run = |name: &str| runs.iter().any(|run| run.suite.name == name);
    let missing = SUITES.iter().filter(|suite| named.iter().any(|name| name == suite.name));
    let missing = missing.filter(|suite| !has_run(suite.name));
    let why = |suite: &Suite| {
        let archs = suite.archs.iter().map(|arch| arch.name()).collect::<Vec<_>>().join(" and ");
        let kernels = suite.kernels.unwrap_or(&["any"]).join(" and ");
        anyhow!("it is for {archs}, kernel {kernels}, which --arch or --kernel leaves out")
    };
    missing.map(|suite| Outcome::not_run(suite.name, &why(suite))).collect()
}

impl Asked<'_> {
    fn wants(self, suite: &Suite, arch: Arch, kernel: &Version) -> bool {
        match (self.kernels, self.arch) {
            (Some(_), _) => suite.is_for_named(kernel, self.suites),
            (None, Some(_)) => suite.is_for(kernel),
            (None, None) => suite.is_for_by_default(arch, kernel),
        }
    }

    fn run(self, suite: &Suite, arch: Arch, kernel: Version) -> Run {
        let label = match arch {
            Arch::X86_64 => format!("{} {kernel}", suite.name),
            Arch::Aarch64 => format!("{} {kernel} {arch}", suite.name),
        };
        let skipped = if self.may_skip { suite.skipped_on(arch, &kernel) } else { &[] };
        let kernel = if suite.for_pcs { kernel.for_pcs(arch) } else { kernel };
        Run { suite: *suite, arch, kernel, label, options: suite.options.into(), skipped }
    }
}

impl Run {
    /// Boots otherwise, and says so.
    pub(super) fn boot(&mut self, Boot { smp, memory, cmdline }: &Boot) {
        if let Some(smp) = *smp {
            self.suite.smp = smp;
            self.label.push_str(&format!(" smp={smp}"));
        }
        if let Some(memory) = *memory {
            self.suite.memory_mb = memory;
            self.label.push_str(&format!(" memory={memory}"));
        }
        if let Some(cmdline) = cmdline {
            self.options = format!("{} {cmdline}", self.options).trim_start().into();
            self.label.push_str(&format!(" {cmdline}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Asked<'_> = Asked { arch: None, kernels: None, suites: &[], may_skip: true };

    fn labels(asked: Asked<'_>) -> Vec<String> {
        plan(asked).unwrap().into_iter().map(|run| run.label).collect()
    }

    #[test]
    fn by_default_one_kernel_of_aarch64_runs_the_guest_suite() {
        let labels = labels(NOTHING);
        let of_arm: Vec<_> = labels.iter().filter(|label| label.ends_with("aarch64")).collect();
        assert_eq!(of_arm, ["guest 6.12 aarch64"]);
        assert!(labels.contains(&"guest 5.10".into()) && labels.contains(&"x32 6.12".into()));
    }

    #[test]
    fn an_architecture_that_is_named_runs_all_that_it_can() {
        let labels = labels(Asked { arch: Some(Arch::Aarch64), ..NOTHING });
        let expected = [
            "guest 6.1 aarch64",
            "guest 6.12 aarch64",
            "guest 7 aarch64",
            "smp 6.12 aarch64",
            "storm 7 aarch64",
            "systemd 6.12 aarch64",
        ];
        assert!(expected.iter().all(|label| labels.contains(&(*label).into())), "{labels:?}");
        // There are no x32 callers, and no other preemption than the kernel's own.
        for others in ["oracle", "preempt", "x32"] {
            assert!(labels.iter().all(|label| !label.starts_with(others)), "{labels:?}");
        }
    }

    #[test]
    fn kernels_that_are_named_are_those_that_run() {
        let kernels = ["6.18".parse().unwrap()];
        let suites = ["guest".into(), "oracle".into()];
        let asked = Asked { arch: Some(Arch::X86_64), kernels: Some(&kernels), ..NOTHING };
        let asked = Asked { suites: &suites, ..asked };
        let runs = plan(asked).unwrap();
        assert_eq!(runs.iter().map(|run| run.label.as_str()).collect::<Vec<_>>(), ["guest 6.18"]);
        let missing = without_runs(&suites, &runs);
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].suite, "oracle");
    }

    #[test]
    fn a_guest_that_boots_otherwise_says_so() {
        let suites = ["storm".into()];
        let kernels = ["6.12".parse().unwrap()];
        let asked = Asked { arch: Some(Arch::X86_64), kernels: Some(&kernels), ..NOTHING };
        let mut runs = plan(Asked { suites: &suites, ..asked }).unwrap();
        let cmdline = Some("preempt=full threadirqs".into());
        runs[0].boot(&Boot { smp: Some(64), memory: Some(4096), cmdline });
        let Run { label, options, suite, .. } = &runs[0];
        assert_eq!(label, "storm 6.12 smp=64 memory=4096 preempt=full threadirqs");
        assert_eq!(
            (options.as_str(), suite.smp, suite.memory_mb),
            ("preempt=full threadirqs", 64, 4096)
        );
    }

    #[test]
    fn what_is_set_up_is_what_is_tested() {
        let names = |arch| -> Vec<String> {
            let guests = all_guests(arch).unwrap();
            guests.iter().map(|(arch, kernel)| format!("{arch} {kernel}")).collect()
        };
        let x86 =
            ["5.10", "6.1", "6.12", "7", "6.12-amd64"].map(|kernel| format!("x86_64 {kernel}"));
        assert_eq!(names(None)[..4], x86[..4]);
        assert!(names(None).contains(&x86[4]) && names(None).contains(&"aarch64 6.12".into()));
        assert_eq!(
            names(Some(Arch::Aarch64)),
            ["6.1", "6.12", "7"].map(|k| format!("aarch64 {k}"))
        );
    }
}
