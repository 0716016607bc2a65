//! Lines that strace 6.13 wrote.

use super::*;

fn call(name: &str, args: &str, result: &str) -> Entry {
    Entry::Call(Written { name: name.into(), args: args.into(), result: result.into() })
}

fn signal(text: &str) -> Entry {
    Entry::Signal(text.into())
}

fn end(text: &str) -> Entry {
    Entry::End(text.into())
}

/// What thread 7 did.
fn entries(log: &str) -> Vec<Entry> {
    read(log).unwrap().remove(&7).unwrap().entries
}

#[test]
fn a_line_is_a_call() {
    let log = "7     kill(5862, SIGKILL)      = -1 ESRCH (No such process)\n";
    assert_eq!(entries(log), [call("kill", "5862, SIGKILL", "-1 ESRCH (No such process)")]);
}

#[test]
fn halves_are_put_together_by_thread() {
    let log = "7  rt_sigprocmask(SIG_SETMASK, [],  <unfinished ...>\n\
               8  kill(7, SIGTERM <unfinished ...>\n\
               7  <... rt_sigprocmask resumed>NULL, 8) = 0\n\
               8  <... kill resumed>)               = 0\n";
    assert_eq!(entries(log), [call("rt_sigprocmask", "SIG_SETMASK, [], NULL, 8", "0")]);
    assert_eq!(read(log).unwrap()[&8].entries, [call("kill", "7, SIGTERM ", "0")]);
}

#[test]
fn a_thread_that_is_killed_ends_in_its_call() {
    let suspended = call("rt_sigsuspend", "[], 8", "?");
    let killed = [suspended.clone(), end("killed by SIGKILL")];
    let log = "7  rt_sigsuspend([], 8 <unfinished ...>) = ?\n7  +++ killed by SIGKILL +++\n";
    assert_eq!(entries(log), killed);
    let log = "7  rt_sigsuspend([], 8 <unfinished ...>\n7  +++ killed by SIGKILL +++\n";
    assert_eq!(entries(log), killed);
    let log = "7  rt_sigsuspend([], 8 <unfinished ...>\n\
               7  <... rt_sigsuspend resumed> <unfinished ...>) = ?\n";
    assert_eq!(entries(log), [call("rt_sigsuspend", "[], 8 ", "?")]);
    assert_eq!(entries("7  rt_sigsuspend([], 8 <detached ...>\n"), [suspended]);
}

#[test]
fn a_restart_code_is_a_result() {
    let log = "7  pause()   = ? ERESTARTNOHAND (To be restarted if no handler)\n";
    let result = "? ERESTARTNOHAND (To be restarted if no handler)";
    assert_eq!(entries(log), [call("pause", "", result)]);
}

#[test]
fn signals_and_the_end_are_among_the_calls_in_order() {
    let log = "7  kill(7, SIGTSTP)  = 0\n\
               7  --- SIGTSTP {si_signo=SIGTSTP, si_code=SI_USER, si_pid=7, si_uid=0} ---\n\
               7  --- stopped by SIGTSTP ---\n\
               8  +++ exited with 1 +++\n\
               7  +++ killed by SIGSEGV (core dumped) +++\n";
    let expected = [
        call("kill", "7, SIGTSTP", "0"),
        signal("SIGTSTP {si_signo=SIGTSTP, si_code=SI_USER, si_pid=7, si_uid=0}"),
        signal("stopped by SIGTSTP"),
        end("killed by SIGSEGV (core dumped)"),
    ];
    assert_eq!(entries(log), expected);
    assert_eq!(read(log).unwrap()[&8].entries, [end("exited with 1")]);
}

#[test]
fn a_thread_goes_on_under_the_number_of_another_that_it_supersedes() {
    let log = "7  pause( <unfinished ...>\n\
               7  +++ superseded by execve in pid 8 +++\n\
               7  pause( <unfinished ...>\n\
               7  +++ killed by SIGTERM +++\n";
    let pause = call("pause", "", "?");
    assert_eq!(entries(log), [pause.clone(), pause, end("killed by SIGTERM")]);
}

#[test]
fn no_line_is_passed_over() {
    for log in [
        "kill(1, 0) = 0\n",
        "7  what is this\n",
        "7  <... kill resumed>) = 0\n",
        "7  kill(1\n",
        "7  --- SIGTERM {si_signo=SIGTERM\n",
        "7  +++ killed by SIGTERM\n",
    ] {
        assert!(read(log).is_err(), "{log}");
    }
    assert!(read("7  +++ exited with 0 +++\n7  kill(1, 0) = 0\n").is_err());
}

#[test]
fn an_entry_is_shown_as_it_was_written() {
    let shown = [call("kill", "1, 0", "0"), signal("stopped by SIGTSTP"), end("exited with 0")];
    let expected = ["kill(1, 0) = 0", "--- stopped by SIGTSTP ---", "+++ exited with 0 +++"];
    assert_eq!(shown.map(|entry| entry.to_string()), expected);
}
