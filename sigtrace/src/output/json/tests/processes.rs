//! Who processes are.

use super::*;
use crate::{
    decode::tests_of_exit::segfault,
    join::Context,
    output::{
        Known, Parties, Process, Stats,
        process::sample::{identity, stranger},
    },
};

fn written(event: Event<'_>) -> String {
    let mut buffer = Vec::new();
    Json::new(Sets::Names).write(event, &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    assert_valid(&line);
    line
}

/// What an identity adds to a process, `"…"` being what is there only with arguments.
fn known(args: &str) -> String {
    let [a, b, c] = [("a", 64), ("b", 32), ("c", 64)].map(|(digit, count)| digit.repeat(count));
    format!(
        concat!(
            r#","exe":"/bin/sh{u}","exe_deleted":true,"script":"./x.sh"{args},"loginuid":1000,"#,
            r#""cgroup":"/system.slice/docker-{a}.scope/kubepods.slice/kubepods-pod{b}.slice/"#,
            r#"cri-containerd-{c}.scope","unit":"docker-{a}.scope","user_unit":null,"#,
            r#""container":{{"runtime":"containerd","probable":false,"id":"{c}","name":null,"pod":"{b}","#,
            r#""role":"workload","outermost":{{"runtime":"docker","id":"{a}"}}}},"ns_pid":7,"#,
            r#""parents":[{{"pid":1,"comm":""}}]"#,
        ),
        u = '\u{fffd}',
        a = a,
        b = b,
        c = c,
        args = args,
    )
}

const ARGS: &str = concat!(
    r#","cmdline":["sh","./x.sh","--token=***",""#,
    "\u{fffd}",
    r#"\"\u001b[m"],"cmdline_truncated":true,"cmdline_redacted":1"#
);

#[test]
fn a_call_has_its_parties_beside_its_arguments() {
    let sample = Sample::of("kill", &[900, 15]);
    let call = decode::call(sample.bytes(), CLOCK).unwrap();
    let caller = Process::of_caller(&call, identity(), Context::Full, CLOCK);
    let target = Process::of_target(900, stranger(), Context::Basic, CLOCK);
    let parties = Parties { caller: Some(caller), target: Some(target), handler_at: None };
    let line = written(Event::Call(&call, Some(&parties)));
    let expected = format!(
        concat!(
            r#""args":{{"pid":900,"sig":"SIGTERM","signo":15}},"#,
            r#""caller":{{"pid":812,"start":"2026-11-21T19:53:07.523456789Z","comm":"x.sh","ppid":1,"#,
            r#""uid":33,"gid":34{known}}},"#,
            r#""target":{{"pid":900,"start":"2026-11-21T19:53:07.523456788Z","comm":null,"ppid":null,"#,
            r#""uid":null,"gid":null,"exe":null,"exe_deleted":null,"script":null,"loginuid":null,"#,
            r#""cgroup":null,"unit":null,"user_unit":null,"container":null,"ns_pid":null,"#,
            r#""parents":null}},"ret":0"#,
        ),
        known = known(ARGS),
    );
    assert!(line.contains(&expected), "{line}\n{expected}");
    let nobody = written(Event::Call(
        &call,
        Some(&Parties { caller: None, target: None, handler_at: None }),
    ));
    assert!(nobody.contains(r#""signo":15},"caller":null,"target":null,"ret":0"#), "{nobody}");
}

#[test]
fn a_call_that_names_nobody_has_no_target() {
    let sample = Sample::of("pause", &[]);
    let call = decode::call(sample.bytes(), CLOCK).unwrap();
    let line = written(Event::Call(
        &call,
        Some(&Parties { caller: None, target: None, handler_at: None }),
    ));
    assert!(line.contains(r#""args":{},"caller":null,"ret":"#), "{line}");
}

#[test]
fn the_first_threads_name_is_that_of_its_call() {
    let sample = Sample::of("kill", &[900, 15])
        .with(std::mem::offset_of!(sigtrace_common::Record, tid), &812_u32.to_ne_bytes());
    let call = decode::call(sample.bytes(), CLOCK).unwrap();
    let caller = Process::of_caller(&call, identity(), Context::Basic, CLOCK);
    assert_eq!(caller.comm.map(|comm| comm.bytes().to_vec()), Some(b"nginx".to_vec()));
}

#[test]
fn a_process_that_ended_has_more_keys() {
    let exit = decode::exit(&segfault(&[]), CLOCK).unwrap();
    let of = |context, identity| written(Event::Exit(&exit, Some(&Known { context, identity })));
    let basic = of(Context::Basic, Some(identity()));
    assert!(basic.ends_with(&format!(r#""uid":33,"gid":34{}}}}}{}"#, known(""), "\n")), "{basic}");
    let full = of(Context::Full, Some(identity()));
    assert!(full.ends_with(&format!(r#""gid":34{}}}}}{}"#, known(ARGS), "\n")), "{full}");
    let nothing = of(Context::Full, None);
    assert!(
        nothing.contains(r#""script":null,"cmdline":null,"cmdline_truncated":null,"#),
        "{nothing}"
    );
}

#[test]
fn stats_say_what_became_of_the_table() {
    let stats = Stats { context: crate::agent::context_counts([3, 2, 4, 1]), ..Stats::default() };
    let mut buffer = Vec::new();
    Json::new(Sets::Names).write(Event::Stats(&stats), &mut buffer).unwrap();
    let line = String::from_utf8(buffer).unwrap();
    let expected = r#""context":{"processes":3,"room":32768,"identity_missed":2,"selection_unknown":4,"lost":1},"probes":{}}"#;
    assert!(line.ends_with(&format!("{expected}\n")), "{line}");
}

#[test]
fn each_call_has_its_own_parties() {
    let sample = Sample::of("kill", &[900, 15]);
    let call = decode::call(sample.bytes(), CLOCK).unwrap();
    let one = Process::of_target(900, stranger(), Context::Basic, CLOCK);
    let others = [
        Process { pid: 901, ..one.clone() },
        Process { start_ns: one.start_ns + 1, ..one.clone() },
        Process { uid: Some(1), ..one.clone() },
        Process::of_target(900, stranger(), Context::Full, CLOCK),
        Process::of_target(900, identity(), Context::Basic, CLOCK),
    ];
    let mut json = Json::new(Sets::Names);
    for other in others {
        for process in [&one, &other, &one] {
            let parties = Parties { caller: None, target: Some(process.clone()), handler_at: None };
            let mut buffer = Vec::new();
            json.write(Event::Call(&call, Some(&parties)), &mut buffer).unwrap();
            let got = String::from_utf8(buffer).unwrap();
            assert_eq!(got, written(Event::Call(&call, Some(&parties))));
        }
    }
}
