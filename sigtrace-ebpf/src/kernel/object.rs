//! Objects of the kernel, read member by member.
//!
//! Where the kernel gives pointers their types (the kfunc `bpf_rdonly_cast`, from 6.2 on), members are
//! loaded, which costs a tenth of what a helper does.

use super::{
    load, member,
    other::name,
    task::{Task, cast, casts_any, is_direct},
};
use crate::config::config;

/// An object, by its address.
#[derive(Clone, Copy)]
pub struct Object(*const u8);

impl Object {
    /// A `task_struct`.
    #[inline(always)]
    pub fn task(address: u64) -> Self {
        Self::new(address, config!(offsets.type_task))
    }

    /// The current thread's `task_struct`.
    #[inline(always)]
    pub fn current() -> Self {
        if casts_any() && is_direct() {
            // The verifier trusts this one, which so is read without being looked after at run time.
            Self(Task::current().as_ptr())
        } else {
            Self::task(Task::current().address())
        }
    }

    /// A `struct pt_regs`.
    #[inline(always)]
    pub fn registers(address: u64) -> Self {
        Self::new(address, config!(offsets.type_pt_regs))
    }

    /// A `struct k_sigaction`.
    #[inline(always)]
    pub fn action(address: u64) -> Self {
        Self::new(address, config!(offsets.type_k_sigaction))
    }

    #[inline(always)]
    fn new(address: u64, kind: u32) -> Self {
        let address = address as *const u8;
        Self(if casts_any() { cast(address, kind) } else { address })
    }

    /// A member; 0 if there is no such object.
    #[inline(always)]
    pub fn get<T: Copy>(self, offset: u32) -> T {
        if casts_any() {
            // SAFETY: a pointer whose type the verifier knows, from how this was made.
            unsafe { load(self.0, offset) }
        } else {
            member(self.0 as u64, offset)
        }
    }

    /// The object that a member points to.
    #[inline(always)]
    pub fn follow(self, offset: u32) -> Self {
        Self(self.get(offset))
    }

    /// A member that is a name of 16 bytes, in words of the bytes in their order. What is behind the NUL is zero:
    /// where pointers have types, the kernel pads names (5.17).
    #[inline(always)]
    pub fn name(self, offset: u32) -> [u64; 2] {
        if casts_any() {
            [self.get(offset), self.get(offset + 8)]
        } else {
            name((self.0 as u64).wrapping_add(u64::from(offset)))
        }
    }

    /// Its address, for comparing only: of what the verifier knows the type, it makes no number.
    #[inline(always)]
    pub fn as_ptr(self) -> *const u8 {
        self.0
    }
}
