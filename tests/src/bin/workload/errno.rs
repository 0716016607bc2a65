//! What the kernel's functions return when they fail.

pub(crate) const EPERM: i64 = -1;
pub(crate) const ESRCH: i64 = -3;
pub(crate) const EINTR: i64 = -4;
pub(crate) const E2BIG: i64 = -7;
pub(crate) const EBADF: i64 = -9;
pub(crate) const EAGAIN: i64 = -11;
pub(crate) const ENOMEM: i64 = -12;
pub(crate) const EFAULT: i64 = -14;
pub(crate) const EINVAL: i64 = -22;
pub(crate) const ERESTARTSYS: i64 = -512;
pub(crate) const ERESTARTNOHAND: i64 = -514;
pub(crate) const ERESTART_RESTARTBLOCK: i64 = -516;
