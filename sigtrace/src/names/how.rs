//! `SIG_BLOCK` and its siblings: what rt_sigprocmask does with its set.

/// The name of `how` (`include/uapi/asm-generic/signal-defs.h`).
pub fn name(how: i32) -> Option<&'static str> {
    match how {
        0 => Some("SIG_BLOCK"),
        1 => Some("SIG_UNBLOCK"),
        2 => Some("SIG_SETMASK"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn the_names_are_those_of_libc() {
        assert_eq!(name(libc::SIG_BLOCK), Some("SIG_BLOCK"));
        assert_eq!(name(libc::SIG_UNBLOCK), Some("SIG_UNBLOCK"));
        assert_eq!(name(libc::SIG_SETMASK), Some("SIG_SETMASK"));
    }

    #[test]
    fn other_numbers_have_no_name() {
        assert_eq!([name(-1), name(3), name(99)], [None; 3]);
    }
}
