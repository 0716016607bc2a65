//! A terminal as standard output.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::process::Stdio;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use sigtrace_tests::expect::entry;
use sigtrace_tests::harness::{Puppet, Streaming, Test, command, until};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    a_terminal_gets_text_in_colour,
    a_terminal_gets_no_colour_where_nobody_wants_it,
    a_terminal_gets_json_if_asked_for,
    nothing_a_process_is_called_gets_to_the_terminal_raw,
    the_list_fits_a_terminal_unless_all_of_it_is_asked_for,
];

/// The controlling side of a pseudo-terminal, read all the time.
struct Terminal {
    other: Option<OwnedFd>,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn new() -> Self {
        let (mut ours, mut theirs) = (0, 0);
        // SAFETY: room for two descriptors, which are nobody else's.
        let (ours, theirs) = unsafe {
            let opened = libc::openpty(
                &raw mut ours,
                &raw mut theirs,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            );
            assert_eq!(opened, 0, "openpty: {}", io::Error::last_os_error());
            (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
        };
        for fd in [ours.as_raw_fd(), theirs.as_raw_fd()] {
            // SAFETY: no memory is involved. Only its standard output is the tracer's to have.
            assert_eq!(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }, 0);
        }
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (ours, Arc::clone(&shown));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails once the other side is closed.
            while let Ok(length) = from.read(&mut bytes) {
                to.lock().unwrap_or_else(PoisonError::into_inner).extend(&bytes[..length]);
            }
        });
        Self { other: Some(theirs), shown }
    }

    /// Makes it so many characters wide; 0 is a terminal that does not tell.
    fn resize(&self, columns: u16) {
        let size = libc::winsize { ws_row: 25, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let fd = self.other.as_ref().map_or(-1, |other| other.as_raw_fd());
        // SAFETY: a size to read.
        let resized = unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(resized, 0, "{}", io::Error::last_os_error());
    }

    fn shown(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(shown.clone()).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// What a terminal shows of one call that failed, with these arguments and this environment.
fn shown(args: &[&str], environment: &[(&str, &str)], name: &str) -> (String, i32) {
    let mut puppet = Puppet::start();
    if !name.is_empty() {
        assert_eq!(puppet.order(&format!("name {name}")), "0");
    }
    let mut terminal = Terminal::new();
    let pid = puppet.pid().to_string();
    let mut command = command(&[&["-s", "kill", "--pid", &pid], args].concat());
    command.env_remove("NO_COLOR").env("TERM", "xterm").envs(environment.iter().copied());
    let output = terminal.other.take().unwrap_or_else(|| panic!("taken once"));
    let mut sigtrace = Streaming::start_command(command.stdout(output).stderr(Stdio::piped()));
    // Its own copy of the descriptor.
    command.stdout(Stdio::null());
    puppet.call("kill 2147483634 15");
    let shown = until("a line", || Some(terminal.shown()).filter(|shown| shown.ends_with('\n')));
    sigtrace.signal(libc::SIGINT);
    assert!(until("the end", || sigtrace.ended()).success());
    assert_eq!(terminal.shown(), shown);
    // The terminal turns line feeds into ends of lines.
    let line = shown.strip_suffix("\r\n").unwrap_or_else(|| panic!("{shown:?}"));
    (line.into(), puppet.pid())
}

/// With `9` for every digit of a time, and PID for the puppet's number.
fn masked((line, pid): (String, i32)) -> String {
    let line = line.replace(&format!("[{pid}]"), "[PID]");
    let time = |text: &str| {
        text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect::<String>()
    };
    // The time is at the beginning, the duration at the end: both with six places.
    let digits = |text: &str, from: usize, length: usize| -> String {
        let end = from + length;
        format!("{}{}{}", &text[..from], time(&text[from..end]), &text[end..])
    };
    let Some(start) = line.find(':').map(|colon| colon - 2) else { return line };
    let line = digits(&line, start, "12:34:56.123456".len());
    let Some(duration) = line.rfind('<') else { return line };
    digits(&line, duration + 1, "0.123456".len())
}

fn a_terminal_gets_text_in_colour() {
    assert_eq!(
        masked(shown(&[], &[], "")),
        "\u{1b}[2m99:99:99.999999\u{1b}[0m \u{1b}[36mworkload[PID]\u{1b}[0m \
         \u{1b}[1mkill\u{1b}[0m(2147483634, SIGTERM) = -1 \u{1b}[31mESRCH\u{1b}[0m \
         \u{1b}[2m<9.999999>\u{1b}[0m"
    );
}

fn a_terminal_gets_no_colour_where_nobody_wants_it() {
    let plain = "99:99:99.999999 workload[PID] kill(2147483634, SIGTERM) = -1 ESRCH <9.999999>";
    assert_eq!(masked(shown(&[], &[("NO_COLOR", "1")], "")), plain);
}

fn a_terminal_gets_json_if_asked_for() {
    let (line, _) = shown(&["--format", "json"], &[], "");
    assert!(line.starts_with(r#"{"event":"syscall","id":"#), "{line}");
    assert!(!line.contains('\u{1b}'), "{line:?}");
}

fn nothing_a_process_is_called_gets_to_the_terminal_raw() {
    // ESC ] 0 ; x BEL \xff, then CSI in one byte.
    let line = masked(shown(&[], &[("NO_COLOR", "1")], "1b5d303b780722ffc29b0d0a"));
    assert_eq!(
        line,
        r#"99:99:99.999999 \x1b\x5d0;x\x07\"\xff\u{9b}\x0d\x0a[PID] kill(2147483634, SIGTERM) = -1 ESRCH <9.999999>"#
    );
    let (line, _) = shown(&["--format", "json"], &[], "1b5d303b780722ffc29b7f0d0a");
    assert!(!line.contains(char::is_control), "{line:?}");
    let comm =
        r#""comm":"\u001b]0;x\u0007\"\ufffd\u009b\u007f\r\n""#.replace(r"\ufffd", "\u{fffd}");
    assert!(line.contains(&comm), "{line}");
}

/// What `list` with these arguments shows on a terminal of this width: the line of `kill` and how many
/// characters the longest line has.
fn listed(columns: u16, args: &[&str]) -> (String, usize) {
    let mut terminal = Terminal::new();
    terminal.resize(columns);
    let output = terminal.other.take().unwrap_or_else(|| panic!("taken once"));
    let mut command = command(&[&["list"], args].concat());
    let mut list = Streaming::unready(command.stdout(output).stderr(Stdio::piped()));
    command.stdout(Stdio::null());
    assert!(until("the list's end", || list.ended()).success());
    let shown = until("the last line", || {
        Some(terminal.shown()).filter(|shown| shown.contains("\nstats ") && shown.ends_with('\n'))
    });
    let kill = shown.lines().find(|line| line.starts_with("kill "));
    let kill = kill.unwrap_or_else(|| panic!("no kill: {shown}")).to_owned();
    (kill, shown.lines().map(|line| line.chars().count()).max().unwrap_or_default())
}

fn the_list_fits_a_terminal_unless_all_of_it_is_asked_for() {
    let summary = "send a signal to a process or a process group";
    for (columns, args, fits, has_summary) in [
        (80, &[][..], true, false),
        (0, &[], true, false),
        (130, &[], true, true),
        (80, &["--wide"], false, true),
    ] {
        let (kill, widest) = listed(columns, args);
        // One that does not tell is taken for one of 80.
        let room = if columns == 0 { 80 } else { usize::from(columns) };
        assert_eq!(
            (widest <= room, kill.ends_with(summary)),
            (fits, has_summary),
            "{columns} {args:?}: {widest}: {kill}"
        );
        assert_eq!(kill.contains(&entry("kill")), !fits, "{columns} {args:?}: {kill}");
    }
}
