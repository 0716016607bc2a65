//! Making calls and writing down what was expected of them.

use std::fs::File;
use std::io::Write as _;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sigtrace_tests::expect::{BEGIN, END, Expected, Identity};
use sigtrace_tests::names::set;

use crate::abi::{self, natively};
use crate::action::BLOCKABLE;
use crate::actions;
use crate::call::Call;
use crate::identity;
use crate::masks;

/// What a thread does. Its calls count from [`begin`](Self::begin) to [`end`](Self::end).
pub(crate) struct Script {
    /// Who makes the calls: what the thread knows to have changed, it changes here.
    pub(crate) identity: Identity,
    lines: Vec<Expected>,
}

impl Script {
    /// From now on the thread makes no call that it does not state.
    pub(crate) fn begin() -> Self {
        let script = Self { identity: identity::own(), lines: Vec::new() };
        mark(BEGIN);
        script
    }

    /// Makes a call that is expected to return `ret`: what the kernel function returns, so a
    /// negative errno if it fails. Returns what the call returned.
    pub(crate) fn call(&mut self, call: Call, ret: i64) -> i64 {
        let (got, mut line) = self.make(call, |_| ret);
        if got != ret {
            line.problem = Some(format!("it returned {got} instead of {ret}"));
        }
        self.lines.push(line);
        got
    }

    /// Makes a call that is expected to return `got`, but is to be told of as if it had returned
    /// `ret`, being more than one to the kernel.
    pub(crate) fn call_as(&mut self, call: Call, got: i64, ret: i64) {
        let (returned, mut line) = self.make(call, |_| ret);
        if returned != got {
            line.problem = Some(format!("it returned {returned} instead of {got}"));
        }
        self.lines.push(line);
    }

    /// Makes a call that is expected to succeed with a number nobody can foresee, such as a
    /// descriptor. Returns it.
    pub(crate) fn call_for_number(&mut self, call: Call) -> i64 {
        let (got, mut line) = self.make(call, |got| got);
        if got < 0 {
            line.problem = Some(format!("it failed with {got}"));
        }
        self.lines.push(line);
        got
    }

    /// Makes a call that a handler interrupts: it returns the restart code `ret` to the kernel, and
    /// EINTR to us. The return from the handler is to be stated with
    /// [`sigreturn`](Self::sigreturn).
    pub(crate) fn call_interrupted(&mut self, call: Call, ret: i64) {
        let (got, mut line) = self.make(call, |_| ret);
        if got != -i64::from(libc::EINTR) {
            line.problem = Some(format!("it returned {got} instead of -EINTR"));
        }
        self.lines.push(line);
    }

    /// Makes a call that does not return, as it ends the process; `ret` is nevertheless what the
    /// kernel function returns, nothing if it does not even that.
    pub(crate) fn call_to_the_end(mut self, call: Call, ret: Option<i64>, how: Option<&str>) -> ! {
        let line = self.line(&call, call.args_now(), ret, how);
        self.lines.push(line);
        self.write();
        let got = call.make();
        eprintln!("{} returned {got} instead of ending us", call.name);
        std::process::abort();
    }

    /// Writes what is to be said of a call while it is under way: before it is made.
    pub(crate) fn write_unfinished(&self, call: &Call) {
        write(&self.line(call, call.args_now(), None, Some("unfinished")));
    }

    /// A handler has returned to a thread whose mask is `mask`.
    pub(crate) fn sigreturn(&mut self, mask: u64) {
        // It was set through the program's own interface, so that is how it returns.
        natively(|| self.handler_returned("rt_sigreturn", mask));
    }

    /// Likewise, by a call of this name.
    pub(crate) fn handler_returned(&mut self, name: &str, mask: u64) {
        self.returned_from_mask(name, masks::of_handler(), mask);
    }

