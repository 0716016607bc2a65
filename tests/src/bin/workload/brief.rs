//! Processes by the thousand that live for milliseconds, and so do many who kill them, with few process ids to go
//! round. Each has a name of its own, so that whoever is taken for another shows.
//!
//! `workload brief FIRST COUNT`: so many deaths, with numbers from the first on in their names. Several lanes cause
//! them at the same time. Each death is written down before it happens, but for the id of a killer who is yet to
//! begin.

use std::ffi::CString;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::{env, io};

use serde_json::json;
use sigtrace_tests::death::{Death, comm};

use crate::numbers::FewNumbers;
use crate::process::{fork, sleep, wait, wait_until_asleep_in};

const OURSELVES: &str = "/payload/workload";
/// Who causes deaths at the same time.
const LANES: usize = 4;
/// So many ids are there for all who begin meanwhile: in a second they go round several times.
const ROOM: usize = 30;

pub(crate) fn run(arguments: &[String]) {
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse::<usize>().ok());
    let (Some(first), Some(count)) = (number(0), number(1)) else {
        panic!("from which, how many?")
    };
    let few = FewNumbers::only(ROOM);
    let lanes: Vec<i32> = (0..LANES).map(|lane| fork(|| be_lane(lane, first, count))).collect();
    let statuses: Vec<i32> = lanes.into_iter().map(wait).collect();
    drop(few);
    assert_eq!(statuses, [0; LANES]);
}

/// Causes every so manieth death.
fn be_lane(lane: usize, first: usize, count: usize) -> i32 {
    be_called(&format!("lane-{lane}"));
    for (index, number) in (first..first + count).enumerate().skip(lane).step_by(LANES) {
        // Each kind of victim is killed in each way, whichever the lane.
        let turn = index / LANES;
        let name = format!("brief-{number}");
        let victim = match turn % 2 {
            0 => Victim::forked(&name),
            _ => Victim::executed(&name),
        };
        let (signal, signo) = match turn % 3 {
            0 => ("SIGTERM", libc::SIGTERM),
            _ => ("SIGKILL", libc::SIGKILL),
        };
        let death = victim.death(signal);
        match turn / 2 % 2 {
            0 => kill_ourselves(death, signo),
            _ => have_killed(death, signo, &format!("killer-{number}")),
        }
        victim.dies_of(signo);
    }
    0
}

/// Who is to die.
enum Victim {
    /// Has a name of its own, and the arguments that we have.
    Forked(i32),
    /// Has a name among its arguments.
    Executed(Child, String),
}

impl Victim {
    fn forked(name: &str) -> Self {
        let (mut named, tell) = io::pipe().unwrap_or_else(|error| panic!("pipe: {error}"));
        let pid = fork(|| {
            be_called(name);
            // What closes it tells.
            drop(tell);
            sleep()
        });
        let read = named.read(&mut [0]);
        assert!(read.is_ok_and(|bytes| bytes == 0), "{name} does not get its name");
        Self::Forked(pid)
    }

    fn executed(name: &str) -> Self {
        let mut command = Command::new(OURSELVES);
        let child = command.args(["sleep", name]).stdin(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{name}: {error}"));
        // Somebody in the midst of execve(2) is neither what it was nor what it will be.
        wait_until_asleep_in(child.id().cast_signed(), libc::SYS_clock_nanosleep);
        Self::Executed(child, name.into())
    }

    fn pid(&self) -> i32 {
        match self {
            Self::Forked(pid) => *pid,
            Self::Executed(child, _) => child.id().cast_signed(),
        }
    }

    /// Its death to come, by whomever.
    fn death(&self, signal: &str) -> Death {
        let cmdline = match self {
            Self::Forked(_) => own_arguments(),
            Self::Executed(_, name) => json!([OURSELVES, "sleep", name]),
        };
        let lane = own();
        Death::of(self.pid(), signal)
            .told("/process/cmdline", cmdline.clone())
            .told("/generate/target/cmdline", cmdline)
            .told("/process/parents/0/pid", lane)
            .told("/process/parents/0/comm", comm(lane))
            .told("/generate/target/pid", self.pid())
    }

    /// Waits until it is dead of this signal.
    fn dies_of(self, signo: i32) {
        assert_eq!(wait(self.pid()) & 0x7f, signo, "what killed {}", self.pid());
    }
}

fn kill_ourselves(death: Death, signo: i32) {
    let pid = death.pid;
    let death = death.by_call("kill", own());
    death.told("/generate/sender/cmdline", own_arguments()).write();
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::kill(pid, signo) }, 0, "{pid}");
}

/// Has a process kill that executes something for it, and is gone then.
fn have_killed(death: Death, signo: i32, name: &str) {
    let arguments = ["send", &death.pid.to_string(), &signo.to_string(), name].map(str::to_owned);
    let killer = Command::new(OURSELVES).args(&arguments).stdin(Stdio::null()).spawn();
    let mut killer = killer.unwrap_or_else(|error| panic!("{name}: {error}"));
    let cmdline = [vec![OURSELVES.to_owned()], arguments.to_vec()].concat();
    death
        .cause("call")
        .by_whom(killer.id().cast_signed(), "workload", OURSELVES)
        .told("/request/syscall", "kill")
        .told("/generate/sender/cmdline", cmdline)
        .write();
    let status = killer.wait();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{name}: {status:?}");
}

/// What we were executed with.
fn own_arguments() -> serde_json::Value {
    env::args().collect::<Vec<_>>().into()
}

fn be_called(name: &str) {
    let name = CString::new(name).unwrap_or_default();
    // SAFETY: the name outlives the call.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

fn own() -> i32 {
    std::process::id().cast_signed()
}
