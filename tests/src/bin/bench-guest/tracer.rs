//! Tracers running beside us.

use std::env;
use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::json;
use sigtrace_tests::expect::entry;

/// Where tracers write: memory, so that no disk is in the way.
pub(crate) const EVENTS: &str = "/tmp/bench-events";
/// What they have to say beside.
const MESSAGES: &str = "/tmp/bench-messages";
/// Where sigtrace says that it is ready.
const SOCKET: &str = "/run/bench-ready";
const BPFTRACE: &str = "bpftrace";
const SIGTRACE: &str = "/payload/sigtrace";
/// How long a tracer may take to attach, or to end.
const PATIENCE: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(20);

/// The caller's registers with the arguments of a system call, in `struct pt_regs`.
const REGISTERS: [&str; 3] = if cfg!(target_arch = "x86_64") {
    ["di", "si", "dx"]
} else {
    ["regs[0]", "regs[1]", "regs[2]"]
};

/// A line for each call with what it was asked to do and what came of it, as one would write it:
/// what is known at entry is kept in a map until the return. `sys_` stands for what the kernel's functions begin
/// with, `ARG0` to `ARG2` for the [`REGISTERS`].
const CALLS: &str = r#"
kprobe:sys_kill {
  $regs = (struct pt_regs *)arg0;
  @kill[tid] = ($regs->ARG0, $regs->ARG1);
}
kretprobe:sys_kill {
  $call = @kill[tid];
  printf("%d %s kill(%d, %d) = %d\n", pid, comm, $call.0, $call.1, retval);
  delete(@kill[tid]);
}
kprobe:sys_rt_sigprocmask {
  $regs = (struct pt_regs *)arg0;
  @mask[tid] = ($regs->ARG0, *(uint64 *)uptr($regs->ARG1), $regs->ARG2);
}
kretprobe:sys_rt_sigprocmask {
  $call = @mask[tid];
  printf("%d %s rt_sigprocmask(%d, 0x%lx, 0x%lx) = %d\n",
    pid, comm, $call.0, $call.1, *(uint64 *)uptr($call.2), retval);
  delete(@mask[tid]);
}
"#;

/// A line for each signal that is sent: by whom, which, to whom, and what became of it, as sigsnoop has it.
const SIGNALS: &str = r#"
tracepoint:signal:signal_generate {
  printf("%d %s sends %d to %d: %d\n", pid, comm, args.sig, args.pid, args.result);
}
"#;
/// What is in such a line and in no other.
const OF_SIGNALS: &str = " sends ";

/// That of libbpf-tools, as Debian calls it, which has as much to say of each. It would keep its lines to itself
/// until there are many.
const SIGSNOOP: [&str; 3] = ["stdbuf", "-oL", "sigsnoop-libbpf"];
/// What is in its lines of signals: we go by this name, which its header does not have.
const OF_SIGSNOOP: &str = " bench-guest ";

/// A process that traces until it is stopped.
#[derive(Debug)]
pub(crate) struct Tracer {
    child: Child,
    name: String,
    /// Keeps a socket for what it has to say to a service manager.
    _socket: Option<UnixDatagram>,
}

/// A tracer that is attached, or why this one cannot be had here.
pub(crate) type Attached = Result<Tracer, Refusal>;

/// Why there is no tracer.
#[derive(Debug)]
pub(crate) struct Refusal {
    name: String,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// The guest has no such program.
    Absent,
    /// What it said when it ended, or attached to nothing, instead of getting ready.
    Said(String),
}

impl Tracer {
    /// Starts sigtrace and waits until its probes are attached.
    pub(crate) fn sigtrace(args: &[&str], stdout: Stdio) -> Result<Self> {
        Self::try_sigtrace(args, stdout)?.map_err(Refusal::into)
    }

