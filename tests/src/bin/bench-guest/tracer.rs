//! Tracers running beside us.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// Where tracers write: memory, so that no disk is in the way.
pub(crate) const EVENTS: &str = "/tmp/bench-events";
/// What they have to say beside.
const MESSAGES: &str = "/tmp/bench-messages";
/// Where sigtrace says that it is ready.
const SOCKET: &str = "/run/bench-ready";
const SIGTRACE: &str = "/payload/sigtrace";
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);

/// A line for each call with what it was asked to do and what came of it, as one would write it:
/// what is known at entry is kept in a map until the return.
const BPFTRACE: &str = r#"
kprobe:__x64_sys_kill {
  $regs = (struct pt_regs *)arg0;
  @kill[tid] = ($regs->di, $regs->si);
}
kretprobe:__x64_sys_kill {
  $call = @kill[tid];
  printf("%d %s kill(%d, %d) = %d\n", pid, comm, $call.0, $call.1, retval);
  delete(@kill[tid]);
}
kprobe:__x64_sys_rt_sigprocmask {
  $regs = (struct pt_regs *)arg0;
  @mask[tid] = ($regs->di, *(uint64 *)uptr($regs->si), $regs->dx);
}
kretprobe:__x64_sys_rt_sigprocmask {
  $call = @mask[tid];
  printf("%d %s rt_sigprocmask(%d, 0x%lx, 0x%lx) = %d\n",
    pid, comm, $call.0, $call.1, *(uint64 *)uptr($call.2), retval);
  delete(@mask[tid]);
}
"#;

/// A process that traces until it is stopped.
#[derive(Debug)]
pub(crate) struct Tracer {
    child: Child,
    name: String,
    /// Keeps a socket for what it has to say to a service manager.
    _socket: Option<UnixDatagram>,
}

impl Tracer {
    /// Starts sigtrace and waits until its probes are attached.
    pub(crate) fn sigtrace(args: &[&str], stdout: Stdio) -> Result<Self> {
        // It is not there the first time.
        let _ = fs::remove_file(SOCKET);
        let socket = UnixDatagram::bind(SOCKET).context(SOCKET)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut command = Command::new(SIGTRACE);
        command.args(args).env("NOTIFY_SOCKET", SOCKET);
        let mut tracer = Self::start(&mut command, stdout)?;
        let mut message = [0; 256];
        loop {
            let size = socket.recv(&mut message).with_context(|| tracer.complaint())?;
            if message[..size].split(|&byte| byte == b'\n').any(|line| line == b"READY=1") {
                tracer._socket = Some(socket);
                return Ok(tracer);
            }
        }
    }

    /// Starts bpftrace, printing to [`EVENTS`], and waits until it has printed calls of ours.
    pub(crate) fn bpftrace() -> Result<Self> {
        let mut command = Command::new("bpftrace");
        let mut tracer = Self::start(command.args(["-e", BPFTRACE]), File::create(EVENTS)?.into())?;
        let start = Instant::now();
        loop {
            let mut old = 0u64;
            // SAFETY: plain system calls; the set has eight bytes. Signal 0 is never sent.
            unsafe {
                libc::syscall(libc::SYS_rt_sigprocmask, 0, 0, &raw mut old, 8);
                libc::kill(libc::getpid(), 0);
            }
            std::thread::sleep(STEP);
            let events = fs::read_to_string(EVENTS)?;
            if events.contains(" kill(") && events.contains(" rt_sigprocmask(") {
                return Ok(tracer);
            }
            let alive = tracer.child.try_wait()?.is_none() && start.elapsed() < PATIENCE;
            ensure!(alive, tracer.complaint());
        }
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
        let pid = libc::pid_t::try_from(self.child.id())?;
        // SAFETY: plain system call on a child we have not waited for.
        unsafe { libc::kill(pid, libc::SIGINT) };
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return fs::read_to_string(MESSAGES).context(MESSAGES);
            }
            std::thread::sleep(STEP);
        }
        bail!("{} does not stop", self.name)
    }

    fn complaint(&self) -> String {
        let messages = fs::read_to_string(MESSAGES).unwrap_or_default();
        format!("{} does not get ready: {messages}", self.name)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Of one that has been waited for this only says that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
