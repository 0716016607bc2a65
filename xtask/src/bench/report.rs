//! The figures as Markdown: a section for each kernel, and one for the decoder.

use anyhow::Result;

use super::bars::Bar;
use super::host::Decode;
use super::results::{
    Calls, Clock, Joined, Memory, Processes, Refused, Results, Signals, Storm, Work,
};
use super::table::{render, thousands};
use crate::arch::Arch;

/// Where there is no figure.
pub(super) const NONE: &str = "–";
/// Tracers of others among those of calls.
const OTHERS: [&str; 2] = ["bpftrace", "strace"];
/// The cell of that call among the figures of a tracer.
const RT_SIGPENDING: usize = 4;

/// All figures of a kernel: a table for each kind of which there are any.
pub(super) fn of_kernel(version: &str, results: &Results, bars: &[Bar]) -> Result<String> {
    let Results { arch, kernel, date, .. } = results;
    let title = match arch {
        Arch::X86_64 => format!("### Linux {version}"),
        Arch::Aarch64 => format!("### Linux {version} on {arch}"),
    };
    let clock = clock(results.clock);
    let mut section = format!("{title}\n\n{kernel}, {date}.\n\n{clock}");
    section.push_str(&format!(
        "Instructions per call, spent in its caller:\n\n{}\n{}{}",
        calls(results),
        left_out(&results.refused),
        absent(&results.absent)
    ));
    let mut add = |title: &str, is_measured: bool, table: String| {
        if is_measured {
            section.push_str(&format!("{title}:\n\n{table}\n"));
        }
    };
    add(
        "Instructions per kill event, spent in the tracer's own process",
        !results.work.is_empty(),
        work(results)?,
    );
    add(
        "Instructions that a signal costs its sender, and a process from its fork to its end",
        !results.signals.is_empty(),
        signals(results),
    );
    add(
        "Instructions of the agent per joined signal, a kill that is handled, told of in three events",
        !results.joined.is_empty(),
        joined(results),
    );
    let (is_measured, table) = agent(results);
    add("The agent", is_measured, table);
    add(
        "The agent's share of memory with 10,000 processes known, kB",
        !results.processes.is_empty(),
        processes(results),
    );
    add("Many kills by 16 threads on four processors", !results.storms.is_empty(), storms(results));
    section.push_str(&format!("Bars:\n\n{}", bars_table(bars)));
    Ok(section)
}

/// The figures of the decoder.
pub(super) fn of_decoder(decode: &Decode, date: &str, bars: &[Bar]) -> String {
    let per_second = thousands((decode.events_per_second / 1e4).round() as u64 * 10_000);
    format!(
        "### Decoding\n\n\
         {per_second} kill events decoded and printed per second, on one core of the machine that \
         measured this, {date}.\n\n{}",
        bars_table(bars)
    )
}

fn calls(results: &Results) -> String {
    let header = [
        "",
        "rt_sigprocmask",
        "kill",
        "kill another",
        "signal another",
        "rt_sigpending",
        "getppid",
        "rt_sigprocmask in a row",
        "kill in a row",
    ];
    let row = |calls: &Calls| {
        let Calls { alone, row, .. } = calls;
        let figures = [
            alone.rt_sigprocmask,
            alone.kill,
            alone.kill_another,
            alone.signal_another,
            alone.rt_sigpending,
            alone.getppid,
            row.rt_sigprocmask,
            row.kill,
        ];
        let mut cells = figures.map(thousands);
        // Others trace the first two calls only.
        if OTHERS.contains(&&*calls.tracer) {
            cells[RT_SIGPENDING] = NONE.into();
        }
        [&[label(calls)][..], &cells].concat()
    };
    let mut rows: Vec<_> = results.calls.iter().map(row).collect();
    if is_refused(results, "bpftrace") {
        let cells = vec![NONE.to_owned(); header.len() - 1];
        rows.push([vec!["bpftrace: does not attach to this kernel".into()], cells].concat());
    }
    render(&header, &rows)
}

fn is_refused(results: &Results, tracer: &str) -> bool {
    results.refused.iter().any(|refused| refused.tracer == tracer)
}

