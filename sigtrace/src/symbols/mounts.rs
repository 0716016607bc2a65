//! Which files are on file systems that the kernel itself answers for.
//!
//! Whoever asks one that a program or a server answers for, even for a name, waits for as long as that likes. So it
//! is decided by the list of mounts alone.

use crate::mountinfo::mount;

/// File systems that need nobody but the kernel and a disk, or memory, and whose files have the devices and the inodes
/// that stat(2) says: not those of btrfs, nor of an overlay, which besides can be above anything.
const LOCAL: [&[u8]; 12] = [
    b"erofs",
    b"exfat",
    b"ext2",
    b"ext3",
    b"ext4",
    b"f2fs",
    b"iso9660",
    b"ramfs",
    b"rootfs",
    b"squashfs",
    b"tmpfs",
    b"xfs",
];

/// Whether all mounts that lead to a path, which is absolute and has no symbolic links, are local, by the lines of
/// `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
pub(super) fn are_local(mountinfo: &[u8], path: &[u8]) -> bool {
    let mut any = false;
    for line in mountinfo.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Some((point, kind)) = mount(line) else { return false };
        if is_below(path, &point) {
            any = true;
            if !LOCAL.contains(&kind) {
                return false;
            }
        }
    }
    any
}

/// Whether a path is that of a mount, or leads through it.
fn is_below(path: &[u8], point: &[u8]) -> bool {
    let point = point.strip_suffix(b"/").unwrap_or(point);
    path.strip_prefix(point).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"\
        22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        23 22 0:21 / /proc rw shared:2 - proc proc rw\n\
        30 22 0:50 / /mnt/remote\\040files rw master:5 shared:7 - fuse.sshfs host: rw\n\
        31 22 0:51 / /home rw - nfs4 server:/home rw\n\
        32 22 0:52 / /usr/lib rw - squashfs /dev/loop0 ro\n";

    #[test]
    fn a_file_is_local_if_all_mounts_that_lead_to_it_are() {
        for (path, expected) in [
            (&b"/usr/sbin/nginx"[..], true),
            (b"/usr/lib/libc.so.6", true),
            (b"/homeless/app", true),
            (b"/home/app", false),
            (b"/home", false),
            (b"/mnt/remote files/app", false),
            (b"/mnt/remote\\040files/app", true),
            (b"/proc/1/exe", false),
            (b"relative", false),
        ] {
            assert_eq!(are_local(MOUNTS, path), expected, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn lines_that_make_no_sense_lead_nowhere() {
        for mounts in [&b""[..], b"\n", b"22 1 8:1 / / rw\n", b"22 1 8:1 / / rw - \n"] {
            assert!(!are_local(mounts, b"/usr/sbin/nginx"), "{}", mounts.escape_ascii());
        }
    }
}
