//! Signals: as they are sent, and as they are taken.
//!
//! The tracepoints `signal:signal_generate` and `signal:signal_deliver` fire under the lock that a process's
//! signals have, so that what is read of the process holds.

mod cause;
mod generate;
mod oom;
mod party;
mod scratch;
mod timer;
