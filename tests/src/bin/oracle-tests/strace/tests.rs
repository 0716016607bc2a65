//! Lines that strace 6.13 wrote.

use serde_json::{Value, json};

use crate::log::{self, Entry};

/// What a line of thread 7 tells.
fn told(line: &str) -> Value {
    let threads = log::read(&format!("7  {line}\n")).unwrap();
    super::step(&threads[&7].entries[0]).unwrap().unwrap().value()
}

/// Asserts the arguments of a call that returned 0.
#[track_caller]
fn assert_args(line: &str, args: Value) {
    let value = told(line);
    assert_eq!((&value["args"], &value["outcome"]), (&args, &json!({ "ret": 0 })));
}

#[test]
fn an_action_has_its_members() {
    assert_args(
        "rt_sigaction(SIGCHLD, {sa_handler=0x55f9d3c36e40, sa_mask=[INT RT_2], \
         sa_flags=SA_RESTORER|SA_RESTART|0x20, sa_restorer=0x7f5d393a8050}, \
         {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, 8) = 0",
        json!({
            "sig": "SIGCHLD", "signo": 17,
            "act": {
                "handler": "0x55f9d3c36e40", "mask": ["SIGINT", "SIGRTMIN"],
                "flags": ["0x20", "SA_RESTART", "SA_RESTORER"], "restorer": "0x7f5d393a8050",
            },
            "oldact": { "handler": "SIG_DFL", "mask": [], "flags": [] },
            "sigsetsize": 8,
        }),
    );
}

#[test]
fn a_set_may_be_what_is_not_in_it() {
    let value = told("rt_sigprocmask(SIG_SETMASK, ~[RTMIN RT_1], NULL, 8) = 0");
    let set = value["args"]["set"].as_array().unwrap();
    assert_eq!(set.len(), 62);
    assert!(!set.contains(&json!("SIG32")) && !set.contains(&json!("SIG33")));
}

#[test]
fn a_number_without_a_name_is_an_int() {
    let value = told("rt_sigprocmask(0xffffffff /* SIG_??? */, [], NULL, 8) = -1 EINVAL (Invalid)");
    let expected = json!({ "how": -1, "set": [], "oldset": null, "sigsetsize": 8 });
    assert_eq!((&value["args"], &value["outcome"]), (&expected, &json!({ "error": "EINVAL" })));
}

#[test]
fn a_pidfd_tells_whose_it_is() {
    assert_args(
        "pidfd_send_signal(3<pid:436>, SIGUSR2, NULL, 0) = 0",
        json!({
            "pidfd": 3, "target": 436, "sig": "SIGUSR2", "signo": 12, "info": null, "flags": []
        }),
    );
    assert_eq!(told("pidfd_open(436, 0) = 4<pid:436>")["outcome"], json!({ "ret": 4 }));
}

#[test]
fn a_siginfo_has_its_members() {
    let value = told(
        "rt_sigtimedwait([USR1], {si_signo=SIGUSR1, si_code=SI_QUEUE, si_pid=9, si_uid=0, \
         si_int=7, si_ptr=0x7}, {tv_sec=1, tv_nsec=0}, 8) = 10 (SIGUSR1)",
    );
    let expected = json!({
        "set": ["SIGUSR1"],
        "info": {
            "sig": "SIGUSR1", "signo": 10, "code": "SI_QUEUE", "pid": 9, "uid": 0,
            "int": 7, "ptr": "0x7",
        },
        "timeout": { "sec": 1, "nsec": 0 },
        "sigsetsize": 8,
    });
    assert_eq!((&value["args"], &value["outcome"]), (&expected, &json!({ "ret": 10 })));
}

#[test]
fn the_status_of_a_child_may_be_a_signal() {
    let value = told(
        "rt_sigtimedwait([CHLD], {si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=9, si_uid=0, \
         si_status=SIGKILL, si_utime=0, si_stime=1}, NULL, 8) = 17 (SIGCHLD)",
    );
    assert_eq!(value["args"]["info"]["status"], 9);
    assert_eq!(value["args"]["info"]["stime"], 1);
}

#[test]
fn a_stack_may_be_none() {
    assert_args(
        "sigaltstack({ss_sp=0x7f5eabe32000, ss_flags=0, ss_size=8192}, \
         {ss_sp=NULL, ss_flags=SS_DISABLE, ss_size=0}) = 0",
        json!({
            "ss": { "sp": "0x7f5eabe32000", "flags": [], "size": 8192 },
            "old_ss": { "sp": null, "flags": ["SS_DISABLE"], "size": 0 },
        }),
    );
}

