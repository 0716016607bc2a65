//! Whether the kernel has trampolines for fentry and fexit programs, and what they risk.

use std::{fs, path::Path};

use super::{
    support::{Condition, Standing},
    types::BTF,
};

/// The way in which the kernel preempts, in parentheses: `none voluntary (full) lazy`.
const PREEMPTION: &str = "/sys/kernel/debug/sched/preempt";

pub(super) fn condition() -> Condition {
    let (found, standing) = if !Path::new(BTF).exists() {
        let effect = "returns of sleeping callers can be missed, as each holds one of the few slots \
                      of a kretprobe; the events say so";
        ("not available without BTF".to_owned(), Standing::Lacking { effect })
    } else if let Some(mode) = preemption().filter(|mode| mode == "full" || mode == "lazy") {
        let effect = "returns of many sleepers that are woken together can be missed, and --probe fentry \
                      can skip calls, which are counted as lost.probe_missed";
        (
            format!("available, on a kernel that preempts itself ({mode})"),
            Standing::Lacking { effect },
        )
    } else {
        ("available".to_owned(), Standing::Met)
    };
    Condition { name: "trampolines", found, standing }
}

/// The way in which the kernel preempts, if it tells.
fn preemption() -> Option<String> {
    let modes = fs::read_to_string(PREEMPTION).ok()?;
    let (_, rest) = modes.split_once('(')?;
    Some(rest.split_once(')')?.0.to_owned())
}
