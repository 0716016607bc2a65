//! Loading: what the kernel is like, the configuration, the maps and what is in them.

use std::{
    collections::{HashMap, HashSet},
    fs,
    hash::Hash,
    io,
    os::fd::{AsFd as _, BorrowedFd},
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, Result, anyhow, bail};
use aya::{
    Pod,
    maps::{self, CgroupArray, Map, MapData, RingBuf},
};
use aya_log::EbpfLogger;
use log::Log;
use sigtrace_common::{
    Config, Offsets, Orders, PENDING_PLACES, Phase, Point, SELECTED_BUCKETS, SYSCALLS, Seen,
    TOLD_PLACES, access, kinds, select, side,
};

use super::{
    Counters, Crowd, Grace, Selection,
    descendants::{self, Process},
    fentry::Functions,
    machine::Machine,
    object::Object,
    offsets,
    plan::Plan,
    slots::{self, Slots},
    sys,
    types::BTF,
};
use crate::arch::{page_size, stack_size};
use crate::join::Context;

/// The agent is woken when the ring is this part full.
const WAKEUP_PART: u32 = 8;

/// So many ends of processes are remembered, so that none is told of twice, and what causes so many.
const ENDED: u32 = 4096;

/// So many files are kept in mind that code was mapped from, so that what they are called is not told each time.
const FILES: u32 = 4096;

/// So many threads can look for memory at once by ending others. The kernel has them do so one after the other,
/// but the map has places for each processor.
const OUT_OF_MEMORY: u32 = 1024;

/// How many processes can be followed, and how many threads of selected ones can be targets, besides
/// those that are named.
const MAX_PROCESSES: u32 = 65_536;

/// The kernel side, loaded. Programs are verified only when they are attached.
#[derive(Debug)]
pub struct Kernel {
    pub(super) object: Object,
    pub(super) functions: Functions,
    pub(super) plan: Plan,
    offsets: Offsets,
    /// The number of the type of the iterator over tasks, if there is one.
    pub(super) task_iterator: Option<u32>,
    slots: Slots,
    /// The global `ORDERS`, and what it holds.
    orders: MapData,
    ordered: Orders,
    seen: MapData,
    grace: Grace,
}

/// What programs and agent have in common.
#[expect(missing_debug_implementations, reason = "aya's ring has none")]
pub struct Shared {
    /// The records.
    pub ring: RingBuf<MapData>,
    /// What is counted.
    pub counters: Counters,
    /// What was merged, and whose the lost calls were.
    pub crowd: Crowd,
}

