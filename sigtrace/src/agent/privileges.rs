//! Giving up what is not needed once the probes are attached.

use anyhow::{Context as _, Result};
use caps::{CapSet, Capability, CapsHashSet};

/// Keeps only what the rest of the run needs: looking into the maps at the end, and with a command
/// to pass signals on to it, whoever it has become by then.
pub(crate) fn drop_unneeded(has_command: bool) -> Result<()> {
    let mut needed = CapsHashSet::from([Capability::CAP_BPF, Capability::CAP_SYS_ADMIN]);
    let held = caps::read(None, CapSet::Permitted).context("cannot read our capabilities")?;
    if held.contains(&Capability::CAP_BPF) {
        needed.remove(&Capability::CAP_SYS_ADMIN);
    }
    if has_command {
        needed.insert(Capability::CAP_KILL);
    }
    let kept: CapsHashSet = held.intersection(&needed).copied().collect();
    caps::clear(None, CapSet::Inheritable)
        .and_then(|()| caps::set(None, CapSet::Effective, &kept))
        .and_then(|()| caps::set(None, CapSet::Permitted, &kept))
        .context("cannot drop capabilities")
}
