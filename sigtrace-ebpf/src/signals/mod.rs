//! Signals: as they are sent, and as they are taken.
//!
//! The tracepoints `signal:signal_generate` and `signal:signal_deliver` fire under the lock that a process's
//! signals have, so that what is read of the process holds.

mod cause;
mod deliver;
pub mod fatal;
mod generate;
mod info;
mod oom;
mod party;
mod pending;
mod scratch;
mod timer;
