//! What a process executes, and with what arguments.

use super::redact::{Redacted, Redaction};

/// Of the arguments of a process no more bytes are kept, each with its NUL.
pub const MAX_ARGS: usize = 2048;

/// What a process executes, from one execve(2) to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The path of the executable (`mm->exe_file`): of a script that of its interpreter. `None` if it is not
    /// known as a whole.
    pub exe: Option<Box<[u8]>>,
    /// Whether the file has no name any more, or never had one (memfd_create(2)).
    pub exe_deleted: bool,
    /// The path of a script, as it was given to execve: it may be relative.
    pub script: Option<Box<[u8]>>,
    /// The arguments, if they were asked for and could be read.
    pub args: Option<Args>,
}

/// The arguments of a process, its name for itself first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// Each with a NUL behind it.
    bytes: Box<[u8]>,
    /// Whether there are more.
    pub truncated: bool,
    /// From how many a secret was taken.
    pub redacted: u32,
}

impl Args {
    /// Of what was read, without its secrets. `total` is how many bytes there are.
    pub fn new(bytes: &[u8], total: u64, redaction: &Redaction) -> Self {
        let kept = bytes.get(..bytes.len().min(MAX_ARGS)).unwrap_or_default();
        let truncated = total > kept.len() as u64;
        // A name that was cut may be a secret's.
        let Redacted { mut bytes, count } = redaction.apply(kept);
        if kept.is_empty() {
            bytes.clear();
        }
        Self { bytes: bytes.into(), truncated, redacted: count }
    }

    /// The arguments, which need not be UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.bytes.strip_suffix(&[0]);
        bytes.into_iter().flat_map(|bytes| bytes.split(|byte| *byte == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(bytes: &[u8], total: u64) -> (Vec<Vec<u8>>, bool) {
        let args = Args::new(bytes, total, &Redaction::default());
        (args.iter().map(<[u8]>::to_vec).collect(), args.truncated)
    }

    #[test]
    fn arguments_are_told_apart() {
        let expected = vec![b"a".to_vec(), b"".to_vec(), b"\xff".to_vec()];
        assert_eq!(args(b"a\0\0\xff\0", 5), (expected.clone(), false));
        // A process can write over the last NUL.
        assert_eq!(args(b"a\0\0\xff", 4), (expected, false));
        assert_eq!(args(b"\0", 1), (vec![Vec::new()], false));
        assert_eq!(args(b"", 0), (Vec::new(), false));
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let (kept, truncated) = args(&vec![b'a'; 2 << 20], 2 << 20);
        assert_eq!((kept.len(), kept[0].len(), truncated), (1, MAX_ARGS, true));
        assert_eq!(args(b"a\0b", 100), (vec![b"a".to_vec(), b"b".to_vec()], true));
    }
}
