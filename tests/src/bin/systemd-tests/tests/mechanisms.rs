//! Every way to probe calls, with no more than what the unit leaves: three capabilities, of which none
//! shows the addresses in /proc/kallsyms, and few system calls.

use anyhow::Result;
use serde_json::json;

use crate::kernel::{self, trampolines};
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
    let programs = ["i386_kill_enter", "i386_kill_exit", "kill_enter", "kill_exit"];
    assert_seen_by("kprobe", "kprobe", &programs.map(str::to_owned))
}

fn one_link_sees_entries_from_the_sandbox() -> Result<()> {
    let programs = ["i386_kill_fexit", "kill_fexit", "multi"];
    assert_seen_by("kprobe.multi", "kprobe.multi+fexit", &programs.map(str::to_owned))
}

fn a_session_sees_calls_from_the_sandbox() -> Result<()> {
    // 64-bit callers of a frequent call have one of their own.
    let programs = ["kill_session", "session"];
    assert_seen_by("kprobe.session", "kprobe.session", &programs.map(str::to_owned))
}

fn trampolines_see_calls_from_the_sandbox() -> Result<()> {
    assert_seen_by("fentry", "fentry", &trampolines(&["kill"]))
}

/// With `--probe`, calls are seen by these programs, each with its return, and it is told by what.
fn assert_seen_by(probe: &str, told: &str, programs: &[String]) -> Result<()> {
    let service = Service::with_args(&format!("--syscall kill --probe {probe} --stats"))?;
    service.start()?;
    assert_eq!(kernel::probes(), programs);
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
