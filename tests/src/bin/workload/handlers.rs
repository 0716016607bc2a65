//! Handlers in places that are known: what the kernel says of them is in `/proc/self/maps`.

use std::ptr;

use serde_json::{Value, json};
use sigtrace_tests::kernel::page_size;
use sigtrace_tests::names::hex;

use crate::action::{Action, nothing};
use crate::call::{kill, rt_sigaction};
use crate::pointer::null;

/// `handlers MAPPINGS`: gives SIGUSR1 a handler of this program and SIGUSR2 one in memory that is of no file, and
/// sends itself both, with so many mappings of its own besides. Prints where the handlers are.
pub(crate) fn run(arguments: &[String]) {
    let mappings = arguments.first().and_then(|text| text.parse().ok()).expect("a number");
    map_many(mappings);
    let own = Action::calling(nothing_to_note, 0);
    let elsewhere = Action { handler: ret(), ..own };
    for (signo, action) in [(libc::SIGUSR1, own), (libc::SIGUSR2, elsewhere)] {
        assert_eq!(rt_sigaction(signo, action.given(), null(), 8).make(), 0);
        // SAFETY: no memory is involved.
        assert_eq!(kill(unsafe { libc::getpid() }, signo).make(), 0);
    }
    let facts = json!({
        "pid": std::process::id(),
        "own": place(own.handler),
        "elsewhere": place(elsewhere.handler),
    });
    println!("{facts}");
}

/// Where an address is, as the kernel tells it, and the function that is there.
fn place(address: u64) -> Value {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or_default();
    let found = maps.lines().find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (start, end) = words.first()?.split_once('-')?;
        let (start, end) = (number(start), number(end));
        (start..end).contains(&address).then(|| {
            let offset = number(words[2]) + address - start;
            (words.get(5).map(|path| (*path).to_owned()), offset)
        })
    });
    let (file, offset) = found.expect("a mapping");
    json!({ "address": hex(address), "file": file, "offset": hex(offset) })
}

/// A handler, by whose name it is known.
#[inline(never)]
extern "C" fn nothing_to_note(_: i32) {
    // So that it is no other function, too.
    std::hint::black_box(nothing as extern "C" fn(i32));
}

/// A function that returns at once, in memory of its own.
fn ret() -> u64 {
    #[cfg(target_arch = "x86_64")]
    const CODE: [u8; 1] = [0xc3];
    #[cfg(target_arch = "x86")]
    const CODE: [u8; 1] = [0xc3];
    #[cfg(target_arch = "aarch64")]
    const CODE: [u8; 4] = [0xc0, 0x03, 0x5f, 0xd6];
    #[cfg(target_arch = "arm")]
    const CODE: [u8; 4] = [0x1e, 0xff, 0x2f, 0xe1];
    let page = map(libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a fresh mapping of a page. The kernel sees to it that what is made code is seen by all as what
    // was written.
    unsafe {
        ptr::copy_nonoverlapping(CODE.as_ptr(), page, CODE.len());
        let code = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
        assert_eq!(libc::mprotect(page.cast(), page_size(), code), 0);
    }
    page as u64
}

/// So many mappings that are not one, as each differs from its neighbours.
fn map_many(mappings: usize) {
    for index in 0..mappings {
        map(if index % 2 == 0 { libc::PROT_READ } else { libc::PROT_NONE });
    }
}

fn map(protection: i32) -> *mut u8 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a fresh mapping.
    let page = unsafe { libc::mmap(ptr::null_mut(), page_size(), protection, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    page.cast()
}
