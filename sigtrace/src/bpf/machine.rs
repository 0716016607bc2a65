//! What the running kernel is like, as far as it tells.

use anyhow::{Context as _, Result, bail};
use sigtrace_common::{Offsets, Syscall, kinds, select};

use super::{
    Policy, Selection,
    features::Features,
    fentry::Functions,
    offsets,
    types::{BTF, Types},
};
use crate::join::Context;

/// What this kernel is like, as far as it tells.
#[derive(Debug)]
pub(super) struct Machine {
    /// Its types, if it tells them.
    pub(super) types: Option<Types>,
    /// Where members of its structures are.
    pub(super) offsets: Offsets,
    /// What of it can be used.
    pub(super) features: Features,
}

impl Machine {
    /// The running one.
    pub(super) fn running(policy: Policy) -> Result<Self> {
        let types = match Types::of_kernel() {
            Ok(types) => types,
            Err(error) if !matches!(policy, Policy::Auto | Policy::Kprobe) => {
                return Err(error).with_context(|| {
                    format!(
                        "--probe {}: {BTF} cannot be read, which needs a kernel with \
                         CONFIG_DEBUG_INFO_BTF; --probe auto does without",
                        policy.name()
                    )
                });
            }
            Err(error) => {
                tracing::info!(
                    "{BTF}: {error:#}: no parents, targets, pid namespaces or trampolines"
                );
                let (offsets, features) = (Offsets::default(), Features::default());
                return Ok(Self { types: None, offsets, features });
            }
        };
        let offsets = offsets::of(&types);
        let features = Features::of(&types).with_access(&offsets, &types);
        Ok(Self { types: Some(types), offsets, features })
    }

    /// Whether programs can make sense of what this function is called with.
    pub(super) fn understands(&self, symbol: &str) -> bool {
        offsets::suffice(&self.offsets, symbol)
    }

    /// Refuses filters by the identity of targets that programs cannot tell.
    pub(super) fn check_identity(&self, filters: u64) -> Result<()> {
        if offsets::tell_identity(&self.offsets, filters) {
            return Ok(());
        }
        let by_user = select::TARGET_UID | select::FEW_TARGET_UIDS;
        // Of several options the one that needs most.
        let option = if filters & select::TARGET_CGROUP != 0 {
            "--target-cgroup"
        } else if filters & by_user != 0 {
            "--target-uid"
        } else {
            "--target-comm"
        };
        bail!("{option}: {}; --target PID does without", self.lacks())
    }

    /// Refuses kinds of events that programs cannot tell of.
    pub(super) fn check_kinds(&self, chosen: u32) -> Result<()> {
        for (kind, name, is_told) in [
            (kinds::GENERATE, "generate", offsets::tell_signals(&self.offsets)),
            (kinds::DELIVER, "deliver", offsets::tell_signals(&self.offsets)),
            (kinds::EXIT, "exit", offsets::tell_exits(&self.offsets)),
        ] {
            if chosen & kind != 0 && !is_told {
                bail!("--events {name}: {}; --events syscall does without", self.lacks());
            }
        }
        Ok(())
    }

    /// Refuses to tell who processes are where programs cannot.
    pub(super) fn check_context(&self, selection: &Selection) -> Result<()> {
        if selection.context == Context::None || offsets::tell_context(&self.offsets) {
            return Ok(());
        }
        bail!("--context: {}; --context none does without", self.lacks())
    }

    /// Why the members of the kernel's structs are not known.
    fn lacks(&self) -> String {
        if self.types.is_some() {
            format!("{BTF} lacks members of kernel structs that it needs")
        } else {
            format!("{BTF} cannot be read, which needs a kernel with CONFIG_DEBUG_INFO_BTF")
        }
    }

    /// The functions that can have trampolines where these calls are probed.
    pub(super) fn functions(&self, syscalls: impl Iterator<Item = &'static Syscall>) -> Functions {
        self.types.as_ref().map_or_else(Functions::default, |types| Functions::of(types, syscalls))
    }
}
