//! The shape of a call: what its row says as far as the programs have to know, as bytes that they can
//! go by without knowing which call it is.
//!
//! A program for one function looks at one shape, which the verifier knows, so that it leaves out what
//! that shape does not need; one for many functions is as long as what they need together, not as the
//! sum of it.

use core::mem::size_of;

use crate::{
    Abi, Access, DATA_OFFSET, Group, Hook, Kind, Outcome, POINTS_OF_A_ROW, SYSCALLS, Syscall,
    point_number,
};

/// More than the largest [`point_number`].
pub const SHAPES_LEN: usize = 128;

/// No argument.
pub const NO_ARG: u8 = u8::MAX;

/// What the programs have to know of the calls at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Shape {
    /// The structures that the kernel reads.
    pub inputs: [Place; 2],
    /// The structure that it writes.
    pub output: Place,
    /// The set that `--signal` looks at, if the call gives one to the kernel: in the data, or with a
    /// size of 0 the argument itself.
    pub set: Place,
    /// Bits of [`flag`].
    pub flags: u16,
    /// Bytes of the record that are emitted when the call returns.
    pub emitted: u16,
    /// Index of the argument that is a signal's number.
    pub signal: u8,
    /// Indices of the arguments that are numbers of processes or threads, those of threads last.
    pub numbers: [u8; 2],
    /// Index of the argument that is a pidfd.
    pub pidfd: u8,
    /// Index of the argument that gives the size of sets.
    pub set_size: u8,
    /// Where the mask is that a return from a handler restores: a [`Frame`]'s number.
    pub frame: u8,
    /// Index into [`SYSCALLS`].
    pub syscall: u8,
    /// The [`point_number`].
    pub point: u8,
    /// How many arguments it has.
    pub args: u8,
    /// The [`Abi`]'s number, as far as the place tells.
    pub abi: u8,
    /// The number of the call for callers of the other width.
    pub compat_number: u16,
}

/// Where the structure behind an argument goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Place {
    /// Index of the argument; [`NO_ARG`] if there is none.
    pub arg: u8,
    /// Offset in the record's data.
    pub at: u8,
    /// Bytes of it.
    pub size: u8,
    /// 1 if the kernel looks at the size that the call gives before it touches it.
    pub is_sized: u8,
}

/// Bits of [`Shape::flags`].
pub mod flag {
    /// It sends a signal.
    pub const SENDS: u16 = 1 << 0;
    /// It can be aimed at a process.
    pub const HAS_TARGET: u16 = 1 << 1;
    /// What it returns is no error, whatever it is.
    pub const RETURNS_NOTHING: u16 = 1 << 2;
    /// It wrote its output if it returned 0.
    pub const RETURNS_STATUS: u16 = 1 << 3;
    /// It wrote its output if it returned more than 0.
    pub const RETURNS_SIGNAL: u16 = 1 << 4;
    /// Its output is the mask that was there before.
    pub const TELLS_OLD_MASK: u16 = 1 << 5;
    /// Of its output as much is written as was asked for, up to its size.
    pub const CUTS_OUTPUT: u16 = 1 << 6;
    /// Callers of both widths enter here.
    pub const SHARED: u16 = 1 << 7;
    /// Its callers may wait in it.
    pub const WAITS: u16 = 1 << 8;
    /// The kernel keeps the set that it reads as the thread's mask, for as long as the call lasts.
    pub const KEEPS_MASK: u16 = 1 << 9;
    /// It keeps the action that it reads as that of the signal.
    pub const KEEPS_ACTION: u16 = 1 << 10;
    /// It keeps the stack that it reads as the thread's.
    pub const KEEPS_STACK: u16 = 1 << 11;
    /// It sends a siginfo of the caller's.
    pub const SENDS_SIGINFO: u16 = 1 << 12;
    /// Its record ends with the thread's mask before and after.
    pub const CHANGES_MASK: u16 = 1 << 13;
}

