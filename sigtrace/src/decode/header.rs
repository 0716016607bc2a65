//! What every record begins with (`sigtrace_common::Header`).

use std::mem::{offset_of, size_of};

use sigtrace_common::{Header, RecordKind};

use super::{DecodeError, bytes};

/// The processor that a record is of; `None` if it is too short to say.
pub(super) fn cpu(record: &[u8]) -> Option<u32> {
    bytes::u16(record, offset_of!(Header, cpu)).map(u32::from)
}

/// What a record is of, as far as its first byte tells; `None` if that is nothing.
pub fn kind(bytes: &[u8]) -> Option<RecordKind> {
    RecordKind::from_number(*bytes.first()?)
}

/// What a record is of, and the bytes that are its own, of those that came out of the ring, or out of a
/// thread's slot.
///
/// # Errors
///
/// When they are no record of a kind and a version that this decodes.
pub fn record(bytes: &[u8]) -> Result<(RecordKind, &[u8]), DecodeError> {
    let too_short = |needed| DecodeError::TooShort { length: bytes.len(), needed };
    // Its members in their order, each where the struct has it: that is asserted beside it.
    let &[number, version, low, high, ..] =
        bytes.first_chunk::<{ size_of::<Header>() }>().ok_or(too_short(size_of::<Header>()))?;
    let kind = RecordKind::from_number(number).ok_or(DecodeError::UnknownKind(number))?;
    if version != kind.version() {
        return Err(DecodeError::UnknownVersion { kind: number, version });
    }
    let length = usize::from(u16::from_ne_bytes([low, high]));
    Ok((kind, bytes.get(..length).ok_or(too_short(length))?))
}

/// The bytes of a record of this kind.
///
/// # Errors
///
/// Likewise, and when they are a record of another kind.
pub(super) fn record_of(wanted: RecordKind, bytes: &[u8]) -> Result<&[u8], DecodeError> {
    match record(bytes)? {
        (kind, record) if kind == wanted => Ok(record),
        (kind, _) => Err(DecodeError::OtherKind(kind as u8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::Sample;

    #[test]
    fn what_follows_a_record_is_none_of_it() {
        let pause = Sample::of("pause", &[]);
        let followed = [pause.bytes(), &[0xff; 8]].concat();
        assert_eq!(record(&followed), Ok((RecordKind::Call, pause.bytes())));
    }

    #[test]
    fn a_record_that_is_not_all_there_is_refused() {
        let pause = Sample::of("pause", &[]);
        let needed = pause.bytes().len();
        let short = &pause.bytes()[..needed - 1];
        assert_eq!(record(short), Err(DecodeError::TooShort { length: needed - 1, needed }));
        for length in [0, 1, 7] {
            let expected = DecodeError::TooShort { length, needed: 8 };
            assert_eq!(record(&pause.bytes()[..length]), Err(expected));
        }
    }

    #[test]
    fn a_record_of_a_kind_or_a_version_that_does_not_exist_is_refused() {
        for kind in [0, 99, 255] {
            let other = Sample::of("pause", &[]).with(offset_of!(Header, kind), &[kind]);
            assert_eq!(record(other.bytes()), Err(DecodeError::UnknownKind(kind)));
        }
        let other = Sample::of("pause", &[]).with(offset_of!(Header, version), &[9]);
        let expected = DecodeError::UnknownVersion { kind: 1, version: 9 };
        assert_eq!(record(other.bytes()), Err(expected));
    }
}
