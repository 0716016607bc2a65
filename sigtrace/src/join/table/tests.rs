//! Records and what /proc says, in all orders.

use super::*;
use crate::decode::Who;

const TICK: u64 = TICK_NS;

/// A process by its number, its start and its executions.
fn who(pid: u32, start_ns: u64, execs: u32) -> Who {
    Who { pid, start_ns, execs }
}

fn state(who: Who, parent: Option<(u32, u64)>, name: &str) -> State<'static> {
    State {
        who,
        time_ns: who.start_ns,
        parent,
        comm: comm(name.as_bytes()),
        loginuid: None,
        session: 1,
        ns_pid: None,
        cgroup: 1,
        cgroup_path: Path::Missing,
    }
}

fn fork(table: &mut Table, child: Who, creator: Who, name: &str) {
    let by = (creator.pid, creator.start_ns);
    table.change(&Change::Fork(state(child, Some(by), name), by));
}

fn exec(table: &mut Table, who: Who, name: &str) {
    exec_at(table, who, name, who.start_ns);
}

fn exec_at(table: &mut Table, who: Who, name: &str, time_ns: u64) {
    let exe = [name.as_bytes(), b"\0bin\0"].concat();
    let state = State { time_ns, ..state(who, None, name) };
    let exe = Exec { exe: Path::Whole(&exe), exe_deleted: false, script: None, args: None };
    table.change(&Change::Exec(state, exe));
}

fn end(table: &mut Table, who: Who, time_ns: u64) {
    table.change(&Change::End { pid: who.pid, start_ns: who.start_ns, time_ns });
}

fn found(pid: u32, ppid: u32, session: u32, ticks: u64, name: &str) -> Found {
    Found {
        pid,
        ppid,
        session,
        start_ticks: ticks,
        exact: None,
        comm: name.as_bytes().to_vec(),
        is_of_kernel: false,
        ns_pid: None,
        loginuid: None,
        cgroup: Some(b"/x.service".to_vec()),
        cgroup_id: None,
        image: Image { exe: Some(format!("/bin/{name}").into_bytes().into()), ..Image::default() },
    }
}

/// What a process executes, as far as it is known.
fn exe(table: &mut Table, who: Who) -> Option<String> {
    let exe = table.get(who.pid, who.tag(), None)?.image?.exe.clone()?;
    Some(String::from_utf8_lossy(&exe).into_owned())
}

fn parents(table: &mut Table, who: Who) -> Option<Vec<(u32, String)>> {
    let parents = table.get(who.pid, who.tag(), None)?.parents?;
    let name = |comm: &Comm| String::from_utf8_lossy(comm.bytes()).into_owned();
    Some(parents.iter().map(|parent| (parent.pid, name(&parent.comm))).collect())
}

fn table() -> Table {
    Table::new(Redaction::default())
}

#[test]
fn a_child_is_what_its_creator_was_until_it_executes_something() {
    let (shell, child) = (who(10, 5 * TICK, 2), who(11, 9 * TICK, 2));
    let mut table = table();
    exec(&mut table, shell, "sh");
    fork(&mut table, child, shell, "sh");
    assert_eq!(exe(&mut table, child).as_deref(), Some("/bin/sh"));
    let later = who(11, 9 * TICK, 3);
    exec(&mut table, later, "pkill");
    assert_eq!(exe(&mut table, later).as_deref(), Some("/bin/pkill"));
    // A record of before may come after.
    assert_eq!(exe(&mut table, child).as_deref(), Some("/bin/sh"));
    assert_eq!(parents(&mut table, later), Some(vec![(10, "sh".into())]));
    end(&mut table, later, 10 * TICK);
    assert_eq!(exe(&mut table, later).as_deref(), Some("/bin/pkill"));
    assert_eq!((table.missed(), table.len()), (0, 2));
}

