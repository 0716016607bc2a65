//! The test suites that run in guests, several guests at a time.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::count::{self, Tally};
use super::host::log;
use super::output::{Output, lock};
use super::plan::{self, Asked, Run};
use super::queue::Queue;
use super::report::Outcome;
use super::suite::BOTH;
use crate::arch::Arch;
use crate::build::{self, Programs};
use crate::cache::Cache;
use crate::cli::Boot;
use crate::image;
use crate::interrupt;
use crate::process;
use crate::setup;
use crate::vm::{GuestFile, Job, Mishap, OnInterrupt, PAYLOAD, Root, Streams, Vm};

const SILENCE: Duration = Duration::from_secs(360);
const TIMEOUT: Duration = Duration::from_secs(2700);
/// Files beside the programs that suites find in the payload folder.
const EXTRA_FILES: &[&str] = &["packaging/systemd"];

/// The workloads as a 32-bit program.
const WORKLOAD_32: &str = "workload32";

/// Runs what is asked for, several guests at a time, to the last one whatever fails. Only tests whose name
/// contains `filter` run, if there is one.
pub(super) fn run(
    cache: &Cache,
    asked: Asked<'_>,
    boot: &Boot,
    filter: Option<&str>,
) -> Result<Vec<Outcome>> {
    let mut runs = plan::plan(asked)?;
    runs.iter_mut().for_each(|run| run.boot(boot));
    let outcomes = Mutex::new(plan::without_runs(asked.suites, &runs));
    let queue = Queue::new(runs);
    // One more than there are processors, as a guest waits for itself now and then.
    let guests = thread::available_parallelism().map_or(1, usize::from).clamp(1, 4) + 1;
    thread::scope(|scope| {
        // The guests of one architecture run while the programs of the next are built.
        scope.spawn(|| {
            let _builder = queue.builder();
            for arch in BOTH.iter().copied().filter(|arch| queue.wants(*arch)) {
                if interrupt::count() > 0 {
                    break;
                }
                match built(cache, arch) {
                    Ok(programs) => queue.supply(arch, programs),
                    // The guests of the other are none the worse for it.
                    Err(error) => {
                        queue.give_up(arch);
                        if interrupt::count() == 0 {
                            let what = format!("guests of {arch}");
                            lock(&outcomes).push(Outcome::not_run(&what, &error));
                        }
                    }
                }
            }
        });
        for _ in 0..guests {
            scope.spawn(|| {
                while let Some((run, programs)) = queue.next() {
                    let outcome = run.outcome(cache, &programs, filter);
                    lock(&outcomes).push(outcome);
                }
            });
        }
    });
    interrupt::check()?;
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by(|a, b| a.suite.cmp(&b.suite));
    Ok(outcomes)
}

/// Builds what runs in the guests: sigtrace beside the others, as linking it keeps one processor
/// busy.
fn built(cache: &Cache, arch: Arch) -> Result<Programs> {
    let (sigtrace, others) = thread::scope(|scope| {
        let sigtrace = scope.spawn(|| build::sigtrace(cache, arch, true));
        let others = build::test_programs(arch);
        (sigtrace.join(), others)
    });
    let Ok(sigtrace) = sigtrace else { bail!("the thread that builds sigtrace panicked") };
    let mut programs = others?;
    programs.insert("sigtrace".into(), sigtrace?);
    programs.insert(WORKLOAD_32.into(), build::workload_32(arch)?);
    Ok(programs)
}

impl Run {
    /// Runs it, and once more if that was QEMU's fault, which the report says.
    fn outcome(&self, cache: &Cache, programs: &Programs, filter: Option<&str>) -> Outcome {
        let start = Instant::now();
        let mut output = Output::default();
        eprintln!("{} ...", self.label);
        let mut result = self.run(cache, programs, filter, &output);
        let mut suite = self.label.clone();
        let mut runs = 1;
        while let Err(error) = &result
            && runs < self.most_runs(error)
        {
            runs += 1;
            suite.push_str(" (again)");
            // With the end of its console, as the next run's log takes the place of this one's.
            eprintln!(
                "{}: {error:#}\nQEMU does this to a guest now and then; once more",
                self.label
            );
            output = Output::default();
            result = self.run(cache, programs, filter, &output);
        }
        let text = output.text();
        let mut tally = count::results(&text);
        let mut details = String::new();
        let problem = match result {
            Ok(0) if tally.total() == 0 && filter.is_none() => Some("it ran no test".into()),
            Ok(0) => None,
            Ok(code) if tally.total() == 0 => {
                // The program did not come to its own count.
                tally = count::so_far(&text);
                let Tally { passed, failed } = tally;
                Some(format!("it ended with {code} after {passed} tests passed, {failed} failed"))
            }
            Ok(code) => Some(format!("it ended with {code}")),
            Err(error) => Some(format!("{error:#}")),
        };
        if let Some(problem) = problem {
            details =
                format!("{problem}\n{}", count::failures(&text).unwrap_or_else(|| self.tail()));
            tally.failed = tally.failed.max(1);
        }
        let took = start.elapsed();
        let Tally { passed, failed } = tally;
        eprintln!("{}: {passed} passed, {failed} failed ({:.0} s)", self.label, took.as_secs_f32());
        Outcome { suite, tally, took, details }
    }

