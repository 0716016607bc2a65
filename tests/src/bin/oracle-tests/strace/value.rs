//! Values as strace writes them, in neutral form.

use serde_json::{Map, Value, json};
use sigtrace_tests::{integer, names};

use crate::notation::Node;
use crate::signal;

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Pidfd,
    Signal,
    How,
    Flags,
    Set,
    Action,
    Info,
    Timeout,
    Stack,
}

type Members = Map<String, Value>;

/// An argument; of a signal its name, too, and of a pidfd the process.
pub(super) fn argument(name: &str, kind: Kind, node: &Node) -> Result<Members, String> {
    let value = match (kind, node) {
        (Kind::Signal, _) => return Ok(both(signal::number(word(node)?)?)),
        (Kind::Pidfd, _) => {
            let (fd, target) = descriptor(word(node)?)?;
            return Ok(Map::from_iter([(name.into(), fd), ("target".into(), target)]));
        }
        (Kind::Number, _) => number(word(node)?)?,
        (Kind::How, _) => named_or_int(word(node)?),
        (Kind::Flags, _) => flags(word(node)?),
        // The others are pointers.
        (_, Node::Word(word)) if word == "NULL" => Value::Null,
        (_, Node::Word(word)) if word.starts_with("0x") => json!({ "address": word }),
        (Kind::Set, _) => set(node)?,
        (Kind::Action | Kind::Info | Kind::Timeout | Kind::Stack, _) => members(node)?.into(),
    };
    Ok(Map::from_iter([(name.into(), value)]))
}

/// The members of a struct, by the names that sigtrace has for them.
pub(super) fn members(node: &Node) -> Result<Members, String> {
    let Node::Struct(written) = node else { return Err(format!("{node:?} is no struct")) };
    let mut members = Map::new();
    for (name, node) in written {
        let value = match (name.as_str(), node) {
            ("sa_mask" | "mask", _) => set(node)?,
            ("si_signo", _) => {
                members.extend(both(signal::number(word(node)?)?));
                continue;
            }
            ("sa_flags" | "ss_flags" | "si_band", Node::Word(word)) => flags(word),
            ("sa_restorer" | "ss_sp", Node::Word(word)) if word == "NULL" => Value::Null,
            (_, Node::Word(word)) if word == "NULL" => json!("0x0"),
            // The exit status of a child, or the signal that ended or stopped it.
            ("si_status", Node::Word(word)) if word.starts_with("SIG") => {
                json!(signal::number(word)?)
            }
            ("si_code" | "si_timerid", Node::Word(word)) => named_or_int(word),
            (_, Node::Word(word)) => {
                word.parse::<i64>().map_or_else(|_| json!(word), integer::shown)
            }
            _ => return Err(format!("{node:?} for {name}")),
        };
        let short = name.split_once('_').map_or(name.as_str(), |(_, short)| short);
        members.insert(short.into(), value);
    }
    Ok(members)
}

/// A descriptor, and whose it is: `3<pid:436>`.
pub(super) fn descriptor(word: &str) -> Result<(Value, Value), String> {
    let (fd, target) = word.split_once('<').unwrap_or((word, ""));
    let target = target.strip_prefix("pid:").and_then(|target| target.strip_suffix('>'));
    let target = target.and_then(|target| target.parse::<i32>().ok());
    Ok((number(fd)?, json!(target)))
}

/// The name of a signal and its number.
pub(super) fn both(signo: i32) -> Members {
    Map::from_iter([("sig".into(), names::signal(signo)), ("signo".into(), json!(signo))])
}

fn word(node: &Node) -> Result<&str, String> {
    match node {
        Node::Word(word) => Ok(word),
        _ => Err(format!("{node:?} is no word")),
    }
}

fn number(word: &str) -> Result<Value, String> {
    let number = match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(i128::from),
        None => word.parse().ok(),
    };
    number.map(integer::shown).ok_or_else(|| format!("{word:?} is no number"))
}

/// A name stays what it is. A number that has none comes as 32 bits without a sign.
fn named_or_int(word: &str) -> Value {
    let bits = word.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let number = bits.map(u32::cast_signed).or_else(|| word.parse().ok());
    number.map_or_else(|| json!(word), |number| json!(number))
}

fn flags(word: &str) -> Value {
    let mut names: Vec<&str> = word.split('|').filter(|name| *name != "0").collect();
    names.sort_unstable();
    json!(names)
}

fn set(node: &Node) -> Result<Value, String> {
    let Node::Set { inverted, names } = node else { return Err(format!("{node:?} is no set")) };
    let mut bits = 0;
    for name in names {
        bits |= names::bits(&[signal::number(&format!("SIG{name}"))?]);
    }
    Ok(names::set(if *inverted { !bits } else { bits }))
}
