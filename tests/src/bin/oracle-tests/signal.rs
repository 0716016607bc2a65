//! Signals as strace names them.

use std::collections::HashMap;
use std::sync::LazyLock;

use sigtrace_tests::names;

/// The first real-time signal of the kernel, from which strace counts. glibc keeps two of them
/// for itself, and sigtrace counts from the first of those that are left.
const KERNEL_SIGRTMIN: i32 = 32;

/// The numbers of the others by their names.
static STANDARD: LazyLock<HashMap<String, i32>> = LazyLock::new(|| {
    let named = |number| Some((names::signal(number).as_str()?.to_owned(), number));
    (1..KERNEL_SIGRTMIN).filter_map(named).collect()
});

/// The number of a signal: `SIGTERM`, `SIGRTMIN` for 32, `SIGRT_1` for 33, or a number.
pub(crate) fn number(name: &str) -> Result<i32, String> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    if name == "SIGRTMIN" {
        return Ok(KERNEL_SIGRTMIN);
    }
    if let Some(number) = name.strip_prefix("SIGRT_").and_then(|digits| digits.parse::<i32>().ok())
    {
        return Ok(KERNEL_SIGRTMIN + number);
    }
    STANDARD.get(name).copied().ok_or_else(|| format!("{name:?} is no signal"))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn real_time_signals_count_from_the_kernels_first() {
        assert_eq!(
            ["SIGRTMIN", "SIGRT_1", "SIGRT_2", "SIGRT_32"].map(number),
            [32, 33, 34, 64].map(Ok)
        );
    }

    #[test]
    fn what_is_no_signal_is_a_number() {
        assert_eq!(["SIGHUP", "SIGSYS", "0", "-1", "65"].map(number), [1, 31, 0, -1, 65].map(Ok));
        assert!(number("SIGWHAT").is_err());
    }
}
