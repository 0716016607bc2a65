//! The kernel's own type information, its BTF (`Documentation/bpf/btf.rst`,
//! `include/uapi/linux/btf.h`).
//!
//! A kernel has 150,000 types and more, of which a hundred are looked up. They are gone through once,
//! where they lie, and indexed by how their names begin: as objects they would take a hundred times as
//! long.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use anyhow::{Context as _, Result, bail};

/// Where the kernel has it.
pub const BTF: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u32 = 0xeb9f;
/// Bytes of a `struct btf_type`, and of a `struct btf_member`.
const TYPE: usize = 12;
const MEMBER: usize = 12;

/// More than any kernel has, in bytes.
const MAX_SIZE: u64 = 64 << 20;
/// More than any structure of a kernel has, in bytes, so that sums of offsets are numbers.
const MAX_OFFSET: u32 = 1 << 20;
/// More names and qualifiers than any type is behind, and more than there are members of a structure, with those
/// inside unnamed ones: the types of a file can go round in circles.
const MAX_NAMES: u32 = 32;
const MAX_MEMBERS: u32 = 1 << 16;

/// Kinds of types.
mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const PTR: u32 = 2;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const FUNC: u32 = 12;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const VAR: u32 = 14;
    pub(super) const DATASEC: u32 = 15;
    pub(super) const DECL_TAG: u32 = 17;
    pub(super) const TYPE_TAG: u32 = 18;
    pub(super) const ENUM64: u32 = 19;
}

/// All types of the running kernel: megabytes, to be dropped when everything has been looked up.
#[derive(Debug)]
pub(super) struct Types {
    bytes: Vec<u8>,
    /// Where the strings begin.
    strings: usize,
    /// Where each type begins, by its number less 1.
    places: Vec<u32>,
    /// The structures and functions: of each its number, and the index of the one before it in the
    /// same bucket, plus 1.
    named: Vec<(u32, u32)>,
    /// The index of the last one in each bucket, plus 1.
    buckets: Vec<u32>,
}

/// Members of the structures of a name.
pub(super) struct Structure<'a> {
    types: &'a Types,
    /// There can be several.
    numbers: Vec<u32>,
}

impl Types {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// When the kernel has none, or they are of a version nobody knew when this was written.
    pub(super) fn of_kernel() -> Result<Self> {
        let bytes = fs::read(BTF).context("cannot read it")?;
        Self::of(bytes).context("cannot parse it")
    }

    /// Reads them from a file that has what the kernel would have, such as one that
    /// `pahole --btf_encode_detached` writes.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or has none.
    pub(super) fn of_file(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut file = File::open(path)?;
        if file.metadata()?.is_dir() {
            bail!("it is a directory");
        }
        (&mut file).take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
        if bytes.starts_with(b"\x7fELF") {
            bail!(
                "it is an ELF file, not BTF; take its types out with `objcopy -O binary --only-section=.BTF \
                 --set-section-flags .BTF=alloc`, or make them with `pahole --btf_encode_detached`"
            );
        }
        if bytes.len() as u64 > MAX_SIZE {
            bail!("it is larger than {} MiB, which no kernel's types are", MAX_SIZE >> 20);
        }
        if bytes.starts_with(&(MAGIC as u16).swap_bytes().to_ne_bytes()) {
            bail!("it is BTF of a machine with another byte order");
        }
        Self::of(bytes).context("it is not BTF")
    }

    fn of(bytes: Vec<u8>) -> Result<Self> {
        let word = |at: usize| word(&bytes, at).context("it is too short");
        if word(0)? & 0xffff != MAGIC {
            bail!("its header is invalid");
        }
        let header = word(4)? as usize;
        let begin = header + word(8)? as usize;
        let end = begin + word(12)? as usize;
        let strings = header + word(16)? as usize;
        let size = end.saturating_sub(begin).min(bytes.len());
        // A type and its members take some 32 bytes.
        let (mut places, mut named) =
            (Vec::with_capacity(size / 32), Vec::with_capacity(size / 64));
        let mut buckets = vec![0; BUCKETS];
        let mut at = begin;
        while at < end {
            let (name, info) = (word(at)?, word(at + 4)?);
            let (kind, length) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            places.push(u32::try_from(at)?);
            if matches!(kind, kind::STRUCT | kind::FUNC) {
                let bucket = bucket(&bytes, strings + name as usize);
                named.push((u32::try_from(places.len())?, buckets[bucket]));
                buckets[bucket] = u32::try_from(named.len())?;
            }
            at += TYPE
                + match kind {
                    kind::INT | kind::VAR | kind::DECL_TAG => 4,
                    kind::ARRAY => 12,
                    kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => length * 12,
                    kind::ENUM | kind::FUNC_PROTO => length * 8,
                    // PTR to TYPE_TAG have nothing more.
                    2..=18 => 0,
                    _ => bail!("a type has the unknown kind {kind}"),
                };
        }
        if at != end {
            bail!("its last type is truncated");
        }
        Ok(Self { bytes, strings, places, named, buckets })
    }

