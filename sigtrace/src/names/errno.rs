//! Errors: what a negative return value means.

mod parse;

pub use parse::{UnknownErrno, parse};

/// The highest number a system call can return, negated, as an error (`MAX_ERRNO`,
/// `include/linux/err.h`).
pub const MAX: i64 = 4095;

/// Error n at n - 1 (`include/uapi/asm-generic/errno-base.h`, `include/uapi/asm-generic/errno.h`);
/// empty where there is none.
static NAMES: [&str; 133] = [
    "EPERM",
    "ENOENT",
    "ESRCH",
    "EINTR",
    "EIO",
    "ENXIO",
    "E2BIG",
    "ENOEXEC",
    "EBADF",
    "ECHILD",
    "EAGAIN",
    "ENOMEM",
    "EACCES",
    "EFAULT",
    "ENOTBLK",
    "EBUSY",
    "EEXIST",
    "EXDEV",
    "ENODEV",
    "ENOTDIR",
    "EISDIR",
    "EINVAL",
    "ENFILE",
    "EMFILE",
    "ENOTTY",
    "ETXTBSY",
    "EFBIG",
    "ENOSPC",
    "ESPIPE",
    "EROFS",
    "EMLINK",
    "EPIPE",
    "EDOM",
    "ERANGE",
    "EDEADLK",
    "ENAMETOOLONG",
    "ENOLCK",
    "ENOSYS",
    "ENOTEMPTY",
    "ELOOP",
    "",
    "ENOMSG",
    "EIDRM",
    "ECHRNG",
    "EL2NSYNC",
    "EL3HLT",
    "EL3RST",
    "ELNRNG",
    "EUNATCH",
    "ENOCSI",
    "EL2HLT",
    "EBADE",
    "EBADR",
    "EXFULL",
    "ENOANO",
    "EBADRQC",
    "EBADSLT",
    "",
    "EBFONT",
    "ENOSTR",
    "ENODATA",
    "ETIME",
    "ENOSR",
    "ENONET",
    "ENOPKG",
    "EREMOTE",
    "ENOLINK",
    "EADV",
    "ESRMNT",
    "ECOMM",
    "EPROTO",
    "EMULTIHOP",
    "EDOTDOT",
    "EBADMSG",
    "EOVERFLOW",
    "ENOTUNIQ",
    "EBADFD",
    "EREMCHG",
    "ELIBACC",
    "ELIBBAD",
    "ELIBSCN",
    "ELIBMAX",
    "ELIBEXEC",
    "EILSEQ",
    "ERESTART",
    "ESTRPIPE",
    "EUSERS",
    "ENOTSOCK",
    "EDESTADDRREQ",
    "EMSGSIZE",
    "EPROTOTYPE",
    "ENOPROTOOPT",
    "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT",
    "EOPNOTSUPP",
    "EPFNOSUPPORT",
    "EAFNOSUPPORT",
    "EADDRINUSE",
    "EADDRNOTAVAIL",
    "ENETDOWN",
    "ENETUNREACH",
    "ENETRESET",
    "ECONNABORTED",
    "ECONNRESET",
    "ENOBUFS",
    "EISCONN",
    "ENOTCONN",
    "ESHUTDOWN",
    "ETOOMANYREFS",
    "ETIMEDOUT",
    "ECONNREFUSED",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "EALREADY",
    "EINPROGRESS",
    "ESTALE",
    "EUCLEAN",
    "ENOTNAM",
    "ENAVAIL",
    "EISNAM",
    "EREMOTEIO",
    "EDQUOT",
    "ENOMEDIUM",
    "EMEDIUMTYPE",
    "ECANCELED",
    "ENOKEY",
    "EKEYEXPIRED",
    "EKEYREVOKED",
    "EKEYREJECTED",
    "EOWNERDEAD",
    "ENOTRECOVERABLE",
    "ERFKILL",
    "EHWPOISON",
];

/// Codes that user space never sees, and what becomes of them (`include/linux/errno.h`).
const INTERNAL: [(u16, &str, &str); 5] = [
    (512, "ERESTARTSYS", "To be restarted if SA_RESTART is set"),
    (513, "ERESTARTNOINTR", "To be restarted"),
    (514, "ERESTARTNOHAND", "To be restarted if no handler"),
    (515, "ENOIOCTLCMD", "No ioctl command"),
    (516, "ERESTART_RESTARTBLOCK", "Interrupted by signal"),
];

/// Second names of some of them.
const ALIASES: [(&str, u16); 3] = [("EWOULDBLOCK", 11), ("EDEADLOCK", 35), ("ENOTSUP", 95)];

/// The name of an error, restart codes included.
pub fn name(errno: u16) -> Option<&'static str> {
    let common = usize::from(errno).checked_sub(1).and_then(|index| NAMES.get(index));
    match common {
        Some(name) => Some(*name).filter(|name| !name.is_empty()),
        None => INTERNAL.iter().find(|(number, ..)| *number == errno).map(|(_, name, _)| *name),
    }
}

/// What becomes of a call that returned this code, for those that user space never sees.
pub fn restart(errno: u16) -> Option<&'static str> {
    INTERNAL.iter().find(|(number, ..)| *number == errno).map(|(.., meaning)| *meaning)
}

/// The error in what a system call returned, if it is one.
pub fn of(ret: i64) -> Option<u16> {
    (-MAX..0).contains(&ret).then(|| u16::try_from(-ret).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name and number of constants of `libc`.
    macro_rules! libc {
        ($($name:ident)*) => { [$((stringify!($name), libc::$name)),*] };
    }

    #[test]
    fn the_numbers_are_those_of_libc() {
        let known = libc!(
            EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES
            EFAULT ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY
            ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG
            ENOLCK ENOSYS ENOTEMPTY ELOOP ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG
            EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT EBFONT ENOSTR
            ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP
            EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX
            ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE
            ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT
            EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET
            ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN
            EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO
            EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED
            EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON
        );
        for (expected, number) in known {
            assert_eq!(name(number.try_into().unwrap()), Some(expected));
        }
        assert_eq!((1..=133).filter_map(name).count(), known.len());
    }

    #[test]
    fn second_names_are_those_of_libc() {
        for (alias, number) in libc!(EWOULDBLOCK EDEADLOCK ENOTSUP) {
            assert!(ALIASES.contains(&(alias, number.try_into().unwrap())), "{alias}");
        }
    }

    #[test]
    fn restart_codes_have_their_own_names() {
        assert_eq!(
            [512, 513, 514, 515, 516].map(name),
            [
                "ERESTARTSYS",
                "ERESTARTNOINTR",
                "ERESTARTNOHAND",
                "ENOIOCTLCMD",
                "ERESTART_RESTARTBLOCK"
            ]
            .map(Some)
        );
    }

    #[test]
    fn numbers_without_a_name_have_none() {
        assert_eq!([0, 41, 58, 134, 511, 517, u16::MAX].map(name), [None; 7]);
    }

    #[test]
    fn only_the_last_4095_negative_numbers_are_errors() {
        assert_eq!(
            [0, 1, -1, -514, -4095, -4096, i64::MIN].map(of),
            [None, None, Some(1), Some(514), Some(4095), None, None]
        );
    }
}