    /// Starts a sigtrace that may not accept its arguments, or not on this kernel.
    pub(crate) fn try_sigtrace(args: &[&str], stdout: Stdio) -> Result<Attached> {
        // It is not there the first time.
        let _ = fs::remove_file(SOCKET);
        let socket = UnixDatagram::bind(SOCKET).context(SOCKET)?;
        socket.set_read_timeout(Some(STEP))?;
        let mut command = Command::new(SIGTRACE);
        command.args(args).env("NOTIFY_SOCKET", SOCKET);
        let mut tracer = Self::start(&mut command, stdout)?;
        let attached = tracer.wait_until(|| {
            let mut message = [0; 256];
            // Nothing has come yet; what is wrong with the socket shows in that it stays so.
            let size = socket.recv(&mut message).unwrap_or_default();
            Ok(message[..size].split(|&byte| byte == b'\n').any(|line| line == b"READY=1"))
        })?;
        tracer._socket = Some(socket);
        Ok(if attached { Ok(tracer) } else { Err(tracer.refusal()) })
    }

    /// Starts bpftrace, printing to [`EVENTS`], and waits until it has printed calls of ours. It
    /// may have no way to attach to this kernel.
    pub(crate) fn try_bpftrace() -> Result<Attached> {
        let calls = || {
            let mut old = 0u64;
            // SAFETY: plain system calls; the set has eight bytes. Signal 0 is never sent.
            unsafe {
                libc::syscall(libc::SYS_rt_sigprocmask, 0, 0, &raw mut old, 8);
                libc::kill(libc::getpid(), 0);
            }
        };
        let mut command = Command::new(BPFTRACE);
        Self::until_it_prints(
            BPFTRACE,
            command.args(["-e", &script()]),
            calls,
            &[" kill(", " rt_sigprocmask("],
        )
    }

    /// Starts a bpftrace that prints signals as they are sent, likewise.
    pub(crate) fn try_bpftrace_of_signals() -> Result<Attached> {
        let mut command = Command::new(BPFTRACE);
        let command = command.args(["-e", SIGNALS]);
        Self::until_it_prints(BPFTRACE, command, send, &[OF_SIGNALS])
    }

    /// Starts sigsnoop, likewise.
    pub(crate) fn try_sigsnoop() -> Result<Attached> {
        let [command, args @ .., program] = SIGSNOOP;
        let mut command = Command::new(command);
        Self::until_it_prints(program, command.args(args).arg(program), send, &[OF_SIGSNOOP])
    }

    /// Starts a tracer by `command`, printing to [`EVENTS`], and waits until it has printed all of this about what is
    /// done for it meanwhile. The guest may not have its `program`, and that no way to attach to this kernel.
    fn until_it_prints(
        program: &str,
        command: &mut Command,
        something: impl Fn(),
        lines: &[&str],
    ) -> Result<Attached> {
        if let Err(absent) = find(program) {
            return Ok(Err(absent));
        }
        let mut tracer = Self::start(command, File::create(EVENTS)?.into())?;
        let attached = tracer.wait_until(|| {
            something();
            std::thread::sleep(STEP);
            let events = fs::read(EVENTS)?;
            let events = String::from_utf8_lossy(&events);
            Ok(lines.iter().all(|line| events.contains(line)))
        })?;
        Ok(if attached { Ok(tracer) } else { Err(tracer.refusal()) })
    }

    /// Whether it got `ready` before it ended, and in time.
    fn wait_until(&mut self, ready: impl Fn() -> Result<bool>) -> Result<bool> {
        let start = Instant::now();
        while self.child.try_wait()?.is_none() && start.elapsed() < PATIENCE {
            if ready()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn start(command: &mut Command, stdout: Stdio) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(stdout).stderr(File::create(MESSAGES)?);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name, _socket: None })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has it end, waits for that, and says what it had to say on its standard error.
    pub(crate) fn stop(mut self) -> Result<String> {
        self.signal(libc::SIGINT)?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return fs::read_to_string(MESSAGES).context(MESSAGES);
            }
            std::thread::sleep(STEP);
        }
        bail!("{} does not stop", self.name)
    }

    /// Has it end as a service manager does, and waits for that.
    pub(crate) fn terminate(mut self) -> Result<()> {
        self.signal(libc::SIGTERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }

    fn signal(&self, signal: libc::c_int) -> Result<()> {
        let pid = libc::pid_t::try_from(self.child.id())?;
        // SAFETY: plain system call on a child we have not waited for.
        unsafe { libc::kill(pid, signal) };
        Ok(())
    }

    fn refusal(&self) -> Refusal {
        let messages = fs::read_to_string(MESSAGES).unwrap_or_default();
        Refusal { name: self.name.clone(), why: Why::Said(messages) }
    }
}