/// Where a return from a handler finds the mask to restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Frame {
    /// It is no such call.
    None = 0,
    /// In the frame of a native caller.
    Native = 1,
    /// In that of another one's rt_sigreturn.
    Compat = 2,
    /// In that of another one's sigreturn.
    Old = 3,
    /// In that of an x32 caller.
    X32 = 4,
    /// It is no such call. But the size of its sets is the lower half of a register of which an x32
    /// caller's pointers have all (`compat_size_t`).
    Size = 5,
}

const NOWHERE: Place = Place { arg: NO_ARG, at: 0, size: 0, is_sized: 0 };

/// The shapes by [`point_number`], on a kernel of `native`'s architecture.
pub const fn shapes(native: Abi) -> [Shape; SHAPES_LEN] {
    let mut shapes = [of(&SYSCALLS[0], 0, native, native); SHAPES_LEN];
    let mut row = 0;
    while row < SYSCALLS.len() {
        let compat = native.compat();
        shapes[point_number(row, native) as usize] = of(&SYSCALLS[row], row, native, native);
        shapes[point_number(row, compat) as usize] = of(&SYSCALLS[row], row, compat, native);
        if matches!(native, Abi::X86_64) {
            shapes[point_number(row, Abi::X32) as usize] =
                of(&SYSCALLS[row], row, Abi::X32, native);
        }
        row += 1;
    }
    shapes
}

const fn of(syscall: &'static Syscall, row: usize, abi: Abi, native: Abi) -> Shape {
    let mut inputs = [NOWHERE; 2];
    let (mut output, mut set) = (NOWHERE, NOWHERE);
    let (mut found, mut i) = (0, 0);
    while i < syscall.args.len() {
        let arg = &syscall.args[i];
        let place = place(syscall, i, abi);
        match arg.access {
            Access::In if place.size > 0 => {
                inputs[found] = place;
                found += 1;
            }
            Access::Out if place.size > 0 => output = place,
            _ => {}
        }
        if matches!(arg.kind, Kind::SignalSet | Kind::OldSignalSet | Kind::OldMask)
            && !matches!(arg.access, Access::Out | Access::Returned)
            && set.arg == NO_ARG
        {
            set = place;
        }
        i += 1;
    }
    Shape {
        inputs,
        output,
        set,
        flags: flags(syscall, native),
        emitted: (DATA_OFFSET + syscall.data_size()) as u16,
        signal: index(syscall.position(Kind::Signal)),
        numbers: [index(syscall.position(Kind::Pid)), index(syscall.position(Kind::Tid))],
        pidfd: index(syscall.position(Kind::Pidfd)),
        set_size: index(syscall.set_size),
        frame: frame(syscall, abi, native) as u8,
        syscall: row as u8,
        point: point_number(row, abi) as u8,
        args: syscall.args.len() as u8,
        abi: abi as u8,
        compat_number: match syscall.entries.get(native.compat()) {
            Some(entry) => entry.number,
            None => 0,
        },
    }
}

const fn place(syscall: &Syscall, arg: usize, abi: Abi) -> Place {
    let kind = syscall.args[arg].kind;
    // The kernel looks at the size before it reads anything.
    let sized = syscall.set_size.is_some() && matches!(syscall.args[arg].access, Access::In);
    Place {
        arg: arg as u8,
        at: syscall.data_offset(arg) as u8,
        size: kind.size_under(abi) as u8,
        is_sized: sized as u8,
    }
}

const fn index(position: Option<usize>) -> u8 {
    match position {
        Some(index) => index as u8,
        None => NO_ARG,
    }
}

