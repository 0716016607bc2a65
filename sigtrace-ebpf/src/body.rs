//! The bodies that the programs of both mechanisms share: functions of their own, so that each is
//! there once.

use crate::{capture, regs::UserRegs, signalfd::SignalfdRead};

/// A thread enters the call in row `ROW` through its entry for `ABI`; `regs` is its `struct
/// pt_regs`.
#[inline(never)]
pub fn enter<const ROW: usize, const ABI: u8>(regs: u64) {
    if regs != 0 {
        capture::enter::<ROW>(&UserRegs::<ROW, ABI>(regs as *const u8));
    }
}

/// A thread enters `signalfd_read`.
#[inline(never)]
pub fn enter_read<const ROW: usize>(file: u64, buffer: u64, count: u64) {
    capture::enter::<ROW>(&SignalfdRead::of_file(file, buffer, count));
}

/// A thread enters `signalfd_read_iter`.
#[inline(never)]
pub fn enter_read_iter<const ROW: usize>(iocb: u64, iter: u64) {
    capture::enter::<ROW>(&SignalfdRead::of_iter(iocb, iter));
}

/// A thread leaves the call in row `ROW`.
#[inline(never)]
pub fn exit<const ROW: usize>(ret: i64) {
    capture::exit::<ROW>(ret);
}
