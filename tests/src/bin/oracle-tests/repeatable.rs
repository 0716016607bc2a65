//! Programs that make the same calls each time, whatever else the machine does. Their signals go to
//! the process that sends them. Where a parent has a handler for SIGCHLD, a child goes on only when
//! the parent is asleep, so that the signal finds it where it waits.
//!
//! The other programs of this suite are not like that. Go's runtime preempts its threads as time goes
//! by. What `timeout` kills, what a shell has in the background or in a pipe and what make runs side
//! by side end in any order, and so do the processes of the other stressors. sudo and su are
//! privileged, so the kernel does not keep their addresses the same. gdb and systemd have their own
//! ways of being traced.

/// A function of the shell that returns when a process is asleep. It makes no signal call.
const ASLEEP: &str = r#"asleep() {
    until { read -r l; read -r l; read -r l s l; } </proc/$1/status; [ "$s" = S ]; do :; done; }"#;

/// The same for bash, whose `read` makes one.
const ASLEEP_IN_BASH: &str = r#"asleep() {
    until mapfile -n 3 l </proc/$1/status; [[ ${l[2]} = State:?S* ]]; do :; done; }"#;

/// Stressors, and how many rounds each runs.
const STRESSORS: [(&str, u32); 9] = [
    ("sigabrt", 20),
    ("sigbus", 50),
    ("sigfpe", 50),
    ("sigill", 50),
    ("signal", 50),
    ("signest", 20),
    ("sigpending", 50),
    ("sigsegv", 50),
    ("sigtrap", 50),
];

/// All programs: the name and the command line of the shell.
pub(crate) fn programs() -> Vec<(String, String)> {
    let lines = [
        ("dash", dash()),
        ("bash", bash()),
        ("timeout", timeout()),
        ("env", env()),
        ("make", make()),
        ("python", PYTHON.into()),
        ("perl", PERL.into()),
    ];
    let lines = lines.into_iter().map(|(name, line)| (name.into(), line));
    let stressors = STRESSORS.iter().map(|(name, rounds)| {
        let line = format!("exec stress-ng --{name} 1 --{name}-ops {rounds} --no-rand-seed");
        (format!("stress-ng --{name}"), line)
    });
    lines.chain(stressors).collect()
}

fn dash() -> String {
    format!(
        r#"exec dash -c '
        {ASLEEP}
        trap "echo caught" USR1; trap "" HUP
        n=0; while [ $n -lt 100 ]; do kill -USR1 $$; kill -HUP $$; n=$((n+1)); done
        kill -0 1; kill -9 4000000
        for signal in TERM KILL USR1; do
            (asleep $$; trap - USR1; exec dash -c "kill -$signal \$\$")
            (asleep $$; exec sleep 0)
        done
        trap - USR1 HUP
        exit 0'"#
    )
}

fn bash() -> String {
    format!(
        r#"exec bash -c '
        {ASLEEP_IN_BASH}
        trap "echo caught" USR1 USR2 RTMIN+3; trap "echo done" EXIT; trap "" HUP
        for i in {{1..50}}; do kill -USR1 $$; kill -RTMIN+3 $$; kill -HUP $$; done
        for i in {{1..10}}; do
            (asleep $$; kill -TERM $BASHPID)
            (asleep $$; trap - USR1; kill -USR1 $BASHPID)
            (asleep $$; exec bash -c "trap : INT; kill -INT \$\$; exec sleep 0")
        done
        exit 0'"#
    )
}

