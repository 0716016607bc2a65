//! Saying that the output has no room for more, and that it has again.

use std::{io, mem::take, time::Duration};

use super::throttle::Throttle;

/// A disk that is full again and again is told of so often.
const APART: Duration = Duration::from_secs(10);

/// Whether there is room.
#[derive(Debug)]
pub(crate) struct Room {
    is_out: bool,
    /// Whether it was said that there is none.
    said: bool,
    throttle: Throttle,
}

impl Default for Room {
    fn default() -> Self {
        Self { is_out: false, said: false, throttle: Throttle::new(APART) }
    }
}

/// Whether a write failed for want of room, of which there may be some later.
pub(crate) fn is_want(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT))
}

impl Room {
    /// Whether there was none the last time.
    pub(crate) fn is_out(&self) -> bool {
        self.is_out
    }

    /// There is none.
    pub(crate) fn ran_out(&mut self, error: &io::Error) {
        self.is_out = true;
        if !self.said && self.throttle.pass() {
            self.said = true;
            tracing::warn!("output: {error}; events that do not fit are lost");
        }
    }

    /// There was some for everything.
    pub(crate) fn was_there(&mut self) {
        if take(&mut self.is_out) && take(&mut self.said) {
            tracing::warn!("output: there is space again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_that_there_is_none_and_once_that_there_is() {
        let (mut room, full) = (Room::default(), io::Error::from_raw_os_error(libc::ENOSPC));
        let mut states = Vec::new();
        for has_room in [true, false, false, true, false, true] {
            if has_room {
                room.was_there();
            } else {
                room.ran_out(&full);
            }
            states.push((room.is_out(), room.said));
        }
        // The second time comes too soon to be said.
        let none = (false, false);
        assert_eq!(states, [none, (true, true), (true, true), none, (true, false), none]);
    }

    #[test]
    fn a_full_disk_and_a_quota_are_want_of_room_and_a_broken_disk_is_not() {
        let is_want = |number| super::is_want(&io::Error::from_raw_os_error(number));
        assert_eq!([libc::ENOSPC, libc::EDQUOT, libc::EIO].map(is_want), [true, true, false]);
    }
}
