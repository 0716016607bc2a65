//! The tests of sigtrace on a real kernel.

mod bad_input;
mod blind;
mod blocked;
mod by_call;
mod by_caller;
mod by_outcome;
mod by_process;
mod by_target;
mod calls;
mod clocks;
mod command;
mod context;
mod control_group;
mod ending;
mod exits;
mod follow;
mod full_disk;
mod generates;
mod handlers;
mod held;
mod hidden_proc;
mod io_uring;
mod kernel_side;
mod less;
mod limited;
mod listings;
mod lives;
mod lockdown;
mod mechanisms;
mod output;
mod pending;
mod ring;
mod scene;
mod strange_names;
mod stuck;
mod terminal;
mod text;
mod two_tracers;
mod types_file;
mod unfinished;
mod who;

use std::process::ExitCode;

use sigtrace_tests::harness;

/// The tests by module.
const TESTS: &[(&str, &[harness::Test])] = &[
    ("calls", calls::TESTS),
    ("unfinished", unfinished::TESTS),
    ("mechanisms", mechanisms::TESTS),
    ("less", less::TESTS),
    ("types_file", types_file::TESTS),
    ("stuck", stuck::TESTS),
    ("by_process", by_process::TESTS),
    ("follow", follow::TESTS),
    ("by_call", by_call::TESTS),
    ("by_caller", by_caller::TESTS),
    ("by_target", by_target::TESTS),
    ("by_outcome", by_outcome::TESTS),
    ("generates", generates::TESTS),
    ("handlers", handlers::TESTS),
    ("lives", lives::TESTS),
    ("exits", exits::TESTS),
    ("context", context::TESTS),
    ("who", who::TESTS),
    ("ring", ring::TESTS),
    ("command", command::TESTS),
    ("output", output::TESTS),
    ("text", text::TESTS),
    ("terminal", terminal::TESTS),
    ("strange_names", strange_names::TESTS),
    ("listings", listings::TESTS),
    ("pending", pending::TESTS),
    ("bad_input", bad_input::TESTS),
    ("blind", blind::TESTS),
    ("ending", ending::TESTS),
    ("blocked", blocked::TESTS),
    ("full_disk", full_disk::TESTS),
    ("limited", limited::TESTS),
    ("two_tracers", two_tracers::TESTS),
    ("io_uring", io_uring::TESTS),
    ("held", held::TESTS),
    ("hidden_proc", hidden_proc::TESTS),
    ("clocks", clocks::TESTS),
    // Nothing can be traced after it.
    ("lockdown", lockdown::TESTS),
];

fn main() -> ExitCode {
    harness::main(TESTS)
}
