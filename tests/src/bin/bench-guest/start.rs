//! What sigtrace executes from its start until every syscall of the table is probed.

use std::process::Stdio;

use anyhow::Result;
use serde_json::json;

use crate::clock::{median, processor_time};
use crate::tracer::Tracer;

const STARTS: usize = 3;

/// Measures some starts; the median.
pub(crate) fn measure() -> Result<()> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let tracer = Tracer::sigtrace(&[], Stdio::null())?;
        starts.push(processor_time(tracer.pid())?);
        tracer.stop()?;
    }
    println!("{}", json!({ "measure": "start", "instructions": median(starts) }));
    Ok(())
}
