//! What the ways of the workload `cause` have to be told as.

use serde_json::{Value, json};
use sigtrace_tests::expect::AUDIT_ARCH;
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::names::{self, POLL};

use super::sent::{Sent, child_of, of_child, to_process, to_thread};

/// A way: its name, and the events by the facts that the workload states.
pub(super) type Act = (&'static str, fn(&Facts) -> Vec<Sent>);

/// What the workload stated.
pub(super) struct Facts(pub(super) Value);

impl Facts {
    /// The workload's process.
    pub(super) fn own(&self) -> &Value {
        &self.0["self"]
    }

    fn get(&self, name: &str) -> &Value {
        match &self.0[name] {
            Value::Null => panic!("no {name} in {}", self.0),
            fact => fact,
        }
    }

    /// A child of the workload's.
    fn child(&self, name: &str) -> Value {
        child_of(self.own(), self.get(name))
    }

    /// What the workload is told of that.
    fn killed(&self, child: &Value, signo: i32) -> Sent {
        of_child(child, self.own(), "CLD_KILLED", signo)
    }

    fn exited(&self, child: &Value, status: i32) -> Sent {
        of_child(child, self.own(), "CLD_EXITED", status)
    }

    /// The workload ends a child.
    fn finished(&self, child: &Value) -> [Sent; 2] {
        let kill = to_process(libc::SIGKILL, child).kill(self.own()).fatal();
        [kill, self.killed(child, libc::SIGKILL)]
    }

    /// It has no such thing.
    fn lacks_it(&self) -> bool {
        !self.0["missing"].is_null()
    }
}

/// What the kernel sends.
pub(super) const BY_KERNEL: &[Act] = &[
    ("nothing", |_| vec![]),
    ("faults", faults),
    ("pipe", pipe),
    ("file-size", file_size),
    ("seccomp", seccomp),
    ("timers", timers),
    ("child", child),
    ("parent-death", parent_death),
    ("ptrace", ptrace),
    ("namespace-end", namespace_end),
    ("notices", notices),
    ("cgroup-kill", cgroup_kill),
    ("oom", oom),
    ("terminal", terminal),
    ("session-end", session_end),
    ("terminal-given-up", terminal_given_up),
    ("background", background),
    ("job-keys", job_keys),
    ("orphans", orphans),
    ("cpu-limit", |facts| used_up(facts, "cpu_limit")),
    ("rttime-limit", |facts| used_up(facts, "rttime_limit")),
];

/// What becomes of what calls send.
pub(super) const BY_STATE: &[Act] = &[
    ("dispositions", dispositions),
    ("queues", queues),
    ("forged", forged),
    ("states", states),
    ("threads", threads),
    ("namespace-init", namespace_init),
];

fn faults(facts: &Facts) -> Vec<Sent> {
    let fault = |name: &str, signo, code: &str| {
        let of = facts.get(name);
        let child = child_of(facts.own(), &of["pid"]);
        let sent = to_thread(signo, &child).because("fault");
        let sent = match code {
            "" => sent.in_kernels_name(),
            code => sent.info(code, json!({ "addr": of["addr"] })),
        };
        [sent, facts.killed(&child, signo)]
    };
    let mut told =
        [fault("memory", libc::SIGSEGV, "SEGV_MAPERR"), fault("bus", libc::SIGBUS, "BUS_ADRERR")]
            .concat();
    told.extend(FAULTS.iter().flat_map(|(name, signo, code)| fault(name, *signo, code)));
    if cfg!(target_arch = "x86_64") {
        let mut privilege = fault("privilege", libc::SIGSEGV, "");
        // The same as what a bad frame of a handler comes to.
        privilege[0] = privilege[0].clone().because("kernel");
        told.extend(privilege);
    }
    told
}

/// What instructions of this machine come to: by the names of the workload, the signals and their codes.
#[cfg(target_arch = "x86_64")]
const FAULTS: &[(&str, i32, &str)] = &[
    ("division", libc::SIGFPE, "FPE_INTDIV"),
    ("instruction", libc::SIGILL, "ILL_ILLOPN"),
    ("breakpoint", libc::SIGTRAP, ""),
];
#[cfg(target_arch = "aarch64")]
const FAULTS: &[(&str, i32, &str)] = &[
    ("instruction", libc::SIGILL, "ILL_ILLOPC"),
    ("breakpoint", libc::SIGTRAP, "TRAP_BRKPT"),
    ("privilege", libc::SIGILL, "ILL_ILLOPC"),
    ("alignment", libc::SIGBUS, "BUS_ADRALN"),
    ("tagged", libc::SIGSEGV, "SEGV_MAPERR"),
    ("memory_tag", libc::SIGSEGV, "SEGV_MTESERR"),
];

fn pipe(facts: &Facts) -> Vec<Sent> {
    let child = facts.child("child");
    let sent = to_thread(libc::SIGPIPE, &child).in_name_of(&child).because("pipe").fatal();
    vec![sent, facts.killed(&child, libc::SIGPIPE)]
}

fn file_size(facts: &Facts) -> Vec<Sent> {
    let child = facts.child("child");
    let sent = to_thread(libc::SIGXFSZ, &child).in_name_of(&child).because("file_size_limit");
    vec![sent, facts.killed(&child, libc::SIGXFSZ)]
}

fn seccomp(facts: &Facts) -> Vec<Sent> {
    let (trapped, killed) = (facts.child("trapped"), facts.child("killed"));
    let refused = |child, at, errno: i32| {
        let call = json!({ "call_addr": facts.get(at), "syscall": libc::SYS_getppid,
            "arch": AUDIT_ARCH, "syscall_name": "getppid" });
        to_thread(libc::SIGSYS, child).info("SYS_SECCOMP", call).errno(errno).because("seccomp")
    };
    let mut sent = vec![
        refused(&trapped, "trapped_at", 7).caught(facts.get("handler")),
        facts.exited(&trapped, 0),
    ];
    if Kernel::running().sends_what_seccomp_kills_by() {
        sent.push(refused(&killed, "killed_at", 9));
    }
    sent.push(facts.killed(&killed, libc::SIGSYS));
    sent
}

fn timers(facts: &Facts) -> Vec<Sent> {
    let (own, handler) = (facts.own(), facts.get("handler"));
    let interval =
        |signo, cause| to_process(signo, own).in_kernels_name().because(cause).caught(handler);
    let of_program = |sent: Sent, id| {
        let value = facts.get("value");
        let ptr = names::hex(value.as_u64().unwrap_or_default());
        let info = json!({ "timerid": facts.get(id), "overrun": 0, "int": value, "ptr": ptr });
        sent.info("SI_TIMER", info).because("timer").caught(handler)
    };
    vec![
        interval(libc::SIGALRM, "alarm"),
        interval(libc::SIGALRM, "alarm"),
        interval(libc::SIGVTALRM, "timer"),
        interval(libc::SIGPROF, "timer"),
        of_program(to_process(libc::SIGRTMIN(), own), "timer"),
        of_program(to_thread(libc::SIGRTMIN() + 1, own), "of_work"),
    ]
}

fn child(facts: &Facts) -> Vec<Sent> {
    let (own, killed, other) = (facts.own(), facts.child("killed"), facts.child("other"));
    let instead = to_process(libc::SIGUSR1, own)
        .info("CLD_EXITED", json!({ "pid": other["pid"], "uid": 0, "status": 4 }))
        .probably("child")
        .caught(facts.get("handler"));
    vec![
        facts.exited(&facts.child("exited"), 3),
        to_process(libc::SIGSTOP, &killed).kill(own).harmless(),
        of_child(&killed, own, "CLD_STOPPED", libc::SIGSTOP),
        to_process(libc::SIGCONT, &killed).kill(own).without_effect().stopped(),
        of_child(&killed, own, "CLD_CONTINUED", libc::SIGCONT),
        to_process(libc::SIGTERM, &killed).kill(own).fatal(),
        facts.killed(&killed, libc::SIGTERM),
        instead,
    ]
}

/// The workload adopts the child before that is sent anything.
fn parent_death(facts: &Facts) -> Vec<Sent> {
    let (parent, child) = (facts.child("parent"), facts.child("child"));
    let sent = to_process(libc::SIGTERM, &child).in_name_of(&parent).because("parent_death");
    vec![sent.by(&parent).fatal(), facts.exited(&parent, 0), facts.killed(&child, libc::SIGTERM)]
}

fn ptrace(facts: &Facts) -> Vec<Sent> {
    let (own, child, tracer) = (facts.own(), facts.child("child"), facts.child("tracer"));
    let by = |signo, tracer| {
        to_thread(signo, &child).in_kernels_name().because("ptrace").by(tracer).traced()
    };
    vec![
        by(libc::SIGSTOP, own).harmless(),
        of_child(&child, own, "CLD_TRAPPED", libc::SIGSTOP),
        by(libc::SIGKILL, &tracer).fatal(),
        facts.exited(&tracer, 0),
        facts.killed(&child, libc::SIGKILL),
    ]
}

fn namespace_end(facts: &Facts) -> Vec<Sent> {
    let first = facts.child("first");
    let second = child_of(&first, facts.get("second"));
    let [kill, killed] = facts.finished(&first);
    let sent = to_process(libc::SIGKILL, &second).in_kernels_name().because("exec_or_exit");
    vec![kill.first_of_namespace().in_namespace(0), sent.by(&first).fatal(), killed]
}

fn notices(facts: &Facts) -> Vec<Sent> {
    let (own, handler) = (facts.own(), facts.get("handler"));
    let [by_choice, by_default, by_message] =
        ["by_choice", "by_default", "by_message"].map(|name| facts.child(name));
    let notice = |signo| to_process(signo, own).because("file_notification").caught(handler);
    let band = json!({ "band": names::flags(0x41, POLL), "fd": facts.get("fd") });
    vec![
        notice(libc::SIGRTMIN() + 1).info("POLL_IN", band).by(&by_choice),
        facts.exited(&by_choice, 0),
        notice(libc::SIGIO).in_kernels_name(),
        facts.exited(&by_default, 0),
        notice(libc::SIGUSR2).value("SI_MESGQ", &by_message, facts.get("value")).by(&by_message),
        facts.exited(&by_message, 0),
    ]
}

fn cgroup_kill(facts: &Facts) -> Vec<Sent> {
    if facts.lacks_it() {
        assert!(!Kernel::running().kills_cgroups(), "{}", facts.0);
        return vec![];
    }
    let own = facts.own();
    let pids = facts.get("children").as_array().into_iter().flatten();
    let children: Vec<Value> = pids.map(|pid| child_of(own, pid)).collect();
    let kill = |child| {
        to_thread(libc::SIGKILL, child).in_name_of(own).probably("cgroup_kill").by(own).fatal()
    };
    children.iter().map(kill).collect()
}

fn oom(facts: &Facts) -> Vec<Sent> {
    assert!(!facts.lacks_it(), "the kernel has no memory controller");
    let child = facts.child("child");
    let sent = to_process(libc::SIGKILL, &child).in_kernels_name().because("oom").fatal();
    let sent = sent.memory(facts.get("cgroup"), facts.get("limit"));
    vec![sent, facts.killed(&child, libc::SIGKILL)]
}

/// Who types is not known.
fn terminal(facts: &Facts) -> Vec<Sent> {
    let (own, handler) = (facts.own(), facts.get("handler"));
    let leader = facts.child("leader");
    let member = child_of(&leader, facts.get("member"));
    let adopted = facts.child("member");
    let sent = |signo, target| to_process(signo, target).in_kernels_name().probably("terminal");
    let [kill, killed] = facts.finished(&adopted);
    vec![
        sent(libc::SIGINT, &member).caught(handler),
        sent(libc::SIGWINCH, &member).by(own).ignored(),
        sent(libc::SIGHUP, &leader).by(own).fatal(),
        sent(libc::SIGCONT, &leader).by(own).without_effect(),
        sent(libc::SIGHUP, &member).by(&leader).caught(handler),
        sent(libc::SIGCONT, &member).by(&leader).without_effect(),
        facts.killed(&leader, libc::SIGHUP),
        kill,
        killed,
    ]
}

fn session_end(facts: &Facts) -> Vec<Sent> {
    let leader = facts.child("leader");
    let member = child_of(&leader, facts.get("member"));
    let [kill, killed] = facts.finished(&facts.child("member"));
    let sent = to_process(libc::SIGHUP, &member).in_kernels_name().probably("terminal");
    vec![sent.by(&leader).caught(facts.get("handler")), facts.exited(&leader, 0), kill, killed]
}

/// Without a siginfo, and so in the name of who gives it up, which TIOCNOTTY does (`disassociate_ctty`,
/// `drivers/tty/tty_jobctrl.c`). Nothing is sent any more as that exits.
fn terminal_given_up(facts: &Facts) -> Vec<Sent> {
    let leader = facts.child("leader");
    let member = child_of(&leader, facts.get("member"));
    let [kill, killed] = facts.finished(&facts.child("member"));
    let sent = |signo| {
        let sent = to_process(signo, &member).in_name_of(&leader).probably("terminal");
        sent.by(&leader)
    };
    vec![
        sent(libc::SIGHUP).caught(facts.get("handler")),
        sent(libc::SIGCONT).without_effect(),
        facts.exited(&leader, 0),
        kill,
        killed,
    ]
}

/// Whoever uses the terminal from the background sends that to its process group (`__tty_check_change`), of which the
/// process that joined last comes first.
fn background(facts: &Facts) -> Vec<Sent> {
    let leader = facts.child("leader");
    let pids = facts.get("background").as_array().into_iter().flatten();
    let pids: Vec<Value> = pids.map(|pid| child_of(&leader, pid)).collect();
    let [idle, reads, sets_mode, sets_group, ignores, writes] = &pids[..] else {
        panic!("{}", facts.0)
    };
    let ends = |child| {
        let kill = to_process(libc::SIGKILL, child).kill(&leader).fatal();
        [kill, of_child(child, &leader, "CLD_KILLED", libc::SIGKILL)]
    };
    let stops = |signo, user| {
        let sent = |target| {
            let sent = to_process(signo, target).in_kernels_name().probably("terminal");
            sent.by(user)
        };
        let mut sent = vec![
            sent(user).harmless(),
            sent(idle).caught(facts.get("handler")),
            of_child(user, &leader, "CLD_STOPPED", signo),
        ];
        sent.extend(ends(user));
        sent
    };
    let mut sent = stops(libc::SIGTTIN, reads);
    sent.extend(stops(libc::SIGTTOU, sets_mode));
    sent.extend(stops(libc::SIGTTOU, sets_group));
    sent.push(of_child(ignores, &leader, "CLD_EXITED", 0));
    sent.extend(stops(libc::SIGTTOU, writes));
    sent.extend(ends(idle));
    sent.extend(session_end(facts));
    sent
}

/// A key is worked off by a thread of the kernel (`flush_to_ldisc`), but a faked one by who fakes it (`tiocsti`), and
/// so is what the other end of a pseudoterminal has it send (`pty_signal`).
fn job_keys(facts: &Facts) -> Vec<Sent> {
    let (own, handler) = (facts.own(), facts.get("handler"));
    let leader = facts.child("leader");
    let member = child_of(&leader, facts.get("member"));
    let sent = |signo| to_process(signo, &member).in_kernels_name().probably("terminal");
    let mut all = vec![
        sent(libc::SIGTSTP).harmless(),
        of_child(&member, &leader, "CLD_STOPPED", libc::SIGTSTP),
        to_process(libc::SIGCONT, &member).kill(own).caught(handler).stopped(),
        of_child(&member, &leader, "CLD_CONTINUED", libc::SIGCONT),
        sent(libc::SIGINT).by(own).caught(handler),
        sent(libc::SIGINT).by(own).caught(handler),
    ];
    all.extend(session_end(facts));
    all
}

/// As its parent ends, the workload adopts the child.
fn orphans(facts: &Facts) -> Vec<Sent> {
    let leader = facts.child("leader");
    let parent = child_of(&leader, facts.get("parent"));
    let (child, adopted) = (child_of(&parent, facts.get("child")), facts.child("child"));
    let sent = |signo| {
        let sent = to_process(signo, &adopted).in_kernels_name().probably("exec_or_exit");
        sent.by(&parent).stopped()
    };
    let [kill, killed] = facts.finished(&leader);
    vec![
        to_process(libc::SIGSTOP, &child).kill(&parent).harmless(),
        of_child(&child, &parent, "CLD_STOPPED", libc::SIGSTOP),
        sent(libc::SIGHUP),
        sent(libc::SIGCONT).without_effect(),
        of_child(&parent, &leader, "CLD_EXITED", 0),
        of_child(&adopted, facts.own(), "CLD_CONTINUED", libc::SIGCONT),
        facts.killed(&adopted, libc::SIGHUP),
        kill,
        killed,
    ]
}

fn used_up(facts: &Facts, cause: &str) -> Vec<Sent> {
    let child = facts.child("child");
    let sent = |signo| to_process(signo, &child).in_kernels_name().because(cause);
    vec![
        sent(libc::SIGXCPU).caught(facts.get("handler")),
        sent(libc::SIGKILL).fatal(),
        facts.killed(&child, libc::SIGKILL),
    ]
}

fn dispositions(facts: &Facts) -> Vec<Sent> {
    let own = facts.own();
    let [caught, ignoring, ended] = ["caught", "ignoring", "ended"].map(|name| facts.child(name));
    let kill = |signo, target| to_process(signo, target).kill(own);
    let mut sent = vec![kill(libc::SIGUSR1, &caught).caught(facts.get("handler"))];
    sent.extend(facts.finished(&caught));
    sent.push(kill(libc::SIGUSR1, &ignoring).ignored_on_purpose());
    sent.push(kill(libc::SIGWINCH, &ignoring).ignored());
    sent.extend(facts.finished(&ignoring));
    sent.push(kill(libc::SIGUSR1, &ended).fatal());
    sent.push(facts.killed(&ended, libc::SIGUSR1));
    sent
}

fn queues(facts: &Facts) -> Vec<Sent> {
    let own = facts.own();
    let [blocked, full, waiting] = ["blocked", "full", "waiting"].map(|name| facts.child(name));
    let kill = |signo, target| to_process(signo, target).kill(own);
    let queue = |signo, target| {
        let sent = to_process(signo, target).value("SI_QUEUE", own, facts.get("value"));
        sent.call("rt_sigqueueinfo", own)
    };
    let mut sent = vec![
        kill(libc::SIGUSR1, &blocked).blocked(),
        kill(libc::SIGUSR1, &blocked).blocked().outcome("already_pending").harmless(),
    ];
    sent.extend(facts.finished(&blocked));
    let signo = libc::SIGRTMIN();
    sent.push(kill(signo, &full).blocked().outcome("info_lost"));
    sent.push(queue(signo, &full).blocked().outcome("overflow").harmless());
    sent.extend(facts.finished(&full));
    sent.push(kill(libc::SIGUSR1, &waiting).awaited());
    sent.push(queue(libc::SIGKILL, &waiting).fatal());
    sent.push(facts.killed(&waiting, libc::SIGKILL));
    sent
}

/// The call it is, and no fault.
fn forged(facts: &Facts) -> Vec<Sent> {
    let child = facts.child("child");
    let sent = to_process(libc::SIGSEGV, &child).info("SEGV_MAPERR", json!({ "addr": "0x8" }));
    vec![sent.call("rt_sigqueueinfo", &child).forged(), facts.killed(&child, libc::SIGSEGV)]
}

/// What kills a process that is stopped has made it go on already.
fn states(facts: &Facts) -> Vec<Sent> {
    let own = facts.own();
    let (stopped, traced) = (facts.child("stopped"), facts.child("traced"));
    let kill = |signo, target| to_process(signo, target).kill(own);
    let mut sent = vec![
        kill(libc::SIGSTOP, &stopped).harmless(),
        of_child(&stopped, own, "CLD_STOPPED", libc::SIGSTOP),
        kill(libc::SIGTERM, &stopped).stopped(),
    ];
    sent.extend(facts.finished(&stopped));
    sent.push(kill(libc::SIGTERM, &traced).traced());
    sent.push(of_child(&traced, own, "CLD_TRAPPED", libc::SIGTERM));
    let [kill, killed] = facts.finished(&traced);
    sent.extend([kill.traced(), killed]);
    sent
}

fn threads(facts: &Facts) -> Vec<Sent> {
    let own = facts.own();
    let child = facts.child("child");
    let mut other = child.clone();
    other["tid"] = facts.get("other").clone();
    let sent = to_thread(libc::SIGTERM, &other).value("SI_TKILL", own, &json!(0));
    let sent = sent.call("tgkill", own);
    vec![sent.fatal(), facts.killed(&child, libc::SIGTERM)]
}

/// It does not see who sends it.
fn namespace_init(facts: &Facts) -> Vec<Sent> {
    let child = facts.child("child");
    let term = to_process(libc::SIGTERM, &child).kill(facts.own()).in_namespace(0);
    let [kill, killed] = facts.finished(&child);
    vec![
        term.first_of_namespace().without_effect(),
        kill.first_of_namespace().in_namespace(0),
        killed,
    ]
}
