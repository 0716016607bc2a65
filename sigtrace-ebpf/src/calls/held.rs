//! What the kernel keeps of what a call gave it: a mask, an action, a stack.

use sigtrace_common::{Capture, Place, Record, Slot, flag};

use super::{
    exit::EFAULT,
    late::Input,
    masks,
    regs::int,
    user::{arg, destination, place, set_capture, write_word},
};
use crate::{
    kernel::task::Task,
    shapes::{ShapeRef, get, has},
    slots,
};

/// What rt_sigprocmask makes of its set (`include/uapi/asm-generic/signal-defs.h`).
const SIG_SETMASK: i32 = 2;
/// What the calls that wait with another mask return (`include/linux/errno.h`).
const ERESTARTNOHAND: i64 = -514;

/// Takes the input with this index of the call in a thread's slot, which is of this shape and has returned,
/// from where the kernel keeps it, without what the kernel never keeps: KILL and STOP in a mask, flags that it
/// does not know. Says whether it is there.
#[inline(always)]
pub fn input(shape: ShapeRef, record: &mut Record, place: Place, input: Input) -> bool {
    let ret = record.ret;
    // With EFAULT it may have been kept before the output could not be written, or not been read.
    if ret == EFAULT {
        return false;
    }
    if has(shape, flag::KEEPS_MASK) {
        return mask(shape, record, place, ret);
    }
    if ret != 0 {
        return false;
    }
    let Input { tid, key, point, index } = input;
    if has(shape, flag::KEEPS_ACTION) {
        take_action(tid, key, point, index) != 0
    } else {
        has(shape, flag::KEEPS_STACK) && take_stack(tid, key, point, index) != 0
    }
}

/// Both by themselves. Global.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn take_action(tid: u32, key: u32, point: u32, index: u32) -> u32 {
    let Some((shape, record, place)) = (Input { tid, key, point, index }).place() else { return 0 };
    u32::from(action(record, place, int(arg(record, get!(shape, signal)))))
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn take_stack(tid: u32, key: u32, point: u32, index: u32) -> u32 {
    let Some((_, record, place)) = (Input { tid, key, point, index }).place() else { return 0 };
    u32::from(stack(record, place))
}

/// Takes what a signal does before the call in a thread's slot, which is of this shape, changes it, if the caller does
/// not ask for that.
#[inline(always)]
pub fn previous(shape: ShapeRef, slot: *mut Slot, tid: u32) {
    if !has(shape, flag::KEEPS_ACTION) {
        return;
    }
    // SAFETY: the thread's own slot.
    let record = unsafe { &(*slot).record };
    if arg(record, get!(shape, inputs[0].arg)) != 0 && arg(record, get!(shape, output.arg)) == 0 {
        keep_action(tid, slots::key(slot), get!(shape, point).into());
    }
}

/// Likewise, by itself. Global.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn keep_action(tid: u32, key: u32, point: u32) -> u32 {
    let Some(slot) = slots::of(tid, key) else { return 0 };
    let shape = ShapeRef::of(point);
    // SAFETY: the thread's own slot, which it keeps while the program runs.
    let record = unsafe { &mut (*slot).record };
    let place = place!(shape, output);
    if action(record, place, int(arg(record, get!(shape, signal)))) {
        set_capture(record, place, Capture::Kept);
    }
    0
}

/// The mask of the thread: by rt_sigprocmask it is the set if it was to be just that; while the thread
/// waits in rt_sigsuspend it is the set, and until it leaves the kernel (`sigsuspend` in
/// `kernel/signal.c`).
#[inline(always)]
fn mask(shape: ShapeRef, record: &mut Record, place: Place, ret: i64) -> bool {
    let is_kept = if has(shape, flag::TELLS_OLD_MASK) {
        ret == 0 && int(arg(record, 0)) == SIG_SETMASK
    } else {
        ret == ERESTARTNOHAND
    };
    if !is_kept || !masks::are_known() {
        return false;
    }
    write_word(record, place, Task::current().blocked());
    true
}

/// What the kernel adds to the flags of the action of a 32-bit or an x32 caller (`SA_IA32_ABI`,
/// `SA_X32_ABI`, `arch/x86/include/asm/sighandling.h`).
const OWN_FLAGS: u64 = 0x0300_0000;

/// What the signal does (`struct sigaction`, `include/linux/signal_types.h`), in the layout of the
/// caller's structure.
#[inline(always)]
fn action(record: &mut Record, place: Place, signal: i32) -> bool {
    if !(1..=64).contains(&signal) {
        return false;
    }
    let Some([handler, flags, restorer, mask]) = Task::current().action(signal as u32) else {
        return false;
    };
    let flags = flags & !OWN_FLAGS;
    let words = destination(record, place);
    // SAFETY: an action has so many bytes, inside the slot.
    unsafe {
        match place.size {
            // `struct sigaction` of 64-bit callers.
            32 => words.cast::<[u64; 4]>().write([handler, flags, restorer, mask]),
            // `struct compat_sigaction`.
            20 => {
                let words = words.cast::<u32>();
                words.write(handler as u32);
                words.add(1).write(flags as u32);
                words.add(2).write(restorer as u32);
                words.add(3).write(mask as u32);
                words.add(4).write((mask >> 32) as u32);
            }
            // `struct compat_old_sigaction`.
            _ => {
                let words = words.cast::<u32>();
                words.write(handler as u32);
                words.add(1).write(mask as u32);
                words.add(2).write(flags as u32);
                words.add(3).write(restorer as u32);
            }
        }
    }
    true
}

/// The stack for handlers (`do_sigaltstack`, `kernel/signal.c`), in the layout of the caller's
/// `stack_t`.
#[inline(always)]
fn stack(record: &mut Record, place: Place) -> bool {
    let Some((sp, flags, size)) = Task::current().stack() else { return false };
    let words = destination(record, place);
    // SAFETY: a stack_t has so many bytes, inside the slot.
    unsafe {
        if place.size == 24 {
            words.cast::<[u64; 3]>().write([sp, u64::from(flags), size]);
        } else {
            let words = words.cast::<u32>();
            words.write(sp as u32);
            words.add(1).write(flags);
            words.add(2).write(size as u32);
        }
    }
    true
}
