//! Every way to probe calls, with no more than what the unit leaves: three capabilities, of which none
//! shows the addresses in /proc/kallsyms, and few system calls.

use anyhow::Result;
use serde_json::json;
use sigtrace_tests::kernel::Kernel;

use crate::kernel;
use crate::service::Service;
use crate::workload::{Sleeper, kill};
use crate::{journal, wait};

super::trials![
    pairs_see_calls_from_the_sandbox,
    one_link_sees_entries_from_the_sandbox,
    a_session_sees_calls_from_the_sandbox,
    trampolines_see_calls_from_the_sandbox,
];

fn pairs_see_calls_from_the_sandbox() -> Result<()> {
    assert_seen_by("kprobe", "kprobe")
}

fn one_link_sees_entries_from_the_sandbox() -> Result<()> {
    assert_seen_by("kprobe.multi", "kprobe.multi+fexit")
}

fn a_session_sees_calls_from_the_sandbox() -> Result<()> {
    assert_seen_by("kprobe.session", "kprobe.session")
}

fn trampolines_see_calls_from_the_sandbox() -> Result<()> {
    assert_seen_by("fentry", "fentry")
}

/// With `--probe`, calls are seen by its programs, each with its return, and it is told by what. Where the kernel
/// does not have the mechanism, that is told.
fn assert_seen_by(probe: &str, told: &'static str) -> Result<()> {
    let service = Service::with_args(&format!("--syscall kill --probe {probe} --stats"))?;
    if !Kernel::running().has_mechanism(probe) {
        assert!(service.start().is_err(), "it started");
        assert_eq!(kernel::probes(), [""; 0]);
        let said = journal::lines()?;
        let refusal = format!("--probe {probe}: this kernel has no ");
        assert!(said.iter().any(|line| line.contains(&refusal)), "{said:#?}");
        return Ok(());
    }
    service.start()?;
    assert_eq!(kernel::probes(), kernel::by(told, &["kill"]));
    let sleeper = Sleeper::start()?;
    let sent = [libc::SIGURG, libc::SIGCONT, libc::SIGWINCH];
    for signal in sent {
        kill(sleeper.pid(), signal)?;
    }
    service.stop()?;
    let events = journal::events()?;
    let seen: Vec<_> = events
        .iter()
        .filter(|event| event["args"]["pid"] == sleeper.pid())
        .map(|event| (&event["args"]["signo"], &event["ret"], event.get("return")))
        .collect();
    let wanted = sent.map(|signal| (json!(signal), json!(0), None));
    assert_eq!(seen, wanted.each_ref().map(|(signal, ret, late)| (signal, ret, *late)));
    let stats = wait::until("the accounting is there", journal::stats)?;
    assert_eq!(stats["probes"], json!({ "kill": told }));
    Ok(())
}
