//! The programs.

use std::process::{Command, Stdio};

use sigtrace_tests::harness::{Test, spawn};
use sigtrace_tests::tests;

use crate::attached::systemd_that_starts_and_stops_units;
use crate::counts::Counts;
use crate::run::{Follow, Program, agree, agree_if_followed};
use crate::stress::stress_ng_with_each_stressor_of_signals;
use crate::tally;

/// All tests. The last one is about the others.
pub(crate) const TESTS: &[Test] = tests![
    shells_and_commands_that_send_signals,
    interpreters_and_a_go_program,
    gdb_that_attaches,
    systemd_that_starts_and_stops_units,
    stress_ng_with_each_stressor_of_signals,
    all_of_it_is_enough,
];

/// So much has to be compared.
const ENOUGH: Counts = Counts { calls: 20_000, taken: 5_000, ended: 100, dumped: 3 };

fn shells_and_commands_that_send_signals() {
    let programs = [dash(), bash(), timeout_and_env(), make(), sudo_and_su()];
    agree(&programs.concat());
}

fn interpreters_and_a_go_program() {
    agree(&[python(), perl(), go()]);
}

fn dash() -> Vec<Program<'static>> {
    let line = "exec dash -c '
        trap \"echo caught\" USR1
        trap \"\" HUP
        kill -USR1 $$; kill -HUP $$; kill -0 1; kill -9 4000000
        n=0; while [ $n -lt 100 ]; do kill -USR1 $$; n=$((n+1)); done
        sleep 2 & kill $!; wait
        (cd /tmp; ulimit -c unlimited; sleep 2 & kill -ABRT $!; wait; rm core*)
        sleep 2 | sleep 2 & kill -STOP $!; kill -CONT $!; kill $!
        (trap - USR1; kill -USR1 $(exec sh -c \"echo \\$PPID\"))
        trap - USR1 HUP
        exit 0'";
    vec![("dash", 150, line)]
}

/// bash with job control and traps. The trap of CHLD is taken away before a process is substituted:
/// bash 5.2 parses what is in the parentheses by itself, and a trap that runs in between takes the
/// parser away from under it ("syntax error near `child'").
fn bash() -> Vec<Program<'static>> {
    let traps = "exec bash -c '
        trap \"echo caught\" USR1 USR2 RTMIN+3
        trap \"echo done\" EXIT
        trap \"\" HUP; trap \"echo child\" CHLD
        for i in {1..50}; do kill -USR1 $$; kill -RTMIN+3 $$; done
        for i in {1..20}; do (kill -TERM $BASHPID); done
        sleep 2 & kill -INT $!; kill %1; wait
        coproc cat; kill $COPROC_PID; wait
        { sleep 0.1; kill -USR2 $$; } & wait
        trap - CHLD
        read -t 0.1 < <(sleep 1)
        exit 0'";
    let jobs = "printf '%s\\n' 'sleep 100 &' 'sleep 100 | cat &' 'kill -STOP %1' 'jobs' 'bg %1' \
        'trap \"echo int\" INT' 'kill -INT $$' 'kill %1 %2' 'wait' \
        'exit 0' | script -qec 'bash --norc -i' /dev/null";
    vec![("bash with traps", 1000, traps), ("script and bash with jobs", 250, jobs)]
}

fn timeout_and_env() -> Vec<Program<'static>> {
    let timeout = "timeout 0.2 sleep 10; timeout -s INT -k 0.2 0.2 sh -c 'trap \"\" INT; sleep 5'; \
        timeout --foreground -s USR1 0.1 sleep 10; timeout 10 true";
    let env = "env --block-signal=INT,TERM sh -c 'kill -INT $$'; \
        env --ignore-signal=HUP --default-signal=PIPE --list-signal-handling sh -c 'kill -HUP $$'; \
        env --block-signal --list-signal-handling true; env --default-signal true";
    vec![("timeout", 80, timeout), ("env", 150, env)]
}

/// python and its signal module.
fn python() -> Program<'static> {
    let line = "exec python3 -c '
import os, resource, signal as s, threading, time
def handler(number, frame): pass
for number in s.valid_signals() - {s.SIGKILL, s.SIGSTOP}:
    try: s.signal(number, handler)
    except OSError: pass
for number in range(300):
    s.raise_signal(s.SIGUSR1)
    os.kill(os.getpid(), s.SIGRTMIN + number % 30)