/// Creates the maps and fills them with the selection.
pub(super) fn load(selection: &Selection, machine: &Machine) -> Result<(Kernel, Shared)> {
    raise_memlock_limit();
    let Machine { types, offsets, features, .. } = machine;
    machine.check_identity(selection.config.select)?;
    machine.check_kinds(selection.config.kinds)?;
    machine.check_context(selection)?;
    let processors = processors()?;
    let functions = machine.functions(selection.rows.iter().map(|&row| &SYSCALLS[row]));
    let plan = Plan::new(selection, features, &functions);
    if let Some(lacking) = plan.lacking {
        bail!("--probe {}: {lacking}; --probe auto does without", selection.policy.name());
    }
    let by_change = selection.config.select & (select::SIGNAL | select::IN_SET) == select::SIGNAL
        && selection.rows.iter().any(|&row| SYSCALLS[row].changes_mask());
    if by_change && offsets.task_blocked == 0 {
        tracing::warn!(
            "{BTF} does not say where masks are: --signal selects calls that change the mask by the set \
             that they name, not by what they block or unblock"
        );
    }
    let slots = slots::number(selection.slots)?;
    let config = Config {
        offsets: *offsets,
        wakeup_bytes: selection.ring_size / WAKEUP_PART,
        ring_bits: selection.ring_size.ilog2(),
        slot_mask: slots - 1,
        tick_us: tick_us()?,
        page_shift: page_size().trailing_zeros(),
        stack_size: stack_size(),
        access: features.access | if plan.misses_returns() { access::MISSES } else { 0 },
        ..selection.config
    };
    let by_process = select::EITHER | select::CALLER | select::TARGET | select::FOLLOW;
    let selects = config.select & by_process != 0;
    let processes = if selects { MAX_PROCESSES + u32::try_from(selection.pids.len())? } else { 1 };
    let room = |listed: usize| u32::try_from(listed.max(1));
    let sizes = [
        ("EVENTS", selection.ring_size),
        ("COUNTERS", u32::try_from(processors)?),
        ("SLOTS", slots),
        // Of as many threads as there are slots, their ids being random, so many find theirs taken.
        ("OVERFLOW", (slots / 2).max(1)),
        ("OVERFLOW_TOLD", (slots / 2).max(1)),
        ("ENDED", if config.kinds & kinds::EXIT == 0 { 1 } else { ENDED }),
        ("PENDING", if config.kinds & kinds::SIGNALS == 0 { 1 } else { PENDING_PLACES }),
        ("FATAL", if config.kinds & kinds::SIGNALS == 0 { 1 } else { ENDED }),
        ("OUT_OF_MEMORY", if config.kinds & kinds::GENERATE == 0 { 1 } else { OUT_OF_MEMORY }),
        ("TOLD", if selection.context == Context::None { 1 } else { TOLD_PLACES }),
        ("FILES", if selection.context == Context::None { 1 } else { FILES }),
        ("PIDS", processes),
        ("THREADS", processes),
        ("TIDS", room(selection.tids.len())?),
        ("UIDS", room(selection.uids.len())?),
        ("COMMS", room(selection.comms.len())?),
        ("TARGET_UIDS", room(selection.target_uids.len())?),
        ("TARGET_COMMS", room(selection.target_comms.len())?),
        ("SELECTED", if selects { SELECTED_BUCKETS } else { 1 }),
    ];
    let mut object = Object::create(&config, &sizes, types.as_ref())?;

    fill_selected(&mut object, "PIDS", &selection.pids)?;
    fill(&mut object, "TIDS", &marks(selection.tids.iter().copied()))?;
    fill(&mut object, "UIDS", &marks(selection.uids.iter().copied()))?;
    fill(&mut object, "COMMS", &marks(selection.comms.iter().copied()))?;
    fill(&mut object, "TARGET_UIDS", &marks(selection.target_uids.iter().copied()))?;
    fill(&mut object, "TARGET_COMMS", &marks(selection.target_comms.iter().copied()))?;
    if let Some(directory) = &selection.cgroup {
        use std::os::fd::AsRawFd as _;
        CgroupArray::try_from(object.map("CGROUP")?)?
            .set(0, directory.as_raw_fd(), 0)
            .context("--cgroup: the kernel refuses this directory")?;
    }
    let counters = match object.map("COUNTERS")? {
        Map::Array(data) => Counters::map(data.fd(), processors).context("cannot map COUNTERS")?,
        _ => return Err(anyhow!("COUNTERS is not an array")),
    };
    let ring = RingBuf::try_from(object.take("EVENTS")?).context("cannot map the ring")?;
    let slots = Slots::new(
        array(object.take("SLOTS")?)?,
        slots,
        maps::HashMap::try_from(object.take("OVERFLOW")?)?,
        maps::HashMap::try_from(object.take("OVERFLOW_TOLD")?)?,
    );
    let (orders, seen) = (array(object.take(".bss")?)?, array(object.take("SEEN")?)?);
    let grace = Grace::new().context("cannot create a map of maps")?;
    let crowd = match object.map("CROWD")? {
        Map::Array(data) => Crowd::map(data.fd()).context("cannot map CROWD")?,
        _ => return Err(anyhow!("CROWD is not an array")),
    };
    let kernel = Kernel {
        object,
        functions,
        plan,
        offsets: *offsets,
        task_iterator: types.as_ref().and_then(|types| types.function("bpf_iter_task")),
        slots,
        orders,
        ordered: Orders { phase: Phase::Idle as u32, generation: 0 },
        seen,
        grace,
    };
    Ok((kernel, Shared { ring, counters, crowd }))
}

