//! systemd's units, by where its managers put their control groups (`cg_path_get_unit` and
//! `cg_path_get_user_unit`, `src/basic/cgroup-util.c`).

use super::container::is_payload;

/// The suffixes of units (systemd.unit(5)).
const TYPES: [&str; 11] = [
    "service",
    "socket",
    "target",
    "device",
    "mount",
    "automount",
    "swap",
    "timer",
    "path",
    "slice",
    "scope",
];

/// No unit's name is longer (`UNIT_NAME_MAX`).
const LONGEST: usize = 255;

/// The unit of the system manager, and that of a user's.
pub(super) fn units(components: &[&str]) -> (Option<String>, Option<String>) {
    // What is in a container's group is named by who is in the container.
    if components.first().is_some_and(|first| is_payload(first)) {
        return (None, None);
    }
    let Some((unit, rest)) = next(components) else { return (None, None) };
    let user_unit = if is_manager_of_users(unit) { next(rest) } else { None };
    (Some(unit.to_owned()), user_unit.map(|(unit, _)| unit.to_owned()))
}

/// The first unit of a manager, and the components below.
fn next<'a, 'b>(components: &'b [&'a str]) -> Option<(&'a str, &'b [&'a str])> {
    let below = components.iter().position(|name| !is_slice(name))?;
    let (name, rest) = components.get(below..)?.split_first()?;
    let name = unescaped(name);
    (is_unit(name) && !name.ends_with(".slice")).then_some((name, rest))
}

/// Without what the manager puts before names that mean something to the kernel (`cg_escape`).
fn unescaped(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

/// Whether below a unit there are those of another manager: a user's, a capsule's or a session's.
fn is_manager_of_users(unit: &str) -> bool {
    let between = |prefix, suffix| unit.strip_prefix(prefix)?.strip_suffix(suffix);
    between("user@", ".service").is_some_and(|uid: &str| uid.parse::<u32>().is_ok())
        || between("capsule@", ".service").is_some_and(|name| !name.is_empty())
        || between("session-", ".scope").is_some_and(|id| !id.is_empty())
}

fn is_slice(name: &str) -> bool {
    name.ends_with(".slice") && is_unit(name) && !name.contains('@')
}

/// Whether a unit can be named so, other than a template (`unit_name_is_valid`, `UNIT_NAME_PLAIN |
/// UNIT_NAME_INSTANCE`).
fn is_unit(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    let Some((stem, suffix)) = name.rsplit_once('.') else { return false };
    name.len() <= LONGEST
        && TYPES.contains(&suffix)
        && !stem.is_empty()
        && stem.bytes().all(is_allowed)
        && match stem.split_once('@') {
            None => true,
            Some((prefix, instance)) => !prefix.is_empty() && !instance.is_empty(),
        }
}
