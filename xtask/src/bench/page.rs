//! The report, and its place in the page about performance.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::bars::Bar;
use super::results::{Calls, Results, Work};
use super::table::{render, thousands};

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// All figures as Markdown.
pub(super) fn report(results: &Results, bars: &[Bar]) -> Result<String> {
    let Results { kernel, date, .. } = results;
    Ok(format!(
        "Linux {kernel}, {date}.\n\n\
         Instructions per call, spent in its caller:\n\n{}\n\
         Instructions per kill event, spent in the tracer's own process:\n\n{}\n\
         And once:\n\n{}\n\
         What is to be reached:\n\n{}",
        calls(results),
        work(results)?,
        agent(results),
        bars_table(bars)
    ))
}

fn calls(results: &Results) -> String {
    let header =
        ["", "rt_sigprocmask", "kill", "getppid", "rt_sigprocmask in a row", "kill in a row"];
    let mut rows = Vec::new();
    let mut add = |tracer: &str, what: &str| {
        if let Some(Calls { alone, row }) = results.calls.get(tracer) {
            let figures =
                [alone.rt_sigprocmask, alone.kill, alone.getppid, row.rt_sigprocmask, row.kill];
            rows.push([vec![what.into()], figures.map(thousands).to_vec()].concat());
        }
    };
    add("untraced", "untraced");
    add("empty", "empty pair of probes");
    add("sigtrace", "sigtrace");
    for (filter, _) in results.filtered() {
        add(&format!("sigtrace --{filter}"), &format!("sigtrace `--{filter}`, filtered out"));
    }
    add("trampolines", "sigtrace `--probe fentry`");
    add("trampolines, filtered", "sigtrace `--probe fentry --uid 4242`, filtered out");
    add("bpftrace", "bpftrace, a pair that prints a line");
    add("strace", "strace --seccomp-bpf");
    render(&header, &rows)
}

fn work(results: &Results) -> Result<String> {
    let untraced = results.calls("untraced")?;
    let mut rows = Vec::new();
    for Work { tracer, output, in_a_row, events, instructions } in &results.work {
        let calls = results.calls(tracer)?;
        let (pace, traced, untraced) = if *in_a_row {
            ("in a row", calls.row.kill, untraced.row.kill)
        } else {
            ("one a millisecond", calls.alone.kill, untraced.alone.kill)
        };
        let events = thousands(*events);
        let both = instructions + traced.saturating_sub(untraced);
        rows.push(vec![
            format!("{tracer} to {output}, {events} {pace}"),
            thousands(*instructions),
            thousands(both),
        ]);
    }
    Ok(render(&["", "its own", "and the caller's overhead"], &rows))
}

fn agent(results: &Results) -> String {
    let memory = &results.memory;
    let events_per_second = (results.decode.events_per_second / 1e4).round() as u64 * 10_000;
    let rows = [
        ("the agent's resident memory after 100,000 events, kB", memory.all),
        ("... of its own", memory.anonymous),
        ("... of files and the ring", memory.file),
        ("... shared", memory.shared),
        ("million instructions from its start to attached", results.start / 1_000_000),
        (
            "kill events decoded and printed a second, on one core of the machine that measured this",
            events_per_second,
        ),
    ];
    let rows = rows.map(|(what, figure)| vec![what.to_owned(), thousands(figure)]);
    render(&["", "figure"], &rows)
}

fn bars_table(bars: &[Bar]) -> String {
    let row = |bar: &Bar| {
        let met = if bar.is_met() { "met" } else { "NOT MET" };
        vec![bar.what.clone(), bar.figure(), bar.bar(), met.into()]
    };
    render(&["bar", "figure", "to reach", ""], &bars.iter().map(row).collect::<Vec<_>>())
}

/// Puts the report into its place in the page.
pub(super) fn rewrite(page: &Path, report: &str) -> Result<()> {
    let name = page.display();
    let old = fs::read_to_string(page).with_context(|| format!("reading {name}"))?;
    let new = replace(&old, report).with_context(|| format!("{name} has no {BEGIN} … {END}"))?;
    fs::write(page, new).with_context(|| format!("writing {name}"))
}

/// The text with what is between the markers replaced.
fn replace(text: &str, report: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", report.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::super::bars;
    use super::super::results::tests::sample;
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n");
        let new = replace(&page, "new\n").unwrap();
        assert_eq!(new, format!("# Title\n\n{BEGIN}\nnew\n{END}\n\nThe end.\n"));
        assert_eq!(replace(&new, "new\n").unwrap(), new);
        assert_eq!(replace("# Title\n", "new"), None);
        assert_eq!(replace(&format!("{END}{BEGIN}"), "new"), None);
    }

    #[test]
    fn the_report_has_every_figure() {
        let results = sample();
        let report = report(&results, &bars::all(&results).unwrap()).unwrap();
        for wanted in [
            "Linux 6.12.1, 2026-11-21.",
            "| sigtrace `--uid 4242`, filtered out",
            " 50,350 |",
            "| sigtrace to /dev/null, 100,000 in a row",
            "| million instructions from its start to attached",
            "|       801 |",
            "1,230,000",
            "NOT MET",
        ] {
            assert!(report.contains(wanted), "no {wanted} in\n{report}");
        }
    }
}
