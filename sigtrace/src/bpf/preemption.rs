//! How the kernel preempts its own threads, and so the programs that they run.

use std::{
    fmt,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::fd::AsFd as _,
    sync::LazyLock,
};

use super::{
    code::{R0, R1, R3, R10, exit, load, or, read_kernel, set_wide},
    object::Program,
    sys::{self, Kind},
};

/// The way in which the kernel preempts, in parentheses: `none voluntary (full) lazy`. Only where
/// that can be chosen (`CONFIG_PREEMPT_DYNAMIC`), and debugfs is mounted and not locked down.
const CHOICE: &str = "/sys/kernel/debug/sched/preempt";
/// What the kernel was built to do, among other things: `#1 SMP PREEMPT_DYNAMIC Debian 7.3.2-1`
/// (`scripts/mkcompile_h`, `init/Makefile`).
const VERSION: &str = "/proc/sys/kernel/version";
/// Where its variables are, to who may know: lines of `address type name`.
const SYMBOLS: &str = "/proc/kallsyms";
/// The variable that has the choice, and what its values stand for (`kernel/sched/core.c`).
const VARIABLE: &str = "preempt_dynamic_mode";
const VALUES: [&str; 4] = ["none", "voluntary", "full", "lazy"];

/// What is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Preemption {
    /// Only where its threads enter and leave it.
    Never,
    /// Within it, too, in this way.
    By(String),
    /// Perhaps: it can be chosen.
    Perhaps,
}

impl Preemption {
    /// That of the running kernel, as it is when this is first asked.
    pub(super) fn of_kernel() -> &'static Self {
        static FOUND: LazyLock<Preemption> = LazyLock::new(|| match fs::read_to_string(CHOICE) {
            Ok(modes) => by_choice(&modes),
            Err(_) => by_build(&fs::read_to_string(VERSION).unwrap_or_default(), by_variable),
        });
        &FOUND
    }

    /// Whether it does, or may.
    pub(super) fn may_be(&self) -> bool {
        *self != Self::Never
    }

    fn named(mode: &str) -> Self {
        match mode {
            "none" | "voluntary" => Self::Never,
            "full" | "lazy" => Self::By(mode.to_owned()),
            // What a newer kernel may have.
            _ => Self::Perhaps,
        }
    }
}

impl fmt::Display for Preemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::By(how) => f.write_str(how),
            Self::Perhaps => f.write_str("perhaps: PREEMPT_DYNAMIC"),
        }
    }
}

/// By the contents of [`CHOICE`].
fn by_choice(modes: &str) -> Preemption {
    let chosen = modes.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    Preemption::named(chosen.map_or("", |(mode, _)| mode))
}

/// By the contents of [`VERSION`], and where that leaves it open, by the value of [`VARIABLE`].
fn by_build(version: &str, variable: impl Fn() -> Option<u32>) -> Preemption {
    match version.split_ascii_whitespace().find(|word| word.starts_with("PREEMPT")) {
        None => Preemption::Never,
        Some("PREEMPT_DYNAMIC") => {
            let mode = variable().and_then(|value| VALUES.get(value as usize));
            mode.map_or(Preemption::Perhaps, |mode| Preemption::named(mode))
        }
        Some(model) => Preemption::By(model.to_owned()),
    }
}

/// The value of [`VARIABLE`], which a program reads: lockdown takes debugfs away in *integrity* mode already, and
/// programs only in *confidentiality* mode.
fn by_variable() -> Option<u32> {
    let symbols = BufReader::new(File::open(SYMBOLS).ok()?);
    // To who may not know them all addresses are 0: the first line tells.
    let lines = symbols.lines().map_while(Result::ok);
    let address = lines.take_while(|line| !is_hidden(line)).find_map(|line| address_in(&line))?;
    let program = Program { code: program(address), functions: None };
    let loaded = sys::load("read_variable", Kind::RawTracepoint, &program);
    let loaded = loaded.inspect_err(|refused| tracing::debug!("{VARIABLE}: {refused}")).ok()?;
    sys::run(loaded.as_fd()).inspect_err(|error| tracing::debug!("{VARIABLE}: {error}")).ok()
}

