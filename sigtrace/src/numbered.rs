//! Maps of what the kernel gives numbers: processes, threads, times.

use std::collections::HashMap;

/// A map that every event may be looked up in, several times.
///
/// Its hash is seeded anew in every map, as that of the standard library is, and takes a tenth of its time. It does not
/// withstand who chooses keys and sees how they are hashed; here keys are chosen by the kernel, and nobody sees.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::quality::RandomState>;
