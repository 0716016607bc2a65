//! The tests of sigtrace as a systemd service, to be run as root in a guest whose init is systemd:
//! the shipped files are installed as a package would install them, and everything is seen from
//! where an administrator stands, through `systemctl` and `journalctl`.
//!
//! - [`service`] is the unit and what it is told; [`journal`] what it has said.
//! - [`kernel`] and [`process`] are what it does to the machine, seen from outside.
//! - [`workload`] sends the signals.
//! - [`day`] is what `sigtrace who` has to say of a day.

mod command;
mod day;
mod journal;
mod kernel;
mod process;
mod service;
mod tests;
mod wait;
mod workload;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // There is one service, and one journal.
    arguments.test_threads = Some(1);
    if let Err(error) = service::install() {
        eprintln!("systemd-tests: {error:#}");
        return ExitCode::FAILURE;
    }
    libtest_mimic::run(&arguments, tests::all()).exit_code()
}
