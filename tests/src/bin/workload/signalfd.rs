//! signalfd and signalfd4.

use sigtrace_tests::names::{bits, set};

use crate::call::{signalfd, signalfd4};
use crate::errno::{EBADF, EFAULT, EINVAL};
use crate::memory::{at_page_end, bytes, not_resident};
use crate::pointer::{address, nowhere, null, to, to_set, unread_memory, unreadable};
use crate::process::{CLOSED, fd};
use crate::script::Script;

pub(crate) fn run(_: &[String]) {
    let mut script = Script::begin();
    let (few, all) = (bits(&[1, 34, 64]), u64::MAX);
    let first = fd(script.call_for_number(signalfd(-1, to_set(few), 8)));
    script.call_for_number(signalfd(-1, to_set(0), 8).with_garbage());
    for flags in [0, 0x800, 0x8_0000, 0x8_0800] {
        script.call_for_number(signalfd4(-1, to_set(all), 8, flags));
    }
    // An open one gets another mask and keeps its number; its flags are not changed.
    script.call(signalfd(first, to_set(all), 8), first.into());
    script.call(signalfd4(first, to_set(few), 8, 0x8_0800).with_garbage(), first.into());
    for flags in [1, 0x8_0801, u32::MAX] {
        script.call(signalfd4(-1, to_set(few), 8, flags), EINVAL);
        script.call(signalfd4(first, to_set(few), 8, flags), EINVAL);
    }
    for bad in [CLOSED, -2, -100, i32::MIN] {
        script.call(signalfd(bad, to_set(few), 8), EBADF);
        script.call(signalfd4(bad, to_set(few), 8, 0), EBADF);
    }
    // Standard output is no signalfd.
    script.call(signalfd(1, to_set(few), 8), EINVAL);
    script.call(signalfd4(1, to_set(few), 8, 0), EINVAL);
    for size in [0, 4, 7, 16, 128, u64::MAX] {
        script.call(signalfd(-1, unread_memory(), size), EINVAL);
        script.call(signalfd4(-1, unread_memory(), size, 0), EINVAL);
        script.call(signalfd4(-1, null(), size, 0), EINVAL);
    }
    script.call(signalfd(-1, null(), 8), EFAULT);
    script.call(signalfd4(-1, null(), 8, 0), EFAULT);
    for nowhere in nowhere() {
        script.call(signalfd(-1, unreadable(nowhere), 8), EFAULT);
        script.call(signalfd4(-1, unreadable(nowhere), 8, 0), EFAULT);
    }
    let cut = address(at_page_end(&[0; 7]));
    script.call(signalfd4(-1, unreadable(cut), 8, 0), EFAULT);
    let end = at_page_end(&bytes(few));
    script.call(signalfd(first, to(end, set(few)), 8), first.into());
    let file = || to(not_resident(&bytes(few)), set(few));
    script.call(signalfd(first, file(), 8), first.into());
    script.call_for_number(signalfd4(-1, file(), 8, 0));
    script.call(signalfd4(CLOSED, file(), 8, 0), EBADF);
    script.end();
}