#[test]
fn a_number_that_is_used_again_is_another_process() {
    let (first, second) = (who(10, 5 * TICK, 2), who(10, 7 * TICK, 2));
    let mut table = table();
    exec(&mut table, first, "first");
    end(&mut table, first, 6 * TICK);
    // Its creation was not told.
    assert_eq!(exe(&mut table, second), None);
    exec(&mut table, second, "second");
    assert_eq!(exe(&mut table, first).as_deref(), Some("/bin/first"));
    assert_eq!(exe(&mut table, second).as_deref(), Some("/bin/second"));
    assert_eq!((table.missed(), table.len()), (1, 2));
}

#[test]
fn what_was_executed_unseen_makes_it_unknown() {
    let (before, after) = (who(10, 5 * TICK, 2), who(10, 5 * TICK, 3));
    let mut table = table();
    exec(&mut table, before, "before");
    assert_eq!(exe(&mut table, after), None);
    assert_eq!(table.get(10, 0, None), None);
    assert_eq!(table.missed(), 2);
}

#[test]
fn what_proc_says_is_learnt_from_the_first_record_that_names_it() {
    let mut table = table();
    table.add_found(vec![found(10, 1, 10, 5, "daemon")], 9 * TICK);
    let daemon = who(10, 5 * TICK + 123, 4);
    assert_eq!(exe(&mut table, who(10, 6 * TICK, 4)), None);
    assert_eq!(exe(&mut table, daemon).as_deref(), Some("/bin/daemon"));
    // From then on it is not taken for something else.
    assert_eq!(exe(&mut table, who(10, 5 * TICK + 123, 5)), None);
    let path = table.get(10, daemon.tag(), None).and_then(|known| known.group);
    let path = path.as_deref().map(|group| &*group.path);
    assert_eq!(path, Some(&b"/x.service"[..]));
}

#[test]
fn what_proc_says_is_nothing_once_records_were_lost() {
    let mut table = table();
    table.add_found(vec![found(10, 1, 10, 5, "a"), found(11, 1, 11, 5, "b")], 9 * TICK);
    let (known, unknown) = (who(10, 5 * TICK, 4), who(11, 5 * TICK, 4));
    assert!(exe(&mut table, known).is_some());
    table.note_lost(1);
    assert!(exe(&mut table, known).is_some());
    assert_eq!(exe(&mut table, unknown), None);
    table.note_lost(1);
    // A child of it is what it was, as far as that was known.
    let (child, orphan) = (who(12, 11 * TICK, 4), who(13, 11 * TICK, 4));
    fork(&mut table, child, known, "a");
    fork(&mut table, orphan, unknown, "b");
    assert_eq!(exe(&mut table, child).as_deref(), Some("/bin/a"));
    assert_eq!(exe(&mut table, orphan), None);
}

#[test]
fn what_the_kernel_said_of_it_stays_when_records_are_lost() {
    let mut table = table();
    let exact = Some((5 * TICK + 7, 4));
    table
        .add_found(vec![Found { exact, cgroup_id: Some(7), ..found(10, 1, 10, 5, "a") }], 9 * TICK);
    table.note_lost(1);
    let daemon = who(10, 5 * TICK + 7, 4);
    assert_eq!(exe(&mut table, daemon).as_deref(), Some("/bin/a"));
    assert_eq!(exe(&mut table, who(10, 5 * TICK + 7, 5)), None);
    let group = |table: &mut Table, cgroup| table.get(10, daemon.tag(), cgroup)?.group;
    assert_eq!(group(&mut table, None), None);
    assert!(group(&mut table, Some(7)).is_some());
    // A record of an execution before it was found is of the same.
    exec(&mut table, daemon, "a");
    assert_eq!((exe(&mut table, daemon).as_deref(), table.len()), (Some("/bin/a"), 1));
}

