//! What every record asks of its row, worked out when this is compiled: going through the arguments each time
//! is a twentieth of all that an event costs.

use sigtrace_common::{Access, DATA_OFFSET, Kind, SYSCALLS};

/// Where things are in the records and the calls of a row.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// How many bytes a record has at least.
    pub(super) size: usize,
    /// Offset of the masks before and after, if the call changes the mask.
    pub(super) masks: Option<usize>,
    /// Index of the argument that an action is written to, and offset of that, if the call changes one.
    pub(super) action: Option<(usize, usize)>,
    /// Index of the argument that is a pidfd.
    pub(super) pidfd: Option<usize>,
    /// Index of the argument that is the number of a thread, or of a process if there is none.
    pub(super) number: Option<usize>,
}

/// By row.
static LAYOUTS: [Layout; SYSCALLS.len()] = {
    let none = Layout { size: 0, masks: None, action: None, pidfd: None, number: None };
    let mut layouts = [none; SYSCALLS.len()];
    let mut row = 0;
    while row < SYSCALLS.len() {
        let syscall = &SYSCALLS[row];
        layouts[row].size = DATA_OFFSET + syscall.data_size();
        if let Some(offset) = syscall.masks_offset() {
            layouts[row].masks = Some(DATA_OFFSET + offset);
        }
        let mut index = 0;
        while index < syscall.args.len() {
            let arg = &syscall.args[index];
            if matches!(arg.access, Access::Out)
                && matches!(arg.kind, Kind::Sigaction | Kind::OldSigaction)
            {
                layouts[row].action = Some((index, DATA_OFFSET + syscall.data_offset(index)));
            }
            index += 1;
        }
        layouts[row].pidfd = syscall.position(Kind::Pidfd);
        layouts[row].number = match syscall.position(Kind::Tid) {
            None => syscall.position(Kind::Pid),
            tid => tid,
        };
        row += 1;
    }
    layouts
};

/// That of a row, if there is such a one.
pub(super) fn of(row: usize) -> Option<&'static Layout> {
    LAYOUTS.get(row)
}
