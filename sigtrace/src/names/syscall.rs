//! The kernel's names of all system calls, by their numbers in each interface
//! (`arch/x86/entry/syscalls/syscall_{64,32}.tbl`, `scripts/syscall.tbl`, `arch/arm/tools/syscall.tbl`).

use syscalls::{aarch64, arm, x86, x86_64};

use super::audit_arch;

/// Set in the numbers of x32 callers (`arch/x86/include/uapi/asm/unistd.h`).
const X32_SYSCALL_BIT: u32 = 0x4000_0000;
/// From here on the numbers of x32 callers are their own.
const X32: u32 = 512;

/// The name of the call with this number, `arch` being an `AUDIT_ARCH_*`.
pub fn name(arch: u32, number: i32) -> Option<&'static str> {
    let number = u32::try_from(number).ok()?;
    let index = number as usize;
    match audit_arch::name(arch)? {
        "AUDIT_ARCH_X86_64" => match number & !X32_SYSCALL_BIT {
            x32 if number != x32 && x32 >= X32 => None,
            number => x86_64::Sysno::new(number as usize).map(|call| call.name()),
        },
        "AUDIT_ARCH_I386" => x86::Sysno::new(index).map(|call| call.name()),
        "AUDIT_ARCH_AARCH64" => aarch64::Sysno::new(index).map(|call| call.name()),
        _ => arm::Sysno::new(index).map(|call| call.name()),
    }
}

#[cfg(test)]
mod tests {
    use sigtrace_common::{Abi, SYSCALLS};

    use super::*;

    const ARCHES: [(Abi, u32); 4] = [
        (Abi::X86_64, 0xc000_003e),
        (Abi::I386, 0x4000_0003),
        (Abi::Aarch64, 0xc000_00b7),
        (Abi::Arm, 0x4000_0028),
    ];

    #[test]
    fn calls_have_the_names_that_the_table_has_for_their_numbers() {
        let mut held = 0;
        for (abi, arch) in ARCHES {
            for syscall in SYSCALLS.iter() {
                let Some(entry) = syscall.entries.get(abi) else { continue };
                if matches!(syscall.hook, sigtrace_common::Hook::Entry) {
                    let found = name(arch, entry.number.into());
                    // Some had another name once.
                    let alike = found.is_some_and(|name| {
                        name == syscall.name || syscall.name.starts_with(&format!("{name}_"))
                    });
                    assert!(alike, "{abi:?} {}: {found:?}", syscall.name);
                    held += 1;
                }
            }
        }
        assert!(held > 60, "{held}");
    }

    #[test]
    fn a_number_that_is_no_calls_has_no_name() {
        for (_, arch) in ARCHES {
            assert_eq!(
                [-1, 100_000, i32::MAX, i32::MIN].map(|number| name(arch, number)),
                [None; 4]
            );
        }
        assert_eq!(name(7, 1), None);
    }

    #[test]
    fn calls_of_x32_have_those_of_64_bit_callers_but_for_their_own() {
        let arch = ARCHES[0].1;
        assert_eq!(name(arch, 62), Some("kill"));
        assert_eq!(name(arch, 0x4000_0000 | 62), Some("kill"));
        assert_eq!(name(arch, 0x4000_0000 | 512), None);
    }
}
