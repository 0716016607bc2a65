//! A siginfo of every arm, and of every code.

use serde_json::json;

use crate::siginfo::Info;

const ILL: [&str; 11] = [
    "ILL_ILLOPC",
    "ILL_ILLOPN",
    "ILL_ILLADR",
    "ILL_ILLTRP",
    "ILL_PRVOPC",
    "ILL_PRVREG",
    "ILL_COPROC",
    "ILL_BADSTK",
    "ILL_BADIADDR",
    "__ILL_BREAK",
    "__ILL_BNDMOD",
];
const FPE: [&str; 15] = [
    "FPE_INTDIV",
    "FPE_INTOVF",
    "FPE_FLTDIV",
    "FPE_FLTOVF",
    "FPE_FLTUND",
    "FPE_FLTRES",
    "FPE_FLTINV",
    "FPE_FLTSUB",
    "__FPE_DECOVF",
    "__FPE_DECDIV",
    "__FPE_DECERR",
    "__FPE_INVASC",
    "__FPE_INVDEC",
    "FPE_FLTUNK",
    "FPE_CONDTRAP",
];
const SEGV: [&str; 10] = [
    "SEGV_MAPERR",
    "SEGV_ACCERR",
    "SEGV_BNDERR",
    "SEGV_PKUERR",
    "SEGV_ACCADI",
    "SEGV_ADIDERR",
    "SEGV_ADIPERR",
    "SEGV_MTEAERR",
    "SEGV_MTESERR",
    "SEGV_CPERR",
];
const BUS: [&str; 5] = ["BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"];
const TRAP: [&str; 6] =
    ["TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT", "TRAP_UNK", "TRAP_PERF"];
const CLD: [&str; 6] =
    ["CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"];
const POLL: [&str; 6] = ["POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP"];
const SYS: [&str; 2] = ["SYS_SECCOMP", "SYS_USER_DISPATCH"];

/// Codes of any signal that are sent with a value.
const WITH_VALUE: [(i32, &str); 6] = [
    (-1, "SI_QUEUE"),
    (-3, "SI_MESGQ"),
    (-4, "SI_ASYNCIO"),
    (-6, "SI_TKILL"),
    (-7, "SI_DETHREAD"),
    (-60, "SI_ASYNCNL"),
];

const ADDRESS: u64 = 0x7f12_3456_789a_bcde;

/// All of them, each with garbage where its arm has no member.
pub(crate) fn all() -> Vec<Info> {
    let mut all = Vec::new();
    faults(&mut all);
    named(17, &CLD, &mut all, |info| info.child(4242, 7, -3, (1, -2)));
    for signo in [29, 10, 34, 64] {
        named(signo, &POLL, &mut all, |info| info.poll(0x41, 5));
    }
    named(31, &SYS, &mut all, |info| {
        info.errno(42).sys(ADDRESS, (62, "kill"), (0xc000_003e, "AUDIT_ARCH_X86_64"))
    });
    any_signal(&mut all);
    past_the_last(&mut all);
    all
}

fn new(signo: i32, code: i32, name: &str) -> Info {
    Info::new(signo, code, json!(name)).garbage()
}

/// One for each of the codes of a signal, which count from 1.
fn named(signo: i32, names: &[&str], all: &mut Vec<Info>, fill: impl Fn(Info) -> Info) {
    all.extend((1..).zip(names).map(|(code, name)| fill(new(signo, code, name))));
}

fn faults(all: &mut Vec<Info>) {
    for (signo, names) in [(4, &ILL[..]), (5, &TRAP), (7, &BUS), (8, &FPE), (11, &SEGV)] {
        for (code, name) in (1..).zip(names) {
            let info = new(signo, code, name).fault(ADDRESS);
            all.push(match (signo, code) {
                (5, 6) => info.perf(u64::MAX, 3, true),
                (7, 4 | 5) => info.addr_lsb(12),
                (11, 3) => info.bounds(0x1000, ADDRESS),
                (11, 4) => info.key(15),
                _ => info,
            });
        }
    }
}

fn any_signal(all: &mut Vec<Info>) {
    for signo in [1, 11, 17, 29, 31, 34, 64] {
        for (code, name) in WITH_VALUE {
            all.push(new(signo, code, name).rt(4242, 7, 0x1_ffff_fffb));
        }
        for code in [-100, i32::MIN] {
            all.push(Info::new(signo, code, json!(code)).garbage().rt(-1, u32::MAX, 0));
        }
        all.push(new(signo, -2, "SI_TIMER").timer(3, 2, ADDRESS));
        all.push(new(signo, -5, "SI_SIGIO").poll(0xffff_ffff_0000_1041, -1));
        all.push(new(signo, 0, "SI_USER").kill(4242, 7));
        all.push(new(signo, 128, "SI_KERNEL").kill(0, 0));
    }
}

/// Codes past a signal's own: up to 6 they are taken for those of a descriptor.
fn past_the_last(all: &mut Vec<Info>) {
    let number = |signo, code| Info::new(signo, code, json!(code)).garbage();
    for (signo, code) in [(7, 6), (31, 3), (31, 6)] {
        all.push(number(signo, code).poll(0x41, 5));
    }
    for (signo, code) in [(4, 12), (5, 7), (8, 16), (11, 11), (17, 7), (29, 7), (10, 7), (34, 127)]
    {
        all.push(number(signo, code).kill(4242, 7));
    }
    // A stop that ptrace tells of: 5 and an event above it.
    all.push(number(5, 5 | 4 << 8).kill(4242, 7));
    all.push(number(64, i32::MAX).kill(4242, 7));
}
