//! How fast a record becomes a line of JSON, on one core.
//!
//! Prints one line of JSON: events per second, the same by way of a `serde_json::Value`, the ratio,
//! and heap allocations and bytes per event. The number of events can be given as an argument.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    error::Error,
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use serde_json::json;
use sigtrace::{
    decode::{self, Call, Value, WallClock},
    names::{errno, signal},
    output::{Event, Format, Json, Sets},
};

#[path = "../src/decode/sample.rs"]
#[allow(dead_code, unreachable_pub)]
mod sample;

const EVENTS: u32 = 1_000_000;

/// Each way is timed this often, and the best counts: the machine has other things to do.
const ROUNDS: usize = 5;

const CLOCK: WallClock = WallClock { offset_ns: 1_795_290_787_123_456_788 };

/// Counts allocations.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: hands everything to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<(), Box<dyn Error>> {
    // Without cargo's `--bench` it is only to be seen to work.
    let measured = std::env::args().any(|arg| arg == "--bench");
    let given = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let events = given.unwrap_or(if measured { EVENTS } else { 1000 });
    let sample = sample::Sample::of("kill", &[1234, 15]);
    let record = sample.bytes();
    let mut format = Json::new(Sets::Names);
    let mut buffer = Vec::with_capacity(4096);

    write(&mut format, record, &mut buffer)?;
    let bytes = buffer.len();
    let by_value = serde_json::to_string(&value(&decode::call(record, CLOCK)?))?;
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&buffer)?, json_of(&by_value)?);

    assert_others_allocate_nothing(&mut format, &mut buffer)?;
    let (mut direct, mut through_value, mut allocations) = (0.0_f64, 0.0_f64, 0);
    // In turns, so that what else the machine does slows both alike.
    for _ in 0..ROUNDS {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        direct = direct.max(rate(events, || {
            buffer.clear();
            write(&mut format, black_box(record), &mut buffer).is_ok()
                && !black_box(&buffer).is_empty()
        }));
        allocations += ALLOCATIONS.load(Ordering::Relaxed) - before;
        through_value = through_value.max(rate(events, || {
            decode::call(black_box(record), CLOCK)
                .is_ok_and(|call| serde_json::to_string(black_box(&value(&call))).is_ok())
        }));
    }
    let written = f64::from(events) * ROUNDS as f64;
    println!(
        "{}",
        json!({
            "events_per_second": direct.round(),
            "value_events_per_second": through_value.round(),
            "ratio": (direct / through_value * 100.0).round() / 100.0,
            "allocations_per_event": allocations as f64 / written,
            "bytes_per_event": bytes,
        })
    );
    Ok(())
}

fn write(format: &mut Json, record: &[u8], buffer: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
    let call = decode::call(record, CLOCK)?;
    format.write(Event::Call(&call, None), buffer)?;
    Ok(())
}

/// The same for what is more to write than a kill.
fn assert_others_allocate_nothing(
    format: &mut Json,
    buffer: &mut Vec<u8>,
) -> Result<(), Box<dyn Error>> {
    let samples = [
        sample::Sample::of("rt_sigaction", &[1, 8, 8, 8])
            .points_to(1, &[0xff; 32])
            .points_to(2, &[0x55; 32]),
        sample::Sample::of("rt_sigtimedwait", &[8, 8, 8, 8])
            .points_to(0, &[0xff; 8])
            .points_to(1, &[0xff; 48])
            .points_to(2, &[0xff; 16]),
        sample::Sample::of("sigaltstack", &[8, 8]).points_to(0, &[0xff; 24]).unreadable(1),
        sample::Sample::of("pause", &[]).comm(b"\xff\"\x1b\xe2\x82").ret(-514),
    ];
    for sample in &samples {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        buffer.clear();
        write(format, sample.bytes(), buffer)?;
        assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
    }
    Ok(())
}

/// How many events there are per second.
fn rate(events: u32, mut event: impl FnMut() -> bool) -> f64 {
    let start = Instant::now();
    for _ in 0..events {
        assert!(event());
    }
    f64::from(events) / start.elapsed().as_secs_f64()
}

fn json_of(text: &str) -> serde_json::Result<serde_json::Value> {
    serde_json::from_str(text)
}

/// The event as most programs would make it: a tree, then its text.
fn value(call: &Call<'_>) -> serde_json::Value {
    let mut args = serde_json::Map::new();
    for (arg, value) in call.args() {
        match value {
            Value::Int(number) => drop(args.insert(arg.name.to_owned(), json!(number))),
            Value::Signal(signo) => {
                args.insert(arg.name.to_owned(), json!(signal::name(*signo)));
                args.insert("signo".to_owned(), json!(signo));
            }
            _ => {}
        }
    }
    let time = jiff::Timestamp::from_nanosecond(i128::from(call.time_ns)).unwrap_or_default();
    json!({
        "event": "syscall",
        "id": call.id,
        "time": time.to_string(),
        "seq": call.seq,
        "cpu": call.cpu,
        "syscall": call.syscall.name,
        "abi": call.abi.name(),
        "pid": call.pid,
        "tid": call.tid,
        "ppid": call.ppid,
        "uid": call.uid,
        "gid": call.gid,
        "comm": String::from_utf8_lossy(call.comm.bytes()),
        "cgroup": call.cgroup,
        "args": args,
        "ret": call.ret(),
        "error": call.errno().and_then(errno::name),
        "duration_ns": call.duration_ns(),
    })
}
