//! The differences that are none of sigtrace's, all of them, each with its reason.

use std::iter;

use serde_json::{Value, json};

use crate::difference::{Difference, Pair};
use crate::step::STOP;

/// A difference that is expected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerated {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// Whether a difference is this one.
    covers: fn(&Difference, Pair<'_>) -> bool,
}

/// The upper half of a negative number.
const SIGN: &str = "0xffffffff00000000";

/// The one list.
pub(crate) const TOLERATED: &[Tolerated] = &[
    // Between its fork and the program's execve the first process runs strace's own code, and
    // strace keeps silent about itself.
    Tolerated {
        name: "strace's own code in the child that becomes the program",
        covers: |difference, pair| difference.adds("") && pair.comm() == Some("strace"),
    },
    // Killed in a call, a thread does not come to the stop at which strace looks at the result and
    // the outputs. The kernel's function has returned nonetheless, and sigtrace saw it.
    Tolerated {
        name: "the end of a call in which the thread was killed",
        covers: |difference, pair| {
            let end = difference.path == "outcome" || difference.strace.is_none();
            pair.killed() && end && !difference.path.is_empty()
        },
    },
    // strace stops a thread before the kernel does what it was asked for. Killed in that stop, the
    // thread never comes to it.
    Tolerated {
        name: "a call at whose door the thread was killed",
        covers: |difference, pair| difference.leaves_out("") && pair.killed(),
    },
    // It returns into the code that the signal interrupted. What is in the register of results
    // then is a value of that code; strace shows it as if it were a result.
    Tolerated {
        name: "the result of rt_sigreturn, which has none",
        covers: |difference, pair| {
            pair.name() == "rt_sigreturn"
                && difference.path == "outcome"
                && difference.sigtrace == Some(Value::Null)
        },
    },
    // strace remembers in which call it saw the thread stop. The kernel does not tell.
    Tolerated {
        name: "which call restart_syscall resumes",
        covers: |difference, _| difference.leaves_out("args.resumes"),
    },
    // strace shows the member only if the flags say that there is one. The kernel stores it.
    Tolerated {
        name: "the restorer of an action without SA_RESTORER",
        covers: |difference, pair| {
            ["act", "oldact"].iter().any(|action| {
                difference.adds(&format!("args.{action}.restorer"))
                    && !has(&pair.sigtrace_arg(action)["flags"], "SA_RESTORER")
            })
        },
    },
    // glibc keeps the flags in an int and hands the kernel a long, so with the highest flag come
    // 32 bits that nobody set. sigtrace leaves these out, as the kernel does.
    Tolerated {
        name: "the sign of flags with SA_RESETHAND",
        covers: |difference, pair| {
            let flags = &pair.sigtrace_arg("act")["flags"];
            let more =
                iter::once(json!(SIGN)).chain(flags.as_array().into_iter().flatten().cloned());
            difference.path == "args.act.flags"
                && has(flags, "SA_RESETHAND")
                && difference.strace == Some(more.collect())
        },
    },
    // strace shows the member only if it is not 0.
    Tolerated {
        name: "an errno of 0 in a siginfo",
        covers: |difference, _| {
            difference.adds("args.info.errno") && difference.sigtrace == Some(json!(0))
        },
    },
    // Likewise. By the kernel's rule a queued signal has a value, whatever it is.
    Tolerated {
        name: "a value of 0 in a siginfo",
        covers: |difference, pair| {
            let value = difference.adds("args.info.int") || difference.adds("args.info.ptr");
            let info = pair.sigtrace_arg("info");
            value && info["ptr"] == "0x0" && info["int"] == 0
        },
    },
    // By the kernel's rule for negative codes there is one, like a queued signal's. Only who makes
    // the code up sends another than 0 with it.
    Tolerated {
        name: "a value in a siginfo of SI_TKILL",
        covers: |difference, pair| {
            let value = difference.adds("args.info.int") || difference.adds("args.info.ptr");
            value && pair.sigtrace_arg("info")["code"] == "SI_TKILL"
        },
    },
    // Before a thread takes a signal, the kernel stops it for strace. Killed in that stop, it takes the
    // signal only if strace has not yet asked what it stopped for, and then strace never hears of it.
    Tolerated {
        name: "a signal at whose stop the thread was killed",
        covers: |difference, pair| difference.path.is_empty() && pair.left_open(),
    },
    // A stop signal stops all threads of a process, one of which has taken it.
    Tolerated {
        name: "a thread that stops",
        covers: |difference, pair| difference.leaves_out("") && pair.name() == STOP,
    },
    // To strace it says nothing then, whatever else is in it.
    Tolerated {
        name: "a siginfo of signal 0",
        covers: |difference, pair| {
            let member = difference.path.starts_with("args.info.") && difference.strace.is_none();
            member && pair.sigtrace_arg("info")["signo"] == 0
        },
    },
    // Of signals that the kernel sent it shows the two only if one of them is not 0.
    Tolerated {
        name: "a sender of 0 in a siginfo of the kernel",
        covers: |difference, pair| {
            let info = pair.sigtrace_arg("info");
            let sender = difference.adds("args.info.pid") || difference.adds("args.info.uid");
            sender && info["code"] == "SI_KERNEL" && info["pid"] == 0 && info["uid"] == 0
        },
    },
    // It goes by the signal alone, and shows the address of every fault. By the kernel's rule what has this
    // code has a sender in the same place.
    Tolerated {
        name: "an address of 0 in a siginfo of the kernel",
        covers: |difference, pair| {
            let info = pair.sigtrace_arg("info");
            let address = difference.leaves_out("args.info.addr");
            address
                && difference.strace == Some(json!("0x0"))
                && info["code"] == "SI_KERNEL"
                && info["pid"] == 0
                && info["uid"] == 0
        },
    },
];

/// The one that covers a difference, if there is one.
pub(crate) fn covering(difference: &Difference, pair: Pair<'_>) -> Option<&'static Tolerated> {
    TOLERATED.iter().find(|tolerated| (tolerated.covers)(difference, pair))
}

fn has(names: &Value, name: &str) -> bool {
    names.as_array().is_some_and(|names| names.iter().any(|one| one == name))
}
