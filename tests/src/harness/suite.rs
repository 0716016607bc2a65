//! The test program: its output is that of libtest.

use std::any::Any;
use std::cell::RefCell;
use std::env;
use std::iter;
use std::panic;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};

use super::children;
use crate::kernel::Kernel;
use crate::processors;

/// A test that takes longer hangs, unless its suite is one of large tests.
const LIMIT: Duration = Duration::from_secs(300);

/// A test: its name and a function that panics if it fails.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// Its name, which reads as a sentence.
    pub name: &'static str,
    /// What to run.
    pub run: fn(),
}

/// Tests with the names of their functions: `tests![one, two]`.
#[macro_export]
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        &[$($crate::harness::Test { name: stringify!($name), run: $name }),+]
    };
}

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs the tests of all modules, one at a time unless the command line says otherwise. Operands
/// are parts of the names of the tests to run; options are libtest's, as `--name=value`.
pub fn main(modules: &[(&str, &[Test])]) -> ExitCode {
    main_within(LIMIT, modules)
}

/// As [`main`], with another limit to what a test may take.
pub fn main_within(limit: Duration, modules: &[(&str, &[Test])]) -> ExitCode {
    processors::keep_to_one();
    // libtest takes any number of filters, libtest-mimic one.
    let (options, filters): (Vec<_>, Vec<_>) = env::args().partition(|arg| arg.starts_with('-'));
    let filters = &filters[1..];
    let mut arguments = Arguments::from_iter(iter::once("guest-tests".into()).chain(options));
    arguments.test_threads.get_or_insert(1);
    panic::set_hook(Box::new(|info| {
        PANIC.with_borrow_mut(|message| *message = Some(info.to_string()));
    }));
    let tests = modules.iter().flat_map(|(module, tests)| {
        tests.iter().map(move |test| (format!("{module}::{}", test.name), test.run))
    });
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|part| name.contains(part));
    let tests = tests.filter(|(name, _)| wanted(name));
    let kernel = Kernel::running();
    let durations = Arc::new(Mutex::new(Vec::new()));
    let trials = tests.map(|(name, run)| {
        let durations = Arc::clone(&durations);
        let skipped = kernel.cannot_pass(&name);
        if let Some(reason) = skipped {
            eprintln!("not run: {name}: {reason}");
        }
        Trial::test(name.clone(), move || {
            let start = Instant::now();
            let result = limited(run, limit);
            durations.lock().unwrap_or_else(PoisonError::into_inner).push((start.elapsed(), name));
            result
        })
        .with_ignored_flag(skipped.is_some())
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    print_durations(&mut durations.lock().unwrap_or_else(PoisonError::into_inner));
    conclusion.exit_code()
}

/// For the log, the slowest first.
fn print_durations(durations: &mut [(Duration, String)]) {
    durations.sort_unstable();
    for (took, name) in durations.iter().rev() {
        eprintln!("{:6.1} s {name}", took.as_secs_f32());
    }
}

/// Runs a test in a thread of its own; one that hangs is left behind, its processes are killed.
fn limited(run: fn(), limit: Duration) -> Result<(), Failed> {
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        let outcome = panic::catch_unwind(run).map_err(message);
        let _ = done.send(outcome);
    });
    match result.recv_timeout(limit) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(message)) => Err(message.into()),
        Err(_) => {
            children::kill_all();
            Err(format!("it was not done after {limit:?}").into())
        }
    }
}

/// What the panic said, and where if it was in this thread.
fn message(payload: Box<dyn Any + Send>) -> String {
    let said = || match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&str>().map_or("it panicked", |text| *text).into(),
    };
    PANIC.take().unwrap_or_else(said)
}