    /// The structures of this name.
    pub(super) fn structure(&self, name: &str) -> Structure<'_> {
        Structure { types: self, numbers: self.find(name, kind::STRUCT) }
    }

    /// The number by which the kernel knows a function.
    pub(super) fn function(&self, name: &str) -> Option<u32> {
        self.find(name, kind::FUNC).first().copied()
    }

    /// Whether the first argument of a function is a pointer to a structure that is known; true if it
    /// has none.
    pub(super) fn knows_argument(&self, function: u32) -> bool {
        let known = || {
            let prototype = self.place(word(&self.bytes, self.place(function)? + 8)?)?;
            if word(&self.bytes, prototype + 4)? & 0xffff == 0 {
                return Some(true);
            }
            let pointer = self.place(word(&self.bytes, prototype + TYPE + 4)?)?;
            let is_pointer = word(&self.bytes, pointer + 4)? >> 24 & 0x1f == kind::PTR;
            Some(is_pointer && self.behind(word(&self.bytes, pointer + 8)?).is_some())
        };
        known().unwrap_or(false)
    }

    /// The numbers of the types of a name and a kind, in order.
    fn find(&self, name: &str, wanted: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut next = self.buckets[bucket(name.as_bytes(), 0)];
        while next != 0 {
            let (number, before) = self.named[next as usize - 1];
            if self.kind(number) == Some(wanted) && self.is_named(number, name) {
                found.push(number);
            }
            next = before;
        }
        found.reverse();
        found
    }

    fn place(&self, number: u32) -> Option<usize> {
        Some(*self.places.get(number.checked_sub(1)? as usize)? as usize)
    }

    fn kind(&self, number: u32) -> Option<u32> {
        Some(word(&self.bytes, self.place(number)? + 4)? >> 24 & 0x1f)
    }

    fn is_named(&self, number: u32, name: &str) -> bool {
        let found = self.place(number).and_then(|at| word(&self.bytes, at));
        found.is_some_and(|found| is_text(&self.bytes, self.strings + found as usize, name))
    }

    /// The structure or union behind names and qualifiers, if it is one.
    fn behind(&self, mut number: u32) -> Option<u32> {
        for _ in 0..MAX_NAMES {
            match self.kind(number)? {
                kind::STRUCT | kind::UNION => return Some(number),
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::TYPE_TAG => {
                    number = word(&self.bytes, self.place(number)? + 8)?;
                }
                _ => return None,
            }
        }
        None
    }

    /// Byte offset of a member of a structure or union, also of one inside unnamed members, as deep as this, of
    /// which at most so many more are looked at.
    fn member(&self, number: u32, wanted: &str, depth: u32, left: &mut u32) -> Option<u32> {
        let depth = depth.checked_sub(1)?;
        let place = self.place(number)?;
        let info = word(&self.bytes, place + 4)?;
        for index in 0..(info & 0xffff) as usize {
            *left = left.checked_sub(1)?;
            let at = place + TYPE + index * MEMBER;
            let (name, inner) = (word(&self.bytes, at)?, word(&self.bytes, at + 4)?);
            let bits = word(&self.bytes, at + 8)?;
            // With the flag the upper byte is the size of a bit field.
            let offset = if info >> 31 == 0 { bits } else { bits & 0xff_ffff } / 8;
            let is = |text| is_text(&self.bytes, self.strings + name as usize, text);
            if is(wanted) {
                return Some(offset);
            }
            if is("") {
                let inner =
                    self.behind(inner).and_then(|inner| self.member(inner, wanted, depth, left));
                if let Some(inner) = inner {
                    return offset.checked_add(inner);
                }
            }
        }
        None
    }
}

