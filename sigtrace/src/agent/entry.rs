//! What a line is to the books.

use super::{
    account::{Account, NewLosses},
    crowd::Crowd,
    culprits,
    kinds::Kind,
    told::Told,
};
use crate::decode::{CallKey, Holes};

/// What a line is of.
pub(crate) enum Entry {
    /// A call of this row, which lacks this.
    Call(usize, Holes),
    /// Likewise, of one that is told of as unfinished.
    Unfinished(usize, Holes, CallKey),
    /// The return of a call that was printed before.
    Return,
    /// So many calls, merged.
    Repeated(u64),
    /// An event of another kind.
    Other(Kind),
    /// Losses, and whose they were.
    Lost(Box<(NewLosses, culprits::Losses)>),
    /// Nothing.
    None,
}

/// The books that lines are entered into.
pub(crate) struct Books<'a> {
    pub(crate) account: &'a mut Account,
    pub(crate) crowd: &'a mut Crowd,
    pub(crate) told: &'a mut Told,
}

impl Books<'_> {
    /// Enters a line by whether it was written.
    pub(crate) fn enter(&mut self, entry: Entry, is_written: bool) {
        match (entry, is_written) {
            (Entry::Call(row, holes) | Entry::Unfinished(row, holes, _), true) => {
                self.account.printed(row, holes);
            }
            (Entry::Call(..), false) => self.account.not_written(1),
            (Entry::Unfinished(_, _, key), false) => {
                self.account.not_written(1);
                self.told.lose(key);
            }
            (Entry::Return, true) => self.account.return_printed(),
            (Entry::Return, false) => self.account.return_lost(),
            (Entry::Repeated(calls), true) => self.account.repeated(calls),
            (Entry::Repeated(calls), false) => self.account.not_written(calls),
            (Entry::Other(kind), true) => self.account.others.printed(kind),
            (Entry::Other(kind), false) => self.account.others.lost(kind),
            (Entry::Lost(lost), false) => {
                let (losses, whose) = *lost;
                self.account.losses_untold(losses);
                self.crowd.add_losses(whose);
            }
            (Entry::Lost(_), true) | (Entry::None, _) => {}
        }
    }

    /// Enters a line that could not be expressed, and of which there is none for that.
    pub(crate) fn enter_inexpressible(&mut self, entry: Entry) {
        match entry {
            Entry::Call(..) | Entry::Unfinished(..) => self.account.undecodable(1),
            Entry::Repeated(calls) => self.account.undecodable(calls),
            entry @ (Entry::Return | Entry::Other(_) | Entry::Lost(_)) => self.enter(entry, false),
            Entry::None => {}
        }
    }
}
