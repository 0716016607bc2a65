//! The binary interfaces a caller can use, and where each keeps its arguments.

/// The binary interface through which a call entered the kernel.
///
/// The entry symbol decides it, not the program's ELF class: a 64-bit program may use `int 0x80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Abi {
    /// 64-bit x86: the `syscall` instruction.
    X86_64 = 0,
    /// 32-bit x86: `int 0x80` or `sysenter`.
    I386 = 1,
    /// x32: the `syscall` instruction with a bit set in the number, and structures of 32-bit callers.
    /// Only calls with an entry of their own are told so; the others enter as those of x86_64.
    X32 = 2,
    /// 64-bit Arm.
    Aarch64 = 3,
    /// 32-bit Arm on a 64-bit kernel.
    Arm = 4,
}

impl Abi {
    /// Every interface, in the order of their numbers in a record.
    pub const ALL: [Self; 5] = [Self::X86_64, Self::I386, Self::X32, Self::Aarch64, Self::Arm];

    /// The interface with this number in a record.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::X86_64),
            1 => Some(Self::I386),
            2 => Some(Self::X32),
            3 => Some(Self::Aarch64),
            4 => Some(Self::Arm),
            _ => None,
        }
    }

    /// The name used in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::I386 => "i386",
            Self::X32 => "x32",
            Self::Aarch64 => "aarch64",
            Self::Arm => "arm",
        }
    }

    /// Whether pointers and longs have 64 bits in structures.
    pub const fn is_64bit(self) -> bool {
        matches!(self, Self::X86_64 | Self::Aarch64)
    }

    /// Whether the argument registers are taken with all of their 64 bits.
    pub const fn has_64bit_registers(self) -> bool {
        matches!(self, Self::X86_64 | Self::X32 | Self::Aarch64)
    }

    /// Its place among those of its architecture, the native one first.
    pub const fn place(self) -> u32 {
        match self {
            Self::X86_64 | Self::Aarch64 => 0,
            Self::I386 | Self::Arm => 1,
            Self::X32 => 2,
        }
    }

    /// The interface of 32-bit callers on a kernel of this architecture.
    pub const fn compat(self) -> Self {
        match self {
            Self::X86_64 | Self::I386 | Self::X32 => Self::I386,
            Self::Aarch64 | Self::Arm => Self::Arm,
        }
    }
}

/// Byte offsets into the kernel's `struct pt_regs`, stable since long before 5.10
/// (`arch/x86/include/asm/ptrace.h`, `arch/arm64/include/uapi/asm/ptrace.h`).
pub mod regs {
    /// x86: `r15` first.
    pub mod x86 {
        /// `bx`, the first argument of a 32-bit call.
        pub const BX: usize = 40;
        /// `r10`, the fourth argument of a 64-bit call.
        pub const R10: usize = 56;
        /// `cx`, the second argument of a 32-bit call.
        pub const CX: usize = 88;
        /// `dx`, the third argument.
        pub const DX: usize = 96;
        /// `si`, the second argument of a 64-bit call, the fourth of a 32-bit one.
        pub const SI: usize = 104;
        /// `di`, the first argument of a 64-bit call.
        pub const DI: usize = 112;
        /// `orig_ax`, the number of the call.
        pub const ORIG_AX: usize = 120;
        /// Set in the numbers of x32 callers (`arch/x86/include/uapi/asm/unistd.h`). Those of calls with
        /// an entry of their own are beyond those of others without it, too.
        pub const X32_SYSCALL_BIT: u64 = 0x4000_0000;
        /// `ip`, the address of the instruction.
        pub const IP: usize = 128;
        /// `cs`, which tells a program's registers from the kernel's own.
        pub const CS: usize = 136;
        /// `sp`, the caller's stack pointer.
        pub const SP: usize = 152;
        /// Where `struct rt_sigframe` keeps the mask to restore, from the stack pointer at the
        /// entry of rt_sigreturn (`arch/x86/include/asm/sigframe.h`).
        pub const SIGFRAME_MASK: u64 = 296;
        /// The same for the frame of an x32 program, `struct rt_sigframe_x32`.
        pub const SIGFRAME_MASK_X32: u64 = 280;
        /// The same for the frame of a 32-bit program, `struct rt_sigframe_ia32`.
        pub const SIGFRAME_MASK_I386: u64 = 248;
        /// The same for sigreturn, whose `struct sigframe_ia32` keeps the halves apart: the first
        /// 32 signals, the others.
        pub const OLD_SIGFRAME_MASK_I386: [u64; 2] = [80, 712];
    }

    /// 64-bit Arm: `regs[31]`, `sp`, `pc`, `pstate`, then `orig_x0` and `syscallno`.
    pub mod aarch64 {
        /// `regs[0]`, the first argument; the others follow.
        pub const X0: usize = 0;
        /// `regs[13]`, the stack pointer of a 32-bit caller.
        pub const R13: usize = 104;
        /// `sp`, the caller's stack pointer.
        pub const SP: usize = 248;
        /// Where `struct rt_sigframe` keeps the mask to restore, from the stack pointer
        /// (`arch/arm64/kernel/signal.c`).
        pub const SIGFRAME_MASK: u64 = 168;
        /// `pc`, the address of the instruction.
        pub const PC: usize = 256;
        /// `pstate`, of which [`PSTATE_32BIT`] tells a 32-bit caller.
        pub const PSTATE: usize = 264;
        /// `syscallno`, the number of the call.
        pub const SYSCALLNO: usize = 280;
        /// `PSR_MODE32_BIT`.
        pub const PSTATE_32BIT: u64 = 0x10;
        /// The mask in the frame of a 32-bit program's rt_sigreturn
        /// (`arch/arm64/kernel/signal32.c`).
        pub const SIGFRAME_MASK_ARM: u64 = 232;
        /// The same for sigreturn, the halves one after the other.
        pub const OLD_SIGFRAME_MASK_ARM: [u64; 2] = [104, 108];
    }
}