impl Kernel {
    /// The reader of what the programs log, `program` being one that does. Needs CAP_SYS_ADMIN.
    pub(super) fn logger(program: BorrowedFd<'_>) -> Result<EbpfLogger<&'static dyn Log>> {
        let id = sys::program_info(program)?.id;
        Ok(EbpfLogger::init_from_id(id)?)
    }

    /// Whether the programs can make sense of what a function is called with.
    pub(super) fn understands(&self, point: &Point) -> bool {
        offsets::suffice(&self.offsets, point.symbol)
    }

    /// Whether the programs can tell where code is.
    pub(super) fn tells_mappings(&self) -> bool {
        offsets::tell_mappings(&self.offsets)
    }

    /// Whether the programs can tell what is out of memory.
    pub(super) fn tells_memory(&self) -> bool {
        self.offsets.oom_control_memcg != 0
    }

    /// Selects the processes that descend from the selected ones, unless there is enough of it. All that are
    /// selected then.
    ///
    /// While it looks, `task_newtask` selects the children of what is selected already; those of others
    /// are found by looking again. One that ended before it was selected is not selected for whoever gets
    /// its number.
    pub(super) fn follow(
        &mut self,
        selected: &HashMap<u32, u32>,
        enough: &AtomicBool,
    ) -> Result<HashMap<u32, u32>> {
        let mut all = selected.clone();
        let mut followed = HashSet::new();
        loop {
            let processes = descendants::processes();
            let new = descendants::of(&all, &processes);
            all.extend(new.iter().map(|(process, &sides)| (process.pid, sides)));
            let unknown: HashMap<u32, u32> = new
                .iter()
                .filter(|(process, _)| !self.is_selected(process.pid))
                .map(|(process, &sides)| (process.pid, sides))
                .collect();
            if unknown.is_empty() || enough.load(Ordering::Relaxed) {
                let pids: HashSet<u32> = processes.keys().map(|process| process.pid).collect();
                for process in
                    followed.into_iter().filter(|gone: &Process| !pids.contains(&gone.pid))
                {
                    self.deselect(process.pid)?;
                    all.remove(&process.pid);
                }
                return Ok(all);
            }
            warn_of_those_left_out(fill_while_traced(&mut self.object, "PIDS", &unknown)?);
            followed.extend(new.into_keys());
        }
    }

    fn is_selected(&mut self, pid: u32) -> bool {
        let map = self.object.map("PIDS").ok();
        let map = map.and_then(|map| maps::HashMap::<_, u32, u32>::try_from(map).ok());
        map.is_some_and(|map| map.get(&pid, 0).is_ok())
    }

    /// Takes a process back, unless the programs have done so. It is left in `SELECTED`, which costs only
    /// a look.
    fn deselect(&mut self, pid: u32) -> Result<()> {
        let mut map: maps::HashMap<_, u32, u32> =
            maps::HashMap::try_from(self.object.map("PIDS")?)?;
        let _ = map.remove(&pid);
        Ok(())
    }

    /// Selects the threads that the selected processes have as targets.
    pub(super) fn select_threads(&mut self, pids: &HashMap<u32, u32>) -> Result<()> {
        const TARGETS: u32 = side::EITHER | side::TARGET;
        let mut threads = HashMap::new();
        for (&pid, &sides) in pids.iter().filter(|(_, sides)| **sides & TARGETS != 0) {
            threads.insert(pid, sides);
            for tid in threads_of(pid) {
                threads.insert(tid, sides);
            }
        }
        warn_of_those_left_out(fill_while_traced(&mut self.object, "THREADS", &threads)?);
        Ok(())
    }

    /// Tells the programs what the agent is doing. None of them begins anything, or emits a record,
    /// once it is idle; but those that have begun must be waited for.
    pub fn set_phase(&mut self, phase: Phase) -> Result<()> {
        self.ordered.phase = phase as u32;
        self.order().context("cannot set the phase of the programs")
    }

    /// Tells the programs which generation of the map `CROWD` to use.
    pub fn set_generation(&mut self, generation: u32) -> Result<()> {
        self.ordered.generation = generation;
        self.order().context("cannot begin a generation of merged calls")
    }

    fn order(&self) -> io::Result<()> {
        let Orders { phase, generation } = self.ordered;
        let [phase, generation] = [phase, generation].map(u32::to_ne_bytes);
        sys::set_global(self.orders.fd().as_fd(), &[phase, generation].concat())
    }

    /// Waits until the programs have ended that were running when they were told to do nothing.
    ///
    /// Calls that do not sleep have most likely returned, too, as each processor has been through with
    /// what it was at.
    pub fn wait_for_programs(&self) -> Result<()> {
        self.grace.wait()
    }

    /// What waits for the programs likewise, in a thread of its own.
    pub fn grace(&self) -> io::Result<Grace> {
        self.grace.try_clone()
    }

    /// How often the programs of each row saw the agent try them.
    pub fn seen(&self) -> Result<[Seen; SYSCALLS.len()]> {
        let Tries(seen) = sys::global(self.seen.fd().as_fd()).context("cannot read SEEN")?;
        Ok(seen)
    }

    /// The calls that are under way.
    pub fn slots(&mut self) -> &mut Slots {
        &mut self.slots
    }
}

/// The element of the map `SEEN`.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Tries([Seen; SYSCALLS.len()]);

impl Default for Tries {
    fn default() -> Self {
        Self([Seen::default(); SYSCALLS.len()])
    }
}

// SAFETY: integers only, without padding.
unsafe impl Pod for Tries {}

fn array(map: Map) -> Result<MapData> {
    match map {
        Map::Array(data) => Ok(data),
        _ => Err(anyhow!("a map that should be an array is not")),
    }
}

fn fill<K: Pod + Eq + Hash, V: Pod>(
    object: &mut Object,
    name: &str,
    entries: &HashMap<K, V>,
) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut map: maps::HashMap<_, K, V> = maps::HashMap::try_from(object.map(name)?)?;
    for (key, value) in entries {
        map.insert(key, value, 0).with_context(|| format!("too many entries for {name}"))?;
    }
    Ok(())
}

