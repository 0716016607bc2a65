//! Why processes end, in words.

use std::io::{self, Write};

use sigtrace_common::Kind;

use super::{code, escape::Escaped, value};
use crate::{
    decode::{
        Cause, Fault, Generate, Handler, Members, OutOfMemory, Process, Reason, SentCall,
        SentOutcome, Siginfo,
    },
    names::{DefaultAction, default_action, si_code, signal, syscall},
    output::{
        code::Instruction,
        death::{Death, Sent},
        hex::Hex,
        process::Known,
        users::Users,
    },
};

/// `nginx[812] (www-data, web.service) killed by SIGKILL: kill(812, SIGKILL) by deploy.sh[4711] (root,
/// session-3.scope) "bash" "deploy.sh", under sshd[900], 12 µs before`.
pub(super) fn write(death: &Death<'_>, users: &Users, out: &mut Vec<u8>) -> io::Result<()> {
    let exit = death.exit;
    process(&exit.process, death.process, users, out)?;
    out.extend(b" killed by ");
    name(exit.signal, out)?;
    if exit.core_dumped {
        out.extend(b" (core dumped)");
    }
    out.extend(b": ");
    why(death, users, out)
}

/// What comes behind the colon.
pub(super) fn why(death: &Death<'_>, users: &Users, out: &mut Vec<u8>) -> io::Result<()> {
    let exit = death.exit;
    match (&death.sent, exit.reason, exit.key) {
        (Some(sent), ..) => {
            cause(sent, users, out)?;
            out.extend(b", ");
            elapsed(exit.time_ns.saturating_sub(sent.generate.time_ns), out)?;
            out.write_all(b" before")
        }
        (None, Reason::Seccomp(refused), _) => {
            out.extend(b"a seccomp filter refused ");
            value::name_or(syscall::name(refused.arch, refused.number), refused.number, out)
        }
        (None, Reason::Signal, Some(_)) => {
            out.write_all(b"not known; a signal, of which there is no record any more")
        }
        (None, Reason::Signal, None) => {
            out.write_all(b"not known; no signal was seen that did it, or none for certain")
        }
    }
}

/// `nginx[812] (www-data, web.service) got SIGHUP: kill(812, SIGHUP) by sh[900] (root): runs its handler`.
pub(super) fn write_effect(sent: &Sent<'_>, users: &Users, out: &mut Vec<u8>) -> io::Result<()> {
    let generate = sent.generate;
    let target = sent.ends.map(|ends| &ends.target);
    process(&generate.target.process, target, users, out)?;
    out.extend(b" got ");
    name(generate.signal, out)?;
    out.extend(b": ");
    cause(sent, users, out)?;
    write!(out, ": {}", effect(generate))
}

/// What came of a signal that ended nobody.
fn effect(generate: &Generate) -> &'static str {
    let state = &generate.target_state;
    let is_default = state.handler == Handler::Default;
    match generate.outcome {
        // It has its effect as it is sent, whatever becomes of it; by then there is no telling who was stopped.
        SentOutcome::Ignored if generate.signal == libc::SIGCONT => "it goes on, if it was stopped",
        SentOutcome::Ignored if state.namespace_init => {
            "no effect, as it is the init of a pid namespace and has no handler"
        }
        SentOutcome::Ignored if state.ignores(generate.signal) => "no effect, as it ignores it",
        SentOutcome::Ignored => "no effect, as it is ending already",
        SentOutcome::AlreadyPending => "merged into one that is pending already",
        SentOutcome::Overflow => "refused, as its user has too many signals pending",
        _ if state.awaited => "it waits for it",
        _ if state.blocked => "pending, as it blocks it",
        _ if !is_default => "it has a handler",
        _ => match default_action(generate.signal) {
            DefaultAction::Stop => "it stops",
            DefaultAction::Continue => "it goes on",
            DefaultAction::Ignore => "no effect",
            DefaultAction::Terminate | DefaultAction::Core => "it ends",
        },
    }
}

fn name(signo: i32, out: &mut Vec<u8>) -> io::Result<()> {
    value::name_or(signal::name(signo), signo, out)
}

/// `nginx[812] (www-data, web.service)`.
fn process(
    process: &Process,
    known: Option<&Known>,
    users: &Users,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    write!(out, "{}[{}] (", Escaped(process.comm.bytes()), process.pid)?;
    match users.name(process.uid) {
        Some(name) => write!(out, "{}", Escaped(name.as_bytes()))?,
        None => write!(out, "user {}", process.uid)?,
    }
    let group = known.and_then(|known| known.identity.as_ref()?.group.as_deref());
    let names = group.map(|group| &group.names);
    let unit = names.and_then(|names| names.user_unit.as_ref().or(names.unit.as_ref()));
    match (names.and_then(|names| names.container.as_ref()), unit) {
        (Some(container), _) => {
            let runtime = container.runtime.unwrap_or("container");
            write!(out, ", {runtime} {}", Escaped(container.id.as_bytes()))?;
        }
        (None, Some(unit)) => write!(out, ", {}", Escaped(unit.as_bytes()))?,
        (None, None) => {}
    }
    out.write_all(b")")
}

