//! A /proc that hides processes (`hidepid`), from who may trace others and from who may not.

use std::ffi::CStr;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Child, Command};
use std::ptr;

use serde_json::{Value, json};
use sigtrace_tests::harness::{Puppet, Test, Trace, Tracer, command, run_to_end, sigtrace, spawn};
use sigtrace_tests::names;
use sigtrace_tests::tests;

use crate::context::{drop_right_to_trace, missed, process, with};
use crate::lives::{assert_calls_took, performed};
use crate::pending::{block_term, until_it_is};

/// All of them.
pub const TESTS: &[Test] = tests![
    who_killed_whom_is_told_though_proc_hides_them,
    calls_take_no_wrong_signal_though_proc_hides_what_was_pending,
    pending_shows_root_all_and_tells_others_that_processes_are_hidden,
    a_process_that_is_selected_and_hidden_is_not_said_to_be_missing,
];

const WORKLOAD: &str = "/payload/workload";
const USER: u32 = 1001;
const NOBODY: u32 = 65_534;

/// From here on this thread, and what it starts, has a /proc that shows a process to who may trace it only.
/// Without a group of its own it would show all to the group of root.
fn hide_processes() {
    let mount = |source: &CStr, target: &CStr, flags, options: *const libc::c_char| {
        // SAFETY: strings that end.
        let done = unsafe {
            libc::mount(source.as_ptr(), target.as_ptr(), source.as_ptr(), flags, options.cast())
        };
        assert_eq!(done, 0, "{}: {}", target.to_string_lossy(), io::Error::last_os_error());
    };
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNS) }, 0);
    mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE, ptr::null());
    mount(c"proc", c"/proc", 0, c"hidepid=2,gid=4242".as_ptr());
}

/// Whether what we start sees this process there.
fn is_shown(pid: u32) -> bool {
    let listed = Command::new("/bin/busybox").args(["ls", &format!("/proc/{pid}/stat")]).output();
    listed.is_ok_and(|listed| listed.status.success())
}

/// A process of this user that does nothing until it is killed.
fn sleeper(user: u32) -> Command {
    let mut command = Command::new(WORKLOAD);
    command.arg("sleep").uid(user).gid(user);
    command
}

/// One that has begun to.
fn start(command: &mut Command) -> Child {
    let child = spawn(command);
    until_it_is("workload", child.id());
    child
}

fn blocks_term() -> io::Result<()> {
    block_term();
    Ok(())
}

/// A process at our command, of this user.
fn puppet(user: u32) -> Puppet {
    let mut puppet = Puppet::start();
    if user != 0 {
        puppet.order(&format!("user {user}"));
    }
    puppet
}

/// Without what cannot be foreseen, and what only threads have.
fn foreseeable(process: &Value) -> Value {
    let mut process = process.clone();
    for key in ["start", "tid"] {
        process.as_object_mut().and_then(|process| process.shift_remove(key));
    }
    process
}

/// A process that killed another.
struct Kill {
    killer: u32,
    victim: u32,
    user: u32,
    /// Whether both began before tracing did.
    is_old: bool,
}

impl Kill {
    /// Who is told of, if arguments are told of those who began before tracing did. The puppet has a path among
    /// its own that nobody knows but itself.
    fn told(&self, has_arguments: bool, path: &Value) -> [Value; 2] {
        let killer = match self.is_old {
            true => json!([WORKLOAD, "puppet", path]),
            false => json!([WORKLOAD, "send", self.victim.to_string(), "15"]),
        };
        let nothing = ["cmdline", "cmdline_truncated", "cmdline_redacted"];
        let nothing = nothing.map(|key| (key, Value::Null));
        [(self.killer, killer), (self.victim, json!([WORKLOAD, "sleep"]))].map(|(pid, cmdline)| {
            let ids = [("uid", json!(self.user)), ("gid", json!(self.user))];
            let told = with(process(pid, "workload", WORKLOAD, &[]), &ids);
            match self.is_old && !has_arguments {
                true => with(told, &nothing),
                false => with(told, &[("cmdline", cmdline)]),
            }
        })
    }

    /// Who was told of in the end of the victim, and the signal that it got.
    fn assert_told(&self, end: &Value, sent: &Value, has_arguments: bool) {
        let got = [&sent["sender"], &end["process"]].map(foreseeable);
        let expected = self.told(has_arguments, &got[0]["cmdline"][2]);
        assert_eq!(got, expected, "{end}");
        assert_eq!(foreseeable(&sent["target"]), expected[1], "{sent}");
        let how = json!([sent["cause"], sent["call"], end["sig"]]);
        assert_eq!(how, json!(["call", "kill", "SIGTERM"]), "{end}");
    }
}

