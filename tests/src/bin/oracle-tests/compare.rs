//! The calls of one thread as both tell them, beside each other.

use std::collections::BTreeMap;

use crate::call::Call;
use crate::difference::Pair;
use crate::tolerated;

/// What came of comparing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    /// Calls that both tell of.
    pub(crate) calls: usize,
    /// Differences on the list, by their names.
    pub(crate) tolerated: BTreeMap<&'static str, usize>,
    /// How many others there are.
    pub(crate) differences: usize,
    /// The first of each kind of these: by syscall and place.
    pub(crate) examples: BTreeMap<(String, String), String>,
}

impl Comparison {
    /// Compares what a thread did, call by call. After a call that only one tells of and that is on
    /// no list it is not known which belong together, so the thread's rest is left.
    pub(crate) fn thread(&mut self, tid: i32, strace: &[Call<'_>], sigtrace: &[Call<'_>]) {
        let (mut left, mut right) = (strace.iter().peekable(), sigtrace.iter().peekable());
        loop {
            // What only one tells of goes first: its like may be what both tell of next.
            let alone = |call: &&Call<'_>| is_tolerated(Pair::only_sigtrace(call));
            if let Some(call) = right.next_if(alone) {
                self.judge(tid, Pair::only_sigtrace(call));
                continue;
            }
            let pair = match (left.peek(), right.peek()) {
                (None, None) => return,
                (Some(strace), Some(sigtrace)) if strace.name == sigtrace.name => {
                    Pair::both(strace, sigtrace)
                }
                (Some(strace), _) if is_tolerated(Pair::only_strace(strace)) => {
                    self.judge(tid, Pair::only_strace(strace));
                    left.next();
                    continue;
                }
                (None, Some(sigtrace)) => Pair::only_sigtrace(sigtrace),
                (Some(strace), None) => Pair::only_strace(strace),
                (Some(strace), Some(sigtrace)) => {
                    self.judge(tid, Pair::both(strace, sigtrace));
                    return;
                }
            };
            self.judge(tid, pair);
            left.next();
            right.next();
        }
    }

    /// Takes a pair in.
    fn judge(&mut self, tid: i32, pair: Pair<'_>) {
        self.calls += usize::from(pair.is_both());
        for difference in pair.differences() {
            match tolerated::covering(&difference, pair) {
                Some(tolerated) => *self.tolerated.entry(tolerated.name).or_default() += 1,
                None => {
                    self.differences += 1;
                    let kind = (pair.name().to_owned(), difference.path.clone());
                    let example = || format!("  thread {tid}: {difference}\n{pair}\n");
                    self.examples.entry(kind).or_insert_with(example);
                }
            }
        }
    }
}

/// Of a call that only one tells of.
fn is_tolerated(pair: Pair<'_>) -> bool {
    tolerated::covering(&pair.whole(), pair).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::log::{self, Thread};
    use crate::{event, strace};

    /// Compares what strace told of thread 7 with events.
    fn compared(log: &str, events: &[Value]) -> Comparison {
        let Thread { calls, .. } = log::read(log).unwrap().remove(&7).unwrap_or_default();
        let strace: Vec<_> = calls.iter().map(|call| strace::call(call).unwrap()).collect();
        let sigtrace: Vec<_> = events.iter().map(event::call).collect();
        let mut comparison = Comparison::default();
        comparison.thread(7, &strace, &sigtrace);
        comparison
    }

    /// The event of `kill(9, signo)`.
    fn kill(name: &str, signo: i32, comm: &str) -> Value {
        json!({
            "syscall": "kill", "comm": comm, "args": { "pid": 9, "sig": name, "signo": signo },
            "ret": 0, "error": null,
        })
    }

    const TERM: &str = "7  kill(9, SIGTERM) = 0\n";

    #[test]
    fn the_same_is_no_difference() {
        let comparison = compared(TERM, &[kill("SIGTERM", 15, "sh")]);
        assert_eq!((comparison.calls, comparison.differences), (1, 0));
    }

    #[test]
    fn the_signal_written_in_a_siginfo_is_the_one_that_strace_shows() {
        let log = "7  rt_sigqueueinfo(9, SIGUSR1, {si_signo=SIGUSR2, si_code=SI_QUEUE, si_pid=5, \
                   si_uid=6, si_int=7, si_ptr=0x7}) = 0\n";
        let event = |written: Option<i32>| {
            let mut info = json!({
                "sig": "SIGUSR1", "signo": 10, "code": "SI_QUEUE", "errno": 0, "pid": 5, "uid": 6,
                "int": 7, "ptr": "0x7",
            });
            if let Some(written) = written {
                info["written_signo"] = json!(written);
            }
            json!({
                "syscall": "rt_sigqueueinfo", "ret": 0, "error": null,
                "args": { "tgid": 9, "sig": "SIGUSR1", "signo": 10, "info": info },
            })
        };
        assert_eq!(compared(log, &[event(Some(12))]).differences, 0);
        assert_eq!(compared(log, &[event(None)]).differences, 2);
    }

    #[test]
    fn another_value_is_a_difference() {
        let events = [
            kill("SIGKILL", 15, "sh"),
            kill("SIGTERM", 9, "sh"),
            json!({ "syscall": "kill", "args": kill("SIGTERM", 15, "")["args"], "ret": 1 }),
            json!({ "syscall": "kill", "args": kill("SIGTERM", 15, "")["args"], "ret": null }),
        ];
        for event in events {
            assert_eq!(compared(TERM, &[event]).differences, 1);
        }
    }

    #[test]
    fn a_call_that_one_does_not_tell_of_is_a_difference() {
        assert_eq!(compared(TERM, &[]).differences, 1);
        assert_eq!(compared("", &[kill("SIGTERM", 15, "sh")]).differences, 1);
        let twice = [kill("SIGTERM", 15, "sh"), kill("SIGTERM", 15, "sh")];
        assert_eq!(compared(TERM, &twice).differences, 1);
    }

    #[test]
    fn straces_own_calls_are_passed_over() {
        let events = [kill("SIGSTOP", 19, "strace"), kill("SIGTERM", 15, "sh")];
        let comparison = compared(TERM, &events);
        assert_eq!((comparison.calls, comparison.differences), (1, 0));
        assert_eq!(comparison.tolerated.values().sum::<usize>(), 1);
    }

    #[test]
    fn a_thread_that_was_killed_need_not_have_called() {
        let log = "7  kill(9, SIGTERM <unfinished ...>) = ?\n7  +++ killed by SIGKILL +++\n";
        assert_eq!(compared(log, &[]).differences, 0);
        assert_eq!(compared(log, &[kill("SIGTERM", 15, "sh")]).differences, 0);
        assert_eq!(compared(log, &[kill("SIGKILL", 9, "sh")]).differences, 2);
    }
}
