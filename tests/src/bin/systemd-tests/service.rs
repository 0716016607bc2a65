//! The service: installed as a package would, and driven as an administrator does.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::command::{output, run};
use crate::{journal, wait};

/// Where xtask puts what is to be tested.
const PAYLOAD: &str = "/payload";
/// What is installed where, and with which permissions.
const FILES: [(&str, &str, u32); 3] = [
    ("sigtrace", "/usr/bin/sigtrace", 0o755),
    ("sigtrace.service", UNIT, 0o644),
    ("sigtrace.default", DEFAULTS, 0o644),
];
/// Where the unit is.
pub(crate) const UNIT: &str = "/usr/lib/systemd/system/sigtrace.service";
/// Where its arguments are.
const DEFAULTS: &str = "/etc/default/sigtrace";

/// Copies the files to their places.
pub(crate) fn install() -> Result<()> {
    for (name, to, mode) in FILES {
        let from = format!("{PAYLOAD}/{name}");
        fs::copy(&from, to).with_context(|| format!("copying {from} to {to}"))?;
        fs::set_permissions(to, Permissions::from_mode(mode))?;
    }
    output("systemctl daemon-reload")?;
    // To be started at boot. This also has systemd remember how it ended: it forgets a unit that is
    // stopped and that no other unit wants.
    output("systemctl enable sigtrace").map(drop)
}

/// The service of one test, which begins stopped, with an empty journal, and ends stopped.
#[derive(Debug)]
pub(crate) struct Service(());

impl Service {
    /// As it is shipped.
    pub(crate) fn as_shipped() -> Result<Self> {
        fs::copy(format!("{PAYLOAD}/sigtrace.default"), DEFAULTS).context(DEFAULTS)?;
        journal::empty()?;
        Ok(Self(()))
    }

    /// With these arguments.
    pub(crate) fn with_args(args: &str) -> Result<Self> {
        let service = Self::as_shipped()?;
        fs::write(DEFAULTS, format!("SIGTRACE_ARGS=\"{args}\"\n")).context(DEFAULTS)?;
        Ok(service)
    }

    /// Without the file that has the arguments.
    pub(crate) fn without_args() -> Result<Self> {
        let service = Self::as_shipped()?;
        fs::remove_file(DEFAULTS).context(DEFAULTS)?;
        Ok(service)
    }

    /// As it is shipped, and started.
    pub(crate) fn started() -> Result<Self> {
        let service = Self::as_shipped()?;
        service.start()?;
        Ok(service)
    }

    /// Starts it. Returns when systemd says that it has started.
    pub(crate) fn start(&self) -> Result<()> {
        output("systemctl start sigtrace").map(drop)
    }

    /// Stops it. Says how long that took by systemd's clock, so without what a busy machine takes
    /// to run `systemctl`.
    pub(crate) fn stop(&self) -> Result<Duration> {
        output("systemctl stop sigtrace")?;
        let times = show("ActiveExitTimestampMonotonic,InactiveEnterTimestampMonotonic")?;
        let time = |name: &str| Ok::<u64, anyhow::Error>(times[name].parse()?);
        let began = time("ActiveExitTimestampMonotonic")?;
        let ended = time("InactiveEnterTimestampMonotonic")?;
        ensure!(0 < began && began < ended, "systemd does not say when it stopped: {times:?}");
        Ok(Duration::from_micros(ended - began))
    }

    /// The process of sigtrace.
    pub(crate) fn pid(&self) -> Result<i32> {
        Ok(output("systemctl show -P MainPID sigtrace")?.trim().parse()?)
    }

    /// Waits until another process than `old` is sigtrace, and ready.
    pub(crate) fn next_pid(&self, old: i32) -> Result<i32> {
        wait::until("sigtrace is restarted", || {
            // Both at once: each is out of date by the time of another look.
            let now = show("ActiveState,MainPID")?;
            let pid: i32 = now["MainPID"].parse()?;
            Ok((now["ActiveState"] == "active" && pid != old).then_some(pid))
        })
    }

    /// How it stands with systemd.
    pub(crate) fn state(&self) -> Result<BTreeMap<String, String>> {
        show("ActiveState,SubState,Result,ExecMainStatus,NRestarts")
    }
}

/// Properties of the service by name.
fn show(names: &str) -> Result<BTreeMap<String, String>> {
    let properties = output(&format!("systemctl show -p {names} sigtrace"))?;
    let pairs = properties.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

impl Drop for Service {
    fn drop(&mut self) {
        // Where these fail, so does the next test, and says why.
        let _ = run("systemctl stop sigtrace");
        let _ = run("systemctl reset-failed sigtrace");
    }
}
