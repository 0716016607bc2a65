//! The memory a process takes, from `/proc/PID/smaps`.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// A ring's data come in the map after a page of the reader's position. The kernel maps them twice
/// in a row, so that a record can be read in one piece wherever it lies.
const RING: (&str, &str) = ("00001000", "anon_inode:bpf-map");

/// Of process `pid` in kilobytes of 1024: its proportional share of all memory (`pss`), which has
/// the pages of rings once; what is resident of rings, once (`ring`); and the parts of the rest of
/// its share: its own pages (`anonymous`), and those of files and the like (`file`).
pub(crate) fn of(pid: u32) -> Result<Value> {
    let path = format!("/proc/{pid}/smaps");
    let Memory { anonymous, file, ring } = parse(&fs::read_to_string(&path).context(path)?);
    Ok(json!({
        "measure": "memory",
        "pss": anonymous + file + ring,
        "anonymous": anonymous,
        "file": file,
        "ring": ring,
    }))
}

/// In kilobytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Memory {
    anonymous: u64,
    file: u64,
    ring: u64,
}

fn parse(smaps: &str) -> Memory {
    let (mut all, mut is_ring) = (Memory::default(), false);
    let (mut share, mut anonymous) = (0, 0);
    for line in smaps.lines() {
        if let Some(kilobytes) = number(line, "Rss:") {
            // Whatever the kernel makes of pages that a process has twice, here they count once.
            all.ring += if is_ring { kilobytes / 2 } else { 0 };
        } else if let Some(kilobytes) = number(line, "Pss:") {
            share += if is_ring { 0 } else { kilobytes };
        } else if let Some(kilobytes) = number(line, "Anonymous:") {
            anonymous += kilobytes;
        } else if let Some(ring) = header(line) {
            is_ring = ring;
        }
    }
    all.anonymous = anonymous;
    all.file = share.saturating_sub(anonymous);
    all
}

/// Of a mapping's first line, whether it is of a ring's data. The lines after it begin with a name
/// and a colon.
fn header(line: &str) -> Option<bool> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [range, _permissions, offset, _device, _inode, path @ ..] = &fields[..] else {
        return None;
    };
    let is_header = range.contains('-') && !range.ends_with(':');
    is_header.then(|| (*offset, path.join(" ").as_str()) == RING)
}

fn number(line: &str, name: &str) -> Option<u64> {
    line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
00400000-00500000 r-xp 00001000 00:02 17                                 /payload/sigtrace
Size:               1024 kB
KernelPageSize:        4 kB
Rss:                 900 kB
Pss:                 450 kB
Pss_Dirty:             0 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00600000-00700000 rw-p 00000000 00:00 0                                  [heap]
Rss:                 700 kB
Pss:                 700 kB
Anonymous:           700 kB
7f0000000000-7f0000001000 rw-s 00000000 00:0e 9                          anon_inode:bpf-map
Rss:                   4 kB
Pss:                   4 kB
Anonymous:             0 kB
7f0000001000-7f0000803000 r--s 00001000 00:0e 9                          anon_inode:bpf-map
Rss:                8196 kB
Pss:                8196 kB
Anonymous:             0 kB
7f0000900000-7f0000901000 rw-p 00000000 00:00 0
Rss:                   4 kB
Pss:                   4 kB
Anonymous:             4 kB
";

    #[test]
    fn the_ring_counts_once_and_shares_count_in_part() {
        assert_eq!(parse(SMAPS), Memory { anonymous: 704, file: 454, ring: 4098 });
    }

    #[test]
    fn a_ring_that_the_kernel_counts_once_already_is_not_halved_again() {
        let halved = SMAPS.replace("Pss:                8196 kB", "Pss:                4098 kB");
        assert_eq!(parse(&halved), parse(SMAPS));
    }

    #[test]
    fn nothing_is_read_from_what_is_no_smaps() {
        assert_eq!(parse("Name:\tx\nVmRSS:\t   12408 kB\n"), Memory::default());
    }

    #[test]
    fn we_have_memory_of_our_own() {
        let memory = of(std::process::id()).unwrap();
        assert!(memory["anonymous"].as_u64() > Some(0), "{memory}");
        assert_eq!(memory["ring"], 0, "{memory}");
    }
}
