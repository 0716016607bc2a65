//! Loading: the object, its configuration, its maps.

use std::{collections::HashMap, fs, hash::Hash, io, mem::offset_of, os::fd::AsRawFd};

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf, EbpfLoader, Pod, include_bytes_aligned,
    maps::{self, CgroupArray, Map, MapData, RingBuf},
};
use aya_log::EbpfLogger;
use log::Log;
use sigtrace_common::{Config, Offsets, Point, Record, SYSCALLS, State, select, side, undecided};

use super::{
    Counters, Mechanism, Policy, Selection,
    fentry::Functions,
    offsets,
    types::{BTF, Types},
};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sigtrace-ebpf.stripped"));

/// The agent is woken when the ring is this part full.
const WAKEUP_PART: u32 = 8;

/// How many processes can be selected, those that are followed included.
const MAX_PROCESSES: u32 = 65_536;

/// A slot as it lies in the map.
pub type RecordBytes = [u8; size_of::<Record>()];

/// The loaded object. Its programs are verified only when they are attached.
#[derive(Debug)]
pub struct Kernel {
    pub(super) ebpf: Ebpf,
    offsets: Offsets,
    /// Until the programs are attached.
    pub(super) functions: Option<Functions>,
    pending: maps::HashMap<MapData, u32, RecordBytes>,
}

/// Creates the maps and fills them with the selection.
pub fn load(selection: &Selection) -> Result<(Kernel, RingBuf<MapData>, Counters)> {
    raise_memlock_limit();
    let processors = processors()?;
    let (offsets, functions) = look_up(selection)?;
    let config =
        Config { offsets, wakeup_bytes: selection.ring_size / WAKEUP_PART, ..selection.config };
    let by_process = select::EITHER | select::CALLER | select::TARGET | select::FOLLOW;
    let processes = if config.select & by_process == 0 { 1 } else { MAX_PROCESSES };
    let mut ebpf = EbpfLoader::new()
        .btf(None)
        .override_global("CONFIG", &config, true)
        .map_max_entries("EVENTS", selection.ring_size)
        .map_max_entries("COUNTERS", u32::try_from(processors)?)
        .map_max_entries("PIDS", processes)
        .map_max_entries("THREADS", processes)
        .load(OBJECT)
        .context("cannot load the eBPF programs")?;

    fill(&mut ebpf, "PIDS", &selection.pids)?;
    fill(&mut ebpf, "TIDS", &marks(selection.tids.iter().copied()))?;
    fill(&mut ebpf, "UIDS", &marks(selection.uids.iter().copied()))?;
    fill(&mut ebpf, "COMMS", &marks(selection.comms.iter().copied()))?;
    if let Some(directory) = &selection.cgroup {
        CgroupArray::try_from(map_mut(&mut ebpf, "CGROUP")?)?
            .set(0, directory.as_raw_fd(), 0)
            .context("--cgroup: the kernel refuses this directory")?;
    }
    let counters = match map_mut(&mut ebpf, "COUNTERS")? {
        Map::Array(data) => Counters::map(data.fd(), processors).context("cannot map COUNTERS")?,
        _ => return Err(anyhow!("COUNTERS is no array")),
    };
    let ring = RingBuf::try_from(take_map(&mut ebpf, "EVENTS")?).context("cannot map the ring")?;
    let pending = maps::HashMap::try_from(take_map(&mut ebpf, "PENDING")?)?;
    Ok((Kernel { ebpf, offsets, functions, pending }, ring, counters))
}

/// What the kernel's types tell of where its members lie, and of the functions that are to have
/// trampolines.
fn look_up(selection: &Selection) -> Result<(Offsets, Option<Functions>)> {
    let types = match Types::of_kernel() {
        Ok(types) => types,
        Err(error) if selection.policy == Policy::Fentry => {
            return Err(error).with_context(|| {
                format!(
                    "--probe fentry: {BTF} cannot be read, which needs a kernel with \
                     CONFIG_DEBUG_INFO_BTF; --probe auto does without"
                )
            });
        }
        Err(error) => {
            tracing::info!("{BTF}: {error:#}: no parents, targets, pid namespaces and trampolines");
            return Ok((Offsets::default(), None));
        }
    };
    let syscalls = selection.rows.iter().map(|&row| &SYSCALLS[row]);
    let wanted = syscalls.filter(|syscall| selection.policy.wanted(syscall) != Mechanism::Kprobe);
    Ok((offsets::of(&types), Some(Functions::of(&types, wanted))))
}

