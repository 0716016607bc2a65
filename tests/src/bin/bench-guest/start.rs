//! What sigtrace executes from its start until every syscall of the table is probed, and in which
//! parts, if it tells them.

use std::process::Stdio;

use anyhow::Result;
use serde_json::json;

use crate::clock::{median, processor_time};
use crate::parts;
use crate::tracer::Tracer;

const STARTS: usize = 3;
/// Has sigtrace tell the parts.
const SAY_MORE: &str = "-vv";

/// Measures some starts, the median; and once more, in parts.
pub(crate) fn measure() -> Result<()> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let tracer = Tracer::sigtrace(&[], Stdio::null())?;
        starts.push(processor_time(tracer.pid())?);
        tracer.stop()?;
    }
    let messages = Tracer::sigtrace(&[SAY_MORE], Stdio::null())?.stop()?;
    let parts = parts::json(&parts::parse(&messages));
    println!("{}", json!({ "measure": "start", "instructions": median(starts), "parts": parts }));
    Ok(())
}
