//! Who processes are: what their control groups, their arguments and /proc say of them, and the table that
//! keeps it for when a record names one.
//!
//! Nothing here knows aya, tokio or a format.

use clap::ValueEnum;

pub mod cgroup;
pub mod filter;
pub mod found;
pub mod image;
pub mod mappings;
pub mod procfs;
pub mod redact;
pub mod table;

/// How much is told of the processes that events name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Context {
    /// What the call's record has
    #[default]
    None,
    /// Also the executable, the unit and the container, and the parents
    Basic,
    /// Also the arguments, without what looks like a secret
    Full,
}