#[test]
fn records_are_right_against_what_proc_said() {
    let mut table = table();
    let shell = who(9, 2 * TICK, 1);
    // Executed, before it was read or after: the record says what.
    exec(&mut table, who(10, 5 * TICK, 3), "new");
    // Ended before it was read: there is nothing but its number.
    end(&mut table, who(11, 5 * TICK, 3), 6 * TICK);
    // Created while /proc was read, by one that nothing was known of.
    fork(&mut table, who(12, 7 * TICK, 1), shell, "sh");
    fork(&mut table, who(13, 7 * TICK, 1), shell, "sh");
    // Its number was used again within a tick.
    fork(&mut table, who(14, 8 * TICK + 1, 1), shell, "sh");
    end(&mut table, who(14, 8 * TICK + 1, 1), 8 * TICK + 2);
    fork(&mut table, who(14, 8 * TICK + 3, 1), shell, "sh");
    let all = vec![
        found(9, 1, 9, 2, "sh"),
        found(10, 9, 9, 5, "old"),
        found(11, 9, 9, 5, "gone"),
        found(12, 9, 9, 7, "sh"),
        found(14, 9, 9, 8, "perhaps"),
    ];
    table.add_found(all, 9 * TICK);
    assert_eq!(exe(&mut table, who(10, 5 * TICK, 3)).as_deref(), Some("/bin/new"));
    assert_eq!(exe(&mut table, who(12, 7 * TICK, 1)).as_deref(), Some("/bin/sh"));
    assert_eq!(exe(&mut table, who(13, 7 * TICK, 1)), None);
    let by_shell = Some(vec![(9, "sh".to_owned())]);
    assert_eq!(parents(&mut table, who(13, 7 * TICK, 1)), by_shell);
    assert_eq!(exe(&mut table, who(14, 8 * TICK + 3, 1)), None);
    let mut unknown = table.unknown();
    unknown.sort_unstable();
    assert_eq!(unknown, [13, 14]);
    // Who has ended is no living one.
    table.started();
    exec_at(&mut table, who(99, 9 * TICK, 1), "x", 100 * KEPT_NS);
    assert_eq!(exe(&mut table, who(11, 5 * TICK, 3)), None);
}

#[test]
fn execution_by_a_thread_that_is_not_the_first_is_one_of_the_process() {
    // The kernel gives the thread the number and the start of the first one, whose end ends no process.
    let (before, after) = (who(10, 5 * TICK, 2), who(10, 5 * TICK, 3));
    let mut table = table();
    exec(&mut table, before, "threads");
    exec(&mut table, after, "new");
    assert_eq!(exe(&mut table, after).as_deref(), Some("/bin/new"));
    assert_eq!(table.len(), 1);
}

#[test]
fn parents_are_those_up_to_the_leader_of_the_session() {
    let mut table = table();
    let all = vec![
        found(1, 0, 1, 1, "systemd"),
        found(5, 1, 5, 2, "sshd"),
        found(6, 5, 5, 2, "sshd-session"),
        found(10, 6, 10, 3, "bash"),
        found(11, 10, 10, 4, "make"),
        found(12, 77, 77, 4, "lost"),
        // Which cannot be.
        found(20, 21, 9, 4, "a"),
        found(21, 20, 9, 4, "b"),
    ];
    table.add_found(all, 9 * TICK);
    let names = |list: &[(u32, &str)]| {
        Some(list.iter().map(|(pid, name)| (*pid, (*name).to_owned())).collect::<Vec<_>>())
    };
    let mut of = |pid: u32, ticks: u64| parents(&mut table, who(pid, ticks * TICK, 1));
    assert_eq!(of(1, 1), names(&[]));
    assert_eq!(of(5, 2), names(&[(1, "systemd")]));
    assert_eq!(of(10, 3), names(&[(6, "sshd-session"), (5, "sshd")]));
    assert_eq!(of(11, 4), names(&[(10, "bash")]));
    assert_eq!((of(12, 4), of(20, 4)), (None, None));
    // One that is created is one more of the session.
    let child = State { session: 10, ..state(who(30, 9 * TICK, 1), Some((11, 4 * TICK)), "cc") };
    table.change(&Change::Fork(child, (11, 4 * TICK)));
    assert_eq!(parents(&mut table, who(30, 9 * TICK, 1)), names(&[(11, "make"), (10, "bash")]));
}

