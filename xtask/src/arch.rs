//! The architectures of guests: everything in which they differ for xtask.

use std::fmt;

use anyhow::{Result, bail};
use clap::ValueEnum;

/// An architecture that sigtrace is built and tested for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    /// 64-bit x86, with programs of i386.
    #[value(name = "x86_64", alias = "amd64")]
    X86_64,
    /// 64-bit Arm, with programs of armv7.
    #[value(name = "aarch64", alias = "arm64")]
    Aarch64,
}

impl Arch {
    /// This machine's.
    pub(crate) fn of_host() -> Result<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self::X86_64),
            "aarch64" => Ok(Self::Aarch64),
            other => bail!("this machine is {other}; sigtrace runs on x86_64 and aarch64"),
        }
    }

    /// Its name in targets, and the kernel's (`uname -m`).
    pub(crate) fn name(self) -> &'static str {
        self.of("x86_64", "aarch64")
    }

    /// Debian's name for it.
    pub(crate) fn debian(self) -> &'static str {
        self.of("amd64", "arm64")
    }

    /// The target of everything that runs in a guest: static, so that any root file system will do.
    pub(crate) fn target(self) -> &'static str {
        self.of("x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl")
    }

    /// The same for programs of 32 bits, which a 64-bit kernel runs as well.
    pub(crate) fn target_32(self) -> &'static str {
        self.of("i686-unknown-linux-musl", "armv7-unknown-linux-gnueabihf")
    }

    /// What links programs of 32 bits beside Rust's own tools, and Debian's packages of that: musl is not to be
    /// had for armv7.
    pub(crate) fn linker_32(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::X86_64 => &[],
            Self::Aarch64 => &[
                ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
                ("/usr/arm-linux-gnueabihf/lib/libc.a", "libc6-dev-armhf-cross"),
            ],
        }
    }

    /// What emulates it, and Debian's package of that.
    pub(crate) fn qemu(self) -> (&'static str, &'static str) {
        match self {
            Self::X86_64 => ("qemu-system-x86_64", "qemu-system-x86"),
            Self::Aarch64 => ("qemu-system-aarch64", "qemu-system-arm"),
        }
    }

    /// The emulated machine.
    pub(crate) fn machine(self) -> &'static str {
        // QEMU 7.2 corrupts cmpxchg16b with several processors, and the kernel's allocator with it.
        // QEMU computes the signatures of pointers by a slow cipher, unless it may take a function of its own.
        self.of("-cpu max,-cx16", "-M virt,gic-version=3,mte=on -cpu max,pauth-impdef=on")
    }

    /// Options of QEMU with which a guest that counts instructions reads single ones on its clock.
    pub(crate) fn fine_clock(self) -> &'static str {
        // A tick of Arm's counter is 16 ns otherwise, and so 16 instructions.
        self.of("", "-global max-arm-cpu.cntfrq=1000000000")
    }

    /// The ports of the console and of the job, in the order in which they are given to QEMU.
    pub(crate) fn ports(self) -> [Port; 2] {
        match self {
            Self::X86_64 => [Port::serial("ttyS0"), Port::serial("ttyS1")],
            // The machine has one port of its own.
            Self::Aarch64 => [Port::serial("ttyAMA0"), Port { name: "ttyS0", on_pci: true }],
        }
    }

    /// For the kernel's command line, where time is not counted in instructions.
    pub(crate) fn options(self) -> &'static str {
        // The counters of all of QEMU's processors are the host's. The kernel doubts them, and reads
        // the HPET instead, by a value that another processor left when that is just reading it: old
        // by as long as that one then waits for a processor of the host.
        self.of("tsc=reliable", "")
    }

    /// The kernels everything is tested on, the oldest first.
    pub(crate) fn tested(self) -> &'static [&'static str] {
        match self {
            Self::X86_64 => &["5.10", "6.1", "6.12", "7"],
            Self::Aarch64 => &["6.1", "6.12", "7"],
        }
    }

    fn of<T>(self, x86_64: T, aarch64: T) -> T {
        match self {
            Self::X86_64 => x86_64,
            Self::Aarch64 => aarch64,
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A serial port of a guest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    /// Its name in /dev.
    pub(crate) name: &'static str,
    /// On a card, and not on the board.
    pub(crate) on_pci: bool,
}

impl Port {
    fn serial(name: &'static str) -> Self {
        Self { name, on_pci: false }
    }
}
