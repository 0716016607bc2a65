//! `sigtrace who`: its lines in words, whose deaths it tells of, and `who -- CMD`.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;

use serde_json::Value;
use sigtrace_tests::death::Death;
use sigtrace_tests::harness::{
    self, Background, Streaming, Test, Tracer, assert_who_tells_of_brief_lives, command,
    fits_schema, perform, spawn, temporary, until,
};
use sigtrace_tests::kernel::{Kernel, control_groups};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    why_a_process_died_reads_as_a_sentence,
    what_signals_did_that_killed_nobody_is_told_with_all,
    who_kills_a_command_is_told_and_its_status_passed_on,
    who_dies_is_selected_by_process_name_and_signal,
    the_killers_of_1000_are_known_whose_ids_are_used_again_within_a_second,
];

const WORKLOAD: &str = "/payload/workload";

/// A sigtrace that writes lines in words to a file.
struct Words {
    sigtrace: Streaming,
    path: PathBuf,
}

impl Words {
    fn start(args: &[&str]) -> Self {
        let path = temporary("who");
        let output = path.to_string_lossy();
        let sigtrace = Streaming::start(&[&["who", "-o", &output], args].concat(), Stdio::null());
        Self { sigtrace, path }
    }

    /// Its lines, without what is in them of time.
    fn finish(self) -> Vec<String> {
        self.sigtrace.signal(libc::SIGTERM);
        let (status, stderr) = self.sigtrace.end();
        assert!(status.success(), "{stderr}");
        let text = fs::read_to_string(&self.path).unwrap_or_else(|error| panic!("{error}"));
        let _ = fs::remove_file(&self.path);
        text.lines().map(without_times).collect()
    }
}

/// A line without the time at its beginning, and with a `T` for how long before it the signal was sent.
fn without_times(line: &str) -> String {
    let (time, line) = line.split_once(' ').unwrap_or_default();
    let is_digit = |at: usize| time.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    assert!(time.len() == 15 && [0, 1, 3, 4, 6, 7, 9, 14].into_iter().all(is_digit), "{time}");
    let Some((words, span)) = line.strip_suffix(" before").and_then(|line| line.rsplit_once(", "))
    else {
        return line.into();
    };
    let (number, unit) = span.split_once(' ').unwrap_or_default();
    let is_span = number.parse::<f64>().is_ok() && ["ns", "µs", "ms", "s"].contains(&unit);
    assert!(is_span, "{line}");
    // How far into the file is for `handlers` to test.
    let words = words.split_once("+0x").map_or(words, |(place, _)| place);
    format!("{words}, T before")
}

/// Who does the acts of a `workload day`, as it is called in words.
fn by(pid: impl std::fmt::Display, act: &str) -> String {
    let own = process::id();
    format!(
        "by workload[{pid}] (user 0) \"{WORKLOAD}\" \"day\" \"{act}\", under guest-tests[{own}]"
    )
}

fn why_a_process_died_reads_as_a_sentence() {
    let words = Words::start(&[]);
    let mut expected = Vec::new();
    let mut act = |act: &str, comm: &str, cause: &dyn Fn(&Death) -> String| {
        for death in perform(act).unwrap_or_else(|error| panic!("{error}")) {
            let signal = death.told["/sig"].as_str().unwrap_or_default();
            let (pid, cause) = (death.pid, cause(&death));
            expected.push(format!("{comm}[{pid}] (user 0) killed by {signal}: {cause}"));
        }
    };
    let killed = "a thread kills";
    act(killed, "workload", &|death| {
        let sender = by(&death.told["/generate/sender/pid"], killed);
        format!("kill({}, SIGTERM) {sender}, T before", death.pid)
    });
    act("a process kills itself", "workload", &|death| {
        format!("kill({}, SIGTERM) by itself, T before", death.pid)
    });
    let forged = "a sender forges its name";
    act(forged, "workload", &|death| {
        let sender = by(&death.told["/generate/sender/pid"], forged);
        let call = format!("rt_sigqueueinfo({}, SIGTERM, ...)", death.pid);
        format!("{call} in the name of another, {sender}, T before")
    });
    let seccomp = if Kernel::running().sends_what_seccomp_kills_by() {
        "a seccomp filter refused mkdirat, T before"
    } else {
        "a seccomp filter refused mkdirat"
    };
    for (name, comm, cause) in [
        (
            "a worker faults under its master",
            "workload",
            "a fault, SEGV_MAPERR at 0x8, by the instruction at /payload/workload, T before",
        ),
        (
            "the reader of a pipeline leaves",
            "yes",
            "it wrote to a pipe or a socket that nobody reads, T before",
        ),
        ("a filter refuses a call", "workload", seccomp),
        ("an alarm runs out", "workload", "its alarm ran out, T before"),
        ("a timer runs out", "workload", "a timer of its ran out, T before"),
        (
            "processor time is used up",
            "workload",
            "its processor time is used up (RLIMIT_CPU), T before",
        ),
        (
            "a file becomes too large",
            "workload",
            "a file was to become too large (RLIMIT_FSIZE), T before",
        ),
        ("Ctrl-C is typed", "workload", "probably its terminal, T before"),
    ] {
        act(name, comm, &|_| cause.into());
    }
    expected.extend(out_of_memory());
    assert_eq!(words.finish(), expected);
}

