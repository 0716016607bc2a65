//! Who processes are: what their control groups, their arguments and /proc say of them, and the table that
//! keeps it for when a record names one.
//!
//! Nothing here knows aya, tokio or a format.

pub mod cgroup;
pub mod image;
pub mod procfs;
pub mod redact;
pub mod table;