const fn flags(syscall: &Syscall, native: Abi) -> u16 {
    let mut flags = match syscall.outcome {
        Outcome::Status => flag::RETURNS_STATUS,
        Outcome::Signal => flag::RETURNS_SIGNAL,
        Outcome::Nothing => flag::RETURNS_NOTHING,
        _ => 0,
    };
    if syscall.is_in(Group::Send) {
        flags |= flag::SENDS;
    }
    if syscall.position(Kind::Pid).is_some()
        || syscall.position(Kind::Tid).is_some()
        || syscall.position(Kind::Pidfd).is_some()
    {
        flags |= flag::HAS_TARGET;
    }
    if syscall.position(Kind::How).is_some() {
        flags |= flag::TELLS_OLD_MASK;
    } else if let Some(index) = syscall.position(Kind::SignalSet)
        && matches!(syscall.args[index].access, Access::Out)
    {
        // rt_sigpending alone takes less than a whole set.
        flags |= flag::CUTS_OUTPUT;
    }
    if matches!(syscall.hook, Hook::Entry) && syscall.shares_entry(native) {
        flags |= flag::SHARED;
    }
    if syscall.blocks {
        flags |= flag::WAITS;
    }
    if syscall.changes_mask() {
        flags |= flag::CHANGES_MASK;
    }
    flags | inputs(syscall)
}

/// What there is to know of the call's inputs.
const fn inputs(syscall: &Syscall) -> u16 {
    let mut flags = 0;
    let mut i = 0;
    while i < syscall.args.len() {
        if matches!(syscall.args[i].access, Access::In) {
            flags |= match syscall.args[i].kind {
                Kind::SignalSet | Kind::OldSignalSet if syscall.is_in(Group::Mask) => {
                    flag::KEEPS_MASK
                }
                Kind::Sigaction | Kind::OldSigaction => flag::KEEPS_ACTION,
                Kind::Stack => flag::KEEPS_STACK,
                Kind::Siginfo => flag::SENDS_SIGINFO,
                _ => 0,
            };
        }
        i += 1;
    }
    flags
}

const fn frame(syscall: &Syscall, abi: Abi, native: Abi) -> Frame {
    if !matches!(syscall.outcome, Outcome::Nothing) {
        if matches!(abi, Abi::X32) && syscall.set_size.is_some() {
            Frame::Size
        } else {
            Frame::None
        }
    } else if abi.is_64bit() {
        Frame::Native
    } else if matches!(abi, Abi::X32) {
        Frame::X32
    } else if syscall.entries.get(native).is_some() {
        Frame::Compat
    } else {
        Frame::Old
    }
}

