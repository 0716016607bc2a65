//! Stopping: soon, with the books closed and nothing left behind, whatever goes on.

use std::time::Duration;

use anyhow::Result;

use crate::kernel::Traces;
use crate::service::Service;
use crate::workload::{Sleeper, Stopped, Storm, kill};
use crate::{command, journal, process, wait};

/// What the unit allows without being asked for more.
const ALLOWED: Duration = Duration::from_secs(5);
/// Seconds on a machine at rest; a guest of a busy one takes a few times as long.
const SOON: Duration = Duration::from_secs(20);
/// So many looks without any work done show that sigtrace waits for its reader.
const IDLE_LOOKS: u32 = 20;

super::trials![
    stopping_leaves_nothing_behind_but_the_account_of_what_is_in_the_journal,
    stopping_takes_as_long_as_detaching_does,
    stopping_is_soon_while_signals_storm,
    stopping_is_soon_while_nobody_reads_the_journal,
];

fn stopping_leaves_nothing_behind_but_the_account_of_what_is_in_the_journal() -> Result<()> {
    let service = Service::started()?;
    let sleeper = Sleeper::start()?;
    kill(sleeper.pid(), libc::SIGURG)?;
    stops_soon(&service)?;
    let accounted = wait::until("the accounting is there", journal::accounted_events)?;
    assert_eq!(accounted, journal::events()?.len());
    assert!(accounted > 0, "the signal was not counted");
    Ok(())
}

/// By trampolines that is longer than the unit allows, unless systemd is told that it goes on.
fn stopping_takes_as_long_as_detaching_does() -> Result<()> {
    let service = Service::with_args("--probe fentry")?;
    service.start()?;
    let sleeper = Sleeper::start()?;
    kill(sleeper.pid(), libc::SIGURG)?;
    let took = service.stop()?;
    let state = service.state()?;
    assert_eq!((&*state["Result"], &*state["ActiveState"]), ("success", "inactive"));
    assert!(took > ALLOWED, "it took {took:.1?} only, which shows nothing");
    let accounted = wait::until("the accounting is there", journal::accounted_events)?;
    assert_eq!(accounted, journal::events()?.len());
    wait::until_equal(&Traces::default(), Traces::now)
}

fn stopping_is_soon_while_signals_storm() -> Result<()> {
    let service = Service::started()?;
    let storm = Storm::start()?;
    wait::until("the storm is in full strength", || Ok((storm.sent() > 5_000).then_some(())))?;
    stops_soon(&service)?;
    drop(storm);
    let accounted = wait::until("the accounting is there", journal::accounted_events)?;
    assert!(accounted > 0, "none of the storm was counted");
    // The journal must not have dropped any of what was in arrears.
    assert_eq!(journal::events()?.len(), accounted);
    Ok(())
}

fn stopping_is_soon_while_nobody_reads_the_journal() -> Result<()> {
    let service = Service::started()?;
    let journald = command::output("systemctl show -P MainPID systemd-journald")?.trim().parse()?;
    let stopped = Stopped::stop(journald)?;
    let storm = Storm::start()?;
    wait_until_idle(service.pid()?)?;
    let result = stops_soon(&service);
    // The journal is needed for what the other tests say.
    drop((storm, stopped));
    result
}

fn stops_soon(service: &Service) -> Result<()> {
    let took = service.stop()?;
    let state = service.state()?;
    assert_eq!((&*state["Result"], &*state["ActiveState"]), ("success", "inactive"));
    assert!(took < SOON, "stopping took {took:.1?}");
    // The kernel frees programs a little later.
    wait::until_equal(&Traces::default(), Traces::now)
}

/// Waits until a process has stopped working though there is work to do.
fn wait_until_idle(pid: i32) -> Result<()> {
    let (mut last, mut looks) = (0, 0);
    wait::until("sigtrace waits for its reader", || {
        let ticks = process::ticks(pid)?;
        looks = if ticks == last { looks + 1 } else { 0 };
        last = ticks;
        Ok((looks == IDLE_LOOKS).then_some(()))
    })
}
