//! What strace wrote: what each thread did, in order.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

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

/// Something that a thread did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It made a call.
    Call(Written),
    /// It took a signal, or stopped: what is between `---` and `---`.
    Signal(String),
    /// It ended: what is between `+++` and `+++`.
    End(String),
}

/// All of one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thread {
    /// What it did.
    pub(crate) entries: Vec<Entry>,
}

impl Thread {
    /// Whether strace saw its end.
    pub(crate) fn ended(&self) -> bool {
        matches!(self.entries.last(), Some(Entry::End(_)))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(Written { name, args, result }) => write!(f, "{name}({args}) = {result}"),
            Self::Signal(text) => write!(f, "--- {text} ---"),
            Self::End(text) => write!(f, "+++ {text} +++"),
        }
    }
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
        if thread.ended() {
            // Numbers go up to 4194304 under systemd before the first is used again.
            return Err(error("a thread goes on after its end"));
        }
        if text.starts_with("+++ superseded by execve in pid") {
            // Another thread of the process ends this one, takes its number and goes on.
            thread.entries.extend(begun.remove(&tid).map(unknown_end));
        } else if let Some(rest) = text.strip_prefix("+++ ") {
            let end = rest.strip_suffix(" +++").ok_or_else(|| error("no second +++"))?;
            thread.entries.extend(begun.remove(&tid).map(unknown_end));
            thread.entries.push(Entry::End(end.into()));
        } else if let Some(rest) = text.strip_prefix("--- ") {
            let signal = rest.strip_suffix(" ---").ok_or_else(|| error("no second ---"))?;
            thread.entries.push(Entry::Signal(signal.into()));
        } else if let Some(rest) = text.strip_prefix("<... ") {
            let (name, rest) = rest.split_once(" resumed>").ok_or_else(|| error("no name"))?;
            let half = begun.remove(&tid).filter(|half: &Written| half.name == name);
            let half = half.ok_or_else(|| error("it did not begin"))?;
            let (args, result) = end(rest).ok_or_else(|| error("no result"))?;
            let args = format!("{} {args}", half.args);
            thread.entries.push(Entry::Call(Written { args, result: result.into(), ..half }));
        } else {
            let (name, rest) = text.split_once('(').ok_or_else(|| error("no call"))?;
            let name = name.to_owned();
            if let Some((args, result)) = end(rest) {
                let call = Written { name, args: args.into(), result: result.into() };
                thread.entries.push(Entry::Call(call));
            } else if let Some(args) = rest.strip_suffix(UNFINISHED) {
                begun.insert(tid, Written { name, args: args.trim().into(), ..Written::default() });
            } else if let Some(args) = rest.strip_suffix(DETACHED) {
                let half = Written { name, args: args.trim().into(), ..Written::default() };
                thread.entries.push(unknown_end(half));
            } else {
                return Err(error("no end"));
            }
        }
    }
    for (tid, half) in begun {
        threads.entry(tid).or_default().entries.push(unknown_end(half));
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

fn unknown_end(half: Written) -> Entry {
    Entry::Call(Written { result: "?".into(), ..half })
}
