//! Operands that are lists of names, and of ranges of them, with `!` for those to leave out.

use sigtrace_common::{ERROR_WORDS, Group, SYSCALLS, find};

use super::{UsageError, ranges::range, usage, values::elements};
use crate::names::{
    errno, nearest,
    signal::{self, UnknownSignal},
};

/// Which of `count` things a list selects. A list that only leaves things out starts from all.
fn select(
    option: &'static str,
    operands: &[String],
    count: usize,
    parse: impl Fn(&str) -> Result<Vec<usize>, UsageError>,
) -> Result<Vec<usize>, UsageError> {
    let elements = elements(option, operands)?;
    let mut selected = vec![elements.iter().all(|element| element.starts_with('!')); count];
    for leave_out in [false, true] {
        for element in &elements {
            let name = element.strip_prefix('!');
            if name.is_some() == leave_out {
                for index in parse(name.unwrap_or(element))? {
                    selected[index] = !leave_out;
                }
            }
        }
    }
    let selected: Vec<usize> = (0..count).filter(|&index| selected[index]).collect();
    if selected.is_empty() {
        return Err(usage(option, format!("\"{}\" selects nothing", operands.join(","))));
    }
    Ok(selected)
}

/// Rows of the syscall table.
pub(super) fn syscalls(operands: &[String]) -> Result<Vec<usize>, UsageError> {
    select("--syscall", operands, SYSCALLS.len(), |element| match element.strip_prefix('@') {
        Some(group) => rows_of(group),
        None => Ok(vec![row(element)?]),
    })
}

fn rows_of(group: &str) -> Result<Vec<usize>, UsageError> {
    let Some(known) = Group::ALL.into_iter().find(|known| known.name() == group) else {
        let names: Vec<String> =
            Group::ALL.iter().map(|group| format!("@{}", group.name())).collect();
        let names = names.join(" ");
        return Err(usage(
            "--syscall",
            format!("unknown group \"@{group}\"; the groups are {names}"),
        ));
    };
    Ok((0..SYSCALLS.len()).filter(|&row| SYSCALLS[row].is_in(known)).collect())
}

fn row(name: &str) -> Result<usize, UsageError> {
    if let Some((row, _)) = find(name) {
        return Ok(row);
    }
    let names = nearest(name, SYSCALLS.iter().map(|syscall| syscall.name));
    Err(usage(
        "--syscall",
        format!(
            "unknown signal syscall \"{name}\"; nearest: {}; `sigtrace list` lists all",
            names.join(", ")
        ),
    ))
}

/// The set of the signals selected: signal n is bit n-1. Empty if there is no list.
pub(super) fn signals(option: &'static str, operands: &[String]) -> Result<u64, UsageError> {
    if operands.is_empty() {
        return Ok(0);
    }
    let selected = select(option, operands, 64, |element| {
        let may_be_range = |error: &UnknownSignal| matches!(error, UnknownSignal::Name { .. });
        let signals = range(option, element, signal::parse, may_be_range)?;
        Ok(signals.map(|signo| (signo - 1) as usize).collect())
    })?;
    Ok(selected.into_iter().fold(0, |set, index| set | 1 << index))
}

/// The bitmap of the errnos selected.
pub(super) fn errors(operands: &[String]) -> Result<[u64; ERROR_WORDS], UsageError> {
    let mut errors = [0; ERROR_WORDS];
    if operands.is_empty() {
        return Ok(errors);
    }
    let selected = select("--error", operands, ERROR_WORDS * 64, |element| {
        let errno = errno::parse(element).map_err(|error| usage("--error", error.to_string()))?;
        Ok(vec![errno as usize])
    })?;
    for errno in selected {
        errors[errno / 64] |= 1 << (errno % 64);
    }
    Ok(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(operands: &[&str]) -> Vec<String> {
        operands.iter().map(|&operand| operand.to_owned()).collect()
    }

    fn names(operands: &[&str]) -> Vec<&'static str> {
        syscalls(&list(operands)).unwrap().into_iter().map(|row| SYSCALLS[row].name).collect()
    }

    #[test]
    fn syscalls_are_selected_by_name_and_by_group() {
        assert_eq!(names(&["kill,pause"]), ["kill", "pause"]);
        assert_eq!(names(&["@action"]), ["rt_sigaction", "signal", "sigaction"]);
        assert_eq!(
            names(&["@send", "!kill,!@fd"]),
            ["rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill", "tgkill"]
        );
    }

    #[test]
    fn a_list_that_only_leaves_out_starts_from_all() {
        let all_but_one = names(&["!rt_sigprocmask"]);
        assert_eq!(all_but_one.len(), SYSCALLS.len() - 1);
        assert!(!all_but_one.contains(&"rt_sigprocmask"));
    }

    #[test]
    fn an_unknown_syscall_gets_the_nearest_names() {
        let error = syscalls(&list(&["sigactoin"])).unwrap_err().to_string();
        assert!(
            error
                .starts_with("--syscall: unknown signal syscall \"sigactoin\"; nearest: sigaction"),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_group_gets_all_groups() {
        assert_eq!(
            syscalls(&list(&["@sent"])).unwrap_err().to_string(),
            "--syscall: unknown group \"@sent\"; the groups are @send @action @mask @wait @stack @fd"
        );
    }

    #[test]
    fn a_list_that_leaves_nothing_is_refused() {
        assert_eq!(
            syscalls(&list(&["kill,!@send"])).unwrap_err().to_string(),
            "--syscall: \"kill,!@send\" selects nothing"
        );
    }

    #[test]
    fn signals_are_selected_by_any_of_their_names() {
        assert_eq!(signals("--signal", &list(&["SIGTERM,int"])).unwrap(), 1 << 14 | 1 << 1);
        assert_eq!(signals("--signal", &list(&["!URG"])).unwrap(), !(1 << 22));
        assert_eq!(signals("--signal", &list(&["RTMIN+3,64"])).unwrap(), 1 << 36 | 1 << 63);
    }

    #[test]
    fn signals_are_selected_and_left_out_by_range() {
        assert_eq!(signals("--signal", &list(&["32-64"])).unwrap(), !0 << 31);
        assert_eq!(
            signals("--signal", &list(&["RTMIN+3-RTMAX-2,HUP"])).unwrap(),
            (!0 << 36 & !0 >> 2) | 1
        );
        assert_eq!(signals("--signal", &list(&["!RTMIN-RTMAX"])).unwrap(), !0 >> 31);
        assert_eq!(signals("--signal", &list(&["1-31,!HUP-TERM"])).unwrap(), 0x7fff_8000);
        assert_eq!(
            signals("--signal", &list(&["TERM,64-32"])).unwrap_err().to_string(),
            "--signal: \"64-32\": the range is empty"
        );
    }

    #[test]
    fn errors_are_selected_by_name() {
        let errors = errors(&list(&["ESRCH,ERESTARTNOHAND"])).unwrap();
        assert_eq!(errors, [1 << 3, 0, 0, 0, 0, 0, 0, 0, 1 << 2]);
    }
}