/// ` by deploy.sh[4711] (root, session-3.scope) "bash" "deploy.sh", under sshd[900]`.
fn sender(sent: &Sent<'_>, users: &Users, out: &mut Vec<u8>) -> io::Result<()> {
    let Some(sender) = &sent.generate.sender else { return Ok(()) };
    let target = &sent.generate.target.process;
    if (sender.process.pid, sender.process.start_ns) == (target.pid, target.start_ns) {
        return out.write_all(b" by itself");
    }
    let known = sent.ends.and_then(|ends| ends.sender.as_ref());
    out.extend(b" by ");
    process(&sender.process, known, users, out)?;
    let identity = known.and_then(|known| known.identity.as_ref());
    let image = identity.and_then(|identity| identity.image.as_deref());
    let args = image.and_then(|image| image.args.as_ref());
    for arg in args.into_iter().flat_map(|args| args.iter()) {
        write!(out, " \"{}\"", Escaped(arg))?;
    }
    if args.is_some_and(|args| args.truncated) {
        out.extend(b" ...");
    }
    // The one that all others descend from, of those that are worth a word.
    let parents = identity.and_then(|identity| identity.parents.as_deref()).unwrap_or_default();
    if let Some(parent) = parents.iter().rfind(|parent| parent.pid > 2) {
        write!(out, ", under {}[{}]", Escaped(parent.comm.bytes()), parent.pid)?;
    }
    Ok(())
}

/// Why it was sent.
fn cause(sent: &Sent<'_>, users: &Users, out: &mut Vec<u8>) -> io::Result<()> {
    let generate = sent.generate;
    if !generate.is_cause_certain {
        out.extend(b"probably ");
    }
    match generate.cause {
        Cause::Call => {
            if let Some(call) = &generate.call {
                write_call(call, out)?;
            }
            if generate.forged {
                out.extend(b" in the name of another,");
            }
        }
        Cause::Fault => {
            fault(generate.info.as_ref(), out)?;
            instruction(sent, out)?;
        }
        Cause::Pipe => out.extend(b"it wrote to a pipe or a socket that nobody reads"),
        Cause::Child => out.extend(b"a child of its ended, was stopped or went on"),
        Cause::Timer => out.extend(b"a timer of its ran out"),
        Cause::Alarm => out.extend(b"its alarm ran out"),
        Cause::Terminal => out.extend(b"its terminal"),
        Cause::Oom => memory(sent, out)?,
        Cause::Seccomp => refused(generate.info.as_ref(), out)?,
        Cause::UserDispatch => out.extend(b"a system call that it handles itself"),
        Cause::CpuLimit => out.extend(b"its processor time is used up (RLIMIT_CPU)"),
        Cause::RttimeLimit => {
            out.extend(b"its time of real-time scheduling is used up (RLIMIT_RTTIME)");
        }
        Cause::FileSizeLimit => out.extend(b"a file was to become too large (RLIMIT_FSIZE)"),
        Cause::ParentDeath => out.extend(b"its parent ended (PR_SET_PDEATHSIG)"),
        Cause::CgroupKill => out.extend(b"a write to cgroup.kill"),
        Cause::FileNotification => out.extend(b"a descriptor or a message queue"),
        Cause::Ptrace => out.extend(b"ptrace"),
        Cause::ExecOrExit => {
            out.extend(
                b"the end of the init of its pid namespace, or of its process group's parent",
            );
        }
        Cause::Kernel => out.extend(b"the kernel, which does not say why"),
    }
    sender(sent, users, out)
}

/// `kill(812, SIGKILL)`.
fn write_call(call: &SentCall, out: &mut Vec<u8>) -> io::Result<()> {
    let Some(syscall) = call.syscall() else { return Ok(()) };
    write!(out, "{}(", syscall.name)?;
    for (index, (arg, int)) in call.ints().enumerate() {
        if index > 0 {
            out.extend(b", ");
        }
        match arg.kind {
            Kind::Signal => name(int, out)?,
            Kind::Pid | Kind::Tid | Kind::Pidfd => write!(out, "{int}")?,
            _ => {
                out.extend(b"...");
                break;
            }
        }
    }
    out.write_all(b")")
}

