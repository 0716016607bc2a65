//! Two runs of a program that does the same each time, beside each other.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};
use sigtrace_tests::harness::difference;

/// Who calls before the program is executed: strace in its child, or we in ours.
const STARTERS: [&str; 2] = ["strace", "oracle-tests"];

/// The arguments, and members of a siginfo, that are processes or threads.
const PROCESSES: [&str; 4] = ["pid", "target", "tgid", "tid"];

/// So many differences are shown.
const EXAMPLES: usize = 5;

/// What sigtrace told of one run.
#[derive(Clone, Debug)]
pub(crate) struct Run<'a> {
    /// The numbers that its threads can have.
    numbers: Range<i32>,
    /// The calls of each thread. By their numbers, so in the order in which they were created.
    threads: BTreeMap<i32, Vec<&'a Value>>,
}

/// What came of comparing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alike {
    /// Calls that both runs made.
    pub(crate) calls: usize,
    /// Structures of the second run that may be something else than the kernel read.
    pub(crate) late: usize,
    /// How many differences there are.
    pub(crate) differences: usize,
    /// The first of them, for people to read.
    pub(crate) examples: String,
}

impl<'a> Run<'a> {
    /// The run whose threads have these numbers, and the cgroup of the first of them: others are
    /// created meanwhile.
    pub(crate) fn new(events: &BTreeMap<i32, Vec<&'a Value>>, numbers: Range<i32>) -> Self {
        let own = |event: &&&Value| STARTERS.iter().all(|name| event["comm"] != *name);
        let mut threads: BTreeMap<i32, Vec<&Value>> = events
            .range(numbers.clone())
            .map(|(tid, calls)| (*tid, calls.iter().filter(own).copied().collect()))
            .collect();
        let cgroup = threads.values().flatten().next().map(|event| &event["cgroup"]);
        threads.retain(|_, calls| calls.first().map(|event| &event["cgroup"]) == cgroup);
        Self { numbers, threads }
    }

    /// What is compared: of each thread its calls, without what differs each time.
    fn told(&self, late: &mut usize) -> Vec<Vec<Value>> {
        let mut neutral = |event: &Value| {
            json!({
                "comm": event["comm"],
                "syscall": event["syscall"],
                "args": self.neutral("args", &event["args"], late),
                "ret": event["ret"],
                "error": event["error"],
                "return": event["return"],
            })
        };
        let threads = self.threads.values();
        threads.map(|calls| calls.iter().map(|event| neutral(event)).collect()).collect()
    }

    /// A value with processes by the order of their creation, and what was read late as what it is,
    /// but counted.
    fn neutral(&self, name: &str, value: &Value, late: &mut usize) -> Value {
        match value {
            Value::Object(members) => {
                if let Some(read) = members.get("read_late") {
                    *late += 1;
                    return self.neutral(name, read, late);
                }
                let members = members.iter();
                members
                    .map(|(name, value)| (name.clone(), self.neutral(name, value, late)))
                    .collect()
            }
            Value::Number(number) if PROCESSES.contains(&name) => {
                number.as_i64().and_then(|number| self.process(number)).unwrap_or(value.clone())
            }
            value => value.clone(),
        }
    }

    /// A process, or the group of one, if it is of this run.
    fn process(&self, number: i64) -> Option<Value> {
        let tid = i32::try_from(number.abs()).ok().filter(|tid| self.numbers.contains(tid))?;
        let what = if number < 0 { "group" } else { "thread" };
        // Some are killed before their first call.
        let index = self.threads.keys().position(|thread| *thread == tid);
        Some(index.map_or_else(|| json!([what]), |index| json!([what, index])))
    }
}

impl Alike {
    /// Compares two runs, the first of which was under strace.
    pub(crate) fn of(with: &Run<'_>, without: &Run<'_>) -> Self {
        let mut alike = Self::default();
        let with = with.told(&mut 0);
        let without = without.told(&mut alike.late);
        for index in 0..with.len().max(without.len()) {
            let [left, right] =
                [&with, &without].map(|run| run.get(index).map_or(&[][..], |calls| calls));
            alike.thread(index, left, right);
        }
        alike
    }

