//! Running sigtrace in a guest and looking at what it printed.
//!
//! ```no_run
//! use sigtrace_tests::harness::{Tracer, Workload};
//!
//! let tracer = Tracer::start(&["--syscall", "kill", "--stats"]);
//! let workload = Workload::run("kill"); // from when the probes are attached
//! let trace = tracer.finish(); // SIGINT, then the whole stream, every line of it checked
//! trace.assert_tells_of(&workload); // whole events, one by one
//! assert_eq!(trace.stats().lost(), 0);
//! ```
//!
//! Everything here panics with what there is to know: a test is over then.

mod brief;
mod check;
mod children;
mod compare;
mod difference;
mod flood;
mod notify;
mod puppet;
mod rush;
mod schema;
mod staged;
mod streaming;
mod stuck;
mod suite;
mod told;
mod trace;
mod tracer;
mod wait;
mod workload;

pub use brief::assert_who_tells_of_brief_lives;
pub use check::{CLOSE_NS, now_ns, time_ns};
pub use children::{Ended, spawn};
pub use difference::difference;
pub use flood::Flood;
pub use notify::temporary;
pub use puppet::Puppet;
pub use rush::Rush;
pub use schema::fits_schema;
pub use staged::Staged;
pub use streaming::{Account, Started, Streaming, command, run_to_end};
pub use stuck::{Beside, Stuck, assert_bystanders_are_told_of};
pub use suite::{Test, main, main_within};
pub use told::Told;
pub use trace::{Stats, Trace};
pub use tracer::{Tracer, run, sigtrace};
pub use wait::until;
pub use workload::{Background, Workload, perform};
