//! Functions of the kernel that programs call by the number of their type, which differs from kernel
//! to kernel. The compiler knows helpers only, so that in the object these are helpers that do not
//! exist; the agent puts the kernel's number in their place.

/// `bpf_rdonly_cast`.
pub const BPF_RDONLY_CAST: u32 = 0x5349_0002;
/// `bpf_session_is_return`.
pub const BPF_SESSION_IS_RETURN: u32 = 0x5349_0001;

/// Every such helper, with the name of the kernel's function.
pub const KFUNCS: [(u32, &str); 2] =
    [(BPF_RDONLY_CAST, "bpf_rdonly_cast"), (BPF_SESSION_IS_RETURN, "bpf_session_is_return")];