/// Has processes of two users, which began before tracing or after, kill others. They are to be told of by `who`
/// and in events, those who began before it with their arguments or without.
fn assert_who_killed_whom_is_told(has_arguments: bool) {
    let mut old = [0, USER].map(|user| (user, puppet(user), start(&mut sleeper(user))));
    if !has_arguments {
        drop_right_to_trace();
    }
    for (_, puppet, victim) in &old {
        let pids = [puppet.pid().cast_unsigned(), victim.id()];
        assert_eq!(pids.map(is_shown), [has_arguments; 2]);
    }
    let who = Tracer::start_checking(&["who", "--format", "json"]);
    let tracer = Tracer::start(&["--events", "generate,exit", "--context", "full", "--stats"]);
    let mut kills = Vec::new();
    let mut end = |victim: &mut Child, killer, user, is_old| {
        let _ = victim.wait();
        kills.push(Kill { killer, victim: victim.id(), user, is_old });
    };
    for (user, puppet, victim) in &mut old {
        let user = *user;
        puppet.call(&format!("kill {} 15", victim.id()));
        end(victim, puppet.pid().cast_unsigned(), user, true);
        let mut victim = start(&mut sleeper(user));
        let mut sender = Command::new(WORKLOAD);
        sender.args(["send", &victim.id().to_string(), "15"]).uid(user).gid(user);
        let mut sender = spawn(&mut sender);
        assert!(sender.wait().is_ok_and(|status| status.success()));
        end(&mut victim, sender.id(), user, false);
    }
    let trace = tracer.finish();
    let by_signals: Vec<Value> = who.finish_unchecked();
    for kill in &kills {
        let of = |event: &&Value, key: &str| event[key]["pid"] == kill.victim;
        let end = by_signals.iter().find(|end| of(end, "process")).expect("an end");
        kill.assert_told(end, &end["generate"], has_arguments);
        let end = trace.exits().find(|end| of(end, "process")).expect("an end");
        let sent = trace.generates().find(|sent| of(sent, "target")).expect("a signal");
        assert_eq!(end["generate"], sent["id"]);
        kill.assert_told(end, sent, has_arguments);
    }
    assert_eq!((missed(&trace), by_signals.len()), (0, kills.len()), "{by_signals:#?}");
    assert_only_accounts(&trace);
}

/// Nothing is warned of.
fn assert_only_accounts(trace: &Trace) {
    let stderr = &trace.stderr;
    let is_account = stderr.starts_with("sigtrace: ") && stderr.contains(" filtered out, 0 lost");
    assert!(is_account && stderr.lines().count() == 1, "{stderr}");
}

fn who_killed_whom_is_told_though_proc_hides_them() {
    hide_processes();
    assert_who_killed_whom_is_told(true);
    // As in the service, which may not trace. The kernel tells who there is and what it executes.
    assert_who_killed_whom_is_told(false);
}

fn calls_take_no_wrong_signal_though_proc_hides_what_was_pending() {
    hide_processes();
    let (usr1, usr2, rt) = (libc::SIGUSR1, libc::SIGUSR2, libc::SIGRTMIN());
    for is_shown in [true, false] {
        let mut old = Puppet::start();
        let pid = old.pid();
        old.call(&format!("rt_sigprocmask 2 {}", names::bits(&[usr1, usr2, rt])));
        let mut sender = Puppet::start();
        let mut send = |signo: i32| drop(sender.call(&format!("kill {pid} {signo}")));
        // Nothing tells later that these were pending, unless /proc did.
        [usr1, rt].into_iter().for_each(&mut send);
        if !is_shown {
            drop_right_to_trace();
        }
        assert_eq!(self::is_shown(pid.cast_unsigned()), is_shown);
        let tracer = Tracer::start(&["--events", "all", "-s", "rt_sigtimedwait,read"]);
        [usr1, rt, usr2].into_iter().for_each(&mut send);
        let mut take = |signo: i32| {
            let call = format!("rt_sigtimedwait {} 0", names::bits(&[signo]));
            assert_eq!(old.call(&call)["ret"], signo);
        };
        [usr1, rt, rt, usr2].into_iter().for_each(&mut take);
        send(usr1);
        take(usr1);
        let facts = performed("taken-by-calls");
        let trace = tracer.finish();
        let calls = trace.calls().filter(|call| call["pid"] == pid);
        let taken: Vec<&Value> = calls.map(|call| &call["generate"]).collect();
        let sent = trace.generates().filter(|sent| sent["target"]["pid"] == pid);
        let sent: Vec<&Value> = sent.map(|sent| &sent["id"]).collect();
        let nothing = &Value::Null;
        // The second of two that are alike, and then what was sent once.
        let right = [nothing, nothing, sent[1], sent[2], sent[3]];
        assert_eq!(taken.len(), right.len());
        let is_right = |(taken, right): (&&Value, &Value)| taken.is_null() || *taken == right;
        assert!(taken.iter().zip(right).all(is_right), "{taken:?} {right:?}");
        let is_known = taken[3..].iter().all(|taken| !taken.is_null());
        assert!(is_known || !is_shown, "{taken:?}");
        // What began since is known without /proc.
        assert_calls_took(&trace, &facts);
        assert_only_accounts(&trace);
    }
}