fn timeout() -> String {
    format!(
        r#"{ASLEEP}
        (asleep $$; exec timeout 60 sh -c '{ASLEEP}
            asleep $PPID; exit 0')
        (asleep $$; exec timeout --foreground -s USR1 -k 60 60 sh -c '{ASLEEP}
            asleep $PPID; trap : USR1; kill -USR1 $$; exit 0')
        exit 0"#
    )
}

fn env() -> String {
    format!(
        r#"{ASLEEP}
        (asleep $$; exec env --block-signal=INT,TERM sh -c 'kill -INT $$')
        (asleep $$; exec env --ignore-signal=HUP --list-signal-handling sh -c 'kill -HUP $$')
        (asleep $$; exec env --block-signal --default-signal=PIPE --list-signal-handling true)
        (asleep $$; exec env --default-signal true)
        exit 0"#
    )
}

fn make() -> String {
    let asleep = ASLEEP.replace('$', "$$").replace('\n', " ");
    format!(
        r#"cat >/tmp/repeatable.mk <<'END'
asleep = {asleep}; asleep $$PPID
all: a b c d
a c: ; $(asleep); exec sleep 0
b: ; $(asleep); exit 1
d: ; $(asleep); kill -TERM $$$$
END
        {ASLEEP}
        (asleep $$; exec make -k -f /tmp/repeatable.mk)
        exit 0"#
    )
}

const PYTHON: &str = r#"exec python3 -c '
import os, signal as s, subprocess, threading
def handler(number, frame): pass
for number in sorted(s.valid_signals() - {s.SIGKILL, s.SIGSTOP, s.SIGCHLD}):
    s.signal(number, handler)
for number in range(100):
    s.raise_signal(s.SIGUSR1)
    os.kill(os.getpid(), s.SIGRTMIN + number % 30)
s.pthread_sigmask(s.SIG_BLOCK, {s.SIGUSR1, s.SIGALRM, s.SIGRTMAX})
os.kill(os.getpid(), s.SIGUSR1); s.sigpending(); s.sigwait({s.SIGUSR1})
os.kill(os.getpid(), s.SIGRTMAX); s.sigwaitinfo({s.SIGRTMAX})
s.sigtimedwait({s.SIGALRM}, 0.01); s.setitimer(s.ITIMER_REAL, 0.05); s.sigtimedwait({s.SIGALRM}, 60)
s.pthread_sigmask(s.SIG_SETMASK, [])
fd = os.pidfd_open(os.getpid()); s.pidfd_send_signal(fd, s.SIGUSR2); os.close(fd)
for number in range(5):
    child = os.fork()
    if child == 0:
        s.signal(s.SIGTERM, s.SIG_DFL)
        os.kill(os.getpid(), s.SIGTERM)
    os.waitpid(child, 0)
    subprocess.run(["sleep", "0"])
    subprocess.run(["sleep", "0"], close_fds=False, start_new_session=True)
lock = threading.Lock(); lock.acquire()
thread = threading.Thread(target=lock.acquire); thread.start()
s.pthread_kill(thread.ident, s.SIGUSR1); lock.release(); thread.join()
subprocess.run(["sleep", "0"])
s.siginterrupt(s.SIGALRM, True); s.alarm(1); s.pause()
'"#;

const PERL: &str = r#"exec perl -e '
use POSIX qw(:signal_h :sys_wait_h);
$SIG{$_} = sub { $n++ } for qw(USR1 USR2 HUP);
$SIG{PIPE} = "IGNORE";
for (1..100) { kill USR1 => $$; kill HUP => $$ }
my $set = POSIX::SigSet->new(SIGINT, SIGTERM, SIGUSR2); my $old = POSIX::SigSet->new;
sigprocmask(SIG_BLOCK, $set, $old); kill USR2 => $$; sigpending($old);
sigprocmask(SIG_UNBLOCK, $set); sigprocmask(SIG_SETMASK, $old);
sigaction(SIGALRM, POSIX::SigAction->new(sub { $n++ }, $set, SA_SIGINFO | SA_NODEFER | SA_RESETHAND));
kill ALRM => $$;
for (1..5) {
    my $child = fork // die;
    if (!$child) { local $SIG{TERM} = "DEFAULT"; kill STOP => $$; kill TERM => $$ }
    waitpid $child, WUNTRACED; kill CONT => $child; waitpid $child, 0;
    $child = fork // die;
    if (!$child) { sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1)); kill USR1 => $$; sigsuspend(POSIX::SigSet->new); exit }
    waitpid $child, 0;
    system "kill -TERM \$\$"; system "sleep 0";
}
kill 0 => 1, 4000000; raise(SIGUSR1);
'"#;
