//! What the running kernel lets programs do, found out by trying, and by its types; never by its
//! version.

use std::os::fd::OwnedFd;

use aya_obj::generated::bpf_insn;
use sigtrace_common::{Offsets, access};

use super::{
    clock,
    code::{
        CURRENT_TASK, CURRENT_TASK_BTF, R0, R1, R2, TASK_PT_REGS, call, call_kernel, copy, exit,
        load, load_pointer, set,
    },
    object::Program,
    preemption::Preemption,
    sys::{self, Kind},
    types::Types,
};
use crate::arch::{PATCHES_FUNCTIONS, TELLS_COMPAT_BY_MEMBER};

/// What it has of what we can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Features {
    /// How programs read kernel memory: bits of [`access`].
    pub(super) access: u32,
    /// It calls programs at the entries of many functions by one link.
    pub(super) multi: bool,
    /// And at their returns.
    pub(super) session: bool,
    /// As many returns as there are threads, be they asleep.
    pub(super) unlimited: bool,
    /// It has trampolines, whatever they risk.
    pub(super) direct: bool,
    /// It has trampolines that are safe while a thread sleeps in what they lead to.
    pub(super) trampolines: bool,
    /// It does not begin a trampoline's program that is under way on the processor already.
    pub(super) skips: bool,
    /// It preempts threads in the kernel, and so in programs, or may.
    pub(super) preempts: bool,
}

impl Features {
    /// Those of the running kernel where it does not tell its types.
    pub(super) fn without_types() -> Self {
        Self { preempts: Preemption::of_kernel().may_be(), ..Self::default() }
    }

    /// Those of the running kernel, going by its types.
    pub(super) fn of(types: &Types) -> Self {
        let has = |name: &str| types.function(name).is_some();
        let direct = can_have_trampolines(types);
        let multi = types.structure("bpf_kprobe_multi_link").size().is_some();
        Self {
            access: 0,
            multi,
            session: multi && has("bpf_session_is_return"),
            // With it each function had so many "rethooks" for the returns of its callers.
            unlimited: types.structure("fprobe").member("rethook").is_none(),
            direct,
            // From 5.12, and in the later ones of 5.10: before, a trampoline was freed while threads
            // were asleep in the functions that it had called, if another program was attached to it.
            trampolines: direct
                && ["__bpf_tramp_image_put_deferred", "bpf_tramp_image_put"]
                    .iter()
                    .any(|name| has(name)),
            skips: types.structure("bpf_prog_info").member("recursion_misses").is_some(),
            preempts: Preemption::of_kernel().may_be(),
        }
    }

    /// Whether trampolines miss calls.
    pub(super) fn loses_by_trampolines(&self) -> bool {
        self.skips && self.preempts
    }

    /// Adds how programs can read kernel memory.
    pub(super) fn with_access(mut self, offsets: &Offsets, types: &Types) -> Self {
        self.access = direct_access(offsets, types);
        self
    }
}

/// Whether functions can be made to call trampolines. On x86 the kernel patches them itself where ftrace does not;
/// on Arm it takes ftrace (`register_fentry`, `kernel/bpf/trampoline.c`).
fn can_have_trampolines(types: &Types) -> bool {
    PATCHES_FUNCTIONS || types.function("register_ftrace_direct").is_some()
}

/// How members of a `task_struct` can be loaded, as bits of [`access`]; 0 if not at all.
fn direct_access(offsets: &Offsets, types: &Types) -> u32 {
    if offsets.task_status == 0 && TELLS_COMPAT_BY_MEMBER
        || offsets.kernfs_node_id == 0
        || offsets.task_blocked == 0
        || offsets.pid_level == 0
        || offsets.task_pid == 0
    {
        return 0;
    }
    // One that is too large for an instruction is refused with it.
    let near = |offset| i16::try_from(offset).unwrap_or(i16::MAX);
    let by_helper = [
        call(CURRENT_TASK_BTF),
        copy(R1, R0),
        load_pointer(R2, R0, near(offsets.task_cred)),
        load(R2, R2, near(offsets.cred_uid)),
        call(TASK_PT_REGS),
        load(R0, R0, 0),
        set(R0, 0),
        exit(),
    ];
    let by_helper = try_loading("try_task_btf", &by_helper);
    let by_kfunc = types.function("bpf_rdonly_cast").and_then(|cast| {
        let code = [
            call(CURRENT_TASK),
            copy(R1, R0),
            set(R2, offsets.type_task),
            call_kernel(cast.cast_signed()),
            load_pointer(R2, R0, near(offsets.task_cred)),
            load(R0, R2, near(offsets.cred_uid)),
            set(R0, 0),
            exit(),
        ];
        try_loading("try_cast", &code)
    });
    let registers = if by_kfunc.is_some() { access::CAST_REGISTERS } else { 0 };
    registers
        | match (by_helper, by_kfunc) {
            // From 6.4 on the verifier looks for the type of each pointer that is followed among those that
            // it is sure of, of which it has to know the number: until types were sorted by name it went
            // through all of them, each time.
            (Some(helper), Some(kfunc)) if helper > kfunc * MUCH => access::TASK | access::CAST,
            (Some(_), _) => access::TASK,
            (None, Some(_)) => access::TASK | access::CAST,
            (None, None) => 0,
        }
}

/// So many times as long is no chance.
const MUCH: u64 = 8;

/// What it takes to load a program, in nanoseconds of processor time, if it can be loaded.
fn try_loading(name: &str, code: &[bpf_insn]) -> Option<u64> {
    let begun = clock::processor_time_ns();
    let program = Program { code: code.to_vec(), functions: None };
    let loaded: Result<OwnedFd, _> = sys::load(name, Kind::Kprobe, &program);
    let taken = clock::processor_time_ns() - begun;
    loaded.inspect_err(|refused| tracing::debug!("{name}: {refused}")).ok().map(|_| taken)
}
