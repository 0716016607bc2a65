//! sigtrace's eBPF programs.
//!
//! [`mechanisms`] has a file for each way to attach to a kernel function: how its programs get at the
//! arguments and the result. [`calls`] is what they do with them, the same for all. [`threads`] follows
//! threads that come and go, [`signals`] tells of signals as they are sent and taken, [`processes`] of those that
//! one ends, [`context`] of all that come, go and change, [`kernel`] reads the kernel's memory, [`arch`]
//! knows the architecture, [`maps`] and
//! [`slots`] are what is shared with the agent.
#![no_std]
#![no_main]
// The BPF target has no atomic types in `core`, but it has the instruction.
#![feature(core_intrinsics)]
#![allow(internal_features)]

mod arch;
mod atomic;
mod calls;
mod config;
mod context;
mod emit;
mod kernel;
mod maps;
mod mechanisms;
mod processes;
mod shapes;
mod shares;
mod signals;
mod slots;
mod threads;

/// What the build script generates: for each point the programs that are for it only.
mod stubs {
    use core::ffi::c_void;

    use aya_ebpf::{
        macros::{fentry, fexit, kprobe, kretprobe},
        programs::{FEntryContext, FExitContext, ProbeContext, RetProbeContext},
    };

    use crate::{
        calls::Serves,
        mechanisms::{fentry, kprobe, session},
    };

    include!(concat!(env!("OUT_DIR"), "/stubs.rs"));
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