/// Whether the address in the line is withheld. On x86, that of variables of each processor begins with zeros, too.
fn is_hidden(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let is_zero = words.next().is_some_and(|address| address.bytes().all(|digit| digit == b'0'));
    is_zero && words.next().is_some_and(|kind| kind.eq_ignore_ascii_case("t"))
}

/// The address of [`VARIABLE`], if the line is about it.
fn address_in(line: &str) -> Option<u64> {
    let mut words = line.split_ascii_whitespace();
    let address = words.next()?;
    (words.nth(1)? == VARIABLE).then_some(())?;
    u64::from_str_radix(address, 16).ok().filter(|address| *address != 0)
}

/// Returns the word at an address of the kernel's; what is none of its values if that cannot be read.
fn program(address: u64) -> Vec<aya_obj::generated::bpf_insn> {
    const PLACE: i16 = -8;
    let mut code = set_wide(R3, address).to_vec();
    code.extend(read_kernel(PLACE, size_of::<u32>()));
    // 0, or an error with all upper bits set.
    code.extend([load(R1, R10, PLACE), or(R0, R1), exit()]);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(how: &str) -> Preemption {
        Preemption::By(how.to_owned())
    }

    #[test]
    fn a_kernel_that_was_told_how_to_preempt_says_so() {
        assert_eq!(by_choice("none voluntary (full) lazy\n"), by("full"));
        assert_eq!(by_choice("none voluntary full (lazy)\n"), by("lazy"));
        assert_eq!(by_choice("none (voluntary) full\n"), Preemption::Never);
        assert_eq!(by_choice("none (eager)\n"), Preemption::Perhaps);
        assert_eq!(by_choice(""), Preemption::Perhaps);
    }

    #[test]
    fn any_other_kernel_was_built_to_do_it_or_not() {
        let built = |version: &str| by_build(version, || None);
        assert_eq!(built("#1 SMP PREEMPT_RT Debian 6.12.86-1 (2026-05-02)\n"), by("PREEMPT_RT"));
        assert_eq!(built("#1 SMP PREEMPT Mon Jan 1"), by("PREEMPT"));
        assert_eq!(built("#1 SMP Debian 5.10.251-1 (2026-01-19)\n"), Preemption::Never);
        assert_eq!(built("#1 SMP PREEMPT_DYNAMIC Debian 6.12.86-1"), Preemption::Perhaps);
    }

    #[test]
    fn where_it_can_be_chosen_the_variable_tells() {
        let told = |value| by_build("#1 SMP PREEMPT_DYNAMIC Debian 6.12.86-1", || Some(value));
        assert_eq!([0, 1].map(told), [Preemption::Never, Preemption::Never]);
        assert_eq!([2, 3].map(told), [by("full"), by("lazy")]);
        // -1 before it is set, and what a newer kernel may have.
        assert_eq!([u32::MAX, 4].map(told), [Preemption::Perhaps, Preemption::Perhaps]);
    }

    #[test]
    fn the_address_is_that_of_the_variable_and_not_hidden() {
        let line = "ffffffffa00550e0 D preempt_dynamic_mode";
        assert_eq!(address_in(line), Some(0xffff_ffff_a005_50e0));
        assert_eq!(address_in("0000000000000000 D preempt_dynamic_mode"), None);
        assert_eq!(address_in("ffffffffa00550e0 T preempt_dynamic_mode_more"), None);
        assert!(is_hidden("0000000000000000 T _stext") && !is_hidden(line));
        assert!(!is_hidden("0000000000000000 A fixed_percpu_data"));
        assert_eq!(address_in(""), None);
    }
}
