//! `POLL*`, what a descriptor was found ready for.

use super::FlagTable;

/// `si_band` (`include/uapi/asm-generic/poll.h`).
pub static POLL: FlagTable = FlagTable(&[
    (0x0001, "POLLIN"),
    (0x0002, "POLLPRI"),
    (0x0004, "POLLOUT"),
    (0x0008, "POLLERR"),
    (0x0010, "POLLHUP"),
    (0x0020, "POLLNVAL"),
    (0x0040, "POLLRDNORM"),
    (0x0080, "POLLRDBAND"),
    (0x0100, "POLLWRNORM"),
    (0x0200, "POLLWRBAND"),
    (0x0400, "POLLMSG"),
    (0x2000, "POLLRDHUP"),
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_libc() {
        for (name, bit) in [
            ("POLLIN", libc::POLLIN),
            ("POLLPRI", libc::POLLPRI),
            ("POLLOUT", libc::POLLOUT),
            ("POLLERR", libc::POLLERR),
            ("POLLHUP", libc::POLLHUP),
            ("POLLNVAL", libc::POLLNVAL),
            ("POLLRDNORM", libc::POLLRDNORM),
            ("POLLRDBAND", libc::POLLRDBAND),
            ("POLLWRNORM", libc::POLLWRNORM),
            ("POLLWRBAND", libc::POLLWRBAND),
            ("POLLRDHUP", libc::POLLRDHUP),
        ] {
            assert_eq!(POLL.bit(name), Some(u64::from(bit.cast_unsigned())), "{name}");
        }
    }
}