impl Kernel {
    /// The reader of what the programs log.
    pub fn logger(&mut self) -> Result<EbpfLogger<&'static dyn Log>> {
        Ok(EbpfLogger::init(&mut self.ebpf)?)
    }

    /// Whether the programs can make sense of what a function is called with.
    pub(super) fn understands(&self, point: &Point) -> bool {
        offsets::suffice(&self.offsets, point.symbol)
    }

    /// Selects the threads that the selected processes have as targets.
    pub(super) fn select_threads(&mut self, pids: &HashMap<u32, u32>) -> Result<()> {
        let mut threads = HashMap::new();
        for (&pid, &sides) in pids.iter().filter(|(_, sides)| **sides & !side::CALLER != 0) {
            threads.insert(pid, sides);
            for tid in threads_of(pid) {
                threads.insert(tid, sides);
            }
        }
        fill(&mut self.ebpf, "THREADS", &threads)
    }

    /// Begins the tracing: every call that begins from here on is traced.
    pub fn start(&mut self) -> Result<()> {
        self.set_tracing(1).context("cannot start the programs")
    }

    /// Ends the tracing: no call that begins from here on is traced, though the programs may still
    /// be attached. Calls that began before are traced to their return as long as they are.
    pub fn stop(&mut self) -> Result<()> {
        self.set_tracing(0).context("cannot stop the programs")
    }

    fn set_tracing(&mut self, tracing: u32) -> Result<()> {
        Ok(maps::Array::try_from(map_mut(&mut self.ebpf, "TRACING")?)?.set(0, tracing, 0)?)
    }

    /// The calls that are under way, as records in the state [`State::Entered`], or
    /// [`State::Missed`] if their thread is no more, and how many more there are that the filter
    /// leaves out. Only meaningful once nothing is attached any more.
    pub fn under_way(&self) -> (Vec<RecordBytes>, u64) {
        let state = |record: &RecordBytes| record[offset_of!(Record, state)];
        let open = |record: &RecordBytes| number(record, offset_of!(Record, undecided));
        let (mut selected, left_out): (Vec<_>, Vec<_>) = self
            .pending
            .iter()
            .filter_map(|slot| Some(slot.ok()?.1))
            .filter(|record| state(record) == State::Entered as u8)
            .partition(|record| open(record) & undecided::SIDES == 0);
        // Whether it is a pidfd nobody has said yet: the target is a guess.
        for record in selected.iter_mut().filter(|record| open(record) & undecided::PIDFD != 0) {
            let at = offset_of!(Record, target);
            record[at..at + 4].fill(0);
        }
        // Of a thread that ends the programs are told, unless the kernel skipped them.
        for record in selected.iter_mut().filter(|record| !is_alive(record)) {
            record[offset_of!(Record, state)] = State::Missed as u8;
        }
        (selected, left_out.len() as u64)
    }
}

/// Whether there still is the thread of a record.
fn is_alive(record: &RecordBytes) -> bool {
    let pid = number(record, offset_of!(Record, pid));
    let tid = number(record, offset_of!(Record, tid));
    // SAFETY: no memory is involved, and signal 0 is never sent. Not by /proc, which can be hidden.
    let asked = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, 0) };
    asked == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// A member of a record that has 32 bits.
fn number(record: &RecordBytes, at: usize) -> u32 {
    u32::from_ne_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}

/// A map to own. The programs that are yet to be loaded refer to it by its descriptor.
fn take_map(ebpf: &mut Ebpf, name: &str) -> Result<Map> {
    ebpf.take_map(name).with_context(|| no_map(name))
}

fn map_mut<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Map> {
    ebpf.map_mut(name).with_context(|| no_map(name))
}

fn no_map(name: &str) -> String {
    format!("the eBPF object has no map {name}")
}

fn fill<K: Pod + Eq + Hash, V: Pod>(
    ebpf: &mut Ebpf,
    name: &str,
    entries: &HashMap<K, V>,
) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut map: maps::HashMap<_, K, V> = maps::HashMap::try_from(map_mut(ebpf, name)?)?;
    for (key, value) in entries {
        map.insert(key, value, 0).with_context(|| format!("too many entries for {name}"))?;
    }
    Ok(())
}

fn marks<K: Eq + Hash>(keys: impl Iterator<Item = K>) -> HashMap<K, u8> {
    keys.map(|key| (key, 1)).collect()
}

fn threads_of(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// One more than the highest number a processor can have: numbers can have gaps.
fn processors() -> Result<usize> {
    const POSSIBLE: &str = "/sys/devices/system/cpu/possible";
    let ranges = fs::read_to_string(POSSIBLE).context(POSSIBLE)?;
    let highest = ranges.trim().rsplit([',', '-']).next().and_then(|cpu| cpu.parse::<usize>().ok());
    Ok(highest.with_context(|| format!("{POSSIBLE}: \"{ranges}\" is no list of processors"))? + 1)
}

/// Before 5.11 maps count against this limit, whose default is too small for any ring.
fn raise_memlock_limit() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: plain system call. Failure shows as a refused map, with its own error.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}