fn pending_shows_root_all_and_tells_others_that_processes_are_hidden() {
    hide_processes();
    let mut sleepers = [0, NOBODY].map(|user| {
        let mut command = sleeper(user);
        // SAFETY: what is done there are system calls.
        start(unsafe { command.pre_exec(blocks_term) })
    });
    let [of_root, of_nobody] = [0, 1].map(|index: usize| sleepers[index].id());
    let blocked = |by: &str| {
        format!(
            "  SIGTERM: blocked by the process itself, or by {by}; it stays pending until a thread unblocks \
             it, or takes it with sigwait(3) or a signalfd\n"
        )
    };
    let line = |pid: u32, user: u32| format!("{pid} workload {user} SIGTERM no blocked -");
    let words = |table: &str| -> Vec<String> {
        let lines = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
        lines.map(|words| words.join(" ")).collect()
    };

    let named = ["pending", &of_root.to_string(), &of_nobody.to_string(), "-S", "TERM"];
    let all = ["pending", "-S", "TERM"];
    let ended = sigtrace(&named);
    let own = format!("guest-tests[{}]", process::id());
    let said = |pid, user| {
        let of_parent =
            format!("a thread of its parent that has ended (no thread of {own} blocks it)");
        format!("workload[{pid}]: user {user}, child of {own}\n{}", blocked(&of_parent))
    };
    let both = said(of_root, 0) + &said(of_nobody, NOBODY);
    assert_eq!((ended.status.code(), ended.stdout, ended.stderr), (Some(0), both, String::new()));
    let ended = sigtrace(&all);
    let table = words(&ended.stdout);
    for line in [line(of_root, 0), line(of_nobody, NOBODY)] {
        assert!(table.contains(&line), "{table:#?}");
    }
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));

    let by_nobody = |args: &[&str]| run_to_end(command(args).uid(NOBODY).gid(NOBODY));
    let ended = by_nobody(&[&named[..], &["5000000"]].concat());
    let only_own = format!(
        "workload[{of_nobody}]: user {NOBODY}\n{}",
        blocked("a parent that cannot be seen")
    );
    let hidden = format!(
        "sigtrace: /proc hides process {of_root} from us (hidepid); run sigtrace as root\n\
         sigtrace: no process has the id 5000000\n"
    );
    assert_eq!((ended.status.code(), ended.stdout, ended.stderr), (Some(1), only_own, hidden));
    let ended = by_nobody(&all);
    let header = "PID COMM UID SIGNAL PENDING FATE INHERITED FROM".to_owned();
    assert_eq!(words(&ended.stdout), [header, line(of_nobody, NOBODY)]);
    let hidden =
        "sigtrace: /proc hides processes from us (hidepid); run sigtrace as root to see all\n";
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), hidden));
    for sleeper in &mut sleepers {
        let _ = sleeper.kill();
        let _ = sleeper.wait();
    }
}

fn a_process_that_is_selected_and_hidden_is_not_said_to_be_missing() {
    hide_processes();
    let mut puppet = Puppet::start();
    let mut old = puppet.fork();
    let (pid, of_old) = (puppet.pid(), old.pid());
    drop_right_to_trace();
    let tracer = Tracer::start(&["-s", "kill", "-p", &pid.to_string(), "--follow"]);
    let target = process::id();
    puppet.call(&format!("kill {target} 0"));
    // A child that it has already cannot be found, which is warned of.
    old.call(&format!("kill {target} 0"));
    let young = puppet.fork_to(&format!("kill {target} 0"));
    let trace = tracer.finish();
    let callers: Vec<&Value> = trace.calls().map(|call| &call["pid"]).collect();
    assert_eq!(callers, [pid, young.pid()], "not {of_old}");
    let warning = format!(
        "sigtrace: warning: --pid: /proc hides process {pid} from us (hidepid): threads and descendants that \
         it has already may be missed\n"
    );
    let rest = trace.stderr.strip_prefix(&warning).unwrap_or_else(|| panic!("{}", trace.stderr));
    assert_eq!(rest.lines().count(), 1, "{rest}");
}