/// What a tracer is called in the table.
pub(super) fn label(calls: &Calls) -> String {
    let Some(options) = calls.tracer.strip_prefix("sigtrace") else {
        return match calls.tracer.as_str() {
            "empty" => "empty pair of probes".into(),
            "bpftrace" => "bpftrace, a pair that prints a line".into(),
            "strace" => "strace --seccomp-bpf".into(),
            other => other.into(),
        };
    };
    let mut label = sigtrace(options.trim());
    let asked = options.trim().strip_prefix("--probe ");
    match &calls.probe {
        _ if calls.filtered => label.push_str(", filtered out"),
        Some(probe) if asked != Some(probe) => label.push_str(&format!(", by {probe}")),
        _ => {}
    }
    match &calls.probe_of_rare {
        Some(rare) if !calls.filtered && calls.probe.as_ref() != Some(rare) => {
            label.push_str(&format!("; rare calls by {rare}"));
        }
        _ => {}
    }
    label
}

fn sigtrace(options: &str) -> String {
    if options.is_empty() { "sigtrace".into() } else { format!("sigtrace `{options}`") }
}

/// The programs that were not there to be measured.
fn absent(programs: &[String]) -> String {
    match programs {
        [] => String::new(),
        _ => format!("Not measured, as the guest has no root image: {}.\n\n", programs.join(", ")),
    }
}

/// What the guest's clock made of a loop.
fn clock(clock: Clock) -> String {
    let Clock { executed, counted } = clock;
    format!(
        "A loop of {} instructions took {} by the guest's clock.\n\n",
        thousands(executed),
        thousands(counted)
    )
}