    /// Compares what a thread did. After two different syscalls it is not known which calls belong together,
    /// so its rest is left.
    fn thread(&mut self, index: usize, with: &[Value], without: &[Value]) {
        for at in 0..with.len().max(without.len()) {
            let nothing = Value::Null;
            let [left, right] = [with, without].map(|calls| calls.get(at).unwrap_or(&nothing));
            let lines = difference(left, right);
            if !lines.is_empty() {
                self.differences += 1;
                if self.differences <= EXAMPLES {
                    self.examples.push_str(&format!(
                        "  thread {index}, call {at}:\n{lines}    with strace: {left}\n    without it:  {right}\n"
                    ));
                }
            }
            if left["syscall"] != right["syscall"] {
                return;
            }
            self.calls += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The event of a `kill` by thread `tid` of a process in `cgroup`.
    fn kill(tid: i32, comm: &str, cgroup: u64, pid: i32) -> Value {
        json!({
            "tid": tid, "comm": comm, "cgroup": cgroup, "syscall": "kill",
            "args": { "pid": pid, "sig": "SIGTERM", "signo": 15 }, "ret": 0, "error": null,
        })
    }

    /// The event of an `rt_sigprocmask` of thread `tid`.
    fn mask(tid: i32, set: &Value) -> Value {
        json!({
            "tid": tid, "comm": "sh", "cgroup": 7, "syscall": "rt_sigprocmask",
            "args": { "how": "SIG_BLOCK", "set": set }, "ret": 0, "error": null,
        })
    }

    fn run(events: &[Value], numbers: Range<i32>) -> Run<'_> {
        let mut threads = BTreeMap::<i32, Vec<&Value>>::new();
        for event in events {
            let tid = event["tid"].as_i64().and_then(|tid| i32::try_from(tid).ok()).unwrap();
            threads.entry(tid).or_default().push(event);
        }
        Run::new(&threads, numbers)
    }

    fn alike(with: &[Value], without: &[Value]) -> Alike {
        Alike::of(&run(with, 10..20), &run(without, 20..30))
    }

    #[test]
    fn processes_are_the_same_by_the_order_of_their_creation() {
        let with = [kill(10, "sh", 7, 12), kill(12, "sh", 7, -10), kill(12, "sh", 7, 1)];
        let without = [kill(20, "sh", 7, 23), kill(23, "sh", 7, -20), kill(23, "sh", 7, 1)];
        assert_eq!(alike(&with, &without), Alike { calls: 3, ..Alike::default() });
        let others = [kill(20, "sh", 7, 20), kill(23, "sh", 7, 20), kill(23, "sh", 7, 2)];
        assert_eq!(alike(&with, &others).differences, 3);
    }

    #[test]
    fn only_the_calls_of_the_program_are_compared() {
        let program = [kill(10, "strace", 7, 1), kill(10, "sh", 7, 1), kill(11, "cron", 8, 1)];
        let alone = [kill(19, "sh", 7, 2), kill(20, "oracle-tests", 7, 1), kill(20, "sh", 7, 1)];
        assert_eq!(alike(&program, &alone), Alike { calls: 1, ..Alike::default() });
    }

    #[test]
    fn what_was_read_late_is_what_it_is_and_counted() {
        let hup = json!(["SIGHUP"]);
        let late = alike(&[mask(10, &hup)], &[mask(20, &json!({ "read_late": hup }))]);
        assert_eq!(late, Alike { calls: 1, late: 1, ..Alike::default() });
    }

    #[test]
    fn what_was_not_read_is_a_difference() {
        let unreadable = json!({ "unreadable": "0x7ffff7f51000" });
        let alike = alike(&[mask(10, &json!(["SIGHUP"]))], &[mask(20, &unreadable)]);
        assert_eq!((alike.calls, alike.differences), (1, 1));
        assert!(alike.examples.contains("args.set: expected [\"SIGHUP\"]"), "{}", alike.examples);
    }

    #[test]
    fn a_call_of_one_run_only_is_a_difference() {
        let (with, without) = (kill(10, "sh", 7, 1), kill(20, "sh", 7, 1));
        for (with, without) in [
            (vec![with.clone()], vec![]),
            (vec![], vec![without.clone()]),
            (vec![with], vec![mask(20, &json!([]))]),
        ] {
            let alike = alike(&with, &without);
            assert_eq!((alike.calls, alike.differences), (0, 1));
        }
    }
}
