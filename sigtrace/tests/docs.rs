//! `docs/events.md` holds what the syscall table says, `docs/schema.json` is the schema of this version,
//! and `docs/service.md` names the limit of the unit. Where they differ, the code is right:
//!
//!     UPDATE_DOCS=1 cargo test --package sigtrace --test docs

use std::{
    collections::BTreeSet,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sigtrace::schema;
use sigtrace_common::{Abi, Access, Arg, Group, Hook, Kind, Outcome, SYSCALLS, Syscall, find};

const UPDATE: &str = "UPDATE_DOCS=1 cargo test --package sigtrace --test docs";
const BEGIN: &str = "<!-- from the syscall table: ";
const END: &str = "<!-- end -->";

#[test]
fn what_comes_from_the_syscall_table_is_what_it_says() {
    let path = root().join("docs/events.md");
    let written = read(&path);
    let generated = with_generated_parts(&written);
    hold(&path, &written, &generated);
}

#[test]
fn the_schema_is_the_one_that_is_printed() {
    let path = root().join("docs/schema.json");
    let mut generated = Vec::new();
    schema::write(&mut generated).unwrap();
    // There is none yet when the first one is to be written.
    let written = fs::read_to_string(&path).unwrap_or_default();
    hold(&path, &written, str::from_utf8(&generated).unwrap());
}

/// Holds a document against what it should be, or makes it so.
fn hold(path: &Path, written: &str, generated: &str) {
    if written == generated {
        return;
    }
    if env::var_os("UPDATE_DOCS").is_some() {
        // At once, as the other tests read it.
        let new = path.with_extension("new");
        return fs::write(&new, generated)
            .and_then(|()| fs::rename(new, path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let differs = |(_, (is, should_be)): &(usize, (&str, &str))| is != should_be;
    let both = written.lines().zip(generated.lines()).enumerate();
    let (line, (is, should_be)) = both.into_iter().find(differs).unwrap_or_default();
    panic!(
        "{} differs from the code, first in line {}:\n  is        {is}\n  should be \
         {should_be}\nTo rewrite what comes from the code: {UPDATE}",
        path.display(),
        line + 1
    );
}

#[test]
fn every_syscall_has_a_section() {
    let text = read(&root().join("docs/events.md"));
    for row in SYSCALLS {
        let part = format!("\n### {}\n\n{BEGIN}{} -->\n", row.name, row.name);
        assert_eq!(text.matches(&part).count(), 1, "docs/events.md needs a section:{part}");
    }
}

#[test]
fn every_syscall_has_an_example_with_its_arguments() {
    let mut shown = BTreeSet::new();
    for event in examples(&read(&root().join("docs/events.md"))) {
        // Merged calls have no arguments.
        let has_args = event["event"] != "repeated";
        let Some(name) = event["syscall"].as_str().filter(|_| has_args) else { continue };
        let (_, row) = find(name).unwrap_or_else(|| panic!("an example of {name}"));
        let args = event["args"].as_object().expect("args");
        let keys: BTreeSet<&str> = args.keys().map(String::as_str).collect();
        let mut expected = keys_of(row);
        // Whom the number of a caller in a namespace means.
        expected.extend(event.get("ns_pid").map(|_| "target"));
        assert_eq!(keys, expected, "the example of {name}");
        shown.insert(row.name);
    }
    let names = SYSCALLS.iter().map(|row| row.name);
    let missing: Vec<_> = names.filter(|name| !shown.contains(name)).collect();
    assert!(missing.is_empty(), "docs/events.md has no example of {missing:?}");
}

#[test]
fn every_event_shown_fits_the_schema() {
    let validator = jsonschema::validator_for(&schema::document()).expect("a schema");
    for document in ["docs/events.md", "docs/service.md", "README.md"] {
        let text = read(&root().join(document));
        let lines = text.lines().filter(|line| line.starts_with(r#"{"event":"#));
        let whole = lines.filter_map(|line| serde_json::from_str(line).ok());
        for event in whole.chain(examples(&text)) {
            if let Err(error) = validator.validate(&event) {
                panic!("{document}: {error} in {}: {event}", error.instance_path());
            }
        }
    }
}

#[test]
fn the_limit_of_the_unit_is_the_one_described() {
    let unit = read(&root().join("packaging/systemd/sigtrace.service"));
    let starts: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("ExecStart=")).collect();
    let [start] = starts[..] else { panic!("{starts:?}") };
    let (_, rest) = start.split_once(" --max-output-rate ").expect("a limit");
    let limit = rest.split_whitespace().next().unwrap_or_default();
    let described = format!("The unit's limit is `--max-output-rate {limit}`");
    let text = read(&root().join("docs/service.md"));
    assert!(text.contains(&described), "docs/service.md does not say: {described}");
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let root = root();
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    for document in docs.chain([root.join("README.md")]) {
        let text = read(&document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") {
                continue;
            }
            let path = match file {
                "" => document.clone(),
                _ => document.parent().unwrap().join(file),
            };
            assert!(path.exists(), "{}: {target}", document.display());
            let known = heading.is_empty() || headings(&read(&path)).contains(heading);
            assert!(known, "{}: {target}", document.display());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a link to each heading of a document ends in.
fn headings(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        heading.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// The JSON shown in a document.
fn examples(text: &str) -> Vec<Value> {
    let blocks = text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let parse = |block| serde_json::from_str(block).unwrap_or_else(|e| panic!("{e}: {block}"));
    blocks.map(parse).collect()
}

/// The keys of `args` in an event of this call.
fn keys_of(row: &Syscall) -> BTreeSet<&'static str> {
    let mut keys: BTreeSet<_> = row.args.iter().map(|arg| arg.name).collect();
    keys.extend(row.position(Kind::Signal).map(|_| "signo"));
    keys.extend(row.position(Kind::Pidfd).map(|_| "target"));
    keys
}

/// The document with what stands between the markers made anew.
fn with_generated_parts(text: &str) -> String {
    let mut parts = text.split(BEGIN);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(" -->\n").expect("a marker ends its line");
        let (_, rest) = rest.split_once(END).unwrap_or_else(|| panic!("{name}: no `{END}`"));
        let generated = match name {
            "syscalls" => overview(),
            "groups" => groups(),
            _ => section(find(name).unwrap_or_else(|| panic!("there is no syscall {name}")).1),
        };
        _ = write!(out, "{BEGIN}{name} -->\n\n{generated}\n{END}{rest}");
    }
    out
}

/// A row of a table for each syscall.
fn overview() -> String {
    let mut out = "| syscall | is to | arguments |\n|---|---|---|\n".to_owned();
    for Syscall { name, summary, args, .. } in SYSCALLS {
        let args: Vec<_> = args.iter().map(|arg| format!("`{}`", arg.name)).collect();
        _ = writeln!(out, "| [{name}](#{name}) | {summary} | {} |", args.join(" "));
    }
    out
}

/// A row of a table for each group.
fn groups() -> String {
    let mut out = "| group | syscalls |\n|---|---|\n".to_owned();
    for group in Group::ALL {
        let rows = SYSCALLS.iter().filter(|row| row.is_in(group)).map(|row| row.name);
        _ = writeln!(out, "| `@{}` | {} |", group.name(), rows.collect::<Vec<_>>().join(", "));
    }
    out
}

/// What the table says about one syscall.
fn section(row: &Syscall) -> String {
    let mut out = arguments(row);
    if let Hook::Function(names) = row.hook {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        _ = writeln!(out, "\nProbed in {}, whichever the kernel has.", names.join(" or "));
    }
    let is_entry = matches!(row.hook, Hook::Entry);
    out += if is_entry {
        "\n| caller | number | entry |\n|---|---|---|\n"
    } else {
        "\n| caller | number |\n|---|---|\n"
    };
    // x32 callers come as those of x86_64 unless they have an entry of their own.
    let abis = Abi::ALL.into_iter().filter(|abi| *abi != Abi::X32 || row.entries.x32.is_some());
    for abi in abis {
        let name = abi.name();
        _ = match row.entries.get(abi) {
            Some(entry) if !is_entry => writeln!(out, "| {name} | {} |", entry.number),
            Some(entry) => writeln!(out, "| {name} | {} | `{}` |", entry.number, entry.symbol),
            None => writeln!(out, "| {name} | none | |"),
        };
    }
    let groups: Vec<_> = row.groups.iter().map(|group| format!("`@{}`", group.name())).collect();
    let blocks = if row.blocks { "can sleep for long" } else { "does not sleep" };
    _ = writeln!(out, "\n`ret`: {}. Groups: {}. It {blocks}.", ret(row), groups.join(" "));
    out
}

fn arguments(row: &Syscall) -> String {
    if row.args.is_empty() {
        return "No arguments: `args` is `{}`.\n".to_owned();
    }
    let mut out = "| argument | type | read |\n|---|---|---|\n".to_owned();
    for arg in row.args {
        _ = writeln!(out, "| `{}` | {} | {} |", arg.name, kind(arg.kind), when(row, arg));
    }
    out
}

fn kind(kind: Kind) -> String {
    let name = match kind {
        Kind::Pid => "`pid_t`: a process or a group",
        Kind::Tid => "`pid_t`: a thread",
        Kind::Fd => "`int`: a file descriptor",
        Kind::Pidfd => "`int`: a pidfd; adds `target`",
        Kind::Size => "`size_t`",
        Kind::Signal => "`int`: a signal; adds `signo`",
        Kind::How => "`int`: `SIG_*`",
        Kind::SignalfdFlags => "`int`: flags `SFD_*`",
        Kind::PidfdSignalFlags => "`unsigned int`: flags `PIDFD_SIGNAL_*`",
        Kind::PidfdOpenFlags => "`unsigned int`: flags `PIDFD_*`",
        Kind::SignalSet => "`sigset_t *`",
        Kind::Sigaction => "`struct sigaction *`",
        Kind::Siginfo => "`siginfo_t *`",
        Kind::Stack => "`stack_t *`",
        Kind::Timespec => "`struct timespec *`",
        Kind::Int => "`int`, without a meaning",
        Kind::OldMask => "`old_sigset_t`: the first 32 signals",
        Kind::OldSignalSet => "`old_sigset_t *`",
        Kind::Handler => "`__sighandler_t`: an address, `SIG_DFL` or `SIG_IGN`",
        Kind::OldSigaction => "`struct old_sigaction *`",
        Kind::Timespec64 => "`struct __kernel_timespec *`",
        Kind::SignalfdSiginfo => "`struct signalfd_siginfo *`: 128 bytes each",
    };
    match (kind.size(), kind.size_under(Abi::I386)) {
        (0, _) => name.to_owned(),
        (wide, narrow) if wide == narrow => format!("{name}: {wide} bytes"),
        (wide, narrow) => format!("{name}: {wide} bytes, {narrow} of a 32-bit caller"),
    }
}

fn when(row: &Syscall, arg: &Arg) -> &'static str {
    match (arg.access, row.outcome) {
        (Access::Value, _) => "at entry, from its register",
        (Access::In, _) => "at entry; again at return if it could not be read",
        (Access::Out, Outcome::Signal) => "at return, if `ret` is a signal",
        (Access::Out, Outcome::Bytes) => "at return, if `ret` is more than 0",
        (Access::Out, _) => "at return, if `ret` is 0",
        (Access::Frame, _) => "at entry, from the signal frame at the caller's stack pointer",
        (Access::Kernel, _) => "at entry, from the kernel's own objects",
        (Access::Returned, _) => "at return, what was returned",
    }
}

fn ret(row: &Syscall) -> &'static str {
    match row.outcome {
        Outcome::Status => "0, or a negative errno",
        Outcome::Fd => "a file descriptor, or a negative errno",
        Outcome::Signal => "the number of the signal taken, or a negative errno",
        Outcome::Nothing => "always `null`",
        Outcome::Restart => "a negative errno or restart code, or what the resumed call returns",
        Outcome::Handler => "the address of the old handler, or a negative errno",
        Outcome::Mask => "the old mask as a number",
        Outcome::Bytes => "how many bytes were read, 128 for each signal, or a negative errno",
    }
}
