//! kprobe.session: one program for the entries and the returns of many functions, by fprobe (from
//! 6.10). What it returns at the entry says whether it is to run at the return.

use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext as _,
    programs::{ProbeContext, RetProbeContext},
};

use super::multi;
use crate::{
    calls::{Serves, exit},
    kernel::task,
};

/// The program. aya's attribute for it would have it return 0.
#[unsafe(no_mangle)]
#[unsafe(link_section = "kprobe")]
pub extern "C" fn session(ctx: *mut c_void) -> u32 {
    run(&ProbeContext::new(ctx), Serves::Calls, multi::enter, None)
}

/// Does either, and returns 1 at the entry if the return is of no interest. `point` is that of a
/// function that is for one only.
#[inline(always)]
pub fn run(
    ctx: &ProbeContext,
    serves: Serves,
    enter: impl FnOnce(&ProbeContext) -> bool,
    point: Option<u32>,
) -> u32 {
    if task::is_return(ctx) {
        exit::exit(serves, point, RetProbeContext::new(ctx.as_ptr()).ret());
        return 0;
    }
    u32::from(!enter(ctx))
}
