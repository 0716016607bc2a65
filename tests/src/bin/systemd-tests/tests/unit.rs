//! The unit as systemd's own tools judge it.

use anyhow::Result;

use crate::command::{output, run};
use crate::service::UNIT;

/// Tenths of what `systemd-analyze security` calls the exposure, from 0 to 100.
const EXPOSURE: u32 = 15;

super::trials![the_unit_file_has_no_mistakes, the_unit_exposes_little];

fn the_unit_file_has_no_mistakes() -> Result<()> {
    let checked = run(&format!("systemd-analyze verify {UNIT}"))?;
    let said = [checked.stdout, checked.stderr].concat();
    assert_eq!((String::from_utf8_lossy(&said).as_ref(), checked.status.code()), ("", Some(0)));
    Ok(())
}

fn the_unit_exposes_little() -> Result<()> {
    let threshold = format!("--threshold={EXPOSURE}");
    output(&format!("systemd-analyze security --no-pager {threshold} sigtrace.service")).map(drop)
}