/// `a fault, SEGV_MAPERR at 0x8`.
fn fault(info: Option<&Siginfo>, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend(b"a fault");
    let Some(info) = info else { return Ok(()) };
    if let Some(code) = si_code::name(info.signo, info.code) {
        write!(out, ", {code}")?;
    }
    if let Members::Fault { addr, detail } = info.members {
        write!(out, " at {}", Hex::new(addr))?;
        if let Fault::Key { pkey } = detail {
            write!(out, " (protection key {pkey})")?;
        }
    }
    Ok(())
}

/// `, by the instruction at /usr/sbin/nginx+0x1139 (main+0x10)`.
fn instruction(sent: &Sent<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    let instruction = sent.ends.and_then(|ends| ends.instruction.as_ref());
    let Some(Instruction { address, at }) = instruction else { return Ok(()) };
    out.extend(b", by the instruction at ");
    match at {
        Some(code) => code::write(code, out),
        None => write!(out, "{}", Hex::new(*address)),
    }
}

fn refused(info: Option<&Siginfo>, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend(b"a seccomp filter refused ");
    match info.map(|info| info.members) {
        Some(Members::Sys { syscall: number, arch, .. }) => {
            value::name_or(syscall::name(arch, number), number, out)
        }
        _ => out.write_all(b"a system call"),
    }
}

/// `out of memory in the control group /jobs (limit 20971520 bytes)`.
fn memory(sent: &Sent<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    let Some(OutOfMemory { cgroup: Some(id), .. }) = sent.generate.memory else {
        return out.write_all(b"the machine is out of memory");
    };
    out.extend(b"out of memory in the control group ");
    match sent.memory_group {
        Some(path) => write!(out, "{}", Escaped(path))?,
        None => write!(out, "{id}")?,
    }
    match sent.generate.memory.and_then(|memory| memory.limit_bytes()) {
        Some(limit) => write!(out, " (limit {limit} bytes)"),
        None => Ok(()),
    }
}

