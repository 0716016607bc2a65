//! Where code is: handlers, and instructions that fault.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Background, Test, Trace, Tracer};
use sigtrace_tests::names::hex;
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_handler_is_told_with_its_file_and_its_function_among_any_number_of_mappings,
    without_arguments_functions_are_not_named,
    the_instruction_that_faults_is_told_as_the_kernel_logs_it,
    what_reads_symbols_is_nobody_and_is_not_told_of,
];

/// What the workload did with each of these numbers of mappings, and what was told meanwhile.
fn handlers(context: &str, mappings: &[&str]) -> (Vec<Value>, Trace) {
    let args = ["--events", "syscall,deliver", "-s", "rt_sigaction", "--stats", "--context"];
    let tracer = Tracer::start(&[&args[..], &[context]].concat());
    let run = |mappings: &&str| -> Value {
        let ended = Background::start("handlers", &[mappings]).end();
        assert!(ended.status.success(), "{ended:#?}");
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}"))
    };
    warm_up(|| _ = run(&"0"));
    let facts = mappings.iter().map(run).collect();
    (facts, tracer.finish())
}

/// Does something a few times: who asks first for a function may be told too late on a busy machine, and never waits.
fn warm_up(what: impl Fn()) {
    for _ in 0..2 {
        what();
        thread::sleep(Duration::from_millis(300));
    }
}

/// What is told of where the handlers of SIGUSR1 and SIGUSR2 are: as they are given, and as they run.
fn told(trace: &Trace, pid: &Value) -> [[Value; 2]; 2] {
    ["SIGUSR1", "SIGUSR2"].map(|sig| {
        let given = trace.calls_of("rt_sigaction").find(|call| {
            call["pid"] == *pid && call["args"]["sig"] == sig && !call["args"]["act"].is_null()
        });
        let taken = trace.events.iter().find(|it| {
            it["event"] == "deliver" && it["process"]["pid"] == *pid && it["sig"] == sig
        });
        [given, taken].map(|event| {
            let event = event.unwrap_or_else(|| panic!("{sig}: {:#?}", trace.events));
            event["handler_at"].clone()
        })
    })
}

/// Where the handler is, as the workload found it in /proc.
fn place(facts: &Value, symbol: Option<&str>) -> Value {
    let own = &facts["own"];
    json!({ "file": own["file"], "deleted": false, "offset": own["offset"], "symbol": symbol,
        "symbol_offset": symbol.map(|_| "0x0") })
}

const SYMBOL: &str = "workload::handlers::nothing_to_note";

fn a_handler_is_told_with_its_file_and_its_function_among_any_number_of_mappings() {
    let (facts, trace) = handlers("full", &["0", "30", "300", "9000"]);
    for facts in facts {
        assert_eq!(facts["own"]["file"], "/payload/workload");
        let own = place(&facts, Some(SYMBOL));
        let expected = [[own.clone(), own], [Value::Null, Value::Null]];
        assert_eq!(told(&trace, &facts["pid"]), expected);
    }
}

fn without_arguments_functions_are_not_named() {
    let (facts, trace) = handlers("basic", &["0"]);
    let own = place(&facts[0], None);
    let expected = [[own.clone(), own], [Value::Null, Value::Null]];
    assert_eq!(told(&trace, &facts[0]["pid"]), expected);
}

/// What the kernel logs from now on.
struct KernelLog(fs::File);

impl KernelLog {
    fn now() -> Self {
        let log = fs::File::open("/dev/kmsg").unwrap_or_else(|error| panic!("/dev/kmsg: {error}"));
        // SAFETY: no memory is involved.
        unsafe {
            libc::lseek(log.as_raw_fd(), 0, libc::SEEK_END);
            libc::fcntl(log.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK);
        }
        Self(log)
    }

    /// The lines so far, a record a read.
    fn lines(mut self) -> Vec<String> {
        let (mut lines, mut record) = (Vec::new(), [0; 8192]);
        while let Ok(length) = self.0.read(&mut record) {
            lines.push(String::from_utf8_lossy(&record[..length]).into_owned());
        }
        lines
    }
}