/// Likewise, for processes; counted first, so that no program that looks there misses what is in the map.
fn fill_selected(object: &mut Object, name: &str, entries: &HashMap<u32, u32>) -> Result<()> {
    count_selected(object, entries, 0)?;
    fill(object, name, entries)
}

/// Likewise, while programs change both. As many as there is room for; how many there is none for.
fn fill_while_traced(
    object: &mut Object,
    name: &str,
    entries: &HashMap<u32, u32>,
) -> Result<usize> {
    /// More than programs count down: what they count up at the same time may be lost.
    const MARGIN: u32 = 1 << 24;
    count_selected(object, entries, MARGIN)?;
    let mut map: maps::HashMap<_, u32, u32> = maps::HashMap::try_from(object.map(name)?)?;
    let without_room = entries.iter().filter(|(id, sides)| map.insert(**id, **sides, 0).is_err());
    Ok(without_room.count())
}

/// Counts them in the map `SELECTED`, each bucket by so many more.
fn count_selected(object: &mut Object, entries: &HashMap<u32, u32>, margin: u32) -> Result<()> {
    let mut counts: HashMap<u32, u32> = HashMap::new();
    for id in entries.keys() {
        *counts.entry(id % SELECTED_BUCKETS).or_default() += 1;
    }
    if counts.is_empty() {
        return Ok(());
    }
    let mut selected: maps::Array<_, u32> = maps::Array::try_from(object.map("SELECTED")?)?;
    for (&bucket, &count) in &counts {
        let others = selected.get(&bucket, 0)?;
        selected.set(bucket, others.saturating_add(count).saturating_add(margin), 0)?;
    }
    Ok(())
}

fn warn_of_those_left_out(count: usize) {
    if count > 0 {
        tracing::warn!("too many processes to follow: the calls of {count} more are left out");
    }
}

fn marks<K: Eq + Hash>(keys: impl Iterator<Item = K>) -> HashMap<K, u8> {
    keys.map(|key| (key, 1)).collect()
}

fn threads_of(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Microseconds from one tick of the kernel's clock to the next: what its coarse clocks differ by
/// (clock_getres(2)).
fn tick_us() -> Result<u32> {
    let mut resolution = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a timespec to write to.
    if unsafe { libc::clock_getres(libc::CLOCK_MONOTONIC_COARSE, &raw mut resolution) } != 0 {
        return Err(io::Error::last_os_error()).context("cannot get the resolution of a clock");
    }
    Ok(u32::try_from(resolution.tv_nsec / 1000)?)
}

/// One more than the highest number a processor can have: numbers can have gaps.
fn processors() -> Result<usize> {
    const POSSIBLE: &str = "/sys/devices/system/cpu/possible";
    let ranges = fs::read_to_string(POSSIBLE).context(POSSIBLE)?;
    let highest = ranges.trim().rsplit([',', '-']).next().and_then(|cpu| cpu.parse::<usize>().ok());
    Ok(highest.with_context(|| format!("{POSSIBLE}: \"{ranges}\" is not a list of processors"))?
        + 1)
}

/// Before 5.11 maps count against this limit, whose default is too small for any ring.
fn raise_memlock_limit() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: plain system call. Failure shows as a refused map, with its own error.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}