/// `12 µs`.
fn elapsed(ns: u64, out: &mut Vec<u8>) -> io::Result<()> {
    match ns {
        0..1_000 => write!(out, "{ns} ns"),
        1_000..1_000_000 => write!(out, "{} µs", ns / 1_000),
        1_000_000..1_000_000_000 => write!(out, "{} ms", ns / 1_000_000),
        _ => write!(out, "{}.{} s", ns / 1_000_000_000, ns / 100_000_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use sigtrace_common::{NO_CALL, fact, find};

    use super::*;
    use crate::decode::{
        self, WallClock,
        tests_of_exit::segfault,
        tests_of_generate::{bytes_of, terminate, words},
    };

    const CLOCK: WallClock = WallClock { offset_ns: 0 };

    /// The line of an end by this signal, which was sent so.
    fn line(signo: u8, record: &sigtrace_common::Generate) -> String {
        let generate = decode::generate(&bytes_of(record), CLOCK).unwrap();
        let sent = Sent { generate: &generate, ends: None, memory_group: Some(b"/jobs") };
        line_of(signo, Some(sent))
    }

    fn line_of(signo: u8, sent: Option<Sent<'_>>) -> String {
        let status = std::mem::offset_of!(sigtrace_common::Exit, status);
        let mut exit = decode::exit(&segfault(&[(status, &[signo])]), CLOCK).unwrap();
        exit.time_ns = 1_000_012_345;
        let mut out = Vec::new();
        let death = Death { exit: &exit, process: None, sent };
        write(&death, &Users::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn kernels(facts: u32, signal: u8, info: &[(usize, i32)]) -> sigtrace_common::Generate {
        let info = words(info);
        sigtrace_common::Generate { facts, signal, info, number: NO_CALL, ..terminate() }
    }

    #[test]
    fn who_killed_a_process_is_said_with_the_call() {
        assert_eq!(
            line(15, &terminate()),
            "nginx[812] (user 33) killed by SIGTERM: kill(812, SIGTERM) by sh[900] (user 1000), 12 µs before"
        );
        let itself = sigtrace_common::Generate { current: terminate().target, ..terminate() };
        assert!(line(6, &itself).contains(": kill(812, SIGTERM) by itself, 12 µs before"));
        let queue = u8::try_from(find("rt_sigqueueinfo").unwrap().0).unwrap();
        let forged = sigtrace_common::Generate {
            syscall: queue,
            info: words(&[(0, 15), (8, -1), (16, 1)]),
            ..terminate()
        };
        let expected =
            ": rt_sigqueueinfo(812, SIGTERM, ...) in the name of another, by sh[900] (user 1000)";
        assert!(line(15, &forged).contains(expected), "{}", line(15, &forged));
    }

    #[test]
    fn why_the_kernel_killed_a_process_is_said_in_words() {
        let own = fact::SAME_THREAD | fact::SAME_PROCESS;
        let private = fact::PRIV | fact::PROCESS;
        let segv = &[(0, 11), (8, 1), (16, 8)][..];
        let sys = &[(0, 31), (8, 1), (24, 83), (28, -0x3fff_ffc2)][..];
        let oom = sigtrace_common::Generate {
            memory: [4321, 5120],
            ..kernels(private | fact::OUT_OF_MEMORY, 9, &[])
        };
        let limit = decode::generate(&bytes_of(&oom), CLOCK).unwrap().memory.unwrap();
        let limit = limit.limit_bytes().unwrap();
        let mut of_group = String::new();
        write!(of_group, "out of memory in the control group /jobs (limit {limit} bytes), 12")
            .unwrap();
        for (signo, record, expected) in [
            (11, kernels(own | fact::OWN_INFO, 11, segv), "a fault, SEGV_MAPERR at 0x8, 12 µs"),
            (
                13,
                kernels(own | fact::NOINFO, 13, &[]),
                "it wrote to a pipe or a socket that nobody reads",
            ),
            (31, kernels(own | fact::OWN_INFO, 31, sys), "a seccomp filter refused mkdir, 12 µs"),
            (9, oom, of_group.as_str()),
            (9, kernels(private | fact::OUT_OF_MEMORY, 9, &[]), "the machine is out of memory, 12"),
            (
                24,
                kernels(private | fact::CPU_LIMIT, 24, &[]),
                "its processor time is used up (RLIMIT_CPU)",
            ),
            (2, kernels(private | fact::KERNEL_THREAD, 2, &[]), "probably its terminal, 12 µs"),
            (
                9,
                kernels(fact::NOINFO | fact::OWN, 9, &[]),
                "probably a write to cgroup.kill by sh[900] (user 1000), 12 µs",
            ),
            (14, kernels(private | fact::ITIMER, 14, &[]), "its alarm ran out, 12 µs"),
            (9, kernels(private, 9, &[]), "the kernel, which does not say why, 12 µs"),
        ] {
            let line = line(signo, &record);
            assert!(line.contains(&format!(": {expected}")), "{line}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert!(
            line_of(9, None)
                .ends_with(": not known; a signal, of which there is no record any more")
        );
        let exit = decode::exit(&segfault(&[]), CLOCK).unwrap();
        let exit = crate::decode::Exit { key: None, ..exit };
        let mut out = Vec::new();
        let death = Death { exit: &exit, process: None, sent: None };
        write(&death, &Users::default(), &mut out).unwrap();
        let line = String::from_utf8(out).unwrap();
        let said = "killed by SIGSEGV (core dumped): not known; no signal was seen that did it";
        assert!(line.contains(said));
    }

    #[test]
    fn what_a_signal_did_that_killed_nobody_is_said() {
        let effect = |facts, signal, handler, outcome| {
            let record = sigtrace_common::Generate {
                facts: terminate().facts | facts,
                signal,
                handler,
                outcome,
                ..terminate()
            };
            let generate = decode::generate(&bytes_of(&record), CLOCK).unwrap();
            let mut out = Vec::new();
            let sent = Sent { generate: &generate, ends: None, memory_group: None };
            write_effect(&sent, &Users::default(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            effect(fact::UNKILLABLE, 15, 0, 1),
            "nginx[812] (user 33) got SIGTERM: kill(812, SIGTERM) by sh[900] (user 1000): no effect, as it is \
             the init of a pid namespace and has no handler"
        );
        for (facts, signal, handler, outcome, expected) in [
            (0, 15, 1, 1, "no effect, as it ignores it"),
            (0, 17, 0, 1, "no effect, as it ignores it"),
            (0, 15, 0, 1, "no effect, as it is ending already"),
            (0, 18, 0, 1, "it goes on, if it was stopped"),
            (0, 15, 0, 2, "merged into one that is pending already"),
            (0, 34, 0, 3, "refused, as its user has too many signals pending"),
            (fact::BLOCKED, 1, 0x1000, 0, "pending, as it blocks it"),
            (fact::AWAITED, 1, 0x1000, 0, "it waits for it"),
            (0, 1, 0x1000, 0, "it has a handler"),
            (0, 19, 0, 0, "it stops"),
            (0, 18, 0, 0, "it goes on"),
        ] {
            let line = effect(facts, signal, handler, outcome);
            assert!(line.ends_with(&format!(": {expected}")), "{line}");
        }
    }

    #[test]
    fn times_have_a_unit_that_fits() {
        for (ns, expected) in
            [(999, "999 ns"), (12_345, "12 µs"), (3_500_000, "3 ms"), (61_250_000_000, "61.2 s")]
        {
            let mut out = Vec::new();
            elapsed(ns, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn a_name_can_forge_no_line() {
        let mut record = terminate();
        record.current.comm = *b"a\n\x1b[2J\0\0\0\0\0\0\0\0\0\0";
        let line = line(15, &record);
        assert!(!line.contains(['\n', '\x1b']), "{line:?}");
    }
}
