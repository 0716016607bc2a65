//! Trampolines: fentry and fexit programs.

use anyhow::Result;
use aya::{
    Btf,
    programs::{FEntry, FExit, ProgramError},
};
use aya_obj::btf::BtfKind;

use super::{
    Kernel,
    attach::{Entry, Link},
    support,
};

/// The function as the kernel's types know it. One without arguments has several names at one
/// address, of which they have this one (`SYSCALL_DEFINE0`,
/// `arch/x86/include/asm/syscall_wrapper.h`).
pub(super) fn typed_name(btf: &Btf, symbol: &str, registers: usize) -> Option<String> {
    let known = |name: &String| btf.id_by_type_name_kind(name, BtfKind::Func).is_ok();
    let alias = |prefix, other| Some(format!("{other}{}", symbol.strip_prefix(prefix)?));
    Some(symbol.to_owned()).filter(known).or_else(|| {
        let alias = alias("__x64_", "__do_")
            .or_else(|| alias("__ia32_", "__do_"))
            .or_else(|| alias("__arm64_", "__do_"))?;
        Some(alias).filter(|name| registers == 0 && known(name))
    })
}

/// Attaches the entry program named after `point` to the function that the kernel's types call
/// `symbol`; `None` if there is no trampoline for it.
pub(super) fn entry(
    kernel: &mut Kernel,
    btf: &Btf,
    point: &str,
    symbol: &str,
) -> Result<Option<Entry>> {
    let program: &mut FEntry = kernel.program(&format!("{point}_fentry"))?;
    if let Err(error) = program.load(symbol, btf) {
        return refused(error, symbol);
    }
    match program.attach() {
        Ok(link) => {
            let link = program.take_link(link)?.into();
            Entry::new(link, program.fd()?).map(Some)
        }
        Err(error) => refused(error, symbol),
    }
}

/// Attaches the return program, likewise; if the call sleeps also the second, which finds nothing to
/// do unless the kernel skips the first.
pub(super) fn returns(
    kernel: &mut Kernel,
    btf: &Btf,
    point: &str,
    symbol: &str,
    sleeps: bool,
) -> Result<Option<Vec<Link>>> {
    let names: &[_] = if sleeps { &["fexit", "fexit2"] } else { &["fexit"] };
    let mut links = Vec::new();
    for name in names {
        let program: &mut FExit = kernel.program(&format!("{point}_{name}"))?;
        if let Err(error) = program.load(symbol, btf) {
            return refused(error, symbol);
        }
        match program.attach() {
            Ok(link) => links.push(program.take_link(link)?.into()),
            Err(error) => return refused(error, symbol),
        }
    }
    Ok(Some(links))
}

/// `ENOTSUPP`, of the kernel's own errors (`include/linux/errno.h`): what a trampoline is refused
/// with where there are none.
const ENOTSUPP: i32 = 524;

/// What the verifier says (5.10) if the types do not have the function's arguments: the file that it
/// is from knows `struct pt_regs` by name only.
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
