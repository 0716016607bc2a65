//! `/proc/PID/status`, and that of a thread (`proc_pid_status(5)`).
//!
//! Read by ourselves, as a name in it may have any bytes, which readers of lines of text refuse: a process
//! must not hide behind its name.

/// What it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// The process, and the thread, in the pid namespace of /proc.
    pub(super) tgid: u32,
    pub(super) pid: u32,
    /// The parent; 0 if it is not in that namespace.
    pub(super) ppid: u32,
    /// Who traces it; 0 if nobody does.
    pub(super) tracer: u32,
    /// The real user id.
    pub(super) uid: u32,
    /// Its number in its own pid namespace, if that is another one.
    pub(super) ns_pid: Option<u32>,
    /// The letter of its state, as in ps(1).
    pub(super) state: char,
    pub(super) threads: u32,
    /// Whether it has memory of its own, which threads of the kernel have not, nor processes that have ended.
    pub(super) has_memory: bool,
    /// Sets of signals: pending for this thread, and for its process; blocked; ignored and caught.
    pub(super) pending: u64,
    pub(super) shared_pending: u64,
    pub(super) blocked: u64,
    pub(super) ignored: u64,
    pub(super) caught: u64,
}

impl Status {
    /// `None` if something is missing.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut status = Self::default();
        let mut found = 0;
        for line in text.split(|byte| *byte == b'\n') {
            let Some((key, value)) = std::str::from_utf8(line).ok().and_then(|l| l.split_once(':'))
            else {
                // The name.
                continue;
            };
            let value = value.trim();
            let number = || value.split_ascii_whitespace().next()?.parse().ok();
            let set = || u64::from_str_radix(value, 16).ok();
            match key {
                "State" => status.state = value.chars().next()?,
                "Tgid" => status.tgid = number()?,
                "Pid" => status.pid = number()?,
                "PPid" => status.ppid = number()?,
                "TracerPid" => status.tracer = number()?,
                "Uid" => status.uid = number()?,
                "Threads" => status.threads = number()?,
                "SigPnd" => status.pending = set()?,
                "ShdPnd" => status.shared_pending = set()?,
                "SigBlk" => status.blocked = set()?,
                "SigIgn" => status.ignored = set()?,
                "SigCgt" => status.caught = set()?,
                "NSpid" => {
                    let own = value.split_ascii_whitespace().skip(1).last();
                    status.ns_pid = own.and_then(|number| number.parse().ok());
                    continue;
                }
                "VmSize" => {
                    status.has_memory = true;
                    continue;
                }
                _ => continue,
            }
            found += 1;
        }
        (found == NEEDED).then_some(status)
    }
}

/// Lines that are always there.
const NEEDED: usize = 12;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A status as the kernel writes it, of a process of one thread.
    pub(crate) fn text(pid: u32, ppid: u32, more: &[(&str, &str)]) -> Vec<u8> {
        let mut lines = vec![
            ("Name", "x".to_owned()),
            ("Umask", "0022".to_owned()),
            ("State", "S (sleeping)".to_owned()),
            ("Tgid", pid.to_string()),
            ("Ngid", "0".to_owned()),
            ("Pid", pid.to_string()),
            ("PPid", ppid.to_string()),
            ("TracerPid", "0".to_owned()),
            ("Uid", "33\t33\t33\t33".to_owned()),
            ("NSpid", pid.to_string()),
            ("VmSize", "    5432 kB".to_owned()),
            ("Threads", "1".to_owned()),
            ("SigQ", "0/3880".to_owned()),
            ("SigPnd", "0000000000000000".to_owned()),
            ("ShdPnd", "0000000000000000".to_owned()),
            ("SigBlk", "0000000000000000".to_owned()),
            ("SigIgn", "0000000000000000".to_owned()),
            ("SigCgt", "0000000000000000".to_owned()),
        ];
        for (key, value) in more {
            lines.iter_mut().find(|(known, _)| known == key).unwrap().1 = (*value).to_owned();
        }
        let line = |(key, value): &(&str, String)| format!("{key}:\t{value}\n");
        lines.iter().map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn a_status_is_read_whatever_the_name() {
        let more = [
            ("NSpid", "812\t9\t1"),
            ("TracerPid", "55"),
            ("Threads", "3"),
            ("SigPnd", "0000000000000200"),
            ("ShdPnd", "0000000000004000"),
            ("SigBlk", "fffffffe7ffbfeff"),
            ("SigIgn", "0000000000001000"),
            ("SigCgt", "0000000180000000"),
        ];
        let text = text(812, 700, &more);
        let named = [b"Name:\t\xff: 5\n".as_slice(), &text[7..]].concat();
        let expected = Status {
            tgid: 812,
            pid: 812,
            ppid: 700,
            tracer: 55,
            uid: 33,
            ns_pid: Some(1),
            state: 'S',
            threads: 3,
            has_memory: true,
            pending: 0x200,
            shared_pending: 0x4000,
            blocked: 0xffff_fffe_7ffb_feff,
            ignored: 0x1000,
            caught: 0x1_8000_0000,
        };
        assert_eq!(Status::parse(&named), Some(expected));
    }

    #[test]
    fn what_is_in_no_other_namespace_has_no_number_there() {
        assert_eq!(Status::parse(&text(812, 700, &[])).unwrap().ns_pid, None);
    }

    #[test]
    fn what_is_cut_is_no_status() {
        let text = text(812, 700, &[]);
        assert_eq!(Status::parse(&text[..text.len() - 30]), None);
        assert_eq!(Status::parse(b""), None);
    }
}
