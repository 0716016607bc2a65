//! What to run, as xtask wrote it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

const PATH: &str = "/payload/job.json";

/// The job of this guest.
#[derive(Debug, Deserialize)]
pub(crate) struct Spec {
    /// The command to run.
    pub(crate) argv: Vec<String>,
    /// Its environment, beside what every job gets.
    pub(crate) env: BTreeMap<String, String>,
    /// A command to run next to it, until it ends.
    pub(crate) beside: Option<Vec<String>>,
    /// The root file system it runs in.
    pub(crate) root: Root,
    /// The serial port of its standard output, by its name in /dev.
    pub(crate) port: String,
}

/// Where the root file system comes from, and who is its init.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Root {
    /// The initial file system; this program.
    Initramfs,
    /// The disk; this program.
    Disk,
    /// The disk; its own init.
    Systemd,
}

impl Spec {
    /// Reads the description from its fixed place.
    pub(crate) fn read() -> Result<Self> {
        let text = std::fs::read(PATH).with_context(|| format!("reading {PATH}"))?;
        serde_json::from_slice(&text).with_context(|| format!("understanding {PATH}"))
    }
}
