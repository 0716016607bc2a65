//! The parts of `sigtrace`, the agent that traces Linux signals.
//!
//! Layers point one way: cli, options, agent, then bpf on one side and decode, output on the other.
//! `decode` and `output` know nothing of the kernel side but the record's layout.

pub mod agent;
mod arch;
pub mod bpf;
pub mod cli;
mod columns;
pub mod decode;
pub mod doctor;
pub mod join;
pub mod list;
pub mod log;
mod mountinfo;
pub mod names;
mod numbered;
pub mod options;
pub mod output;
pub mod pending;
pub mod schema;
pub mod stderr;
pub mod symbols;
pub mod terminal;
