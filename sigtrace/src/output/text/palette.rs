//! The colours of the text format.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

/// The style of each part of a line.
pub(super) struct Palette {
    /// Times and durations.
    pub(super) time: Style,
    /// Who called.
    pub(super) caller: Style,
    /// What was called.
    pub(super) syscall: Style,
    /// That it failed.
    pub(super) error: Style,
    /// That something is missing.
    pub(super) hole: Style,
}

impl Palette {
    /// Without any.
    pub(super) const PLAIN: Self = Self {
        time: Style::new(),
        caller: Style::new(),
        syscall: Style::new(),
        error: Style::new(),
        hole: Style::new(),
    };

    /// For a terminal.
    pub(super) const COLOR: Self = Self {
        time: Style::new().dimmed(),
        caller: AnsiColor::Cyan.on_default(),
        syscall: Style::new().bold(),
        error: AnsiColor::Red.on_default(),
        hole: AnsiColor::Yellow.on_default(),
    };

    /// Writes the time that begins a line.
    pub(super) fn time(&self, text: &str, out: &mut Vec<u8>) -> io::Result<()> {
        write!(out, "{style}{text}{style:#} ", style = self.time)
    }
}
