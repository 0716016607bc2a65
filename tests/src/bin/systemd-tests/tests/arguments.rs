//! What /etc/default/sigtrace does.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use sigtrace_tests::kernel::{Kernel, syscalls};

use crate::kernel::{self, by_default};
use crate::service::Service;
use crate::workload::{Sleeper, kill};
use crate::{journal, wait};

super::trials![
    arguments_select_what_is_traced,
    a_target_can_be_selected,
    without_arguments_every_syscall_is_traced,
    a_wrong_argument_ends_it_for_good_and_says_so,
];

fn arguments_select_what_is_traced() -> Result<()> {
    let service = Service::with_args("--syscall kill --signal URG,WINCH")?;
    service.start()?;
    assert_eq!(kernel::probes(), by_default(&["kill"]));
    let sleeper = Sleeper::start()?;
    for signal in [libc::SIGURG, libc::SIGCONT, libc::SIGWINCH] {
        kill(sleeper.pid(), signal)?;
    }
    assert_eq!(signals_of(&sleeper, 2)?, ["SIGURG", "SIGWINCH"]);
    Ok(())
}

/// For this the sandbox must leave tracefs and the processes of others visible.
fn a_target_can_be_selected() -> Result<()> {
    let (sleeper, other) = (Sleeper::start()?, Sleeper::start()?);
    let service = Service::with_args(&format!("--syscall kill --target {}", sleeper.pid()))?;
    service.start()?;
    for pid in [other.pid(), sleeper.pid()] {
        kill(pid, libc::SIGURG)?;
    }
    assert_eq!(signals_of(&sleeper, 1)?, ["SIGURG"]);
    service.stop()?;
    let said = journal::lines()?;
    assert_eq!(said.len(), 2, "the event, the accounting, and no note: {said:#?}");
    Ok(())
}

fn without_arguments_every_syscall_is_traced() -> Result<()> {
    let service = Service::without_args()?;
    service.start()?;
    service.stop()?;
    let stats = wait::until("the accounting is there", journal::stats)?;
    let running = Kernel::running();
    let probes = syscalls().into_iter().map(|name| (name.to_owned(), json!(running.probe(name))));
    assert_eq!(stats["probes"], Value::Object(probes.collect()));
    Ok(())
}

fn a_wrong_argument_ends_it_for_good_and_says_so() -> Result<()> {
    let service = Service::with_args("--syscall kil")?;
    assert!(service.start().is_err(), "it started");
    let state = [
        ("ActiveState", "failed"),
        ("ExecMainStatus", "2"),
        ("NRestarts", "0"),
        ("Result", "exit-code"),
        ("SubState", "failed"),
    ];
    let state: BTreeMap<_, _> =
        state.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(service.state()?, state);
    let said = journal::lines()?;
    let message = said.iter().find(|line| line.contains("kil"));
    assert!(message.is_some_and(|line| line.contains("--syscall")), "{said:#?}");
    Ok(())
}

/// The signals sent to `sleeper` as the journal has them, once there are so many.
fn signals_of(sleeper: &Sleeper, count: usize) -> Result<Vec<String>> {
    wait::until("the events are in the journal", || {
        let events = journal::events()?;
        let to_it = events.iter().filter(|event| event["args"]["pid"] == sleeper.pid());
        let signals: Vec<_> =
            to_it.filter_map(|event| event["args"]["sig"].as_str().map(str::to_owned)).collect();
        Ok((signals.len() >= count).then_some(signals))
    })
}
