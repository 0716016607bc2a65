//! What strace wrote: the calls of each thread, in order.

use std::collections::BTreeMap;

/// A call as strace wrote it, put together from its halves where it came in two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// The syscall.
    pub(crate) name: String,
    /// What is between the parentheses.
    pub(crate) args: String,
    /// What is behind the `=`; `?` if the thread was killed before it came to that.
    pub(crate) result: String,
}

/// All of one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thread {
    /// Its calls.
    pub(crate) calls: Vec<Written>,
    /// Whether strace saw its end.
    pub(crate) ended: bool,
}

const UNFINISHED: &str = "<unfinished ...>";
const DETACHED: &str = "<detached ...>";

/// Reads the log of `strace -f -o`.
pub(crate) fn read(log: &str) -> Result<BTreeMap<i32, Thread>, String> {
    let mut threads = BTreeMap::<i32, Thread>::new();
    let mut begun = BTreeMap::new();
    for line in log.lines() {
        let error = |what: &str| format!("{what}: {line:?}");
        let (tid, text) = line.split_once(' ').ok_or_else(|| error("no thread"))?;
        let tid = tid.parse().map_err(|_| error("no thread"))?;
        let text = text.trim();
        let thread = threads.entry(tid).or_default();
        if thread.ended {
            // Numbers go up to 4194304 under systemd before the first is used again.
            return Err(error("a thread goes on after its end"));
        }
        if text.starts_with("+++ superseded by execve in pid") {
            // Another thread of the process ends this one, takes its number and goes on.
            thread.calls.extend(begun.remove(&tid).map(unknown_end));
        } else if text.starts_with("+++ ") {
            thread.ended = true;
            thread.calls.extend(begun.remove(&tid).map(unknown_end));
        } else if text.starts_with("--- ") {
            // A stop, which is no call.
        } else if let Some(rest) = text.strip_prefix("<... ") {
            let (name, rest) = rest.split_once(" resumed>").ok_or_else(|| error("no name"))?;
            let half = begun.remove(&tid).filter(|half: &Written| half.name == name);
            let half = half.ok_or_else(|| error("it did not begin"))?;
            let (args, result) = end(rest).ok_or_else(|| error("no result"))?;
            let args = format!("{} {args}", half.args);
            thread.calls.push(Written { args, result: result.into(), ..half });
        } else {
            let (name, rest) = text.split_once('(').ok_or_else(|| error("no call"))?;
            let name = name.to_owned();
            if let Some((args, result)) = end(rest) {
                thread.calls.push(Written { name, args: args.into(), result: result.into() });
            } else if let Some(args) = rest.strip_suffix(UNFINISHED) {
                begun.insert(tid, Written { name, args: args.trim().into(), ..Written::default() });
            } else if let Some(args) = rest.strip_suffix(DETACHED) {
                let half = Written { name, args: args.trim().into(), ..Written::default() };
                thread.calls.push(unknown_end(half));
            } else {
                return Err(error("no end"));
            }
        }
    }
    for (tid, half) in begun {
        threads.entry(tid).or_default().calls.push(unknown_end(half));
    }
    Ok(threads)
}

/// The rest of the arguments and the result: `..., 8)     = 0`.
fn end(text: &str) -> Option<(&str, &str)> {
    let (args, result) = text.split_once(')')?;
    let result = result.trim_start().strip_prefix("= ")?;
    let args = args.trim();
    Some((args.strip_suffix(UNFINISHED).unwrap_or(args).trim(), result))
}

fn unknown_end(half: Written) -> Written {
    Written { result: "?".into(), ..half }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, args: &str, result: &str) -> Written {
        Written { name: name.into(), args: args.into(), result: result.into() }
    }

    /// The calls of thread 7.
    fn calls(log: &str) -> Vec<Written> {
        read(log).unwrap().remove(&7).unwrap().calls
    }

    #[test]
    fn a_line_is_a_call() {
        let log = "7     kill(5862, SIGKILL)      = -1 ESRCH (No such process)\n";
        let expected = written("kill", "5862, SIGKILL", "-1 ESRCH (No such process)");
        assert_eq!(calls(log), [expected]);
    }

    #[test]
    fn halves_are_put_together_by_thread() {
        let log = "7  rt_sigprocmask(SIG_SETMASK, [],  <unfinished ...>\n\
                   8  kill(7, SIGTERM <unfinished ...>\n\
                   7  <... rt_sigprocmask resumed>NULL, 8) = 0\n\
                   8  <... kill resumed>)               = 0\n";
        let expected = written("rt_sigprocmask", "SIG_SETMASK, [], NULL, 8", "0");
        assert_eq!(calls(log), [expected]);
        assert_eq!(read(log).unwrap()[&8].calls, [written("kill", "7, SIGTERM ", "0")]);
    }

    #[test]
    fn a_thread_that_is_killed_ends_in_its_call() {
        let suspended = [written("rt_sigsuspend", "[], 8", "?")];
        let log = "7  rt_sigsuspend([], 8 <unfinished ...>) = ?\n7  +++ killed by SIGKILL +++\n";
        assert_eq!(calls(log), suspended);
        let log = "7  rt_sigsuspend([], 8 <unfinished ...>\n7  +++ killed by SIGKILL +++\n";
        assert_eq!(calls(log), suspended);
        assert!(read(log).unwrap()[&7].ended);
        let log = "7  rt_sigsuspend([], 8 <unfinished ...>\n\
                   7  <... rt_sigsuspend resumed> <unfinished ...>) = ?\n";
        assert_eq!(calls(log), [written("rt_sigsuspend", "[], 8 ", "?")]);
        assert_eq!(calls("7  rt_sigsuspend([], 8 <detached ...>\n"), suspended);
    }

    #[test]
    fn a_restart_code_is_a_result() {
        let log = "7  pause()   = ? ERESTARTNOHAND (To be restarted if no handler)\n";
        let result = "? ERESTARTNOHAND (To be restarted if no handler)";
        assert_eq!(calls(log), [written("pause", "", result)]);
    }

    #[test]
    fn no_line_is_passed_over() {
        for log in
            ["kill(1, 0) = 0\n", "7  what is this\n", "7  <... kill resumed>) = 0\n", "7  kill(1\n"]
        {
            assert!(read(log).is_err(), "{log}");
        }
        assert!(read("7  +++ exited with 0 +++\n7  kill(1, 0) = 0\n").is_err());
    }
}
