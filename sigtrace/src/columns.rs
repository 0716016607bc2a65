//! A table's columns, and which of them there is room for.

use std::io::{self, Write};

/// Between two columns.
const GAP: &str = "  ";
/// What stands for the rest of a cell that is cut.
const CUT: char = '…';

/// A column.
#[derive(Debug)]
pub(crate) struct Column {
    title: &'static str,
    cells: Vec<String>,
    /// With fewer characters than this it is left out, and with fewer than its cells have these are
    /// cut. Only the last column can be.
    least: Option<usize>,
}

impl Column {
    /// One that is shown whole or not at all.
    pub(crate) fn whole(title: &'static str, cells: Vec<String>) -> Self {
        Self { title, cells, least: None }
    }

    /// One whose cells are cut if that leaves so many characters of them.
    pub(crate) fn cut_to(least: usize, title: &'static str, cells: Vec<String>) -> Self {
        Self { title, cells, least: Some(least) }
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.chars().count());
        cells.chain([self.title.len()]).max().unwrap_or_default()
    }

    /// The title, then the cells.
    fn lines(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.title).chain(self.cells.iter().map(String::as_str))
    }
}

/// Writes a table of these columns, each with the place at which it gets room: the one at 0 first.
/// It is as wide as it is, or at most `width` characters: from the first column on that has no room
/// all that come after it are left out.
pub(crate) fn write(
    out: &mut dyn Write,
    columns: &[(usize, Column)],
    width: Option<usize>,
) -> io::Result<()> {
    let shown = shown(columns, width.unwrap_or(usize::MAX));
    let rows = columns.iter().map(|(_, column)| column.cells.len() + 1).max().unwrap_or_default();
    let mut lines = vec![String::new(); rows];
    for (position, (column, width)) in shown.iter().enumerate() {
        let is_last = position + 1 == shown.len();
        for (line, cell) in lines.iter_mut().zip(column.lines()) {
            line.push_str(&cut(cell, *width));
            if !is_last {
                let padding = width - cell.chars().count().min(*width);
                line.extend(std::iter::repeat_n(' ', padding));
                line.push_str(GAP);
            }
        }
    }
    lines.into_iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// The columns there is room for, in their order, with the characters that each has.
fn shown(columns: &[(usize, Column)], room: usize) -> Vec<(&Column, usize)> {
    let mut by_place: Vec<_> = columns.iter().enumerate().collect();
    by_place.sort_by_key(|(_, (place, _))| *place);
    let mut shown: Vec<(usize, &Column, usize)> = Vec::new();
    let mut used = 0;
    for (position, (_, column)) in by_place {
        let gap = if shown.is_empty() { 0 } else { GAP.len() };
        let (whole, left) = (column.width(), room.saturating_sub(used + gap));
        let is_whole = whole <= left;
        // The first is there in any case: there has to be something.
        if !is_whole && !shown.is_empty() && column.least.is_none_or(|least| left < least) {
            break;
        }
        used += gap + whole.min(left);
        shown.push((position, column, whole.min(left)));
        if !is_whole {
            break;
        }
    }
    shown.sort_by_key(|(position, ..)| *position);
    shown.into_iter().map(|(_, column, width)| (column, width)).collect()
}

/// The cell, or as much of it as there is room for.
fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    cell.chars().take(width.saturating_sub(1)).chain([CUT]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(width: Option<usize>) -> Vec<String> {
        let cells = |cells: [&str; 2]| cells.map(str::to_owned).into();
        let columns = [
            (0, Column::whole("NAME", cells(["kill", "tgkill"]))),
            (2, Column::whole("POINT", cells(["sys_kill", "sys_tgkill"]))),
            (1, Column::cut_to(6, "SUMMARY", cells(["send a signal", "send"]))),
        ];
        let mut out = Vec::new();
        write(&mut out, &columns, width).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn where_nothing_limits_it_a_table_has_all_columns() {
        let all = [
            "NAME    POINT       SUMMARY",
            "kill    sys_kill    send a signal",
            "tgkill  sys_tgkill  send",
        ];
        assert_eq!(lines(None), all);
        assert_eq!(lines(Some(33)), all);
    }

    #[test]
    fn what_has_no_room_is_left_out_from_the_last_place_on() {
        let expected = ["NAME    SUMMARY", "kill    send a signal", "tgkill  send"];
        assert_eq!(lines(Some(32)), expected);
        assert_eq!(lines(Some(21)), expected);
    }

    #[test]
    fn a_column_is_cut_as_long_as_enough_of_it_is_left() {
        assert_eq!(lines(Some(14)), ["NAME    SUMMA…", "kill    send …", "tgkill  send"]);
        assert_eq!(lines(Some(13)), ["NAME", "kill", "tgkill"]);
    }

    #[test]
    fn the_first_column_is_there_however_narrow_it_is() {
        assert_eq!(lines(Some(4)), ["NAME", "kill", "tgk…"]);
    }
}