s.pthread_sigmask(s.SIG_BLOCK, {s.SIGUSR1, s.SIGALRM, s.SIGRTMAX})
os.kill(os.getpid(), s.SIGUSR1); s.sigpending(); s.sigwait({s.SIGUSR1})
os.kill(os.getpid(), s.SIGRTMAX); s.sigwaitinfo({s.SIGRTMAX})
s.sigtimedwait({s.SIGALRM}, 0.01); s.setitimer(s.ITIMER_REAL, 0.05); s.sigtimedwait({s.SIGALRM}, 5)
s.pthread_sigmask(s.SIG_SETMASK, [])
fd = os.pidfd_open(os.getpid()); s.pidfd_send_signal(fd, s.SIGUSR2); os.close(fd)
child = os.fork()
if child == 0:
    s.signal(s.SIGTERM, s.SIG_DFL)
    while True: s.pause()
time.sleep(0.1); os.kill(child, s.SIGTERM); os.waitpid(child, 0)
os.chdir(\"/tmp\"); resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
for number in [s.SIGTERM, s.SIGABRT]:
    child = os.fork()
    if child == 0:
        threading.Thread(target=time.sleep, args=[9]).start()
        s.signal(number, s.SIG_DFL); os.kill(os.getpid(), number); time.sleep(9)
    os.waitpid(child, 0)
thread = threading.Thread(target=lambda: time.sleep(0.3)); thread.start()
s.pthread_kill(thread.ident, s.SIGUSR1); thread.join()
s.siginterrupt(s.SIGALRM, True); s.alarm(1); s.pause()
'";
    ("python", 900, line)
}

/// perl and its POSIX module.
fn perl() -> Program<'static> {
    let line = "exec perl -e '
use POSIX qw(:signal_h :sys_wait_h);
$SIG{$_} = sub { $n++ } for qw(USR1 USR2 HUP CHLD);
$SIG{PIPE} = \"IGNORE\";
for (1..200) { kill USR1 => $$; kill HUP => $$ }
my $set = POSIX::SigSet->new(SIGINT, SIGTERM, SIGUSR2); my $old = POSIX::SigSet->new;
sigprocmask(SIG_BLOCK, $set, $old); kill USR2 => $$; sigpending($old);
sigprocmask(SIG_UNBLOCK, $set); sigprocmask(SIG_SETMASK, $old);
sigaction(SIGALRM, POSIX::SigAction->new(sub { $n++ }, $set, SA_SIGINFO | SA_NODEFER | SA_RESETHAND));
kill ALRM => $$;
if (my $child = fork) { kill STOP => $child; kill CONT => $child; kill TERM => $child; waitpid $child, 0 }
else { local $SIG{TERM} = \"DEFAULT\"; sleep 10; exit }
my $child = fork // die; if (!$child) { sigsuspend(POSIX::SigSet->new); exit }
select undef, undef, undef, 0.2; kill USR1 => $child; waitpid $child, 0;
kill 0 => 1, 4000000; system \"kill -TERM \\$\\$\"; raise(SIGUSR1);
'";
    ("perl", 1000, line)
}

/// make with a job that fails, and with jobs that are stopped.
fn make() -> Vec<Program<'static>> {
    let failing = "printf 'all: a b c d\\na c:\\n\\tsleep 0.1\\nb:\\n\\tfalse\\nd:\\n\\tkill -TERM $$$$\\n' \
        >/tmp/fails.mk; make -k -j4 -f /tmp/fails.mk; make -j4 -f /tmp/fails.mk; true";
    let stopped = "printf 'all: a b\\na b:\\n\\tsleep 10\\n' >/tmp/long.mk; \
        timeout 0.5 make -j2 -f /tmp/long.mk; true";
    vec![("make with a failing job", 70, failing), ("make that is stopped", 40, stopped)]
}

fn sudo_and_su() -> Vec<Program<'static>> {
    let sudo =
        "sudo -n sh -c 'kill -0 $$'; sudo -n -u nobody sh -c 'kill -0 1; kill -TERM $$'; true";
    let su = "su nobody -s /bin/sh -c 'kill -0 1; kill -TERM $$'; su -P -c 'kill -INT $$' </dev/null; true";
    vec![("sudo", 120, sudo), ("su", 60, su)]
}

/// fzf is written in Go, whose runtime sends its own threads SIGURG to preempt them.
fn go() -> Program<'static> {
    let line = "seq 1 300000 >/tmp/lines; exec fzf --filter 999 </tmp/lines >/tmp/found";
    ("fzf", 80, line)
}

/// It is not followed: it would like to trace a child of its own, which has a tracer then.
fn gdb_that_attaches() {
    let mut sleeper = spawn(Command::new("sleep").arg("1000").stdin(Stdio::null()));
    let line = format!(
        "gdb -nx -batch -p {} -ex 'info threads' -ex 'handle SIGUSR1 nostop' -ex kill",
        sleeper.id()
    );
    agree_if_followed(Follow::Nobody, &[("gdb", 100, &line)]);
    let _ = sleeper.wait();
}

fn all_of_it_is_enough() {
    let compared = tally::print();
    assert!(compared.reaches(&ENOUGH), "{compared}, not {ENOUGH}: did all tests run?");
}
