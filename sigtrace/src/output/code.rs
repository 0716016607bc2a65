//! Code that events name by its address.

use std::rc::Rc;

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The path of the file that it is mapped from, up to the root of all mounts of its namespace.
    pub file: Rc<[u8]>,
    /// Whether that has no name any more, or never had one.
    pub is_deleted: bool,
    /// The file's device and the number of its inode, as stat(2) has them.
    pub identity: (u64, u64),
    /// How many bytes into the file it is.
    pub offset: u64,
    /// The function that it is in, if the file has symbols and they could be read.
    pub symbol: Option<Symbol>,
}

/// A place in a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The function's name, which a stranger chose.
    pub name: Rc<str>,
    /// How many bytes behind its beginning the place is.
    pub offset: u64,
}

/// An instruction that the kernel stopped a thread at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its address, in the memory of the process.
    pub address: u64,
    /// Where it is, if that is in a file.
    pub at: Option<Code>,
}
