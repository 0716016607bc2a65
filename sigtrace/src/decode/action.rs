//! What a call did to what a signal does.

use super::{Flags, Handler, Return, Sigaction, SignalSet, Value};

/// What was so before, and what is now, of that which the call changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionChange {
    /// `sa_handler`.
    pub handler: Option<[Handler; 2]>,
    /// `sa_flags`.
    pub flags: Option<[Flags; 2]>,
    /// `sa_mask`.
    pub mask: Option<[SignalSet; 2]>,
}

impl ActionChange {
    /// From what the kernel had to what it was given.
    pub(super) fn new(before: Sigaction, given: Sigaction) -> Self {
        let flags = Flags { bits: kept_flags(given.flags.bits), ..given.flags };
        let mask = kept_mask(given.mask);
        let of_flags = [Flags { bits: kept_flags(before.flags.bits), ..before.flags }, flags];
        let changed = |is: bool| is.then_some(());
        Self {
            handler: changed(before.handler != given.handler)
                .map(|()| [before.handler, given.handler]),
            flags: changed(of_flags[0].bits != flags.bits).map(|()| of_flags),
            mask: changed(before.mask.bits() != mask.bits()).map(|()| [before.mask, mask]),
        }
    }

    /// What a call changed that was given the first of these values and wrote the second; `None` if it changed
    /// nothing, or it is not known what was so before. `kept` is what the programs found in the kernel.
    pub(super) fn of(
        outcome: Return,
        [given, written]: [&Value<'_>; 2],
        kept: impl FnOnce() -> Option<Sigaction>,
    ) -> Option<Self> {
        let Return::Value { ret: 0, .. } = outcome else { return None };
        let Value::Sigaction(given) = *given else { return None };
        let before = match *written {
            Value::Sigaction(before) => before,
            Value::Null => kept()?,
            _ => return None,
        };
        Some(Self::new(before, given))
    }
}

/// What the kernel makes of the flags that it is given: from 5.11 on it forgets those that it does not know
/// (`UAPI_SA_FLAGS`, `include/linux/signal_types.h`), which did nothing before either.
fn kept_flags(bits: u64) -> u64 {
    const KEPT: [u64; 9] = [
        0x1,         // SA_NOCLDSTOP
        0x2,         // SA_NOCLDWAIT
        0x4,         // SA_SIGINFO
        0x800,       // SA_EXPOSE_TAGBITS
        0x0400_0000, // SA_RESTORER
        0x0800_0000, // SA_ONSTACK
        0x1000_0000, // SA_RESTART
        0x4000_0000, // SA_NODEFER
        0x8000_0000, // SA_RESETHAND
    ];
    KEPT.iter().fold(0, |kept, bit| kept | bits & bit)
}

/// Likewise, of the mask: nobody blocks SIGKILL and SIGSTOP.
fn kept_mask(mask: SignalSet) -> SignalSet {
    const NEVER: u32 = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);
    match mask {
        SignalSet::Whole(bits) => SignalSet::Whole(bits & !u64::from(NEVER)),
        SignalSet::Old(bits) => SignalSet::Old(bits & !NEVER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::sa_flags::SA;

    fn action(handler: Handler, flags: u64, mask: u64) -> Sigaction {
        let flags = Flags { table: &SA, bits: flags };
        Sigaction { handler, flags, restorer: 0, mask: SignalSet::Whole(mask) }
    }

    #[test]
    fn what_a_call_changed_is_told_with_what_was_so_before() {
        let before = action(Handler::Default, 0, 1);
        let given = action(Handler::Function(0x1000), 0x1000_0000, 1);
        let flags = |bits| Flags { table: &SA, bits };
        let expected = ActionChange {
            handler: Some([Handler::Default, Handler::Function(0x1000)]),
            flags: Some([flags(0), flags(0x1000_0000)]),
            mask: None,
        };
        assert_eq!(ActionChange::new(before, given), expected);
        let given = action(Handler::Default, 0, 2);
        let mask = Some([SignalSet::Whole(1), SignalSet::Whole(2)]);
        let expected = ActionChange { handler: None, flags: None, mask };
        assert_eq!(ActionChange::new(before, given), expected);
    }

    #[test]
    fn what_the_kernel_does_not_keep_is_no_change() {
        let before = action(Handler::Ignore, 0, !0x4_0100);
        let given = action(Handler::Ignore, 0x400 | 0x80, u64::MAX);
        let expected = ActionChange { handler: None, flags: None, mask: None };
        assert_eq!(ActionChange::new(before, given), expected);
    }

    #[test]
    fn a_call_that_failed_or_only_asks_changes_nothing() {
        let given = Value::Sigaction(action(Handler::Ignore, 0, 0));
        let before = Value::Sigaction(action(Handler::Default, 0, 0));
        let returned = |ret| Return::Value { ret, duration_ns: 1 };
        let change = |outcome, values| ActionChange::of(outcome, values, || None);
        assert!(change(returned(0), [&given, &before]).is_some());
        assert_eq!(change(returned(-22), [&given, &before]), None);
        assert_eq!(change(Return::Missed, [&given, &before]), None);
        assert_eq!(change(returned(0), [&Value::Null, &before]), None);
        assert_eq!(change(returned(0), [&given, &Value::Null]), None);
        assert_eq!(change(returned(0), [&given, &Value::Unreadable(8)]), None);
    }
}
