//! What every record begins with.

use core::mem::{offset_of, size_of};

/// What a record is of, and how long it is. Native byte order, no padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Header {
    /// A [`RecordKind`]'s number.
    pub kind: u8,
    /// The version of this kind's layout, [`RecordKind::version`].
    pub version: u8,
    /// The record's bytes, these included.
    pub length: u16,
    /// The processor on which what it tells of happened, or began. There are no more than 8192 (`NR_CPUS`).
    pub cpu: u16,
    /// What the kind says, 0 if it says nothing.
    pub more: u16,
}

const _: () = {
    assert!(offset_of!(Header, kind) == 0);
    assert!(offset_of!(Header, version) == 1);
    assert!(offset_of!(Header, length) == 2);
    assert!(offset_of!(Header, cpu) == 4);
    assert!(offset_of!(Header, more) == 6);
    assert!(size_of::<Header>() == 8);
};

/// What a record is of. Nothing is of kind 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// A system call: a [`Record`](crate::Record).
    Call = 1,
    /// The end of a process by a signal: an [`Exit`](crate::Exit).
    Exit = 2,
    /// A signal that is sent: a [`Generate`](crate::Generate).
    Generate = 3,
    /// A signal that is taken: a [`Deliver`](crate::Deliver).
    Deliver = 4,
    /// A process executed something: a [`Process`](crate::Process).
    Exec = 5,
    /// A process was created: likewise.
    Fork = 6,
    /// A process is over: an [`End`](crate::End).
    End = 7,
    /// A process was moved to another control group: a [`Process`](crate::Process).
    Move = 8,
    /// A process has another name: a [`Rename`](crate::Rename).
    Rename = 9,
    /// What a file is called that code is mapped from: a [`File`](crate::File).
    File = 10,
    /// Where code is that is about to be told of: a [`Mapping`](crate::Mapping).
    Mapping = 11,
}

impl RecordKind {
    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Call),
            2 => Some(Self::Exit),
            3 => Some(Self::Generate),
            4 => Some(Self::Deliver),
            5 => Some(Self::Exec),
            6 => Some(Self::Fork),
            7 => Some(Self::End),
            8 => Some(Self::Move),
            9 => Some(Self::Rename),
            10 => Some(Self::File),
            11 => Some(Self::Mapping),
            _ => None,
        }
    }

    /// The version of its layout.
    pub const fn version(self) -> u8 {
        match self {
            Self::Call
            | Self::Exec
            | Self::Fork
            | Self::End
            | Self::Move
            | Self::Rename
            | Self::File
            | Self::Mapping => 1,
            Self::Generate | Self::Deliver => 2,
            Self::Exit => 3,
        }
    }

    /// The first half of the header of a record of this kind with so many bytes, as the programs write it.
    pub const fn head(self, length: u16) -> u32 {
        let [low, high] = length.to_ne_bytes();
        u32::from_ne_bytes([self as u8, self.version(), low, high])
    }
}