    /// How often it may run in all, going by how it ended: more than once if QEMU may be at fault. Its emulation
    /// of several processors sometimes runs kernel text that another is in the midst of patching, as
    /// attaching probes does, and booting does a great deal, before anything of ours runs. A guest of
    /// one processor has no such excuse, but can be too slow to boot on a busy machine.
    fn most_runs(&self, error: &anyhow::Error) -> u32 {
        match error.downcast_ref() {
            Some(Mishap::PanickedInBoot) if self.suite.smp > 1 => 4,
            Some(Mishap::Panicked) if self.suite.smp > 1 => 2,
            Some(Mishap::NotBooted) => 2,
            Some(Mishap::PanickedInBoot | Mishap::Panicked) | None => 1,
        }
    }

    fn run(
        &self,
        cache: &Cache,
        programs: &Programs,
        filter: Option<&str>,
        output: &Output,
    ) -> Result<i32> {
        let vm = self.vm(cache, programs, filter)?;
        let path = log(&self.label)?;
        let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        let sink = output.sink(&self.label, file.try_clone()?);
        let (mut stderr, mut console) = (file.try_clone()?, file);
        vm.run(Streams {
            stdout: Box::new(sink),
            reader_gone: || false,
            stderr: &mut stderr,
            console: &mut console,
        })
    }

    /// The end of everything the guest said, with where to find the rest.
    fn tail(&self) -> String {
        let Ok(path) = log(&self.label) else { return String::new() };
        let all = fs::read(&path).unwrap_or_default();
        let end = process::tail(&String::from_utf8_lossy(&all), 60);
        format!("the end of {}:\n{end}", path.display())
    }

    fn vm(&self, cache: &Cache, programs: &Programs, filter: Option<&str>) -> Result<Vm> {
        let program = self.suite.program;
        if !programs.contains_key(program) {
            bail!("the tests package has no program {program}");
        }
        let mut argv = vec![format!("{PAYLOAD}/{program}")];
        argv.extend(filter.map(str::to_owned));
        argv.extend(self.skipped.iter().map(|module| format!("--skip={module}::")));
        let init = programs.get("guest-init").context("the tests package has no guest-init")?;
        let machine = setup::machine(cache, self.arch, &self.kernel)?;
        let mut vm = Vm::new(machine, init.clone(), Job { argv, ..Job::default() });
        // By these names, as one program can be built for two targets.
        vm.files.extend(programs.iter().map(|(name, path)| GuestFile {
            host: path.clone(),
            guest: format!("{PAYLOAD}/{name}"),
            mode: 0o755,
        }));
        vm.files.extend(extra_files()?);
        if self.suite.systemd {
            vm.root = Root::Systemd(image::ensure(cache, self.arch)?);
        }
        vm.smp = self.suite.smp;
        vm.memory_mb = self.suite.memory_mb;
        vm.options.clone_from(&self.options);
        vm.silence = Some(SILENCE);
        vm.timeout = Some(TIMEOUT);
        vm.on_interrupt = OnInterrupt::Kill;
        Ok(vm)
    }
}

fn extra_files() -> Result<Vec<GuestFile>> {
    let mut files = Vec::new();
    for dir in EXTRA_FILES {
        let Ok(entries) = fs::read_dir(build::workspace().join(dir)) else { continue };
        for entry in entries {
            let host: PathBuf = entry?.path();
            let name = host.file_name().unwrap_or_default().to_string_lossy();
            let guest = format!("{PAYLOAD}/{name}");
            files.push(GuestFile { host, guest, mode: 0o644 });
        }
    }
    Ok(files)
}
