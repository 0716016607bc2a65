//! Which point a program that serves many was called at: the caller's registers have the number of
//! the call, and the thread says by which interface it came.

use sigtrace_common::{Abi, Hook, POINTS_OF_A_ROW, SYSCALL_NUMBERS, SYSCALLS, point_number};

use crate::{
    arch::{self, NATIVE},
    shapes::ShapeRef,
};

/// The points where calls enter by the numbers of the calls, of native callers and then of others.
static POINTS: [u8; 2 * NUMBERS] = points(NATIVE);

const NUMBERS: usize = SYSCALL_NUMBERS as usize;
/// No call has the number.
const NONE: u8 = u8::MAX;

const fn points(native: Abi) -> [u8; 2 * NUMBERS] {
    let mut points = [NONE; 2 * NUMBERS];
    let mut row = 0;
    while row < SYSCALLS.len() {
        let syscall = &SYSCALLS[row];
        if matches!(syscall.hook, Hook::Entry) {
            let compat = native.compat();
            let own = point_number(row, native) as u8;
            if let Some(entry) = syscall.entries.get(native) {
                points[entry.number as usize] = own;
            }
            if matches!(native, Abi::X86_64)
                && let Some(entry) = syscall.entries.get(Abi::X32)
            {
                points[entry.number as usize] = point_number(row, Abi::X32) as u8;
            }
            if let Some(entry) = syscall.entries.get(compat) {
                points[NUMBERS + entry.number as usize] = if syscall.shares_entry(native) {
                    own
                } else {
                    point_number(row, compat) as u8
                };
            }
        }
        row += 1;
    }
    points
}

/// Whether callers come to a point through the interface of 32-bit callers.
pub const fn is_of_compat(point: u32) -> bool {
    point % POINTS_OF_A_ROW == NATIVE.compat().place()
}

/// The shape of the call, if there is one for it. The registers are given by a pointer with a type.
#[inline(always)]
pub fn of(regs: *const u8, is_compat: bool) -> Option<ShapeRef> {
    let number = arch::number(regs);
    if number >= SYSCALL_NUMBERS {
        return None;
    }
    at(u64::from(number), is_compat)
}

/// The shape of the call with this number, which is less than [`SYSCALL_NUMBERS`], if there is one for it.
#[inline(always)]
pub fn at(number: u64, is_compat: bool) -> Option<ShapeRef> {
    let index = number as usize & (NUMBERS - 1) | if is_compat { NUMBERS } else { 0 };
    // SAFETY: both halves of the table have an element for each such number. Volatile, as otherwise
    // the compiler may make a search of it.
    let point = unsafe { POINTS.as_ptr().add(index).read_volatile() };
    if point == NONE { None } else { Some(ShapeRef::of(u32::from(point))) }
}
