//! Words of flags.

/// The names of the bits of one flag word.
#[derive(Debug, PartialEq, Eq)]
pub struct FlagTable(pub &'static [(u64, &'static str)]);

impl FlagTable {
    /// The names of the bits set in `bits`, in the order of the table.
    pub fn names(&self, bits: u64) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(move |(bit, _)| bits & bit != 0).map(|(_, name)| *name)
    }

    /// The bits set in `bits` that no name covers.
    pub fn rest(&self, bits: u64) -> u64 {
        self.0.iter().fold(bits, |rest, (bit, _)| rest & !bit)
    }

    /// The bit called `name`.
    pub fn bit(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(_, known)| *known == name).map(|(bit, _)| *bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{perf_flags, pidfd, poll, sa_flags, sfd, ss_flags};

    const TABLES: [&FlagTable; 7] = [
        &sa_flags::SA,
        &ss_flags::SS,
        &sfd::SFD,
        &pidfd::SIGNAL,
        &pidfd::OPEN,
        &poll::POLL,
        &perf_flags::TRAP_PERF,
    ];

    #[test]
    fn every_name_stands_for_one_bit_of_its_own() {
        for table in TABLES {
            let mut seen = 0;
            for (bit, name) in table.0 {
                assert_eq!(bit.count_ones(), 1, "{name}");
                assert_eq!(seen & bit, 0, "{name}");
                seen |= bit;
            }
        }
    }

    #[test]
    fn names_and_the_rest_add_up_to_the_word() {
        for table in TABLES {
            for bits in [0, 1, 0x8000_0000, u64::MAX, 0x1234_5678_9abc_def0] {
                let named =
                    table.names(bits).filter_map(|name| table.bit(name)).fold(0, |all, b| all | b);
                assert_eq!(named | table.rest(bits), bits);
            }
        }
    }
}
