//! fentry and fexit: programs for one function each, called by a trampoline that the kernel makes
//! from its types (`CONFIG_DEBUG_INFO_BTF`; on x86 from 5.5, on arm64 from 6.4).
//!
//! The cheapest by far. Each takes the kernel some ten million instructions to attach, and a tenth of
//! a second to detach. Returns need no slots. From 5.12 on the kernel begins no program on a
//! processor where it is under way already, which where it preempts itself happens under contention.

use std::collections::HashMap;

use anyhow::Result;
use sigtrace_common::{Point, Syscall};

use super::{
    attach::{Entry, Link},
    load::Kernel,
    refusal::{self, Refusal},
    sys::{self, Kind},
    types::Types,
};
use crate::arch::NATIVE;

/// Functions that can have trampolines, by their symbols.
#[derive(Debug, Default)]
pub(super) struct Functions(HashMap<&'static str, Function>);

/// A function as the kernel's types know it.
#[derive(Clone, Copy, Debug)]
struct Function {
    number: u32,
    /// Whether they know what it is called with: 5.10's `fs/signalfd.c` knows `struct pt_regs` by name
    /// only.
    knows_argument: bool,
}

impl Functions {
    /// Those where these calls are probed, as far as the kernel's types have them.
    pub(super) fn of(types: &Types, syscalls: impl Iterator<Item = &'static Syscall>) -> Self {
        let points = syscalls.flat_map(|syscall| {
            let registers = syscall.registers();
            syscall.points(NATIVE).map(move |point| (point.symbol, registers))
        });
        let found = points.filter_map(|(symbol, registers)| {
            let number = typed(types, symbol, registers)?;
            Some((symbol, Function { number, knows_argument: types.knows_argument(number) }))
        });
        Self(found.collect())
    }

    /// Whether the kernel's types could be asked.
    pub(super) fn are_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a function can have one.
    pub(super) fn has(&self, symbol: &str) -> bool {
        self.0.contains_key(symbol)
    }

    /// Whether it can have one at its entry, which needs its arguments.
    pub(super) fn has_entry(&self, symbol: &str) -> bool {
        self.0.get(symbol).is_some_and(|function| function.knows_argument)
    }
}

/// The number of the function of a symbol. One without arguments has several names at one address,
/// of which the kernel's types have this one (`SYSCALL_DEFINE0`,
/// `arch/x86/include/asm/syscall_wrapper.h`).
fn typed(types: &Types, symbol: &str, registers: usize) -> Option<u32> {
    types.function(symbol).or_else(|| {
        let prefixes = ["__x64_", "__ia32_", "__arm64_"];
        let rest = prefixes.iter().find_map(|prefix| symbol.strip_prefix(prefix))?;
        if registers == 0 { types.function(&format!("__do_{rest}")) } else { None }
    })
}

/// Attaches the entry program of `point`; `None` if there is no trampoline for it.
pub(super) fn entry(kernel: &mut Kernel, point: &Point) -> Result<Option<Entry>> {
    let attached = attach(kernel, point, "fentry", Kind::Fentry)?;
    Ok(attached.map(|(link, program)| Entry::of_program(link, program)))
}

/// Attaches the return program, likewise.
pub(super) fn returns(kernel: &mut Kernel, point: &Point) -> Result<Option<Link>> {
    Ok(attach(kernel, point, "fexit", Kind::Fexit)?.map(|(link, _)| link))
}

fn attach(
    kernel: &mut Kernel,
    point: &Point,
    program: &str,
    kind: fn(u32) -> Kind,
) -> Result<Option<(Link, std::os::fd::OwnedFd)>> {
    use std::os::fd::AsFd as _;
    let Some(&Function { number, .. }) = kernel.functions.0.get(point.symbol) else {
        return Ok(None);
    };
    let name = format!("{point}_{program}");
    let program = kernel.object.program(&name)?;
    let program = match sys::load(&name, kind(number), &program) {
        Ok(program) => program,
        Err(refused) => return no_trampoline(point, refusal::of_program(refused, point.symbol)),
    };
    match sys::open_raw(program.as_fd(), None) {
        Ok(link) => Ok(Some((Link(link), program))),
        Err(error) => no_trampoline(point, refusal::of_link(error, point.symbol)),
    }
}

/// `ENOTSUPP`, of the kernel's own errors (`include/linux/errno.h`): what a trampoline is refused
/// with where there are none.
const ENOTSUPP: i32 = 524;

/// What becomes of a refusal: there being no trampoline is no error.
fn no_trampoline<T>(point: &Point, refusal: Refusal) -> Result<Option<T>> {
    // EBUSY: the function does not begin with the instruction that a trampoline replaces.
    let none = matches!(refusal.errno, Some(ENOTSUPP | libc::EOPNOTSUPP | libc::EBUSY));
    if none {
        tracing::debug!("no trampoline for {}: {}", point.symbol, refusal.error);
        return Ok(None);
    }
    Err(refusal.error)
}
