//! Events of signals that are sent, as they have to be.

use std::process;

use serde_json::{Value, json};
use sigtrace_tests::kernel::Kernel;
use sigtrace_tests::names;

/// Such an event. To begin with it is delivered, by nobody, to who does not expect it.
#[derive(Clone)]
pub(super) struct Sent(Value);

/// A signal to a process, by its first thread, without a siginfo and for no reason yet.
pub(super) fn to_process(signo: i32, target: &Value) -> Sent {
    Sent(json!({ "event": "generate", "request": null, "sig": names::signal(signo), "signo": signo,
        "info": null, "directed": "process", "outcome": "delivered", "fatal": null,
        "cause": "kernel", "cause_certain": true, "call": null, "sender": null, "forged": false,
        "target": target, "target_state": { "blocked": false, "awaited": false, "ignored": false,
            "handler": "SIG_DFL", "namespace_init": false, "stopped": false, "traced": false,
            "kernel_thread": false } }))
}

/// Likewise, to a thread.
pub(super) fn to_thread(signo: i32, target: &Value) -> Sent {
    to_process(signo, target).with("directed", "thread")
}

/// What a parent is told of a child: `what` with this status.
pub(super) fn of_child(child: &Value, parent: &Value, what: &str, status: i32) -> Sent {
    to_process(libc::SIGCHLD, parent).child_info(child, what, status).because("child").ignored()
}

impl Sent {
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0[key] = value.into();
        self
    }

    fn and(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0["target_state"][key] = value.into();
        self
    }

    /// With a siginfo: its code, and its members.
    pub(super) fn info(self, code: &str, members: Value) -> Self {
        let mut info =
            json!({ "sig": self.0["sig"], "signo": self.0["signo"], "code": code, "errno": 0 });
        for (key, value) in members.as_object().into_iter().flatten() {
            info[key] = value.clone();
        }
        self.with("info", info)
    }

    fn child_info(self, child: &Value, what: &str, status: i32) -> Self {
        self.info(what, json!({ "pid": child["pid"], "uid": child["uid"], "status": status }))
    }

    /// The kernel sends it in its own name.
    pub(super) fn in_kernels_name(self) -> Self {
        self.info("SI_KERNEL", json!({ "pid": 0, "uid": 0 }))
    }

    /// Likewise, in somebody's.
    pub(super) fn in_name_of(self, process: &Value) -> Self {
        self.info("SI_USER", json!({ "pid": process["pid"], "uid": process["uid"] }))
    }

    /// With a value.
    pub(super) fn value(self, code: &str, sender: &Value, value: &Value) -> Self {
        let ptr = names::hex(value.as_u64().unwrap_or_default());
        self.info(
            code,
            json!({ "pid": sender["pid"], "uid": sender["uid"], "int": value, "ptr": ptr }),
        )
    }

    /// In this call.
    pub(super) fn call(self, name: &str, sender: &Value) -> Self {
        self.because("call").with("call", name).by(sender)
    }

    /// By kill.
    pub(super) fn kill(self, sender: &Value) -> Self {
        self.in_name_of(sender).call("kill", sender)
    }

    pub(super) fn because(self, cause: &str) -> Self {
        self.with("cause", cause)
    }

    pub(super) fn probably(self, cause: &str) -> Self {
        self.because(cause).with("cause_certain", false)
    }

    pub(super) fn by(self, sender: &Value) -> Self {
        self.with("sender", sender.clone())
    }

    /// It ends the process.
    pub(super) fn fatal(self) -> Self {
        self.with("fatal", true)
    }

    /// It does not.
    pub(super) fn harmless(self) -> Self {
        self.with("fatal", false)
    }

    /// By default nothing is done about it.
    pub(super) fn ignored(self) -> Self {
        self.with("outcome", "ignored").harmless().and("ignored", true)
    }

    /// Nothing comes of it, for another reason.
    pub(super) fn without_effect(self) -> Self {
        self.outcome("ignored").harmless()
    }

    /// Nothing is, as was asked for.
    pub(super) fn ignored_on_purpose(self) -> Self {
        self.ignored().and("handler", "SIG_IGN")
    }

    /// This function is called.
    pub(super) fn caught(self, handler: &Value) -> Self {
        self.harmless().and("handler", handler.clone())
    }

    pub(super) fn outcome(self, outcome: &str) -> Self {
        self.with("outcome", outcome)
    }

    pub(super) fn blocked(self) -> Self {
        self.and("blocked", true)
    }

    pub(super) fn awaited(self) -> Self {
        self.and("awaited", true)
    }

    pub(super) fn stopped(self) -> Self {
        self.and("stopped", true)
    }

    pub(super) fn traced(self) -> Self {
        self.and("traced", true)
    }

    /// To the first process of a pid namespace.
    pub(super) fn first_of_namespace(self) -> Self {
        self.and("namespace_init", true)
    }

    /// With another sender in its siginfo.
    pub(super) fn forged(self) -> Self {
        self.with("forged", true)
    }

    /// By kill, to a pid namespace in which the sender has this number, which is 0 if it is not in there.
    pub(super) fn in_namespace(self, pid: u32) -> Self {
        if Kernel::running().kills_with_siginfo() {
            self.in_name_of(&json!({ "pid": pid, "uid": 0 }))
        } else {
            self.with("info", Value::Null)
        }
    }

    /// With this in its siginfo.
    pub(super) fn errno(mut self, errno: i32) -> Self {
        self.0["info"]["errno"] = json!(errno);
        self
    }

    /// With what is out of memory.
    pub(super) fn memory(mut self, cgroup: &Value, limit: &Value) -> Self {
        let memory = json!({ "cgroup": cgroup, "limit": limit });
        if let Some(event) = self.0.as_object_mut() {
            let place = event.keys().position(|key| key == "sender").unwrap_or_default();
            event.shift_insert(place, "memory".into(), memory);
        }
        self
    }

    /// The event.
    pub(super) fn event(mut self) -> Value {
        // What is merged into another says into which.
        self.0["merged_into"] = (self.0["outcome"] == "already_pending").into();
        self.0
    }
}

/// An event without what nobody can foresee.
pub(super) fn foreseeable(sent: &Value) -> Value {
    let mut sent = sent.clone();
    let remove = |object: &mut Value, keys: &[&str]| {
        for key in keys {
            object.as_object_mut().and_then(|object| object.shift_remove(*key));
        }
    };
    remove(&mut sent, &["id", "time", "seq", "cpu"]);
    remove(&mut sent["sender"], &["start"]);
    remove(&mut sent["target"], &["start"]);
    remove(&mut sent["info"], &["utime", "stime"]);
    // An id, if there is one.
    sent["merged_into"] = (!sent["merged_into"].is_null()).into();
    sent
}

/// Us, by the thread that asks.
pub(super) fn me() -> Value {
    // SAFETY: these touch no memory and cannot fail.
    let (tid, ppid) = unsafe { (libc::gettid(), libc::getppid()) };
    json!({ "pid": process::id(), "tid": tid, "comm": "guest-tests", "ppid": ppid,
        "uid": 0, "gid": 0 })
}

/// The only thread of a child that has done nothing to be told from its parent.
pub(super) fn child_of(parent: &Value, pid: &Value) -> Value {
    let mut child = parent.clone();
    child["pid"] = pid.clone();
    child["tid"] = pid.clone();
    child["ppid"] = parent["pid"].clone();
    child
}
