//! The kernel's own type information, its BTF.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::fd::{AsRawFd as _, FromRawFd as _},
};

use anyhow::{Context as _, Result};
use btf_rs::{Backend, Btf, Type};

/// Where the kernel has it.
pub const BTF: &str = "/sys/kernel/btf/vmlinux";

/// All types of the running kernel: megabytes, to be dropped when everything has been looked up.
pub(super) struct Types(Btf);

/// Members of a structure.
pub(super) struct Structure<'a> {
    types: &'a Types,
    all: Vec<btf_rs::Struct>,
}

impl Types {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// When the kernel has none, or they are of a version nobody knew when this was written.
    pub(super) fn of_kernel() -> Result<Self> {
        // In one go, as each small read costs a system call.
        let bytes = fs::read(BTF).context("cannot read it")?;
        let mapped = mapped(&bytes).inspect_err(|error| tracing::debug!("{BTF}: {error:#}"));
        // Without files in memory, by a sandbox perhaps, it takes its time.
        let all = mapped.or_else(|_| Btf::from_bytes(&bytes));
        all.map(Self).context("cannot make sense of it")
    }

    /// The structures of this name: there can be several.
    pub(super) fn structure(&self, name: &str) -> Structure<'_> {
        let found = self.0.resolve_types_by_name(name).unwrap_or_default();
        let all = found.into_iter().filter_map(|found| match found {
            Type::Struct(found) => Some(found),
            _ => None,
        });
        Structure { types: self, all: all.collect() }
    }

    /// The number by which the kernel knows the type of a function.
    pub(super) fn function(&self, name: &str) -> Option<u32> {
        let is_function = |id: &u32| matches!(self.0.resolve_type_by_id(*id), Ok(Type::Func(_)));
        self.0.resolve_ids_by_name(name).ok()?.into_iter().find(is_function)
    }

    fn member_of(&self, members: &[btf_rs::Member], name: &str) -> Option<u32> {
        members.iter().find_map(|member| {
            let offset = member.bit_offset() / 8;
            match self.0.resolve_name(member).ok()?.as_str() {
                found if found == name => Some(offset),
                "" => match self.0.resolve_chained_type(member).ok()? {
                    Type::Struct(inner) | Type::Union(inner) => {
                        Some(offset + self.member_of(&inner.members, name)?)
                    }
                    _ => None,
                },
                _ => None,
            }
        })
    }
}

impl Structure<'_> {
    /// Byte offset of a member, also of one inside unnamed members.
    pub(super) fn member(&self, name: &str) -> Option<u32> {
        self.all.iter().find_map(|found| self.types.member_of(&found.members, name))
    }

    /// Bytes of it.
    pub(super) fn size(&self) -> Option<u32> {
        u32::try_from(self.all.first()?.size()).ok()
    }
}

/// The types in these bytes, looked up where they are: made into objects, types and names take 50
/// times as long, and we look for a few dozen of 150,000. Only a file can be mapped, and kernels
/// before 6.16 do not let us map their own.
fn mapped(bytes: &[u8]) -> btf_rs::Result<Btf> {
    let file = in_memory(bytes)?;
    Btf::from_file_with_backend(format!("/proc/self/fd/{}", file.as_raw_fd()), Backend::Mmap)
}

/// A file of these bytes that is on no disk.
fn in_memory(bytes: &[u8]) -> io::Result<File> {
    // SAFETY: the name is a C string; the descriptor is new, and ours.
    let mut file = unsafe {
        let fd = libc::memfd_create(c"sigtrace-btf".as_ptr(), libc::MFD_CLOEXEC);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        File::from_raw_fd(fd)
    };
    file.write_all(bytes)?;
    Ok(file)
}
