//! Command lines that are invalid, or cannot be carried out.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use sigtrace_tests::harness::{Ended, Puppet, Test, Tracer, command, run_to_end, sigtrace};
use sigtrace_tests::kernel::page_size;
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![
    names_nobody_knows_are_answered_with_the_nearest,
    lists_with_nothing_in_them_are_refused,
    numbers_that_are_none_are_refused,
    ranges_that_are_none_are_refused,
    sizes_and_times_that_are_none_are_refused,
    options_that_do_not_go_together_are_refused,
    a_process_that_is_not_there_is_noted,
    a_size_that_is_no_power_of_two_is_rounded_up_with_a_note,
    an_output_that_cannot_be_written_is_named,
    an_output_that_others_can_change_is_refused,
    a_fifo_that_another_user_has_put_into_tmp_is_refused,
    a_missing_privilege_is_named,
    another_pid_namespace_is_named,
];

/// Wrong usage: exit status 2, nothing on stdout, and a message that is one line.
#[track_caller]
fn assert_usage(args: &[&str], message: &str) {
    let ended = sigtrace(args);
    assert_eq!(ended.status.code(), Some(2), "{args:?}: {ended:?}");
    assert_eq!(ended.stdout, "", "{args:?}");
    let stderr = &ended.stderr;
    assert!(stderr.starts_with(&format!("sigtrace: {message}")), "{args:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
}

fn names_nobody_knows_are_answered_with_the_nearest() {
    for (args, message) in [
        (["-s", "kil"], "--syscall: unknown signal syscall \"kil\"; nearest: kill"),
        (
            ["-s", "rt_sigprocmsk"],
            "--syscall: unknown signal syscall \"rt_sigprocmsk\"; nearest: rt_sigprocmask",
        ),
        (["-s", "kill,!tkil"], "--syscall: unknown signal syscall \"tkil\"; nearest: "),
        (
            ["-s", "@sends"],
            "--syscall: unknown group \"@sends\"; the groups are @send @action @mask @wait @stack @fd",
        ),
        (["-s", "@"], "--syscall: unknown group \"@\"; the groups are @send"),
        (["-S", "SIGTREM"], "--signal: unknown signal \"SIGTREM\": did you mean TERM"),
        (["-S", "!kil"], "--signal: unknown signal \"kil\": did you mean KILL"),
        (["-S", "RTMIN+31"], "--signal: "),
        (["-S", "0"], "--signal: "),
        (["-S", "65"], "--signal: "),
        (["-S", "=-1"], "--signal: "),
        (["--error", "ESRHC"], "--error: unknown error \"ESRHC\": did you mean ESRCH"),
        (["--error", "99999"], "--error: "),
    ] {
        assert_usage(&args, message);
    }
}

fn lists_with_nothing_in_them_are_refused() {
    for option in [
        "--syscall",
        "--signal",
        "--error",
        "--pid",
        "--caller",
        "--target",
        "--tid",
        "--uid",
        "--comm",
    ] {
        for list in ["", ",", "1,,2"] {
            let message = format!("{option}: the list \"{list}\" has an empty element");
            // As one word: an operand of its own that is empty reads the same.
            assert_usage(&[&format!("{option}={list}")], &message);
        }
    }
    assert_usage(&["-s", "kill,!kill"], "--syscall: \"kill,!kill\" selects nothing");
    assert_usage(&["-S", "HUP,!1"], "--signal: \"HUP,!1\" selects nothing");
}

fn numbers_that_are_none_are_refused() {
    for option in ["--pid", "--caller", "--target", "--tid", "--uid"] {
        for number in ["x", "-1", "1.5", "4294967296", "0x10"] {
            let message =
                format!("{option}: \"{number}\" is not an integer between 0 and 4294967295");
            assert_usage(&[&format!("{option}={number}")], &message);
        }
    }
    for option in ["--pid", "--caller", "--target"] {
        assert_usage(&[option, "0"], &format!("{option}: 0 is not a process id"));
    }
    assert_usage(&["-n", "0"], "--max-events: must be at least 1");
    for number in ["x", "-1"] {
        let ended = sigtrace(&["-n", number]);
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(
            ended.stderr.contains("--max-events") || ended.stderr.contains("'-1'"),
            "{ended:?}"
        );
    }
}

fn ranges_that_are_none_are_refused() {
    for option in ["--pid", "--caller", "--target", "--tid", "--uid"] {
        for (range, problem) in [
            ("200-100", "\"200-100\": the range is empty"),
            ("1-x", "\"1-x\": \"x\" is not an integer between 0 and 4294967295"),
            ("1-100000", "\"1-100000\" brings the list to 100000 numbers; the maximum is 65536"),
        ] {
            assert_usage(&[option, range], &format!("{option}: {problem}"));
        }
    }
    assert_usage(&["-S", "64-32"], "--signal: \"64-32\": the range is empty");
    assert_usage(&["-S", "TERM,!1-65"], "--signal: \"1-65\": signal 65 is out of range: ");
}

fn sizes_and_times_that_are_none_are_refused() {
    for (size, message) in [
        ("0", "--ring-size: \"0\" is not between 4K and 2G"),
        ("3G", "--ring-size: \"3G\" is not between 4K and 2G"),
        ("99999999999999999999", "--ring-size: \"99999999999999999999\": "),
        ("much", "--ring-size: \"much\": "),
        ("", "--ring-size: \"\": "),
        ("-1", "--ring-size: \"-1\": "),
    ] {
        assert_usage(&[&format!("--ring-size={size}")], message);
    }
    for rate in ["0", "-1", "1X", "2G", "99999999999999999999", ""] {
        let message = format!(
            "--max-output-rate: \"{rate}\" is not a number of bytes a second between 1 and 1G, such as 64K"
        );
        assert_usage(&["--max-output-rate", rate], &message);
    }
    for option in ["--duration", "--min-duration", "--unfinished-after", "--stats"] {
        for time in ["0", "0s", "-1s", "soon", "nan", "inf", "1e300"] {
            let message = format!(
                "{option}: \"{time}\" is not a positive duration of at most 100 years, such as 10s, 1ms or 1m30s"
            );
            assert_usage(&[&format!("{option}={time}")], &message);
        }
    }
}

fn options_that_do_not_go_together_are_refused() {
    assert_usage(&["--follow"], "--follow: needs --pid, --caller or --target");
    for (args, named) in [
        (&["--no-such-option"][..], "--no-such-option"),
        (&["--format", "xml"], "--format"),
        (&["--sets", "bits"], "--sets"),
        (&["--probe", "magic"], "--probe"),
        (&["--log-level", "loud"], "--log-level"),
        (&["kill"], "'kill'"),
    ] {
        let ended = sigtrace(&[&["-n", "1", "--duration", "100ms"], args].concat());
        assert_eq!(
            (ended.status.code(), ended.stdout.as_str()),
            (Some(2), ""),
            "{args:?}: {ended:?}"
        );
        assert!(ended.stderr.contains(named), "{args:?}: {}", ended.stderr);
    }
}

fn a_process_that_is_not_there_is_noted() {
    let gone = Puppet::start().pid();
    let (gone, here) = (gone.to_string(), format!("{gone},{}", std::process::id()));
    let args = ["-s", "kill", "--pid", &here, "--caller", &here, "--target", &gone];
    let trace = Tracer::start(&args).finish();
    let notes: Vec<&str> = trace.stderr.lines().take(3).collect();
    let note = |option| format!("sigtrace: warning: {option}: process {gone} does not exist");
    assert_eq!(notes, ["--pid", "--caller", "--target"].map(note));
    assert_eq!((trace.status.code(), trace.calls().count()), (Some(0), 0));
}

fn a_size_that_is_no_power_of_two_is_rounded_up_with_a_note() {
    // A ring has at least a page, which is a power of two already.
    let (odd, even) = (page_size() + 904, 2 * page_size());
    let note = format!("{odd} bytes rounded up to {even}, a power of two");
    for (size, note) in [(odd, Some(note)), (even, None)] {
        let trace = Tracer::start(&["-s", "kill", "--ring-size", &size.to_string()]).finish();
        let notes: Vec<&str> =
            trace.stderr.lines().filter(|line| line.contains("--ring-size")).collect();
        let expected: Vec<String> =
            note.iter().map(|note| format!("sigtrace: warning: --ring-size: {note}")).collect();
        assert_eq!(notes, expected);
        assert_eq!(trace.calls().count(), 1);
    }
}

fn an_output_that_cannot_be_written_is_named() {
    for (path, why) in [
        ("/no/such/folder/file", "No such file or directory"),
        ("/tmp", "Is a directory"),
        ("/proc/version/file", "Not a directory"),
    ] {
        let ended = sigtrace(&["-s", "kill", "-o", path]);
        assert_eq!(
            (ended.status.code(), ended.stdout.as_str()),
            (Some(1), ""),
            "{path:?}: {ended:?}"
        );
        let message = format!("sigtrace: --output: cannot write to {path}: {why}");
        assert!(ended.stderr.starts_with(&message), "{path:?}: {}", ended.stderr);
    }
}

fn an_output_that_others_can_change_is_refused() {
    let (path, link) = ("/tmp/of-others", "/tmp/to-others");
    let written = fs::write(path, "kept");
    assert!(written.is_ok(), "{written:?}");
    let linked = symlink(path, link);
    assert!(linked.is_ok(), "{linked:?}");
    for (output, mode, owner, why) in [
        (link, 0o600, 0, "it is a symbolic link; name the file it points to"),
        (
            path,
            0o620,
            0,
            "others can write to it (mode 0620); run chmod go-w on it, or name another file",
        ),
        (path, 0o600, 1000, "it belongs to user 1000; name a file owned by root or by you"),
    ] {
        let permitted = fs::set_permissions(path, fs::Permissions::from_mode(mode));
        let owned = chown(path, Some(owner), None);
        assert!(permitted.is_ok() && owned.is_ok(), "{permitted:?} {owned:?}");
        for append in [&[][..], &["--append"]] {
            let ended = sigtrace(&[&["-s", "kill", "-o", output], append].concat());
            let message = format!("sigtrace: --output: cannot write to {output}: {why}\n");
            assert_eq!((ended.status.code(), ended.stderr), (Some(1), message));
        }
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), "kept");
    for path in [path, link] {
        let _ = fs::remove_file(path);
    }
}