/// The line of a process that uses more memory than its control group may, where there can be such a group.
fn out_of_memory() -> Option<String> {
    let group = &format!("{}/who-memory", control_groups());
    let write = |path: &str, text: &str| fs::write(path, text);
    let _ = write(&format!("{}/cgroup.subtree_control", control_groups()), "+memory");
    fs::create_dir(group).unwrap_or_else(|error| panic!("{group}: {error}"));
    let line = Path::new(&format!("{group}/memory.max")).exists().then(|| {
        let cue = temporary("cue");
        let hungry = Background::start("day", &["hungry", &cue.to_string_lossy()]);
        let pid = hungry.pid();
        let done = write(&format!("{group}/memory.max"), "20971520")
            .and_then(|()| write(&format!("{group}/cgroup.procs"), &pid.to_string()))
            .and_then(|()| fs::write(&cue, ""));
        done.unwrap_or_else(|error| panic!("{error}"));
        hungry.end();
        let _ = fs::remove_file(cue);
        format!(
            "workload[{pid}] (user 0) killed by SIGKILL: out of memory in the control group /who-memory (limit \
             20971520 bytes), T before"
        )
    });
    until("the control group to be empty", || fs::remove_dir(group).ok());
    line
}

fn what_signals_did_that_killed_nobody_is_told_with_all() {
    let words = Words::start(&["--all"]);
    let act = "signals are ignored, caught and waited for";
    let sender = Background::start("day", &[act]);
    let of_sender = by(sender.pid(), act);
    let ended = sender.end();
    assert!(ended.status.success(), "{ended:?}");
    let container = "the init of a container is killed";
    let deaths = perform(container).unwrap_or_else(|error| panic!("{error}"));
    let lines = words.finish();
    let stopped = lines.iter().find(|line| line.contains(" got SIGSTOP: "));
    let pid = stopped.and_then(|line| line.split(['[', ']']).nth(1));
    let pid = pid.unwrap_or_else(|| panic!("{lines:#?}"));
    let got = |pid: &str| {
        let about = format!("workload[{pid}] (user 0) ");
        let about = lines.iter().filter_map(move |line| line.strip_prefix(&about));
        about.map(str::to_owned).collect::<Vec<_>>()
    };
    let of = |signal: &str, what: &str| {
        format!("got {signal}: kill({pid}, {signal}) {of_sender}: {what}")
    };
    let expected = [
        format!("got SIGSTOP: kill({pid}, SIGSTOP) by itself: it stops"),
        of("SIGTERM", "no effect, as it ignores it"),
        of("SIGUSR1", "it has a handler"),
        of("SIGCONT", "it goes on, if it was stopped"),
    ];
    let all = got(pid);
    assert_eq!(all[..all.len() - 1], expected);
    // It may have come to wait for it by then.
    let last = &all[all.len() - 1];
    let blocked = [of("SIGUSR2", "pending, as it blocks it"), of("SIGUSR2", "it waits for it")];
    assert!(blocked.contains(last), "{last}");

    let init = &deaths[0];
    let sender = by(&init.told["/generate/sender/pid"], container);
    let init = init.pid.to_string();
    let of_init = got(&init);
    let no_effect = "no effect, as it is the init of a pid namespace and has no handler";
    let from_inside = |signal: &str| {
        let begin = format!("got {signal}: kill(1, {signal}) by workload[");
        let is_told = |line: &String| line.starts_with(&begin) && line.ends_with(no_effect);
        assert!(of_init.iter().any(is_told), "{begin}: {of_init:#?}");
    };
    ["SIGTERM", "SIGINT", "SIGKILL"].into_iter().for_each(from_inside);
    let from_outside = [
        format!("got SIGTERM: kill({init}, SIGTERM) {sender}: {no_effect}"),
        format!("killed by SIGKILL: kill({init}, SIGKILL) {sender}, T before"),
    ];
    assert_eq!(of_init[of_init.len() - 2..], from_outside);
}

