//! A machine that is suspended while calls are under way.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use sigtrace_tests::harness::{Background, CLOSE_NS, Tracer, now_ns, time_ns};
use sigtrace_tests::integer;

/// Seconds; when to wake up, at the real-time clock of the machine.
const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";
const STATE: &str = "/sys/power/state";

super::trials![a_call_that_sleeps_through_a_suspend_has_the_time_of_its_beginning];

fn a_call_that_sleeps_through_a_suspend_has_the_time_of_its_beginning() -> Result<()> {
    let tracer = Tracer::start(&["-s", "rt_sigtimedwait"]);
    let before = now_ns();
    let waiting = Background::start("endless", &["rt_sigtimedwait"]);
    waiting.wait_until_in(libc::SYS_rt_sigtimedwait);
    let (pid, after) = (waiting.pid(), now_ns());
    suspend(3)?;
    let resumed = now_ns();
    waiting.kill();
    let trace = tracer.finish();
    let event = trace.calls().find(|call| call["pid"] == pid).context("its call")?;
    let time = event.as_object().map(time_ns).context("an object")?.map_err(anyhow::Error::msg)?;
    let began = before - CLOSE_NS..=after + CLOSE_NS;
    ensure!(began.contains(&time), "it began at {began:?}, and not {time}");
    let took = integer::read::<u64>(&event["duration_ns"]).context("how long it took")?;
    ensure!(took >= resumed - after, "it took {took}, the suspend with it {}", resumed - after);
    Ok(())
}

/// Suspends the machine to memory for so many seconds.
fn suspend(seconds: u32) -> Result<()> {
    let write = |path: &str, text: &str| fs::write(path, text).with_context(|| path.to_owned());
    write(ALARM, "0")?;
    write(ALARM, &format!("+{seconds}"))?;
    write(STATE, "mem")
}