fn a_fifo_that_another_user_has_put_into_tmp_is_refused() {
    let (directory, setting) = (Path::new("/tmp/for-everybody"), "/proc/sys/fs/protected_fifos");
    let before = fs::read_to_string(setting).unwrap_or_else(|error| panic!("{error}"));
    let created = fs::create_dir(directory);
    assert!(created.is_ok(), "{created:?}");
    let path = directory.join("fifo");
    let output = path.to_string_lossy();
    let made = run_to_end(Command::new("/bin/busybox").arg("mkfifo").arg(&path));
    assert!(made.status.success(), "{made:?}");
    let reader = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
    let mut reader = reader.unwrap_or_else(|error| panic!("{error}"));
    let why = "it is a FIFO of user 1000 in a directory that others can write to, so that user may have \
               put it there to read or to hold up the events; name one of your own, or another directory";
    let refused = format!("sigtrace: --output: cannot write to {output}: {why}\n");
    // With 1 and 2 the kernel refuses it itself, but where only a group can write with 2 alone.
    for (protected, mode, owner, is_refused) in [
        ("0", 0o1777, 1000, true),
        ("1", 0o1777, 1000, true),
        ("2", 0o1777, 1000, true),
        ("1", 0o1770, 1000, true),
        ("2", 0o1770, 1000, true),
        ("0", 0o1777, 0, false),
        ("2", 0o1777, 0, false),
        ("0", 0o0755, 1000, false),
        ("2", 0o0755, 1000, false),
    ] {
        let permitted = fs::set_permissions(directory, fs::Permissions::from_mode(mode));
        let owned = chown(&path, Some(owner), None);
        let set = fs::write(setting, protected);
        assert!(
            permitted.is_ok() && owned.is_ok() && set.is_ok(),
            "{permitted:?} {owned:?} {set:?}"
        );
        let ended = sigtrace(&["-s", "kill", "--duration", "100ms", "--stats", "-o", &output]);
        let mut text = String::new();
        // Nothing to read is an error as long as somebody else has it open.
        let _ = reader.read_to_string(&mut text);
        let case = format!("protected_fifos={protected}, {mode:04o}, {owner}: {ended:?}");
        if is_refused {
            assert_eq!(
                (ended.status.code(), &*ended.stderr, &*text),
                (Some(1), &*refused, ""),
                "{case}"
            );
        } else {
            assert_eq!(ended.status.code(), Some(0), "{case}");
            assert!(text.contains(r#""event":"stats""#), "{case}: {text}");
        }
    }
    let _ = (fs::write(setting, before), fs::remove_dir_all(directory));
}

/// As in a container.
fn another_pid_namespace_is_named() {
    for args in [&["-s", "kill"][..], &["--", "/bin/true"]] {
        let mut unshare = Command::new("/bin/busybox");
        let ended =
            run_to_end(unshare.args(["unshare", "-p", "-f", "/payload/sigtrace"]).args(args));
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        let message = "sigtrace: pid namespace: not the initial one; its process ids are not the \
                       kernel's; run sigtrace outside, or its container in the host's, with `docker run \
                       --pid=host` or `hostPID: true`\n";
        assert_eq!(ended.stderr, message);
    }
}

fn a_missing_privilege_is_named() {
    let by_nobody = |args: &[&str]| -> Ended { run_to_end(command(args).uid(65_534).gid(65_534)) };
    let path = "/tmp/of-root";
    let written = fs::write(path, "kept");
    assert!(written.is_ok(), "{written:?}");
    for args in [&["-s", "kill"][..], &["-s", "kill", "-o", path], &["--", "/bin/true"]] {
        let ended = by_nobody(args);
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        let message =
            "sigtrace: privileges: CAP_BPF and CAP_PERFMON not held; run sigtrace as root";
        assert!(ended.stderr.starts_with(message), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), "kept");
    let _ = fs::remove_file(path);
    // What is wrong with the command line comes first, and can be seen by anybody.
    assert_eq!(by_nobody(&["-s", "kil"]).status.code(), Some(2));
    assert_eq!(by_nobody(&["list"]).status.code(), Some(0));
}
