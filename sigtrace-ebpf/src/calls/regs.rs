//! What the caller's registers say of a call.

use sigtrace_common::{Capture, Frame, MAX_ARGS, Record, flag};

use super::{enter::Source, user};
use crate::{
    arch::{self, NATIVE},
    kernel::regs::UserRegs,
    shapes::{ShapeRef, get, has},
};

impl<const TYPED: bool> Source for UserRegs<TYPED> {
    #[inline(always)]
    fn args(&self, count: usize) -> Option<[u64; MAX_ARGS]> {
        if !self.is_compat {
            return arch::native_args(self, count);
        }
        arch::compat_args(self, count).map(|args| args.map(|arg| arg & u64::from(u32::MAX)))
    }

    /// The symbol tells it, but for functions that serve callers of both kinds.
    #[inline(always)]
    fn abi(&self, shape: ShapeRef) -> u8 {
        let tells_more = !self.is_certain && has(shape, flag::SHARED);
        if self.is_compat || tells_more && arch::is_of_compat_caller(self, shape) {
            NATIVE.compat() as u8
        } else {
            get!(shape, abi)
        }
    }

    #[inline(always)]
    fn capture(&self, shape: ShapeRef, record: &mut Record) {
        let frame = get!(shape, frame);
        if frame == Frame::None as u8 {
            return;
        }
        if frame == Frame::Size as u8 {
            let size = get!(shape, set_size) as usize & (MAX_ARGS - 1);
            record.args[size] &= u64::from(u32::MAX);
            return;
        }
        let Some(sp) = self.register(arch::stack_pointer(frame)) else { return };
        let [low, high] = arch::mask_in(frame);
        let low = sp.wrapping_add(low);
        record.args[0] = low;
        // One after the other, or its halves apart.
        let high = if high == 0 { low.wrapping_add(4) } else { sp.wrapping_add(high) };
        let read = user::halves(&mut record.data, low, high);
        record.captures[0] = if read { Capture::Whole } else { Capture::Unreadable } as u8;
    }
}

/// The low half of a register that carries an `int`.
#[inline(always)]
pub fn int(register: u64) -> i32 {
    register as i32
}
