//! What the running kernel is like, as far as it tells.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use sigtrace_common::{Offsets, Syscall, kinds, select};

use super::{
    Policy, Selection,
    features::Features,
    fentry::Functions,
    members, offsets,
    types::{BTF, Types},
};
use crate::join::Context;

/// What this kernel is like, as far as it tells, or a file does.
#[derive(Debug)]
pub(super) struct Machine {
    /// Its own types, if it tells them and no file does.
    pub(super) types: Option<Types>,
    /// Where what follows is from.
    pub(super) source: Source,
    /// Where members of its structures are.
    pub(super) offsets: Offsets,
    /// What of it can be used.
    pub(super) features: Features,
}

/// Who tells the types.
#[derive(Debug)]
pub(super) enum Source {
    Kernel,
    File(PathBuf),
    /// And why the kernel does not.
    Nobody(String),
}

impl Machine {
    /// The running one; with a file, going by that.
    ///
    /// # Errors
    ///
    /// When the file has no types, or those of another kernel; when this policy needs types that the kernel does not
    /// tell.
    pub(super) fn running(policy: Policy, btf: Option<&Path>) -> Result<Self> {
        if let Some(path) = btf {
            if !does_without_types(policy) {
                bail!(
                    "--probe {}: needs types of the kernel's own, and not --btf; --probe auto does without",
                    policy.name()
                );
            }
            return Self::by_file(path).map_err(|error| {
                let path = path.display();
                anyhow!(
                    "--btf {path}: {error:#}; give it BTF of exactly this kernel, or leave it out"
                )
            });
        }
        let types = match Types::of_kernel() {
            Ok(types) => types,
            Err(error) if !does_without_types(policy) => {
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
                return Ok(Self {
                    types: None,
                    source: Source::Nobody(format!("{error:#}")),
                    offsets: Offsets::default(),
                    features: Features::without_types(),
                });
            }
        };
        let offsets = offsets::with_numbers(&types, offsets::of(&types));
        let features = Features::of(&types).with_access(&offsets, &types);
        Ok(Self { types: Some(types), source: Source::Kernel, offsets, features })
    }

    /// As a kernel without types, but for the offsets of members: numbers of types, by which the kernel is told
    /// which functions get trampolines and what pointers point to, are only those of its own.
    fn by_file(path: &Path) -> Result<Self> {
        let offsets = offsets::of(&Types::of_file(path)?);
        members::check(&offsets)?;
        if Path::new(BTF).exists() {
            tracing::warn!(
                "--btf: this kernel has types of its own, {BTF}, which also allow for trampolines, kprobe.multi and \
                 kprobe.session; without --btf they are used"
            );
        }
        let features = Features::without_types();
        Ok(Self { types: None, source: Source::File(path.into()), offsets, features })
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
        let lacks =
            |what: &dyn Display| format!("{what} lacks members of kernel structs that it needs");
        match &self.source {
            Source::Kernel => lacks(&BTF),
            Source::File(path) => lacks(&path.display()),
            Source::Nobody(_) => format!(
                "{BTF} cannot be read, which needs a kernel with CONFIG_DEBUG_INFO_BTF; --btf FILE can supply it"
            ),
        }
    }

    /// The functions that can have trampolines where these calls are probed.
    pub(super) fn functions(&self, syscalls: impl Iterator<Item = &'static Syscall>) -> Functions {
        self.types.as_ref().map_or_else(Functions::default, |types| Functions::of(types, syscalls))
    }
}

/// Whether calls can be probed by this without the kernel's own types.
fn does_without_types(policy: Policy) -> bool {
    matches!(policy, Policy::Auto | Policy::Kprobe)
}
