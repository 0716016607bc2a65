//! What differs between the architectures that the programs can be built for: where a caller's registers are and
//! what is in which, by which interface a call came, and where a signal frame keeps the mask. Each file has the
//! same items.

#[cfg(bpf_target_arch = "aarch64")]
mod aarch64;
#[cfg(bpf_target_arch = "x86_64")]
mod x86_64;

#[cfg(bpf_target_arch = "aarch64")]
pub use aarch64::*;
#[cfg(bpf_target_arch = "x86_64")]
pub use x86_64::*;
#[cfg(not(any(bpf_target_arch = "x86_64", bpf_target_arch = "aarch64")))]
compile_error!("there are no programs for this architecture: see build.rs");