#[test]
fn a_group_is_the_creators_unless_it_is_told() {
    let mut table = table();
    let (shell, child) = (who(10, 5 * TICK, 2), who(11, 9 * TICK, 2));
    let with = |who, path| State { cgroup: 7, cgroup_path: path, ..state(who, None, "x") };
    let path = |table: &mut Table, who: Who| {
        let group = table.get(who.pid, who.tag(), None)?.group?;
        Some((String::from_utf8_lossy(&group.path).into_owned(), group.names.unit.clone()))
    };
    let nothing = Exec { exe: Path::Missing, exe_deleted: false, script: None, args: None };
    table.change(&Change::Exec(with(shell, Path::Whole(b"a.service\0")), nothing));
    table.change(&Change::Fork(with(child, Path::Missing), (10, 5 * TICK)));
    let a = Some(("/a.service".to_owned(), Some("a.service".to_owned())));
    assert_eq!((path(&mut table, shell), path(&mut table, child)), (a.clone(), a.clone()));
    table.change(&Change::Move(with(child, Path::Whole(b"b.scope\0system.slice\0"))));
    let b = Some(("/system.slice/b.scope".to_owned(), Some("b.scope".to_owned())));
    assert_eq!((path(&mut table, shell), path(&mut table, child)), (a, b));
    table.change(&Change::Move(State { cgroup: 8, ..with(child, Path::Cut) }));
    assert_eq!(path(&mut table, child), None);
}

#[test]
fn what_may_have_changed_unseen_is_unknown() {
    let mut table = table();
    let process = who(10, 5 * TICK, 2);
    let with = |path| State { cgroup: 7, cgroup_path: path, ..state(process, None, "x") };
    let nothing = Exec { exe: Path::Missing, exe_deleted: false, script: None, args: None };
    table.change(&Change::Exec(with(Path::Whole(b"a.service\0")), nothing));
    let known = |table: &mut Table, cgroup| {
        let known = table.get(10, process.tag(), cgroup).expect("it");
        let path = known.group.map(|group| String::from_utf8_lossy(&group.path).into_owned());
        (path, known.comm.is_some())
    };
    let path = Some("/a.service".to_owned());
    assert_eq!(known(&mut table, None), (path.clone(), true));
    // One that it was moved to, of which nothing is known.
    assert_eq!(known(&mut table, Some(8)), (None, true));
    table.note_lost(1);
    assert_eq!(known(&mut table, None), (None, false));
    // The record of a call has the group's id.
    assert_eq!(known(&mut table, Some(7)), (path.clone(), false));
    table.change(&Change::Rename { pid: 10, start_ns: 5 * TICK, comm: comm(b"y") });
    assert_eq!(known(&mut table, None), (None, true));
    table.change(&Change::Move(with(Path::Whole(b"a.service\0"))));
    assert_eq!(known(&mut table, None), (path, true));
}

#[test]
fn those_that_have_ended_make_room_and_those_that_live_do_not() {
    let mut table = Table::with_room(Redaction::default(), 3);
    let process = |pid: u32| who(pid, u64::from(pid) * TICK, 1);
    for pid in 1..=3 {
        exec(&mut table, process(pid), "x");
    }
    exec(&mut table, process(4), "x");
    assert_eq!((exe(&mut table, process(4)), table.len()), (None, 3));
    end(&mut table, process(2), 9 * TICK);
    assert!(exe(&mut table, process(2)).is_some());
    exec(&mut table, process(5), "x");
    let known: Vec<_> = (1..=5).filter(|pid| exe(&mut table, process(*pid)).is_some()).collect();
    assert_eq!((known, table.len()), (vec![1, 3, 5], 3));
    // Long ago.
    end(&mut table, process(3), 10 * TICK);
    exec_at(&mut table, process(1), "y", 2 * KEPT_NS);
    fork(&mut table, who(6, 2 * KEPT_NS, 1), process(1), "y");
    assert_eq!(table.len(), 3);
    assert_eq!(exe(&mut table, process(3)), None);
}

