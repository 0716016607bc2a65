//! What goes on in a day: acts in which processes die of signals, or do not, for known reasons.
//!
//! `workload day` lists the acts, `workload day ACT` does one. Each act writes down the deaths that it is about to
//! cause, then causes them, and ends once they have happened.

mod kernels;
mod killers;
mod limits;
mod mortals;
mod namespace;
mod survivors;
mod terminals;
mod victim;

/// An act: its name, and what it does.
type Act = (&'static str, fn());

const ACTS: &[Act] = &[
    ("a worker faults under its master", kernels::fault),
    ("the reader of a pipeline leaves", kernels::pipeline),
    ("a filter refuses a call", kernels::seccomp),
    ("a program aborts", killers::abort),
    ("a process kills itself", killers::itself),
    ("an alarm runs out", kernels::alarm),
    ("a timer runs out", kernels::timer),
    ("a profiling timer runs out", kernels::profiling_timer),
    ("a parent dies", kernels::parent_death),
    ("a control group is killed", kernels::cgroup_kill),
    ("processor time is used up", limits::cpu),
    ("processor time is used up for good", limits::cpu_for_good),
    ("a file becomes too large", limits::file_size),
    ("a shell kills a process group", killers::group),
    ("a job kills by pkill and is gone", killers::short_lived),
    ("a thread kills", killers::thread),
    ("a thread executes what kills", killers::executed_by_thread),
    ("a sender forges its name", killers::forger),
    ("a descriptor of a process is used to kill it", killers::by_descriptor),
    ("a blocked signal kills when it is let in", killers::blocked),
    ("Ctrl-C is typed", terminals::interrupt),
    ("Ctrl-backslash is typed", terminals::quit),
    ("a stopped job is killed", terminals::job_control),
    ("a terminal hangs up", terminals::hang_up),
    ("a shell ends with a job in the foreground", terminals::log_out),
    ("the init of a container is killed", namespace::container),
    ("a queue overflows", survivors::overflow),
    ("signals are ignored, caught and waited for", survivors::untouched),
    ("hundreds come and go", mortals::short_lives),
];

pub(crate) fn run(arguments: &[String]) {
    let Some(name) = arguments.first() else {
        for (name, _) in ACTS {
            println!("{name}");
        }
        return;
    };
    match name.as_str() {
        "watched" => survivors::watched(&arguments[1]),
        "hungry" => limits::hungry(&arguments[1]),
        "reloaded" => survivors::reloaded(&arguments[1]),
        _ => {
            let act = ACTS.iter().find(|(known, _)| known == name);
            let (_, act) = act.unwrap_or_else(|| panic!("there is no act {name:?}"));
            act();
        }
    }
}
