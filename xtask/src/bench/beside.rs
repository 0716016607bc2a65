//! What calls cost on two architectures, side by side.

use anyhow::{Context as _, Result};

use super::report::{NONE, label};
use super::results::{Calls, PerCall, Results};
use super::table::{render, thousands};

/// A traced call.
#[derive(Clone, Copy)]
struct Call {
    name: &'static str,
    of: fn(&PerCall) -> u64,
}

const CALLS: [Call; 3] = [
    Call { name: "rt_sigprocmask", of: |calls| calls.rt_sigprocmask },
    Call { name: "kill", of: |calls| calls.kill },
    Call { name: "rt_sigpending", of: |calls| calls.rt_sigpending },
];

/// The table, with a line before it: by tracer and call, the instructions on each, and how many times as much the
/// second is made dearer. Single calls.
pub(super) fn table(first: &Results, second: &Results) -> Result<String> {
    let untraced = (first.calls("untraced")?, second.calls("untraced")?);
    let only_second = second.calls.iter().filter(|calls| first.find(&calls.tracer).is_none());
    let tracers = first.calls.iter().chain(only_second).map(|calls| calls.tracer.as_str());
    let rows: Vec<Vec<String>> = tracers
        .map(|tracer| {
            let found = (first.find(tracer), second.find(tracer));
            let mut row = vec![label_of_both(found, second).context("a tracer without figures")?];
            row.extend(CALLS.iter().flat_map(|call| cells(*call, found, untraced)));
            Ok(row)
        })
        .collect::<Result<_>>()?;
    let mut header = vec![String::new()];
    for Call { name, .. } in CALLS {
        header.push(format!("{name}, {}", first.arch));
        header.push(second.arch.to_string());
        header.push("times".into());
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    Ok(format!(
        "\nInstructions per call, {second} beside {first} ({kernel}, measured with it); the third figure of a call is the \
         overhead on {second}, times that on {first}:\n\n{table}",
        second = second.arch,
        first = first.arch,
        kernel = first.kernel,
        table = render(&header, &rows)
    ))
}

/// A tracer's label; if it probes by something else on the second, what that is.
fn label_of_both(
    (first, second): (Option<&Calls>, Option<&Calls>),
    of_second: &Results,
) -> Option<String> {
    match (first.map(label), second.map(label)) {
        (Some(first), Some(second)) if first != second => {
            let (_, by) = second.split_once(", ").unwrap_or(("", &second));
            Some(format!("{first}; on {} {by}", of_second.arch))
        }
        (first, second) => first.or(second),
    }
}

fn cells(
    Call { of, .. }: Call,
    (first, second): (Option<&Calls>, Option<&Calls>),
    untraced: (&Calls, &Calls),
) -> [String; 3] {
    let figure = |calls: Option<&Calls>| {
        calls.map_or_else(|| NONE.to_owned(), |calls| thousands(of(&calls.alone)))
    };
    let over = |calls: &Calls, untraced: &Calls| {
        of(&calls.alone).checked_sub(of(&untraced.alone)).filter(|more| *more > 0)
    };
    let times = first.zip(second).and_then(|(first, second)| {
        Some(over(second, untraced.1)? as f64 / over(first, untraced.0)? as f64)
    });
    let times = times.map_or_else(|| NONE.to_owned(), |times| format!("{times:.2}"));
    [figure(first), figure(second), times]
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{sample_of_aarch64, sample_of_calls};
    use super::*;

    #[test]
    fn calls_stand_side_by_side() {
        let (first, mut second) = (sample_of_calls(), sample_of_aarch64());
        second.calls.retain(|calls| calls.tracer != "sigtrace --pid 1");
        for calls in &mut second.calls {
            if calls.tracer == "sigtrace" {
                calls.probe = Some("fentry".into());
                calls.alone.kill += 1251;
            }
        }
        let table = table(&first, &second).unwrap();
        let (title, rows) = table.trim_start().split_once("\n\n").unwrap();
        assert_eq!(
            title,
            "Instructions per call, aarch64 beside x86_64 (6.12.1, measured with it); the third figure of a call is the \
             overhead on aarch64, times that on x86_64:"
        );
        let words = |row: &str| row.split_whitespace().collect::<Vec<_>>().join(" ");
        let rows: Vec<_> = rows.lines().map(words).collect();
        assert_eq!(
            rows[0],
            "| | rt_sigprocmask, x86_64 | aarch64 | times | kill, x86_64 | aarch64 | times | \
             rt_sigpending, x86_64 | aarch64 | times |"
        );
        assert_eq!(
            rows[2..],
            [
                "| untraced | 350 | 350 | – | 1,050 | 1,050 | – | 360 | 360 | – |",
                "| empty pair of probes | 1,200 | 1,200 | 1.00 | 2,000 | 2,000 | 1.00 | 1,210 | \
                 1,210 | 1.00 |",
                "| sigtrace, by kprobe; on aarch64 by fentry | 1,850 | 1,850 | 1.00 | 2,301 | 3,552 \
                 | 2.00 | 1,860 | 1,860 | 1.00 |",
                "| sigtrace `--uid 4242`, filtered out | 900 | 900 | 1.00 | 1,400 | 1,400 | 1.00 | \
                 910 | 910 | 1.00 |",
                "| sigtrace `--comm nosuch`, filtered out | 1,001 | 1,001 | 1.00 | 1,500 | 1,500 | \
                 1.00 | 1,011 | 1,011 | 1.00 |",
                "| sigtrace `--pid 1`, filtered out | 1,030 | – | – | 1,900 | – | – | 1,040 | – | – |",
                "| sigtrace `--signal TERM`, filtered out | 1,900 | 1,900 | 1.00 | 2,600 | 2,600 | \
                 1.00 | 1,910 | 1,910 | 1.00 |",
                "| sigtrace `--probe fentry` | 1,430 | 1,430 | 1.00 | 1,900 | 1,900 | 1.00 | 1,440 | \
                 1,440 | 1.00 |",
            ]
        );
    }
}
