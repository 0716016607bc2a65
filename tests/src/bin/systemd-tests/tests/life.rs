//! From the start to events in the journal, and what happens if sigtrace is killed.

use anyhow::Result;
use serde_json::{Value, json};
use sigtrace_tests::expect;

use crate::kernel::{Traces, by_default};
use crate::service::Service;
use crate::workload::{Sleeper, kill};
use crate::{journal, kernel, process, wait};

/// What the shipped arguments select.
const SENDING: [&str; 6] =
    ["kill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill", "tkill"];

super::trials![
    starting_returns_once_the_probes_are_attached,
    a_signal_sent_right_after_the_start_is_in_the_journal_as_json,
    jq_reads_the_journal_as_documented,
    killed_sigtrace_is_restarted_and_nothing_of_it_stays_behind,
];

fn starting_returns_once_the_probes_are_attached() -> Result<()> {
    let service = Service::as_shipped()?;
    assert_eq!(Traces::now()?, Traces::default(), "before the start");
    service.start()?;
    assert_eq!(kernel::probes(), by_default(&SENDING));
    assert_eq!(service.state()?["SubState"], "running");
    Ok(())
}

fn a_signal_sent_right_after_the_start_is_in_the_journal_as_json() -> Result<()> {
    let _service = Service::started()?;
    let sleeper = Sleeper::start()?;
    kill(sleeper.pid(), libc::SIGURG)?;
    let mut event = event_of(&sleeper)?;
    // What differs from run to run.
    if let Some(members) = event.as_object_mut() {
        let differing = ["id", "time", "seq", "cpu", "cgroup", "duration_ns"];
        members.retain(|name, _| !differing.contains(&&**name));
    }
    let me = std::process::id();
    let expected = json!({
        "event": "syscall",
        "syscall": "kill",
        "abi": expect::abi(),
        "pid": me,
        "tid": me,
        "ppid": std::os::unix::process::parent_id(),
        "uid": 0,
        "gid": 0,
        "comm": "systemd-tests",
        "args": { "pid": sleeper.pid(), "sig": "SIGURG", "signo": libc::SIGURG },
        "ret": 0,
        "error": null,
    });
    assert_eq!(event, expected);
    Ok(())
}

fn jq_reads_the_journal_as_documented() -> Result<()> {
    let service = Service::started()?;
    let sleeper = Sleeper::start()?;
    kill(sleeper.pid(), libc::SIGURG)?;
    event_of(&sleeper)?;
    let wanted =
        format!("select(.args.pid == {}) | \"\\(.comm) sends \\(.args.sig)\"", sleeper.pid());
    let plain = journal::through_jq(&format!("-r '{wanted}'"))?;
    assert_eq!(plain, "systemd-tests sends SIGURG\n");
    // Once there is other text in the journal, that has to be left out.
    service.stop()?;
    let robust = journal::through_jq(&format!("-rR 'fromjson? | objects | {wanted}'"))?;
    assert_eq!(robust, plain);
    Ok(())
}

fn killed_sigtrace_is_restarted_and_nothing_of_it_stays_behind() -> Result<()> {
    let service = Service::started()?;
    let (pid, before) = (service.pid()?, Traces::now()?);
    kill(pid, libc::SIGKILL)?;
    let next = service.next_pid(pid)?;
    // The kernel frees programs a little later.
    wait::until("the programs of the killed one are gone", || {
        let after = Traces::now()?;
        Ok((after.programs.iter().all(|id| !before.programs.contains(id))).then_some(()))
    })?;
    let after = Traces::now()?;
    assert_eq!(after.probes, before.probes);
    assert_eq!(after.programs.len(), before.programs.len());
    assert_eq!(service.state()?["NRestarts"], "1");
    assert_eq!(process::privileges(next)?["NoNewPrivs"], "1");
    let sleeper = Sleeper::start()?;
    kill(sleeper.pid(), libc::SIGURG)?;
    event_of(&sleeper).map(drop)
}

/// The event of the signal sent to `sleeper`, as soon as the journal has it.
fn event_of(sleeper: &Sleeper) -> Result<Value> {
    wait::until("the event is in the journal", || {
        let mut events = journal::events()?.into_iter();
        Ok(events.find(|event| event["args"]["pid"] == sleeper.pid()))
    })
}
