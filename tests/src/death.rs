//! Deaths by a signal, written down before they happen by whoever brings them about.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A death that is to come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Death {
    /// Who is to die.
    pub pid: i32,
    /// When it began, in ticks since the machine did: another process may have its number later.
    pub start: u64,
    /// What has to be where in the event: JSON pointers and values.
    pub told: BTreeMap<String, Value>,
    /// The kernel does not always let the sender be known: then it has to be `null`.
    pub may_lack_sender: bool,
}

impl Death {
    /// The death of a process that lives, as it is now, by a signal that nobody sends.
    pub fn of(pid: i32, signal: &str) -> Self {
        let death = Self {
            pid,
            start: start(pid).unwrap_or_else(|| panic!("there is no process {pid}")),
            told: BTreeMap::new(),
            may_lack_sender: false,
        };
        death
            .told("/sig", signal)
            .told("/reason", "signal")
            .told("/process/comm", comm(pid))
            .told("/process/exe", exe(pid))
            .told("/process/unit", unit(pid))
            .told("/generate/sender", Value::Null)
            .told("/generate/forged", false)
    }

    /// Why.
    pub fn cause(self, cause: &str) -> Self {
        self.told("/generate/cause", cause)
    }

    /// It is the doing of this process, as it is now.
    pub fn by(self, pid: i32) -> Self {
        self.by_whom(pid, &comm(pid), &exe(pid))
    }

    /// It will be the doing of this process, which will be called and run this then.
    pub fn by_whom(self, pid: i32, comm: &str, exe: &str) -> Self {
        self.told("/generate/sender/pid", pid).by_one_called(comm, exe)
    }

    /// It will be the doing of some process that is called and runs this.
    pub fn by_one_called(mut self, comm: &str, exe: &str) -> Self {
        self.told.remove("/generate/sender");
        self.told("/generate/sender/comm", comm).told("/generate/sender/exe", exe)
    }

    /// By this call of the process.
    pub fn by_call(self, call: &str, pid: i32) -> Self {
        self.cause("call").by(pid).told("/request/syscall", call)
    }

    /// Or nobody's doing, for all that can be known.
    pub fn if_known(self) -> Self {
        Self { may_lack_sender: true, ..self }
    }

    /// No signal will be told of.
    pub fn without_signal(mut self, reason: &str) -> Self {
        self.told.retain(|pointer, _| !pointer.starts_with("/generate"));
        self.told("/generate", Value::Null).told("/reason", reason)
    }

    /// What has to be there in the event.
    pub fn told(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        self.told.insert(pointer.into(), value.into());
        self
    }

    /// Writes it down.
    pub fn write(&self) {
        println!("{}", json!(self));
    }
}

/// When a process began, in ticks since the machine did.
pub fn start(pid: i32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // `PID (NAME) STATE PPID …`, with any bytes in the name.
    let stat = String::from_utf8_lossy(&stat);
    let (_, after) = stat.rsplit_once(") ")?;
    after.split(' ').nth(19)?.parse().ok()
}

/// What a process is called.
pub fn comm(pid: i32) -> String {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    comm.trim_end_matches('\n').into()
}

/// What a process executes.
pub fn exe(pid: i32) -> String {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    exe.to_string_lossy().into_owned()
}

/// The systemd unit of a process: the innermost control group that has the name of one.
pub fn unit(pid: i32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let is_unit = |name: &&str| name.ends_with(".service") || name.ends_with(".scope");
    path.rsplit('/').find(is_unit).map(str::to_owned)
}
