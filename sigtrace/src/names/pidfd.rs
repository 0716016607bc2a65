//! `PIDFD_*`, the flags of the calls on pidfds (`include/uapi/linux/pidfd.h`).

use super::FlagTable;

/// Flags of pidfd_send_signal, known to Linux 6.9 and later. At most one is allowed.
pub static SIGNAL: FlagTable = FlagTable(&[
    (1, "PIDFD_SIGNAL_THREAD"),
    (2, "PIDFD_SIGNAL_THREAD_GROUP"),
    (4, "PIDFD_SIGNAL_PROCESS_GROUP"),
]);

/// Flags of pidfd_open: `PIDFD_NONBLOCK` is `O_NONBLOCK` (Linux 5.10), `PIDFD_THREAD` is `O_EXCL`
/// (Linux 6.9).
pub static OPEN: FlagTable = FlagTable(&[(0x800, "PIDFD_NONBLOCK"), (0x80, "PIDFD_THREAD")]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_pidfd_open_are_those_of_libc() {
        for (name, bit) in [("PIDFD_NONBLOCK", libc::O_NONBLOCK), ("PIDFD_THREAD", libc::O_EXCL)] {
            assert_eq!(OPEN.bit(name), Some(u64::from(bit.cast_unsigned())), "{name}");
        }
    }

    #[test]
    fn the_bits_of_pidfd_send_signal_are_those_of_libc() {
        for (name, bit) in [
            ("PIDFD_SIGNAL_THREAD", libc::PIDFD_SIGNAL_THREAD),
            ("PIDFD_SIGNAL_THREAD_GROUP", libc::PIDFD_SIGNAL_THREAD_GROUP),
            ("PIDFD_SIGNAL_PROCESS_GROUP", libc::PIDFD_SIGNAL_PROCESS_GROUP),
        ] {
            assert_eq!(SIGNAL.bit(name), Some(u64::from(bit)), "{name}");
        }
    }
}