const _: () = {
    assert!(size_of::<Shape>() == 32);
    assert!(SYSCALLS.len() * POINTS_OF_A_ROW as usize <= SHAPES_LEN);
    // Evaluated, so that a row with three inputs is refused here.
    let _ = shapes(Abi::X86_64);
    let _ = shapes(Abi::Aarch64);
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find;

    fn shape_of(name: &str, abi: Abi) -> Shape {
        shapes(Abi::X86_64)[point_number(find(name).unwrap().0, abi) as usize]
    }

    #[test]
    fn a_call_of_numbers_has_no_structures() {
        let shape = shape_of("tgkill", Abi::X86_64);
        assert_eq!((shape.inputs, shape.output, shape.set), ([NOWHERE; 2], NOWHERE, NOWHERE));
        assert_eq!((shape.signal, shape.numbers, shape.pidfd), (2, [0, 1], NO_ARG));
        assert_eq!(shape.emitted, 136);
        assert_eq!(shape.flags, flag::SENDS | flag::HAS_TARGET | flag::RETURNS_STATUS);
    }

    #[test]
    fn structures_have_the_size_that_the_caller_gives_them() {
        let native = shape_of("rt_sigtimedwait", Abi::X86_64);
        let sized = Place { arg: 0, at: 0, size: 8, is_sized: 1 };
        assert_eq!(native.inputs, [sized, Place { arg: 2, at: 56, size: 16, is_sized: 1 }]);
        assert_eq!(native.output, Place { arg: 1, at: 8, size: 48, is_sized: 0 });
        assert_eq!((native.set, native.set_size), (sized, 3));
        let timeouts =
            [Abi::I386, Abi::X32].map(|abi| shape_of("rt_sigtimedwait", abi).inputs[1].size);
        assert_eq!(timeouts, [8, 16]);
        let actions = Abi::ALL.map(|abi| Kind::Sigaction.size_under(abi));
        assert_eq!(actions, [32, 20, 20, 32, 20]);
    }

    #[test]
    fn a_mask_call_tells_the_old_mask_and_pending_ones_are_cut() {
        let mask = shape_of("rt_sigprocmask", Abi::X86_64);
        let expected =
            flag::RETURNS_STATUS | flag::TELLS_OLD_MASK | flag::KEEPS_MASK | flag::CHANGES_MASK;
        assert_eq!(mask.flags, expected);
        let pending = shape_of("rt_sigpending", Abi::X86_64);
        assert_eq!(pending.flags, flag::RETURNS_STATUS | flag::CUTS_OUTPUT);
    }

    #[test]
    fn the_kernel_keeps_masks_actions_and_stacks_but_not_what_is_waited_for() {
        const KEPT: u16 = flag::KEEPS_MASK | flag::KEEPS_ACTION | flag::KEEPS_STACK;
        let kept = |name| shape_of(name, Abi::I386).flags & KEPT;
        for (name, expected) in [
            ("sigprocmask", flag::KEEPS_MASK),
            ("rt_sigsuspend", flag::KEEPS_MASK),
            ("sigaction", flag::KEEPS_ACTION),
            ("sigaltstack", flag::KEEPS_STACK),
            ("rt_sigtimedwait", 0),
            ("signalfd4", 0),
            ("rt_sigpending", 0),
            ("rt_sigqueueinfo", 0),
        ] {
            assert_eq!(kept(name), expected, "{name}");
        }
    }

    #[test]
    fn calls_that_change_the_mask_for_good_end_with_what_it_was_and_is() {
        let masks = |name| {
            let (_, row) = find(name).unwrap();
            let shape = shape_of(name, Abi::I386);
            assert_eq!(shape.flags & flag::CHANGES_MASK != 0, row.changes_mask(), "{name}");
            assert_eq!(usize::from(shape.emitted), DATA_OFFSET + row.data_size(), "{name}");
            row.masks_offset().map(|offset| (offset, row.data_size()))
        };
        for (name, expected) in [
            ("rt_sigprocmask", Some((8, 24))),
            ("sigprocmask", Some((8, 24))),
            ("rt_sigreturn", Some((8, 24))),
            ("sigreturn", Some((8, 24))),
            ("ssetmask", Some((0, 16))),
            ("sgetmask", None),
            ("rt_sigsuspend", None),
            ("sigsuspend", None),
            ("rt_sigpending", None),
            ("signalfd4", None),
        ] {
            assert_eq!(masks(name), expected, "{name}");
        }
    }

    #[test]
    fn an_x32_caller_gives_sizes_of_32_bits() {
        assert_eq!(shape_of("rt_sigpending", Abi::X32).frame, Frame::Size as u8);
        assert_eq!(shape_of("rt_sigqueueinfo", Abi::X32).frame, Frame::None as u8);
        assert_eq!(shape_of("rt_sigpending", Abi::I386).frame, Frame::None as u8);
    }

    #[test]
    fn a_return_from_a_handler_has_a_frame() {
        assert_eq!(shape_of("rt_sigreturn", Abi::X86_64).frame, Frame::Native as u8);
        assert_eq!(shape_of("rt_sigreturn", Abi::I386).frame, Frame::Compat as u8);
        assert_eq!(shape_of("rt_sigreturn", Abi::X32).frame, Frame::X32 as u8);
        assert_eq!(shape_of("sigreturn", Abi::I386).frame, Frame::Old as u8);
    }
}
