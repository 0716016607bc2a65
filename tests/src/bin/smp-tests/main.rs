//! What several processors are needed for: the books, when calls are made on all of them at once, shares of
//! the ring, and the processor that an event names.

mod accounting;
mod shares;

use std::process::ExitCode;
use std::time::Duration;

use sigtrace_tests::harness::{self, Test, Tracer, Workload};
use sigtrace_tests::tests;

const TESTS: &[Test] = tests![an_event_names_the_processor_of_its_call];

/// The tests by module.
const MODULES: &[(&str, &[Test])] =
    &[("processors", TESTS), ("accounting", accounting::TESTS), ("shares", shares::TESTS)];

/// A dozen long floods may take as long as this.
const LONG: Duration = Duration::from_secs(3600);

fn main() -> ExitCode {
    if shares::seconds() > 0 { harness::main_within(LONG, MODULES) } else { harness::main(MODULES) }
}

fn an_event_names_the_processor_of_its_call() {
    let tracer = Tracer::start(&["-s", "kill", "--stats"]);
    let workload = Workload::run("processors");
    let trace = tracer.finish();
    trace.assert_tells_of(&workload);
    trace.assert_complete();
}