#[test]
fn those_whose_end_was_not_told_are_found_out() {
    let mut table = Table::with_room(Redaction::default(), 2);
    let process = |pid: u32| who(pid, u64::from(pid) * TICK, 1);
    exec(&mut table, process(1), "x");
    exec(&mut table, process(2), "x");
    assert!(table.is_full());
    table.reap(|pid| pid != 2, 9 * TICK);
    // It is known yet, but makes room.
    assert!(exe(&mut table, process(2)).is_some());
    exec(&mut table, process(3), "x");
    let known: Vec<_> = (1..=3).filter(|pid| exe(&mut table, process(*pid)).is_some()).collect();
    assert_eq!(known, [1, 3]);
}

mod orders {
    use proptest::prelude::*;

    use super::*;

    /// What the world does to three numbers: each becomes another process, or executes something, or ends.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Fork(u32, u32),
        Exec(u32),
        End(u32),
    }

    fn step() -> impl Strategy<Value = (Step, bool)> {
        let pid = 1..4_u32;
        let step = prop_oneof![
            (pid.clone(), pid.clone()).prop_map(|(child, by)| Step::Fork(child, by)),
            pid.clone().prop_map(Step::Exec),
            pid.prop_map(Step::End),
        ];
        (step, prop::bool::weighted(0.8))
    }

    proptest! {
        /// Whatever of it is told, by whatever /proc said before: what the table says is what was.
        #[test]
        fn no_name_is_ever_wrong(
            steps in prop::collection::vec(step(), 1..60),
            is_scanned in any::<bool>(),
            counts in any::<bool>(),
        ) {
            // What lives, and what that executes: as many names as things that were ever executed.
            let mut alive: HashMap<u32, (Who, String)> = HashMap::new();
            let (mut table, mut lost, mut now) = (table(), 0, 100 * TICK);
            for pid in 1..3 {
                alive.insert(pid, (who(pid, u64::from(pid) * TICK, 1), format!("first{pid}")));
            }
            if is_scanned {
                let all = alive.values().map(|(who, name)| {
                    found(who.pid, 0, 0, who.start_ns / TICK, name)
                });
                table.add_found(all.collect(), now);
            }
            table.started();
            for (at, (step, is_told)) in steps.into_iter().enumerate() {
                now += TICK;
                if !is_told && counts {
                    lost += 1;
                }
                match step {
                    Step::Fork(child, by) => {
                        let Some((creator, name)) = alive.get(&by).cloned() else { continue };
                        if alive.contains_key(&child) {
                            continue;
                        }
                        let new = who(child, now, creator.execs);
                        if is_told {
                            fork(&mut table, new, creator, &name);
                        }
                        alive.insert(child, (new, name));
                    }
                    Step::Exec(pid) => {
                        let Some((process, name)) = alive.get_mut(&pid) else { continue };
                        process.execs += 1;
                        *name = format!("exec{at}");
                        if is_told {
                            exec_at(&mut table, *process, name, now);
                        }
                    }
                    Step::End(pid) => {
                        let Some((process, _)) = alive.remove(&pid) else { continue };
                        if is_told {
                            end(&mut table, process, now);
                        }
                    }
                }
                table.note_lost(lost);
                for (process, name) in alive.values() {
                    // What was lost without being counted is found out by the tag only.
                    let is_certain = counts || !is_scanned;
                    let got = exe(&mut table, *process);
                    if is_certain && let Some(got) = got {
                        prop_assert_eq!(got, format!("/bin/{}", name));
                    }
                }
            }
        }
    }
}
