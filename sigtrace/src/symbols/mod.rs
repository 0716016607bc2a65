//! Which function of a file some code is in.
//!
//! The files are strangers': whoever may execute something chooses their bytes. So a process of its own reads them,
//! without rights, and that has another one read each, which may fail, loop or crash: see [`server`]. Here is what
//! they say to each other, a message at a time over a socket that keeps them apart (`SOCK_SEQPACKET`).

mod client;
mod mounts;
mod resolve;
mod server;

pub(crate) use client::Symbols;
pub use server::serve;

use std::mem::size_of;

/// Bytes of the longest message: no path is longer than that.
const MESSAGE: usize = 4096;

/// What the server says once it is ready.
const READY: &[u8] = b"ready";

/// A question: in which function is this byte of this file?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Question<'a> {
    /// Which answer is the one to this question.
    number: u64,
    /// The device and the inode that the file must have.
    identity: (u64, u64),
    /// How many bytes into the file.
    offset: u64,
    /// The file's path.
    path: &'a [u8],
}

/// What comes before the path.
const NUMBERS: usize = 4 * size_of::<u64>();

impl<'a> Question<'a> {
    fn encode(&self) -> Vec<u8> {
        let numbers = [self.number, self.identity.0, self.identity.1, self.offset];
        let mut message: Vec<u8> = numbers.into_iter().flat_map(u64::to_ne_bytes).collect();
        message.extend_from_slice(self.path);
        message
    }

    fn decode(message: &'a [u8]) -> Option<Self> {
        let (numbers, path) = message.split_at_checked(NUMBERS)?;
        let (words, _) = numbers.as_chunks();
        let &[number, device, inode, offset] = words else { return None };
        let [number, device, inode, offset] =
            [number, device, inode, offset].map(u64::from_ne_bytes);
        Some(Self { number, identity: (device, inode), offset, path })
    }
}

/// An answer: the function's name, and how far into it that is; nothing if it is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    /// That of the question.
    number: u64,
    /// The function.
    symbol: Option<(String, u64)>,
}

impl Answer {
    fn encode(&self) -> Vec<u8> {
        let mut message = self.number.to_ne_bytes().to_vec();
        if let Some((name, offset)) = &self.symbol {
            message.extend_from_slice(&offset.to_ne_bytes());
            message.extend_from_slice(name.as_bytes());
        }
        message
    }

    fn decode(message: &[u8]) -> Option<Self> {
        let (number, rest) = message.split_first_chunk()?;
        let symbol = match rest.split_first_chunk() {
            Some((offset, name)) => {
                let name = String::from_utf8_lossy(name).into_owned();
                Some((name, u64::from_ne_bytes(*offset)))
            }
            None => None,
        };
        Some(Self { number: u64::from_ne_bytes(*number), symbol })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_question_is_understood_as_it_was_asked(
            (number, device, inode, offset) in any::<(u64, u64, u64, u64)>(),
            path in any::<Vec<u8>>(),
        ) {
            let question = Question { number, identity: (device, inode), offset, path: &path };
            let message = question.encode();
            prop_assert_eq!(Question::decode(&message), Some(question));
        }

        #[test]
        fn any_answer_is_understood_as_it_was_given(
            number in any::<u64>(),
            symbol in any::<Option<(String, u64)>>(),
        ) {
            let answer = Answer { number, symbol };
            prop_assert_eq!(Answer::decode(&answer.encode()), Some(answer));
        }

        #[test]
        fn no_message_is_too_strange(message in any::<Vec<u8>>()) {
            let _ = (Question::decode(&message), Answer::decode(&message));
        }
    }
}
