//! Shared by the programs that run inside the test guests.
//!
//! - `bpf` asks what a tracer has in the kernel; of the same feature as `harness`.
//! - `harness` runs sigtrace and takes its stream apart. It is a feature of the package, for the
//!   suites alone.
//! - [`death`] is how who is about to kill states whom.
//! - [`expect`] is how a workload states what sigtrace has to say about it.
//! - [`integer`] is how integers are written in JSON.
//! - [`names`] are the names of numbers, written down a second time so that the tests do not take
//!   sigtrace's word for them.
//! - [`kernel`] is the list of what differs between kernels.
//! - [`processors`] is about which of them to run on.

#[cfg(feature = "harness")]
pub mod bpf;
pub mod death;
pub mod expect;
#[cfg(feature = "harness")]
pub mod harness;
pub mod integer;
pub mod kernel;
pub mod names;
pub mod processors;