/// `workload[150]: segfault at 8 ip 00007ffff7ea3f60 sp … error 6 in workload[…]`
#[cfg(target_arch = "x86_64")]
fn logged_instruction(lines: &[String], pid: u32) -> Option<u64> {
    let begin = format!("workload[{pid}]: segfault at 8 ip ");
    let (_, rest) = lines.iter().find_map(|line| line.split_once(&begin))?;
    u64::from_str_radix(&rest[..16], 16).ok()
}

/// `workload[150]: unhandled exception: DABT (lower EL), ESR …` and, some records later, the registers:
/// `pc : 0000fffff7ea3f60`.
#[cfg(target_arch = "aarch64")]
fn logged_instruction(lines: &[String], pid: u32) -> Option<u64> {
    let begin = format!("workload[{pid}]: unhandled exception: ");
    let from = lines.iter().position(|line| line.contains(&begin))?;
    let (_, rest) = lines[from..].iter().find_map(|line| line.split_once("pc : "))?;
    u64::from_str_radix(&rest[..16], 16).ok()
}

/// Has the kernel log them, which Arm's does not unless it is told to.
fn log_faults() {
    if cfg!(target_arch = "aarch64") {
        let written = fs::write("/proc/sys/debug/exception-trace", "1");
        assert!(written.is_ok(), "{written:?}");
    }
}

fn the_instruction_that_faults_is_told_as_the_kernel_logs_it() {
    log_faults();
    let log = KernelLog::now();
    let tracer = Tracer::start(&["--events", "generate", "--context", "full", "--stats"]);
    let die = || {
        let dying = Background::start("die", &["fault"]);
        let pid = dying.pid();
        dying.end();
        pid
    };
    warm_up(|| _ = die());
    let pid = die();
    let trace = tracer.finish();
    let lines = log.lines();
    let ip = logged_instruction(&lines, pid);
    let ip = ip.unwrap_or_else(|| panic!("{pid} is not in {lines:?}"));
    let sent = trace.generates().find(|it| it["target"]["pid"] == pid && it["sig"] == "SIGSEGV");
    let sent = sent.unwrap_or_else(|| panic!("{:#?}", trace.events));
    assert_eq!(sent["instruction"], hex(ip));
    let at = &sent["instruction_at"];
    assert_eq!((&at["file"], &at["deleted"]), (&json!("/payload/workload"), &json!(false)));
    let symbol = at["symbol"].as_str().unwrap_or_else(|| panic!("{sent}"));
    assert!(symbol.contains("die") || symbol.contains("write_volatile"), "{symbol}");
    // All others are not because of an instruction.
    let others = trace.generates().filter(|it| it["sig"] != "SIGSEGV");
    let others: BTreeSet<_> = others.map(|it| it["instruction"].to_string()).collect();
    assert!(others.iter().all(|instruction| instruction == "null"), "{others:?}");
}

fn what_reads_symbols_is_nobody_and_is_not_told_of() {
    let tracer = Tracer::start(&["--events", "all", "--context", "full", "--stats"]);
    let agent = tracer.pid();
    let path = format!("/proc/{agent}/task/{agent}/children");
    let children = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let [child] = children.split_ascii_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{children:?}")
    };
    let status = fs::read_to_string(format!("/proc/{child}/status"));
    let status = status.unwrap_or_else(|error| panic!("{child}: {error}"));
    for line in [
        "Uid:\t65534\t65534\t65534\t65534",
        "Gid:\t65534\t65534\t65534\t65534",
        "Groups:\t ",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.lines().any(|has| has == line), "{line:?} is not in {status}");
    }
    let run = || {
        let ended = Background::start("handlers", &["0"]).end();
        assert!(ended.status.success(), "{ended:#?}");
    };
    warm_up(run);
    run();
    let trace = tracer.finish();
    assert!(trace.events.iter().any(|it| it["handler_at"]["symbol"] == SYMBOL));
    // What the agent is sent is not its own doing.
    let names = ["sigtrace", "sigtrace-syms"];
    let is_its = |who: &Value| names.iter().any(|name| who["comm"] == *name) && who["pid"] != agent;
    let own = trace.events.iter().find(|it| {
        is_its(it) || ["process", "sender", "target"].into_iter().any(|key| is_its(&it[key]))
    });
    assert_eq!(own, None);
    assert!(!fs::exists(format!("/proc/{child}")).unwrap_or(true), "{child} is still there");
}