    /// A handler that ran with the mask `blocked` has returned to a thread whose mask is `mask`.
    pub(crate) fn returned_from_mask(&mut self, name: &str, blocked: u64, mask: u64) {
        self.state(name, json!({ "mask": set(mask) }), None);
        if let Some(line) = self.lines.last_mut() {
            masks::state(&mut line.event, Some([blocked, mask & BLOCKABLE]));
        }
    }

    /// A call was made that is not made by [`call`](Self::call): by a handler during the last
    /// call, or by the kernel, which restarted it.
    pub(crate) fn state(&mut self, name: &str, args: Value, ret: Option<i64>) {
        let mut line = self.stated(name, abi::name_for(name), args, ret);
        line.after_ns = self.lines.last().map_or(0, |last| last.after_ns);
        line.before_ns = Some(now_ns());
        self.lines.push(line);
    }

    /// The next call is made twice: the kernel restarts it after it returned `ret` to it.
    pub(crate) fn state_restarted(&mut self, call: &Call, ret: i64) {
        let line = self.line(call, call.args_now(), Some(ret), None);
        self.lines.push(line);
    }

    /// From now on the thread's calls do not count. Writes what was expected of those before.
    pub(crate) fn end(self) {
        mark(END);
        self.write();
    }

    /// Does something whose calls do not count.
    pub(crate) fn off_the_record<T>(&self, what: impl FnOnce() -> T) -> T {
        mark(END);
        let result = what();
        mark(BEGIN);
        result
    }

    fn make(&self, call: Call, ret: impl FnOnce(i64) -> i64) -> (i64, Expected) {
        let (name, abi) = (call.name, call.abi);
        let changes_mask = masks::are_changed_by(name);
        let before = if changes_mask { masks::blocked() } else { 0 };
        let signo = call.signo();
        let action_before = actions::of(signo);
        let after_ns = now_ns();
        let got = call.make();
        let before_ns = Some(now_ns());
        let mut line = self.stated(name, abi, call.args_after(), Some(ret(got)));
        if changes_mask {
            masks::state(&mut line.event, Some([before, masks::blocked()]));
        }
        if actions::are_changed_by(name) {
            let actions = action_before.zip(actions::of(signo));
            let actions = actions.map(|(before, after)| [before, after]);
            actions::state(&mut line.event, name, actions);
        }
        (line.after_ns, line.before_ns) = (after_ns, before_ns);
        (got, line)
    }

    fn line(&self, call: &Call, args: Value, ret: Option<i64>, how: Option<&str>) -> Expected {
        let mut line = self.stated(call.name, call.abi, args, ret);
        if masks::are_changed_by(call.name) {
            masks::state(&mut line.event, None);
        }
        if actions::are_changed_by(call.name) {
            actions::state(&mut line.event, call.name, None);
        }
        if let Some(how) = how {
            line.event.insert("return".into(), how.into());
        }
        line
    }

    fn stated(&self, name: &str, abi: &str, args: Value, ret: Option<i64>) -> Expected {
        let mut event = self.identity.event(name, args, ret);
        event["abi"] = json!(abi);
        Expected { event, after_ns: now_ns(), before_ns: None, problem: None }
    }

    fn write(&self) {
        self.lines.iter().for_each(write);
    }
}

fn write(line: &Expected) {
    // SAFETY: standard output is open, and not closed again here. Rust's own would buffer.
    let mut stdout = ManuallyDrop::new(unsafe { File::from_raw_fd(1) });
    // A map with text for keys always makes JSON.
    let line = serde_json::to_string(line).unwrap_or_default() + "\n";
    // In one piece, as other threads and processes write to the same pipe. It holds PIPE_BUF bytes
    // together.
    assert!(line.len() <= 4096, "too long a line: {line}");
    let written = stdout.write(line.as_bytes());
    assert!(written.is_ok_and(|count| count == line.len()), "cannot state a call");
}

fn mark(number: i32) {
    // SAFETY: kill touches no memory, and there is no such process.
    unsafe { libc::syscall(libc::SYS_kill, number, 0) };
}

/// Wall clock in nanoseconds.
pub(crate) fn now_ns() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(time.as_nanos()).unwrap_or_default()
}