/// The tracers that there are no figures of, and what they said about it.
fn left_out(all: &[Refused]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let line = |Refused { tracer, why }: &Refused| {
        let tracer = match tracer.strip_prefix("sigtrace ") {
            Some(options) => sigtrace(options),
            None => tracer.clone(),
        };
        format!("- {tracer}: `{}`\n", why.replace('`', "'"))
    };
    format!("Left out:\n\n{}\n", all.iter().map(line).collect::<String>())
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

fn signals(results: &Results) -> String {
    let untraced = results.signals("untraced");
    let row = |signals: &Signals| {
        let Signals { tracer, kill_another, signal_another, life } = signals;
        let more = |of: fn(&Signals) -> u64| match untraced {
            Some(untraced) if tracer != "untraced" => more(of(signals), of(untraced)),
            _ => NONE.into(),
        };
        let label = match tracer.strip_prefix("sigtrace ") {
            Some(options) => sigtrace(options),
            None if tracer == "bpftrace" => "bpftrace, the trace point, a line each".into(),
            None => tracer.clone(),
        };
        vec![
            label,
            thousands(*kill_another),
            thousands(*signal_another),
            more(|signals| signals.signal_another),
            thousands(*life),
            more(|signals| signals.life),
        ]
    };
    let header = ["", "kill another", "signal another", "more", "a process", "more"];
    render(&header, &results.signals.iter().map(row).collect::<Vec<_>>())
}

/// By how much a figure is more, or less.
fn more(figure: u64, than: u64) -> String {
    let sign = if figure < than { "-" } else { "" };
    format!("{sign}{}", thousands(figure.abs_diff(than)))
}

fn joined(results: &Results) -> String {
    let row = |joined: &Joined| {
        let Joined { options, output, in_a_row, signals, instructions } = joined;
        let pace = if *in_a_row { "in a row" } else { "one a millisecond" };
        let (what, signals) = (sigtrace(options), thousands(*signals));
        vec![format!("{what} to {output}, {signals} {pace}"), thousands(*instructions)]
    };
    render(&["", "figure"], &results.joined.iter().map(row).collect::<Vec<_>>())
}

fn processes(results: &Results) -> String {
    let row = |processes: &Processes| {
        let Processes { how, processes, memory } = processes;
        let figures = [*processes, memory.pss, memory.anonymous, memory.file, memory.ring];
        [vec![how.clone()], figures.map(thousands).to_vec()].concat()
    };
    let header = ["", "known", "share", "pages of its own", "files and maps", "rings, each once"];
    render(&header, &results.processes.iter().map(row).collect::<Vec<_>>())
}

/// Whether there are any figures, and those.
fn agent(results: &Results) -> (bool, String) {
    let millions = |instructions: u64| {
        format!("{}.{}", thousands(instructions / 1_000_000), instructions / 100_000 % 10)
    };
    let seconds = |nanoseconds: u64| format!("{:.2}", nanoseconds as f64 / 1e9);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut add = |what: &str, figure: String| rows.push(vec![what.to_owned(), figure]);
    if let Some(Memory { pss, anonymous, file, ring }) = &results.memory {
        add("its share of memory after 100,000 events, kB", thousands(*pss));
        add("... pages of its own", thousands(*anonymous));
        add("... files and maps", thousands(*file));
        add("... rings, each once", thousands(*ring));
    }
    if let Some(start) = &results.start {
        add("million instructions from start to attached", millions(start.instructions));
        for part in &start.parts {
            add(&format!("... {}", part.name), millions(part.instructions));
        }
    }
    if let Some(end) = &results.end {
        add("seconds from SIGTERM until its output is closed", seconds(end.output_ns));
        add("... until it has exited", seconds(end.exit_ns));
    }
    (!rows.is_empty(), render(&["", "figure"], &rows))
}

fn storms(results: &Results) -> String {
    let row = |storm: &Storm| {
        let Storm { tracer, calls, lost, without_result } = storm;
        let (what, without_result) = match tracer.as_str() {
            "bpftrace" => ("bpftrace, a pair that prints a line", NONE.into()),
            other => (other, thousands(*without_result)),
        };
        vec![what.to_owned(), thousands(*calls), thousands(*lost), without_result]
    };
    let mut rows: Vec<_> = results.storms.iter().map(row).collect();
    if is_refused(results, "bpftrace") {
        let none = [NONE; 3].map(str::to_owned);
        rows.push([&["bpftrace: does not attach to this kernel".to_owned()][..], &none].concat());
    }
    render(&["", "made", "lost", "printed without their result"], &rows)
}

fn bars_table(bars: &[Bar]) -> String {
    let row = |bar: &Bar| {
        let met = match (bar.is_set(), bar.is_met()) {
            (false, _) => NONE,
            (true, true) => "met",
            (true, false) => "NOT MET",
        };
        vec![bar.what.clone(), bar.figure(), bar.bar(), met.into()]
    };
    render(&["bar", "figure", "to reach", ""], &bars.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::super::bars;
    use super::super::host::tests::sample as decode;
    use super::super::results::tests::{sample, sample_of_aarch64, sample_without_bpftrace};
    use super::*;

    fn report(results: &Results) -> String {
        of_kernel("6.12", results, &bars::of_kernel(results).unwrap()).unwrap()
    }

    /// The table below the line that ends like this, each row with its cells' padding taken off.
    fn table(report: &str, title: &str) -> Vec<Vec<String>> {
        let after = report.split_once(&format!("{title}:\n\n")).unwrap().1;
        let rows = after.lines().take_while(|line| line.starts_with('|'));
        let cells = |row: &str| {
            row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        rows.map(cells).collect()
    }

    #[test]
    fn the_section_says_what_it_is_of() {
        let report = report(&sample());
        assert!(report.starts_with("### Linux 6.12\n\n6.12.1, 2026-11-21.\n\n"), "{report}");
    }

    #[test]
    fn each_tracer_has_its_row() {
        let labels = |results: &Results| -> Vec<String> {
            let table = table(&report(results), "spent in its caller");
            table[2..].iter().map(|row| row[0].clone()).collect()
        };
        let ours = [
            "untraced",
            "empty pair of probes",
            "sigtrace, by kprobe",
            "sigtrace `--uid 4242`, filtered out",
            "sigtrace `--comm nosuch`, filtered out",
            "sigtrace `--pid 1`, filtered out",
            "sigtrace `--signal TERM`, filtered out",
            "sigtrace `--probe fentry`",
        ];
        let bpftrace = ["bpftrace, a pair that prints a line", "strace --seccomp-bpf"];
        assert_eq!(labels(&sample()), [&ours[..], &bpftrace].concat());
        let none = ["strace --seccomp-bpf", "bpftrace: does not attach to this kernel"];
        assert_eq!(labels(&sample_without_bpftrace()), [&ours[..], &none].concat());
    }

    #[test]
    fn calls_have_all_their_figures() {
        let table = table(&report(&sample()), "spent in its caller");
        let row = table.last().unwrap().join(" ");
        assert_eq!(row, "strace --seccomp-bpf 50,350 41,050 41,060 41,600 – 500 50,351 41,051");
    }

    #[test]
    fn a_mechanism_that_is_another_than_was_asked_for_is_named() {
        let mut results = sample();
        let fentry = results.calls.iter_mut().find(|calls| calls.tracer.ends_with("fentry"));
        fentry.unwrap().probe = Some("kprobe+fexit".into());
        let report = report(&results);
        assert!(report.contains("| sigtrace `--probe fentry`, by kprobe+fexit "), "{report}");
    }

    #[test]
    fn rare_calls_that_are_probed_by_something_else_are_named() {
        let mut results = sample();
        results.calls[2].probe_of_rare = Some("kprobe.multi+fexit".into());
        let label = label(&results.calls[2]);
        assert_eq!(label, "sigtrace, by kprobe; rare calls by kprobe.multi+fexit");
    }

    #[test]
    fn a_section_has_tables_of_what_was_measured_only() {
        let titles = |results: &Results| -> Vec<String> {
            let report = report(results);
            report.lines().filter(|line| line.ends_with(':')).map(str::to_owned).collect()
        };
        let all = [
            "Instructions per call, spent in its caller:",
            "Left out:",
            "Instructions per kill event, spent in the tracer's own process:",
            "Instructions that a signal costs its sender, and a process from its fork to its end:",
            "Instructions of the agent per joined signal, a kill that is handled, told of in three events:",
            "The agent:",
            "The agent's share of memory with 10,000 processes known, kB:",
            "Many kills by 16 threads on four processors:",
            "Bars:",
        ];
        assert_eq!(titles(&sample()), all);
        assert_eq!(titles(&sample_of_aarch64()), [&all[..6], &all[8..]].concat());
    }

    #[test]
    fn a_guest_without_other_tracers_says_so() {
        let report = report(&sample_of_aarch64());
        let beginning = "### Linux 6.12 on aarch64\n\n6.12.1, 2026-11-21.\n\n\
                         A loop of 20,000 instructions took 20,000 by the guest's clock.\n\n";
        assert!(report.starts_with(beginning), "{report}");
        let absent = "\nNot measured, as the guest has no root image: bpftrace, strace.\n\n";
        assert!(report.contains(absent), "{report}");
        let bars = table(&report, "Bars");
        let rows: Vec<_> = bars[2..].iter().map(|row| row[1..].join(" ")).collect();
        assert_eq!((&rows[0][..], &rows[8][..]), ("1500 no bar –", "0 at most 1 met"));
    }

    #[test]
    fn what_is_left_out_is_told_with_its_reason() {
        let report = report(&sample_without_bpftrace());
        let (_, after) = report.split_once("Left out:\n\n").unwrap();
        let lines: Vec<_> = after.lines().take(3).collect();
        assert_eq!(
            lines,
            [
                "- sigtrace `--probe kprobe.multi`: `error: invalid value 'kprobe.multi' for \
                 '--probe <PROBE>'`",
                "- bpftrace: `ERROR: 'kill' <gone>`",
                "",
            ]
        );
        assert_eq!(left_out(&[]), "");
    }

    #[test]
    fn work_is_told_with_and_without_what_callers_pay() {
        let table = table(&report(&sample()), "the tracer's own process");
        let rows: Vec<_> = table[2..].iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            rows,
            [
                "sigtrace to /dev/null, 100,000 in a row 2,675 3,925",
                "sigtrace to a pipe, 100,000 in a row 3,001 4,251",
                "sigtrace to a file, 1,000 one a millisecond 5,000 6,251",
                "bpftrace to a file, 1,000 one a millisecond 19,022 24,022",
            ]
        );
    }

    #[test]
    fn signals_and_lives_are_told_with_what_they_cost_more() {
        let table = table(&report(&sample()), "from its fork to its end");
        let rows: Vec<_> = table.iter().map(|row| row.join(" ")).collect();
        assert_eq!(rows[0], " kill another signal another more a process more");
        assert_eq!(
            rows[2..],
            [
                "untraced 1,060 1,600 – 500,000 –",
                "sigtrace `--syscall kill` 2,310 2,851 1,251 500,000 0",
                "sigtrace `--events exit` 1,060 1,600 0 502,000 2,000",
                "sigtrace `--events generate` 1,060 2,501 901 499,999 -1",
                "sigtrace `who` 1,060 2,520 920 512,345 12,345",
                "bpftrace, the trace point, a line each 1,060 5,204 3,604 500,100 100",
                "sigsnoop 1,060 2,501 901 500,000 0",
            ]
        );
    }

    #[test]
    fn joined_signals_are_told_with_where_they_go() {
        let table = table(&report(&sample()), "told of in three events");
        let rows: Vec<_> = table[2..].iter().map(|row| row.join(" = ")).collect();
        assert_eq!(
            rows,
            [
                "sigtrace to /dev/null, 20,000 in a row = 5,800",
                "sigtrace to a pipe, 20,000 in a row = 6,001",
                "sigtrace to a file, 1,000 one a millisecond = 9,000",
                "sigtrace `--context full` to /dev/null, 20,000 in a row = 7,000",
            ]
        );
    }

    #[test]
    fn memory_is_told_by_how_processes_came_to_be() {
        let table = table(&report(&sample()), "processes known, kB");
        let rows: Vec<_> = table[2..].iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            rows,
            ["forked 10,050 10,000 3,000 2,902 4,098", "executed 20,050 23,500 16,500 2,902 4,098"]
        );
    }

    #[test]
    fn the_agent_is_told_of_in_parts() {
        let table = table(&report(&sample()), "The agent");
        let rows: Vec<_> = table[2..].iter().map(|row| row.join(" = ")).collect();
        assert_eq!(
            rows,
            [
                "its share of memory after 100,000 events, kB = 8,600",
                "... pages of its own = 1,100",
                "... files and maps = 3,402",
                "... rings, each once = 4,098",
                "million instructions from start to attached = 801.3",
                "... parse = 1.2",
                "... attach = 700.0",
                "seconds from SIGTERM until its output is closed = 0.30",
                "... until it has exited = 4.30",
            ]
        );
    }

    #[test]
    fn losses_of_both_stand_side_by_side() {
        let rows = |results: &Results| -> Vec<String> {
            let table = table(&report(results), "on four processors");
            table[2..].iter().map(|row| row.join(" ")).collect()
        };
        let bpftrace = "bpftrace, a pair that prints a line 200,000 151,234 –";
        assert_eq!(rows(&sample()), ["sigtrace 200,000 0 1,234", bpftrace]);
        let none = "bpftrace: does not attach to this kernel – – –";
        assert_eq!(rows(&sample_without_bpftrace()), ["sigtrace 200,000 0 1,234", none]);
    }

    #[test]
    fn a_bar_that_is_missed_says_so() {
        let table = table(&report(&sample()), "Bars");
        let find = |what: &str| table.iter().find(|row| row[0] == what).unwrap()[1..].join(" ");
        assert_eq!(find("kill: overhead"), "1251 at most 1250 NOT MET");
        assert_eq!(find("rt_sigprocmask: overhead"), "1500 at most 1500 met");
    }

    #[test]
    fn the_decoder_has_a_section_of_its_own() {
        let decode = decode();
        let section = of_decoder(&decode, "2026-11-21", &bars::of_decoder(&decode));
        assert_eq!(
            section,
            "### Decoding\n\n\
             1,230,000 kill events decoded and printed per second, on one core of the machine that \
             measured this, 2026-11-21.\n\n\
             | bar                                                        | figure |     to reach |     |\n\
             | ---------------------------------------------------------- | -----: | -----------: | --: |\n\
             | heap allocations per event                                 |      0 |    at most 0 | met |\n\
             | decoding, times as fast as by way of a `serde_json::Value` |    4.5 | at least 4.0 | met |\n"
        );
    }
}