/// What bpftrace is to do with calls, in the names of this architecture.
fn script() -> String {
    let script = CALLS.replace("sys_", &entry(""));
    REGISTERS
        .iter()
        .enumerate()
        .fold(script, |script, (index, register)| script.replace(&format!("ARG{index}"), register))
}

/// Looks for a program of others, which the guest has only if it has a root image.
pub(crate) fn find(program: &str) -> Result<(), Refusal> {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|dir| dir.join(program).is_file()) {
        return Ok(());
    }
    Err(Refusal { name: program.to_owned(), why: Why::Absent })
}

/// Sends us a signal that we ignore.
fn send() {
    // SAFETY: plain system calls.
    unsafe { libc::kill(libc::getpid(), libc::SIGWINCH) };
}

impl Refusal {
    /// Says in a line of JSON that there are no figures of `tracer`, and why.
    pub(crate) fn print(&self, tracer: &str) {
        println!(
            "{}",
            match &self.why {
                Why::Absent => json!({ "measure": "absent", "program": self.name }),
                Why::Said(messages) =>
                    json!({ "measure": "refused", "tracer": tracer, "why": reason(messages) }),
            }
        );
    }
}

/// The line of a tracer's messages that tells most: the first about an error, else the last.
fn reason(messages: &str) -> &str {
    let lines = messages.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut lines = lines.filter(|line| !line.starts_with("sigtrace: warning: "));
    let error = |line: &&str| line.to_lowercase().contains("error");
    let line = lines.clone().find(error).or_else(|| lines.next_back());
    line.unwrap_or("it does not get ready, and says nothing")
}

impl From<Refusal> for anyhow::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal.why {
            Why::Absent => anyhow!("the guest has no {}", refusal.name),
            Why::Said(messages) => anyhow!("{} does not get ready: {messages}", refusal.name),
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Of one that has been waited for this only says that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_the_line_about_an_error() {
        let clap = "error: invalid value 'kprobe.multi' for '--probe <PROBE>'\n  [possible values: \
                    auto, kprobe, fentry]\n\nFor more information, try '--help'.\n";
        assert_eq!(reason(clap), "error: invalid value 'kprobe.multi' for '--probe <PROBE>'");
        assert_eq!(
            reason("Attached 2 probes\nERROR: Code not supported\n"),
            "ERROR: Code not supported"
        );
        let own = "sigtrace: warning: no error\n\nsigtrace: cannot attach\n";
        assert_eq!(reason(own), "sigtrace: cannot attach");
        assert_eq!(reason(""), "it does not get ready, and says nothing");
    }
    #[test]
    fn the_script_names_what_this_architecture_has() {
        let script = script();
        let lines: Vec<_> = script.lines().map(str::trim).skip(1).take(5).collect();
        let [first, second] = [REGISTERS[0], REGISTERS[1]];
        assert_eq!(
            lines,
            [
                &format!("kprobe:{} {{", entry("kill"))[..],
                "$regs = (struct pt_regs *)arg0;",
                &format!("@kill[tid] = ($regs->{first}, $regs->{second});"),
                "}",
                &format!("kretprobe:{} {{", entry("kill")),
            ]
        );
        assert!(!script.contains("ARG") && !script.contains(":sys_"), "{script}");
    }

    #[test]
    fn a_program_that_is_not_there_is_told_of() {
        assert!(find("sh").is_ok());
        let error = anyhow::Error::from(find("no-such-tracer").unwrap_err());
        assert_eq!(error.to_string(), "the guest has no no-such-tracer");
    }
}
