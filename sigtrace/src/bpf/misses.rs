//! Calls that the kernel made past the programs.
//!
//! While a program runs on a processor the kernel does not begin it a second time there. Where it
//! runs with preemption on, as those of trampolines do, another thread may come to the same
//! function meanwhile, and its call is not seen. The kernel counts that (`recursion_misses` of
//! `struct bpf_prog_info`, `include/uapi/linux/bpf.h`): for trampolines since 5.12, before which
//! programs were begun a second time; for kprobes since 6.7, whose programs run with preemption
//! off, so that it is only when the thread that was interrupted is in the midst of bpf(2) itself.

use std::{
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
};

use aya_obj::generated::{bpf_cmd, bpf_prog_info};

/// The entry programs, to be asked how often they were skipped.
#[derive(Debug)]
pub struct Misses {
    programs: Vec<OwnedFd>,
    /// How many there were before the tracing began.
    before: u64,
}

impl Misses {
    pub(super) fn of(programs: Vec<OwnedFd>) -> Self {
        Self { programs, before: 0 }
    }

    /// The tracing begins: only what is skipped from here on counts.
    pub fn start(&mut self) {
        self.before = self.all();
    }

    /// The sum over all programs. Costs a system call each.
    pub fn total(&self) -> u64 {
        self.all().saturating_sub(self.before)
    }

    fn all(&self) -> u64 {
        let misses = self.programs.iter().map(|program| {
            recursion_misses(program).unwrap_or_else(|error| {
                tracing::debug!("cannot ask how often a program was skipped: {error}");
                0
            })
        });
        misses.fold(0, u64::saturating_add)
    }
}

/// The attributes of `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct InfoByFd {
    fd: u32,
    length: u32,
    info: u64,
}

fn recursion_misses(program: &OwnedFd) -> io::Result<u64> {
    // SAFETY: integers and arrays of them, for which zero is a value.
    let mut info: bpf_prog_info = unsafe { mem::zeroed() };
    let mut attributes = InfoByFd {
        fd: program.as_raw_fd().cast_unsigned(),
        length: size_of::<bpf_prog_info>() as u32,
        info: (&raw mut info) as u64,
    };
    // SAFETY: the attributes and what they point to outlive the call; their sizes are given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            bpf_cmd::BPF_OBJ_GET_INFO_BY_FD as libc::c_uint,
            &raw mut attributes,
            size_of::<InfoByFd>(),
        )
    };
    // A kernel that does not count leaves the member as it was.
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(info.recursion_misses) }
}
