//! Trampolines: fentry and fexit programs.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use aya::{
    Btf,
    programs::{FEntry, FExit, ProgramError},
};
use aya_obj::btf::{BtfType, Func, FuncLinkage};
use sigtrace_common::{Point, Syscall};

use super::{
    Kernel,
    attach::{Entry, Link},
    support,
    types::Types,
};

/// Functions that can have trampolines, by their symbols.
#[derive(Debug)]
pub(super) struct Functions {
    names: HashMap<&'static str, String>,
    /// The kernel's types as far as aya looks at them: these functions, at their numbers.
    btf: Btf,
}

impl Functions {
    /// Those where these calls are probed, as far as the kernel's types have them.
    pub(super) fn of(types: &Types, syscalls: impl Iterator<Item = &'static Syscall>) -> Self {
        let points = syscalls.flat_map(|syscall| {
            let registers = syscall.registers();
            syscall.points(support::NATIVE).map(move |point| (point.symbol, registers))
        });
        let found: HashMap<_, _> = points
            .filter_map(|(symbol, registers)| Some((symbol, typed(types, symbol, registers)?)))
            .collect();
        let by_number: BTreeMap<u32, &str> =
            found.values().map(|(name, number)| (*number, name.as_str())).collect();
        // It has the type of number 0 already.
        let (mut btf, mut next) = (Btf::new(), 1);
        for (&number, name) in &by_number {
            for _ in next..number {
                btf.add_type(BtfType::Unknown);
            }
            let name = btf.add_string(name);
            btf.add_type(BtfType::Func(Func::new(name, 0, FuncLinkage::Static)));
            next = number + 1;
        }
        let names = found.into_iter().map(|(symbol, (name, _))| (symbol, name)).collect();
        Self { names, btf }
    }

    /// What the kernel's types call the function of this symbol.
    pub(super) fn name(&self, symbol: &str) -> Option<&str> {
        self.names.get(symbol).map(String::as_str)
    }
}

/// The function of a symbol as the kernel's types know it, and its number. One without arguments
/// has several names at one address, of which they have this one (`SYSCALL_DEFINE0`,
/// `arch/x86/include/asm/syscall_wrapper.h`).
fn typed(types: &Types, symbol: &str, registers: usize) -> Option<(String, u32)> {
    let known = |name: String| types.function(&name).map(|number| (name, number));
    known(symbol.to_owned()).or_else(|| {
        let prefixes = ["__x64_", "__ia32_", "__arm64_"];
        let rest = prefixes.iter().find_map(|prefix| symbol.strip_prefix(prefix))?;
        if registers == 0 { known(format!("__do_{rest}")) } else { None }
    })
}

/// Attaches the entry program of `point`; `None` if there is no trampoline for it.
pub(super) fn entry(
    kernel: &mut Kernel,
    functions: &Functions,
    point: &Point,
) -> Result<Option<Entry>> {
    let Some(function) = functions.name(point.symbol) else { return Ok(None) };
    let program: &mut FEntry = kernel.program(&format!("{point}_fentry"))?;
    if let Err(error) = program.load(function, &functions.btf) {
        return refused(error, function);
    }
    match program.attach() {
        Ok(link) => {
            let link = program.take_link(link)?.into();
            Entry::new(link, program.fd()?).map(Some)
        }
        Err(error) => refused(error, function),
    }
}

/// Attaches the return program, likewise; if the call sleeps also the second, which finds nothing
/// to do unless the kernel skips the first.
pub(super) fn returns(
    kernel: &mut Kernel,
    functions: &Functions,
    point: &Point,
    sleeps: bool,
) -> Result<Option<Vec<Link>>> {
    let Some(function) = functions.name(point.symbol) else { return Ok(None) };
    let programs: &[_] = if sleeps { &["fexit", "fexit2"] } else { &["fexit"] };
    let mut links = Vec::new();
    for program in programs {
        let program: &mut FExit = kernel.program(&format!("{point}_{program}"))?;
        if let Err(error) = program.load(function, &functions.btf) {
            return refused(error, function);
        }
        match program.attach() {
            Ok(link) => links.push(program.take_link(link)?.into()),
            Err(error) => return refused(error, function),
        }
    }
    Ok(Some(links))
}

/// `ENOTSUPP`, of the kernel's own errors (`include/linux/errno.h`): what a trampoline is refused
/// with where there are none.
const ENOTSUPP: i32 = 524;

/// What the verifier says (5.10) if the types do not have the function's arguments: the file that
/// it is from knows `struct pt_regs` by name only.
const UNTYPED_ARGUMENT: &str = "invalid bpf_context access";

/// What becomes of a refusal: there being no trampoline is no error.
fn refused<T>(error: ProgramError, symbol: &str) -> Result<Option<T>> {
    let errno = match &error {
        ProgramError::SyscallError(error) => error.io_error.raw_os_error(),
        ProgramError::LoadError { io_error, verifier_log }
            if verifier_log.to_string().contains(UNTYPED_ARGUMENT) =>
        {
            tracing::debug!(
                "no trampoline for {symbol}, whose arguments have no types: {io_error}"
            );
            return Ok(None);
        }
        ProgramError::LoadError { io_error, .. } => io_error.raw_os_error(),
        _ => None,
    };
    // EBUSY: the function does not begin with the instruction that a trampoline replaces.
    if matches!(errno, Some(ENOTSUPP | libc::EOPNOTSUPP | libc::EBUSY)) {
        tracing::debug!("no trampoline for {symbol}: {error}");
        return Ok(None);
    }
    Err(support::explain(error, symbol))
}