/// A process that does nothing until it is killed.
fn sleeper() -> Child {
    spawn(Command::new(WORKLOAD).arg("sleep"))
}

/// Has another process send a signal, and waits for the end of whom it kills. Its process id.
fn kill(victim: u32, signal: i32) -> u32 {
    let mut command = Command::new(WORKLOAD);
    let mut sender = spawn(command.args(["send", &victim.to_string(), &signal.to_string()]));
    assert!(sender.wait().is_ok_and(|status| status.success()));
    sender.id()
}

fn who_kills_a_command_is_told_and_its_status_passed_on() {
    let mut outsider = sleeper();
    let mut command = command(&["who", "--", WORKLOAD, "sleep"]);
    let outputs = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut sigtrace = Streaming::start_command(outputs);
    let children = format!("/proc/{0}/task/{0}/children", sigtrace.pid());
    let child = until("the command to run", || {
        let children = fs::read_to_string(&children).ok()?;
        // Beside it there is the process that reads symbols.
        children.split_ascii_whitespace().find_map(|child| {
            let comm = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
            (comm == "workload\n").then(|| child.parse::<u32>().ok())?
        })
    });
    kill(outsider.id(), libc::SIGKILL);
    let _ = outsider.wait();
    let sender = kill(child, libc::SIGTERM);
    let mut text = String::new();
    let read = sigtrace.stdout().read_to_string(&mut text);
    assert!(read.is_ok(), "{read:?}");
    let (status, stderr) = sigtrace.end();
    let lines: Vec<String> = text.lines().map(without_times).collect();
    let own = process::id();
    let expected = format!(
        "workload[{child}] (user 0) killed by SIGTERM: kill({child}, SIGTERM) by workload[{sender}] (user 0) \
         \"{WORKLOAD}\" \"send\" \"{child}\" \"15\", under guest-tests[{own}], T before"
    );
    assert_eq!(lines, [expected], "{stderr}");
    assert_eq!(status.code(), Some(128 + 15), "{stderr}");
    let remark = format!(
        "sigtrace: {WORKLOAD} was killed by SIGTERM: kill({child}, SIGTERM) by workload[{sender}] (user 0) "
    );
    assert!(stderr.contains(&remark), "{stderr}");
    let exits = harness::sigtrace(&["who", "--", "/bin/sh", "-c", "exit 3"]);
    assert_eq!(exits.status.code(), Some(3));
    assert!(exits.stderr.starts_with("sigtrace: /bin/sh exited with status 3\n"), "{exits:?}");
}

fn who_dies_is_selected_by_process_name_and_signal() {
    let named = spawn(Command::new("/bin/sleep").arg("600"));
    let mut victims = [sleeper(), named, sleeper()];
    let [one, named, other] = [0, 1, 2].map(|index: usize| victims[index].id());
    let pid = one.to_string();
    let filters: [(&[&str], &[u32]); 4] = [
        (&["-p", &pid], &[one]),
        (&["-c", "sleep"], &[named]),
        (&["-S", "KILL"], &[named, other]),
        (&["-S", "!KILL", "-c", "workload,sleep"], &[one]),
    ];
    let tracers: Vec<Tracer> = thread::scope(|scope| {
        let start =
            |args: &[&str]| Tracer::start_checking(&[&["who", "--format", "json"], args].concat());
        let started = filters.map(|(args, _)| scope.spawn(move || start(args)));
        started.into_iter().filter_map(|tracer| tracer.join().ok()).collect()
    });
    assert_eq!(tracers.len(), filters.len(), "sigtraces that did not start");
    for (victim, signal) in victims.iter_mut().zip([libc::SIGTERM, libc::SIGKILL, libc::SIGKILL]) {
        kill(victim.id(), signal);
        let _ = victim.wait();
    }
    for (tracer, (args, expected)) in tracers.into_iter().zip(filters) {
        let events = tracer.finish_unchecked();
        for event in &events {
            fits_schema(event).unwrap_or_else(|error| panic!("{error}: {event}"));
        }
        let told: Vec<&Value> = events.iter().map(|event| &event["process"]["pid"]).collect();
        assert_eq!(told, expected, "{args:?}");
    }
}

fn the_killers_of_1000_are_known_whose_ids_are_used_again_within_a_second() {
    assert_who_tells_of_brief_lives(1000);
}
