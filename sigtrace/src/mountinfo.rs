//! What is mounted where: lines of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).

use std::{ffi::OsString, fs, os::unix::ffi::OsStringExt as _, path::PathBuf};

/// Where the control groups of version 2 are mounted first, if they are.
pub(crate) fn cgroup2() -> Option<PathBuf> {
    first_of(&fs::read("/proc/self/mountinfo").ok()?, b"cgroup2")
}

/// Where a file system of this type is mounted first.
fn first_of(mountinfo: &[u8], wanted: &[u8]) -> Option<PathBuf> {
    let mut mounts = mountinfo.split(|byte| *byte == b'\n').filter_map(mount);
    let (point, _) = mounts.find(|(_, kind)| *kind == wanted)?;
    Some(OsString::from_vec(point).into())
}

/// Where a line's mount is, and the type of its file system.
pub(crate) fn mount(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut words = line.split(|byte| *byte == b' ');
    let point = words.nth(4)?;
    // Optional words, and then a dash.
    let kind = words.skip_while(|word| *word != b"-").nth(1)?;
    Some((unescaped(point), kind))
}

/// Spaces, tabs, newlines and backslashes are three octal digits behind a backslash (`mangle_path`,
/// `fs/seq_file.c`).
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        if let [b'\\', digits @ ..] = rest
            && let Some((octal, behind)) = digits.split_first_chunk::<3>()
            && octal.iter().all(|digit| (b'0'..b'8').contains(digit))
        {
            let value =
                octal.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
            plain.push(u8::try_from(value & 0xff).unwrap_or(b'?'));
            rest = behind;
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mount_of_a_type_is_found() {
        let mountinfo = b"25 1 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n\
                          26 25 0:23 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n\
                          27 26 0:24 / /sys/fs/cgroup/uni\\040fied rw shared:8 master:1 - cgroup2 cgroup2 rw\n\
                          28 26 0:25 / /other rw - cgroup2 none rw\n";
        let found = first_of(mountinfo, b"cgroup2");
        assert_eq!(found, Some("/sys/fs/cgroup/uni fied".into()));
        assert_eq!(first_of(mountinfo, b"cgroup"), None);
    }
}