impl Structure<'_> {
    /// Byte offset of a member, also of one inside unnamed members.
    pub(super) fn member(&self, name: &str) -> Option<u32> {
        let mut left = MAX_MEMBERS;
        let mut find = |&number| self.types.member(number, name, MAX_NAMES, &mut left);
        self.numbers.iter().find_map(&mut find).filter(|offset| *offset <= MAX_OFFSET)
    }

    /// Bytes of it.
    pub(super) fn size(&self) -> Option<u32> {
        let size = word(&self.types.bytes, self.types.place(self.number()?)? + 8)?;
        Some(size).filter(|size| *size <= MAX_OFFSET)
    }

    /// The number by which the kernel knows it.
    pub(super) fn number(&self) -> Option<u32> {
        self.numbers.first().copied()
    }
}

/// The word at this place, in the machine's order, which is the kernel's.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// Whether this string is at this place, with its NUL. It is not looked for the end of one that can be anything.
fn is_text(bytes: &[u8], at: usize, text: &str) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.strip_prefix(text.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
}

const BUCKETS: usize = 1 << 14;

/// The bucket of the name at this place, by its first eight bytes: to look at all of them takes as
/// long as all the rest.
fn bucket(bytes: &[u8], at: usize) -> usize {
    let mut word = [0; 8];
    let there = bytes.get(at..).unwrap_or_default();
    let there = there.first_chunk().map_or(there, |first: &[u8; 8]| first);
    word[..there.len()].copy_from_slice(there);
    let word = u64::from_le_bytes(word);
    // The lowest set bit is the highest of the first byte that is zero.
    let ends = word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080;
    let prefix = if ends == 0 { word } else { word & ((ends & ends.wrapping_neg()) - 1) };
    (prefix.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BUCKETS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types of these words, and strings.
    fn types(words: &[u32], strings: &[u8]) -> Result<Types> {
        let size = words.len() as u32 * 4;
        let header = [MAGIC | 1 << 16, 24, 0, size, size, strings.len() as u32];
        let words = header.iter().chain(words).flat_map(|word| word.to_ne_bytes());
        Types::of(words.chain(strings.iter().copied()).collect())
    }

    const STRINGS: &[u8] = b"\0task\0pid\0comm\0kill\0";
    const TASK: u32 = 1;
    const PID: u32 = 6;
    const COMM: u32 = 10;
    const KILL: u32 = 15;

    fn info(kind: u32, length: u32) -> u32 {
        kind << 24 | length
    }

    /// 1: int; 2: an unnamed union of pid at 0 and comm at 0; 3: const 2; 4: struct task { 3 at 8;
    /// pid at 4 bits after 4, as a bit field }; 5: kill, a function.
    fn sample() -> Types {
        let int = [0, info(kind::INT, 0), 4, 32];
        let union = [0, info(kind::UNION, 2), 4, PID, 1, 0, COMM, 1, 0];
        let constant = [0, info(kind::CONST, 0), 2];
        let task = [TASK, info(kind::STRUCT, 2) | 1 << 31, 12, 0, 3, 64, KILL, 1, 4 << 24 | 36];
        let kill = [KILL, info(kind::FUNC, 1), 1];
        types(&[&int[..], &union, &constant, &task, &kill].concat(), STRINGS).unwrap()
    }

    #[test]
    fn members_are_found_inside_unnamed_ones_and_bit_fields_too() {
        let types = sample();
        let task = types.structure("task");
        assert_eq!((task.number(), task.size()), (Some(4), Some(12)));
        assert_eq!((task.member("pid"), task.member("comm")), (Some(8), Some(8)));
        assert_eq!((task.member("kill"), task.member("other")), (Some(4), None));
    }

    #[test]
    fn functions_and_structures_are_told_apart() {
        let types = sample();
        assert_eq!((types.function("kill"), types.function("task")), (Some(5), None));
        assert_eq!(types.structure("kill").size(), None);
    }

    #[test]
    fn a_name_is_in_its_bucket_wherever_it_ends() {
        for name in ["", "a", "sevenxx", "eightxxx", "__x64_sys_kill"] {
            let all = [b"before\0", name.as_bytes(), b"\0after_it_and_more"].concat();
            assert_eq!(bucket(&all, 7), bucket(name.as_bytes(), 0), "{name}");
        }
    }

    #[test]
    fn a_function_is_known_by_what_its_argument_points_to() {
        let void = [0, info(kind::FUNC_PROTO, 0), 0];
        let task = [TASK, info(kind::STRUCT, 0), 0];
        let forward = [PID, info(7, 0), 0];
        let pointers = [0, info(kind::PTR, 0), 2, 0, info(kind::PTR, 0), 3];
        let prototypes =
            [0, info(kind::FUNC_PROTO, 1), 0, 0, 4, 0, info(kind::FUNC_PROTO, 1), 0, 0, 5];
        let functions = [1, 6, 7].map(|prototype| [KILL, info(kind::FUNC, 0), prototype]);
        let words =
            [&void[..], &task, &forward, &pointers, &prototypes, functions.as_flattened()].concat();
        let types = types(&words, STRINGS).unwrap();
        assert_eq!([8, 9, 10].map(|number| types.knows_argument(number)), [true, true, false]);
        assert!(!types.knows_argument(99));
    }

    #[test]
    fn types_that_go_round_in_circles_have_no_members() {
        // 1: const 1; 2: struct task { 1; 2; 2 }, the unnamed ones in itself.
        let circle = [0, info(kind::CONST, 0), 1];
        let task = [TASK, info(kind::STRUCT, 3), 8, 0, 1, 0, 0, 2, 0, 0, 2, 0];
        let types = types(&[&circle[..], &task].concat(), STRINGS).unwrap();
        assert_eq!(types.structure("task").member("pid"), None);
    }

    #[test]
    fn an_offset_that_no_structure_has_is_none() {
        let int = [0, info(kind::INT, 0), 4, 32];
        let task = [TASK, info(kind::STRUCT, 2), 1 << 21, PID, 1, 1 << 27, COMM, 1, 1 << 23];
        let types = types(&[&int[..], &task].concat(), STRINGS).unwrap();
        let task = types.structure("task");
        assert_eq!((task.member("pid"), task.member("comm")), (None, Some(1 << 20)));
        assert_eq!(task.size(), None);
    }

    #[test]
    fn a_file_says_what_it_is_instead() {
        let error = |bytes: &[u8]| {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), bytes).unwrap();
            format!("{:#}", Types::of_file(file.path()).unwrap_err())
        };
        assert!(
            error(b"\x7fELF\x02\x01").starts_with("it is an ELF file, not BTF; take its types out")
        );
        let swapped =
            if cfg!(target_endian = "little") { [0xeb, 0x9f, 1, 0] } else { [0x9f, 0xeb, 1, 0] };
        assert_eq!(error(&swapped), "it is BTF of a machine with another byte order");
        assert_eq!(error(b"nothing of the kind"), "it is not BTF: its header is invalid");
        assert_eq!(error(b""), "it is not BTF: it is too short");
        let directory = tempfile::tempdir().unwrap();
        let error = Types::of_file(directory.path()).unwrap_err();
        assert_eq!(error.to_string(), "it is a directory");
    }

    #[test]
    fn an_elf_file_of_any_size_is_said_to_be_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"\x7fELF").unwrap();
        file.as_file().set_len(MAX_SIZE * 8).unwrap();
        let error = Types::of_file(file.path()).unwrap_err().to_string();
        assert!(error.starts_with("it is an ELF file"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn bytes_that_are_no_types_do_no_harm(
            header in proptest::collection::vec(proptest::prelude::any::<u32>(), 6),
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
        ) {
            let mut header = header;
            header[0] = MAGIC | 1 << 16;
            header.iter_mut().skip(1).for_each(|word| *word %= 256);
            let words = header.iter().flat_map(|word| word.to_ne_bytes());
            if let Ok(types) = Types::of(words.chain(bytes).collect()) {
                let offsets = crate::bpf::offsets::of(&types);
                let _ = crate::bpf::offsets::with_numbers(&types, offsets);
            }
        }

        #[test]
        fn whatever_the_bytes_are_there_is_an_answer(
            words in proptest::collection::vec(0u32..64, 3..200),
            kinds in proptest::collection::vec((0usize..200, 0u32..20, 0u32..9), 0..40),
        ) {
            let mut words = words;
            for (at, kind, length) in kinds {
                if let Some(word) = words.get_mut(at) {
                    *word = info(kind, length);
                }
            }
            if let Ok(types) = types(&words, STRINGS) {
                for name in ["task", "pid", "comm", "kill"] {
                    let structure = types.structure(name);
                    let _ = (structure.member("pid"), structure.size(), structure.number());
                    let _ = types.function(name).map(|number| types.knows_argument(number));
                }
            }
        }
    }

    #[test]
    fn what_is_no_btf_is_an_error() {
        assert!(Types::of(Vec::new()).is_err());
        assert!(Types::of(vec![0; 64]).is_err());
        let error = types(&[0, info(31, 0), 0], STRINGS).unwrap_err();
        assert_eq!(error.to_string(), "a type has the unknown kind 31");
        assert!(types(&[0, info(kind::INT, 0)], STRINGS).is_err());
    }
}