#[test]
fn what_was_not_read_is_its_address() {
    let value = told("rt_sigaction(SIGKILL, 0x1, 0x7ffd00, 8) = -1 EFAULT (Bad address)");
    assert_eq!(value["args"]["act"], json!({ "address": "0x1" }));
}

#[test]
fn a_call_may_be_without_arguments_or_end() {
    let value = told("pause() = ? ERESTARTNOHAND (To be restarted if no handler)");
    let expected = json!({ "error": "ERESTARTNOHAND" });
    assert_eq!((&value["args"], &value["outcome"]), (&json!({}), &expected));
    let value = told("rt_sigtimedwait([USR1],  <unfinished ...>) = ?");
    let expected = json!({ "set": ["SIGUSR1"] });
    assert_eq!((&value["args"], &value["outcome"]), (&expected, &Value::Null));
    assert_eq!(told("???( <unfinished ...>) = ?")["outcome"], Value::Null);
}

#[test]
fn a_return_from_a_handler_has_a_mask() {
    let value = told("rt_sigreturn({mask=[CHLD]}) = -1 EINTR (Interrupted system call)");
    assert_eq!(value["args"], json!({ "mask": ["SIGCHLD"] }));
}

#[test]
fn what_goes_on_is_told() {
    let value = told("restart_syscall(<... resuming interrupted nanosleep ...>) = 0");
    assert_eq!(value["args"]["resumes"], "<... resuming interrupted nanosleep ...>");
}

#[test]
fn a_signal_that_is_taken_has_its_siginfo() {
    let value = told("--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=9, si_uid=0} ---");
    let expected = json!({
        "step": "take",
        "args": {
            "sig": "SIGUSR1", "signo": 10,
            "info": { "sig": "SIGUSR1", "signo": 10, "code": "SI_TKILL", "pid": 9, "uid": 0 },
        },
        "outcome": "happened",
    });
    assert_eq!(value, expected);
}

#[test]
fn a_timer_has_its_number() {
    let value = told(
        "--- SIGALRM {si_signo=SIGALRM, si_code=SI_TIMER, si_timerid=0x1, si_overrun=0, si_int=0, \
         si_ptr=NULL} ---",
    );
    let info = json!({
        "sig": "SIGALRM", "signo": 14, "code": "SI_TIMER", "timerid": 1, "overrun": 0, "int": 0,
        "ptr": "0x0",
    });
    assert_eq!(value["args"]["info"], info);
}

#[test]
fn a_fault_has_an_address() {
    let value = told("--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---");
    let info = json!({ "sig": "SIGSEGV", "signo": 11, "code": "SEGV_MAPERR", "addr": "0x0" });
    assert_eq!(value["args"]["info"], info);
}

#[test]
fn a_thread_that_stops_tells_by_which_signal() {
    let args = json!({ "sig": "SIGTSTP", "signo": 20 });
    let expected = json!({ "step": "stop", "args": args, "outcome": "happened" });
    assert_eq!(told("--- stopped by SIGTSTP ---"), expected);
}

#[test]
fn the_end_by_a_signal_tells_whether_memory_was_dumped() {
    let end = |sig: &str, signo: i32, core_dumped: bool| {
        let args = json!({ "sig": sig, "signo": signo, "core_dumped": core_dumped });
        json!({ "step": "end", "args": args, "outcome": "happened" })
    };
    assert_eq!(told("+++ killed by SIGKILL +++"), end("SIGKILL", 9, false));
    assert_eq!(told("+++ killed by SIGRT_2 +++"), end("SIGRTMIN", 34, false));
    assert_eq!(told("+++ killed by SIGABRT (core dumped) +++"), end("SIGABRT", 6, true));
}

#[test]
fn a_thread_that_ends_by_itself_takes_no_step_by_that() {
    let step = super::step(&Entry::End("exited with 0".into())).unwrap().map(|step| step.value());
    assert_eq!(step, None);
}

#[test]
fn what_is_not_understood_is_an_error() {
    for line in [
        "--- SIGUSR1 ---",
        "--- SIGWHAT {si_signo=SIGUSR1} ---",
        "--- SIGUSR1 {si_signo=SIGUSR1}, {} ---",
        "--- stopped by what ---",
        "+++ killed by what +++",
        "+++ gone +++",
        "open(1) = 3",
        "kill(1, SIGWHAT) = 0",
        "kill(1, 2, 3) = 0",
        "kill(1, 2) = what",
    ] {
        let threads = log::read(&format!("7  {line}\n")).unwrap();
        assert!(super::step(&threads[&7].entries[0]).is_err(), "{line}");
    }
}
