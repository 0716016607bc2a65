//! What sigtrace says about itself: on stderr, never mixed into the stream.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::{cli::LogLevel, stderr::Stderr};

/// The level that the command line asks for.
pub fn level(level: Option<LogLevel>, quiet: bool, verbose: u8) -> Level {
    match (level, quiet, verbose) {
        (Some(LogLevel::Error), ..) | (None, true, _) => Level::ERROR,
        (Some(LogLevel::Warn), ..) | (None, _, 0) => Level::WARN,
        (Some(LogLevel::Info), ..) | (None, _, 1) => Level::INFO,
        (Some(LogLevel::Debug), ..) | (None, _, 2) => Level::DEBUG,
        (Some(LogLevel::Trace), ..) | (None, ..) => Level::TRACE,
    }
}

/// Starts logging at a level.
pub fn to_stderr(level: Level) {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(Stderr::default)
        .log_internal_errors(false)
        .with_ansi(false)
        .event_format(Lines)
        .init();
    // What aya has to say of each instruction that it relocates is for those who ask for everything.
    if level < Level::TRACE {
        log::set_max_level(log::LevelFilter::Info);
    }
}

/// `sigtrace: LEVEL: message`, as its errors look.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        write!(writer, "sigtrace: {level}: ")?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
