//! Operands that are numbers, names, sizes and times.

use std::{
    collections::HashMap, fmt::Display, fs::File, mem::MaybeUninit, num::NonZeroU64,
    ops::RangeInclusive, os::fd::AsRawFd as _, os::unix::fs::MetadataExt as _, path::Path,
    time::Duration,
};

use jiff::SignedDuration;

use super::{UsageError, ranges::range, usage};
use crate::{join::procfs, mountinfo};

/// The largest ring the kernel gives (`RINGBUF_MAX_DATA_SZ` is beyond what 32 bits of
/// `max_entries` can ask for as a power of two).
const MAX_RING: u64 = 1 << 31;
/// The highest rate: more than sigtrace can write, and a line still takes some nanoseconds of it.
const MAX_RATE: u64 = 1 << 30;
/// Suffixes of sizes: K is 1024, as for systemd.
const SIZE: parse_size::Config = parse_size::Config::new().with_binary();
/// The longest time: what comes later overflows clocks.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// Bytes of a thread name with its NUL (`TASK_COMM_LEN`).
const COMM_LEN: usize = 16;
/// How many numbers a list can have, those in its ranges included: each is an entry of a map in
/// the kernel. It is enough for all users that adduser(8) gives numbers to.
const MAX_NUMBERS: u64 = 65_536;

/// The elements of a list given in one or more operands, separated by commas.
pub(super) fn elements<'a>(
    option: &'static str,
    operands: &'a [String],
) -> Result<Vec<&'a str>, UsageError> {
    let elements: Vec<&str> =
        operands.iter().flat_map(|operand| operand.split(',')).map(str::trim).collect();
    if elements.iter().any(|element| element.is_empty()) {
        return Err(usage(
            option,
            format!("the list \"{}\" has an empty element", operands.join(",")),
        ));
    }
    Ok(elements)
}

/// A list of numbers.
pub(super) fn numbers(option: &'static str, operands: &[String]) -> Result<Vec<u32>, UsageError> {
    Ok(ranges(option, operands)?.into_iter().flatten().collect())
}

/// A list of numbers, and of ranges of them.
fn ranges(
    option: &'static str,
    operands: &[String],
) -> Result<Vec<RangeInclusive<u32>>, UsageError> {
    let mut count = 0;
    let counted = |element| {
        let numbers = range(option, element, number, |_| true)?;
        count += u64::from(numbers.end() - numbers.start()) + 1;
        if count > MAX_NUMBERS {
            let problem = format!(
                "\"{element}\" brings the list to {count} numbers; the maximum is {MAX_NUMBERS}"
            );
            return Err(usage(option, problem));
        }
        Ok(numbers)
    };
    elements(option, operands)?.into_iter().map(counted).collect()
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("\"{text}\" is not an integer between 0 and {}", u32::MAX))
}

