//! `AUDIT_ARCH_*`, the interface through which a refused syscall was made.

use sigtrace_common::Abi;

/// `si_arch` of the interfaces of x86_64 and aarch64 kernels (`include/uapi/linux/audit.h`,
/// `include/uapi/linux/elf-em.h`).
pub static NAMES: [(u32, &str); 4] = [
    (0xc000_003e, "AUDIT_ARCH_X86_64"),
    (0x4000_0003, "AUDIT_ARCH_I386"),
    (0xc000_00b7, "AUDIT_ARCH_AARCH64"),
    (0x4000_0028, "AUDIT_ARCH_ARM"),
];

/// That of callers through this interface.
pub fn of(abi: Abi) -> u32 {
    let name = match abi {
        Abi::X86_64 | Abi::X32 => 0,
        Abi::I386 => 1,
        Abi::Aarch64 => 2,
        Abi::Arm => 3,
    };
    NAMES[name].0
}

/// The name of `si_arch`.
pub fn name(arch: u32) -> Option<&'static str> {
    NAMES.iter().find(|(number, _)| *number == arch).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::name;

    /// `__AUDIT_ARCH_64BIT` and `__AUDIT_ARCH_LE`.
    const BITS_64: u32 = 0x8000_0000;
    const LITTLE_ENDIAN: u32 = 0x4000_0000;

    #[test]
    fn a_number_is_the_machine_of_libc_with_its_width_and_byte_order() {
        for (expected, machine, width) in [
            ("AUDIT_ARCH_X86_64", libc::EM_X86_64, BITS_64),
            ("AUDIT_ARCH_I386", libc::EM_386, 0),
            ("AUDIT_ARCH_AARCH64", libc::EM_AARCH64, BITS_64),
            ("AUDIT_ARCH_ARM", libc::EM_ARM, 0),
        ] {
            assert_eq!(name(u32::from(machine) | width | LITTLE_ENDIAN), Some(expected));
        }
    }
}
