//! Services that are started, reloaded, stopped and killed, and the one that does so is systemd: what asks it to sends
//! no signal.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use sigtrace_tests::death::Death;

use crate::command::{output, shell};
use crate::wait;

/// An act: its name, and what does it.
type Act = (&'static str, fn() -> Result<Vec<Death>>);

pub(super) const ACTS: &[Act] = &[
    ("a service is stopped", stopped),
    ("a service is killed by systemctl", killed),
    ("a service is reloaded, and ends as it is told to", reloaded),
    ("a watchdog runs out", watchdog),
    ("a service is out of memory", out_of_memory),
    ("a service does not end when it is told to", stubborn),
];

/// The first process.
const SYSTEMD: i32 = 1;

/// A service of `workload`, by its unit.
struct Service {
    unit: String,
    pid: i32,
}

impl Service {
    /// Starts one with these properties.
    fn start(name: &str, properties: &[&str], program: &str) -> Result<Self> {
        let unit = format!("day-{name}.service");
        let properties: Vec<String> = properties.iter().map(|one| format!("-p '{one}'")).collect();
        let properties = properties.join(" ");
        shell(&format!("systemd-run --quiet --collect --unit={unit} {properties} {program}"))?;
        let pid = output(&format!("systemctl show -P MainPID {unit}"))?;
        let pid = pid.trim().parse().with_context(|| format!("{unit} has no process: {pid}"))?;
        Ok(Self { unit, pid })
    }

    /// Its death.
    fn death(&self, signal: &str) -> Death {
        let group = format!("/system.slice/{}", self.unit);
        Death::of(self.pid, signal)
            .told("/process/unit", self.unit.clone())
            .told("/process/cgroup", group)
    }

    /// Its death by systemd's hand.
    fn death_by_systemd(&self, signal: &str) -> Death {
        self.death(signal).cause("call").by(SYSTEMD)
    }

    fn systemctl(&self, words: &str) -> Result<()> {
        output(&format!("systemctl {words} {}", self.unit)).map(drop)
    }

    /// Waits until systemd has seen its end.
    fn is_over(&self) -> Result<()> {
        wait::until(&format!("{} is over", self.unit), || {
            let state = output(&format!("systemctl show -P ActiveState {}", self.unit))?;
            Ok(matches!(state.trim(), "inactive" | "failed").then_some(()))
        })
    }
}

/// Where a service waits for its cue.
fn cue(name: &str) -> String {
    format!("/run/day-{name}.cue")
}

const SLEEP: &str = "/payload/workload sleep";

fn stopped() -> Result<Vec<Death>> {
    let service = Service::start("stopped", &["Type=exec"], SLEEP)?;
    let death = service.death_by_systemd("SIGTERM");
    service.systemctl("stop")?;
    Ok(vec![death])
}

fn killed() -> Result<Vec<Death>> {
    let service = Service::start("killed", &["Type=exec"], SLEEP)?;
    let death = service.death_by_systemd("SIGKILL");
    service.systemctl("kill -s KILL")?;
    service.is_over()?;
    Ok(vec![death])
}

fn reloaded() -> Result<Vec<Death>> {
    let sign = cue("reloaded");
    let program = format!("/payload/workload day reloaded {sign}");
    let reload = "ExecReload=/bin/kill -HUP $MAINPID";
    let properties = ["Type=notify", "NotifyAccess=main", reload];
    let service = Service::start("reloaded", &properties, &program)?;
    service.systemctl("reload")?;
    wait::until("the service is reloaded", || Ok(Path::new(&sign).exists().then_some(())))?;
    service.systemctl("stop")?;
    Ok(Vec::new())
}

fn watchdog() -> Result<Vec<Death>> {
    let cue = cue("watched");
    let program = format!("/payload/workload day watched {cue}");
    let properties = ["Type=notify", "NotifyAccess=main", "WatchdogSec=3s"];
    let service = Service::start("watched", &properties, &program)?;
    let death = service.death_by_systemd("SIGABRT");
    fs::write(&cue, "")?;
    service.is_over()?;
    Ok(vec![death])
}

fn out_of_memory() -> Result<Vec<Death>> {
    const LIMIT: u64 = 20 << 20;
    let cue = cue("hungry");
    let program = format!("/payload/workload day hungry {cue}");
    let limit = format!("MemoryMax={LIMIT}");
    let properties = ["Type=exec", &limit, "MemorySwapMax=0"];
    let service = Service::start("hungry", &properties, &program)?;
    let group = format!("/sys/fs/cgroup/system.slice/{}", service.unit);
    let id = fs::metadata(&group).context(group)?.ino();
    let death = service
        .death("SIGKILL")
        .cause("oom")
        .told("/generate/memory/cgroup", id)
        .told("/generate/memory/limit", LIMIT);
    fs::write(&cue, "")?;
    service.is_over()?;
    Ok(vec![death])
}

/// One that is stopped, but ignores SIGTERM: systemd sends SIGKILL after a while.
fn stubborn() -> Result<Vec<Death>> {
    let properties = ["Type=exec", "TimeoutStopSec=1s"];
    let service =
        Service::start("stubborn", &properties, "/usr/bin/env --ignore-signal=TERM sleep 1d")?;
    let sleep = format!("/proc/{}/comm", service.pid);
    wait::until("env has executed sleep", || {
        Ok((fs::read_to_string(&sleep)? == "sleep\n").then_some(()))
    })?;
    let death = service.death_by_systemd("SIGKILL");
    service.systemctl("stop")?;
    Ok(vec![death])
}