/// The processes of several lists, each with the sides its list stands for.
pub(super) fn sides<const N: usize>(
    lists: [(&'static str, &Vec<String>, u32); N],
    notes: &mut Vec<String>,
) -> Result<HashMap<u32, u32>, UsageError> {
    let mut sides = HashMap::new();
    for (option, operands, side) in lists {
        for pids in ranges(option, operands)? {
            let (&first, &last) = (pids.start(), pids.end());
            if first == 0 {
                return Err(usage(option, "0 is not a process id"));
            }
            if !pids.clone().any(procfs::is_there) {
                let missing = if first == last {
                    format!("process {first} does not exist")
                } else {
                    format!("no process from {first} to {last} exists")
                };
                notes.push(format!("{option}: {missing}"));
            } else if let Some(hidden) = pids.clone().find(|pid| procfs::hides(*pid)) {
                notes.push(format!(
                    "{option}: /proc hides process {hidden} from us (hidepid): threads and descendants \
                     that it has already may be missed"
                ));
            }
            for pid in pids {
                *sides.entry(pid).or_insert(0) |= side;
            }
        }
    }
    Ok(sides)
}

/// Thread names as the kernel keeps them: cut to 15 bytes, NUL-padded.
pub(super) fn comms(
    option: &'static str,
    operands: &[String],
    notes: &mut Vec<String>,
) -> Result<Vec<[u8; COMM_LEN]>, UsageError> {
    let comm = |name: &str| {
        let kept = name.len().min(COMM_LEN - 1);
        if kept < name.len() {
            let cut = String::from_utf8_lossy(&name.as_bytes()[..kept]);
            notes.push(format!("{option}: the kernel keeps 15 bytes of a name: \"{cut}\""));
        }
        let mut comm = [0; COMM_LEN];
        comm[..kept].copy_from_slice(&name.as_bytes()[..kept]);
        comm
    };
    Ok(elements(option, operands)?.into_iter().map(comm).collect())
}

/// The directory of a control group.
pub(super) fn cgroup(option: &'static str, path: &Path) -> Result<File, UsageError> {
    let refused = |problem: &dyn Display| {
        let way_out = match mountinfo::cgroup2() {
            Some(point) => {
                format!(
                    "give a directory of the cgroup v2 hierarchy, mounted at {}",
                    point.display()
                )
            }
            None => {
                "it takes a directory of the cgroup v2 hierarchy, which is not mounted; mount it with \
                     `mount -t cgroup2 cgroup2 /sys/fs/cgroup`"
                .to_owned()
            }
        };
        usage(option, format!("{}: {problem}; {way_out}", path.display()))
    };
    let directory = File::open(path).map_err(|error| refused(&error))?;
    let mut file_system = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: a structure to write to; zeroed, so that it is initialised in any case.
    let file_system = unsafe {
        libc::fstatfs(directory.as_raw_fd(), file_system.as_mut_ptr());
        file_system.assume_init()
    };
    if file_system.f_type as u32 != libc::CGROUP2_SUPER_MAGIC as u32 {
        return Err(refused(&"not a control group"));
    }
    Ok(directory)
}

/// The id of a control group, which is the inode number of its directory.
pub(super) fn cgroup_id(option: &'static str, path: &Path) -> Result<u64, UsageError> {
    let metadata = cgroup(option, path)?.metadata();
    let metadata =
        metadata.map_err(|error| usage(option, format!("{}: {error}", path.display())))?;
    Ok(metadata.ino())
}

/// A positive time, such as `10s`, `1ms`, `1m30s`; a bare number is seconds.
pub(super) fn duration(option: &'static str, text: &str) -> Result<Duration, UsageError> {
    let parsed = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => text.parse::<SignedDuration>().ok().and_then(|time| time.try_into().ok()),
    };
    parsed.filter(|time| !time.is_zero() && *time <= LONGEST).ok_or_else(|| {
        let problem = "is not a positive duration of at most 100 years, such as 10s, 1ms or 1m30s";
        usage(option, format!("\"{text}\" {problem}"))
    })
}

/// A size in bytes, rounded up to what the kernel takes: a power of two, and a page at least.
pub(super) fn ring_size(
    text: &str,
    page_size: u64,
    notes: &mut Vec<String>,
) -> Result<u32, UsageError> {
    let size = SIZE.parse_size(text).map_err(|error| {
        usage("--ring-size", format!("\"{text}\": {error}; give a size such as 8M"))
    })?;
    if size == 0 || size > MAX_RING {
        return Err(usage("--ring-size", format!("\"{text}\" is not between 4K and 2G")));
    }
    let rounded = size.next_power_of_two().max(page_size);
    if rounded != size {
        let why = if rounded == page_size { "a page" } else { "a power of two" };
        notes.push(format!("--ring-size: {size} bytes rounded up to {rounded}, {why}"));
    }
    u32::try_from(rounded).map_err(|error| usage("--ring-size", error.to_string()))
}

/// Bytes a second.
pub(super) fn rate(text: &str) -> Result<NonZeroU64, UsageError> {
    let parsed = SIZE.parse_size(text).ok().and_then(NonZeroU64::new);
    parsed.filter(|rate| rate.get() <= MAX_RATE).ok_or_else(|| {
        let problem = "is not a number of bytes a second between 1 and 1G, such as 64K";
        usage("--max-output-rate", format!("\"{text}\" {problem}"))
    })
}

/// The most slots: a machine has no more threads (`PID_MAX_LIMIT`, `include/linux/threads.h`).
const MAX_SLOTS: u32 = 1 << 22;

/// How many slots; a power of two.
pub(super) fn slots(text: &str, notes: &mut Vec<String>) -> Result<u32, UsageError> {
    match text.parse() {
        Ok(number @ 1..=MAX_SLOTS) => {
            let rounded = number.next_power_of_two();
            if rounded != number {
                notes.push(format!("--slots: {number} rounded up to {rounded}, a power of two"));
            }
            Ok(rounded)
        }
        _ => {
            Err(usage("--slots", format!("\"{text}\" is not an integer between 1 and {MAX_SLOTS}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sigtrace_common::side;

    use super::*;

    #[test]
    fn a_list_may_come_in_several_operands() {
        let operands = ["1,2".to_owned(), "3".to_owned()];
        assert_eq!(numbers("--tid", &operands).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn an_empty_element_is_refused_by_name() {
        for operand in ["", "1,,2", "1,"] {
            let error = numbers("--tid", &[operand.to_owned()]).unwrap_err();
            let expected = format!("--tid: the list \"{operand}\" has an empty element");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_number_that_is_none_is_refused_by_name() {
        let error = numbers("--uid", &["root".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "--uid: \"root\" is not an integer between 0 and 4294967295");
    }

    #[test]
    fn a_range_stands_for_every_number_in_it() {
        let operands = ["7,100-103".to_owned(), "9-9".to_owned()];
        assert_eq!(numbers("--uid", &operands).unwrap(), [7, 100, 101, 102, 103, 9]);
    }

    #[test]
    fn a_range_that_is_none_is_refused_by_name() {
        for (operand, problem) in [
            ("200-100", "\"200-100\": the range is empty"),
            ("1-x", "\"1-x\": \"x\" is not an integer between 0 and 4294967295"),
            ("100-", "\"100-\" is not an integer between 0 and 4294967295"),
            ("-5", "\"-5\" is not an integer between 0 and 4294967295"),
            ("1-2-3", "\"1-2-3\": \"2-3\" is not an integer between 0 and 4294967295"),
        ] {
            let error = numbers("--uid", &[operand.to_owned()]).unwrap_err();
            assert_eq!(error.to_string(), format!("--uid: {problem}"));
        }
    }

    #[test]
    fn a_list_of_more_numbers_than_there_is_room_for_is_refused_by_the_range_that_makes_it_so() {
        for (operands, problem) in [
            (
                &["0-65536"][..],
                "\"0-65536\" brings the list to 65537 numbers; the maximum is 65536",
            ),
            (&["5,0-65535"], "\"0-65535\" brings the list to 65537 numbers; the maximum is 65536"),
            (
                &["0-4294967295"],
                "\"0-4294967295\" brings the list to 4294967296 numbers; the maximum is 65536",
            ),
        ] {
            let operands: Vec<String> = operands.iter().map(|&text| text.to_owned()).collect();
            let error = numbers("--uid", &operands).unwrap_err();
            assert_eq!(error.to_string(), format!("--uid: {problem}"));
        }
        assert_eq!(numbers("--uid", &["1-65536".to_owned()]).unwrap().len(), 65_536);
    }

    #[test]
    fn of_a_range_of_processes_it_is_noted_if_there_is_none() {
        let mut notes = Vec::new();
        // No machine has so many (PID_MAX_LIMIT).
        let here = std::process::id();
        let gone = "4194305-4194307".to_owned();
        let lists = [
            ("--pid", &vec![format!("{here}-{}", here + 1)], side::EITHER),
            ("--target", &vec![gone], side::TARGET),
        ];
        let sides = sides(lists, &mut notes).unwrap();
        assert_eq!(notes, ["--target: no process from 4194305 to 4194307 exists"]);
        let expected = [
            (here, side::EITHER),
            (here + 1, side::EITHER),
            (4_194_305, side::TARGET),
            (4_194_306, side::TARGET),
            (4_194_307, side::TARGET),
        ];
        assert_eq!(sides, expected.into());
    }

    #[test]
    fn times_have_units_and_bare_numbers_are_seconds() {
        assert_eq!(duration("--duration", "10s").unwrap(), Duration::from_secs(10));
        assert_eq!(duration("--duration", "1ms").unwrap(), Duration::from_millis(1));
        assert_eq!(duration("--duration", "0.5").unwrap(), Duration::from_millis(500));
        for text in ["0", "0s", "-1s", "soon", "1e19", "200 years"] {
            assert_eq!(
                duration("--duration", text).unwrap_err().to_string(),
                format!(
                    "--duration: \"{text}\" is not a positive duration of at most 100 years, such as \
                     10s, 1ms or 1m30s"
                )
            );
        }
    }

    #[test]
    fn a_ring_size_is_rounded_up_with_a_note() {
        let mut notes = Vec::new();
        assert_eq!(ring_size("8M", 4096, &mut notes).unwrap(), 8 << 20);
        assert_eq!(notes, [""; 0]);
        assert_eq!(ring_size("5000", 4096, &mut notes).unwrap(), 8192);
        assert_eq!(ring_size("1", 4096, &mut notes).unwrap(), 4096);
        assert_eq!(ring_size("8192", 65536, &mut notes).unwrap(), 65536);
        assert_eq!(
            notes,
            [
                "--ring-size: 5000 bytes rounded up to 8192, a power of two",
                "--ring-size: 1 bytes rounded up to 4096, a page",
                "--ring-size: 8192 bytes rounded up to 65536, a page",
            ]
        );
    }

    #[test]
    fn a_rate_has_the_suffixes_of_a_size() {
        let rate = |text| rate(text).unwrap().get();
        assert_eq!(
            ["1", "500", "64K", "1.5m", "1G"].map(rate),
            [1, 500, 65_536, 1_572_864, 1 << 30]
        );
    }

    #[test]
    fn a_rate_that_is_none_is_refused() {
        for text in
            ["0", "0K", "0.4", "-1", "1X", "", "1G1", "1025M", "16E", "99999999999999999999"]
        {
            assert_eq!(
                rate(text).unwrap_err().to_string(),
                format!(
                    "--max-output-rate: \"{text}\" is not a number of bytes a second between 1 and 1G, \
                     such as 64K"
                )
            );
        }
    }

    #[test]
    fn a_number_of_slots_is_rounded_up_with_a_note() {
        let mut notes = Vec::new();
        assert_eq!(slots("1024", &mut notes).unwrap(), 1024);
        assert_eq!(slots("40000", &mut notes).unwrap(), 65_536);
        assert_eq!(notes, ["--slots: 40000 rounded up to 65536, a power of two"]);
    }

    #[test]
    fn a_number_of_slots_out_of_range_is_refused() {
        for text in ["0", "4194305", "many", "-1"] {
            assert_eq!(
                slots(text, &mut Vec::new()).unwrap_err().to_string(),
                format!("--slots: \"{text}\" is not an integer between 1 and 4194304")
            );
        }
    }

    #[test]
    fn a_ring_size_out_of_range_is_refused() {
        for text in ["0", "3G"] {
            assert_eq!(
                ring_size(text, 4096, &mut Vec::new()).unwrap_err().to_string(),
                format!("--ring-size: \"{text}\" is not between 4K and 2G")
            );
        }
    }

    #[test]
    fn a_long_name_is_cut_as_the_kernel_does() {
        let mut notes = Vec::new();
        assert_eq!(
            comms("--target-comm", &["systemd-journald".to_owned()], &mut notes).unwrap(),
            [*b"systemd-journal\0"]
        );
        assert_eq!(
            notes,
            ["--target-comm: the kernel keeps 15 bytes of a name: \"systemd-journal\""]
        );
    }
}
