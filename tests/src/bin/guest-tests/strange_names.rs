//! Processes whose names are no names, as JSON; terminal.rs has them as text.

use serde_json::Value;
use sigtrace_tests::harness::{Puppet, Test, Tracer};
use sigtrace_tests::tests;

/// All of them.
pub const TESTS: &[Test] = tests![a_name_is_text_in_json_whatever_its_bytes];

fn a_name_is_text_in_json_whatever_its_bytes() {
    let names = [
        // "\ and a tab, a line feed, ESC [, DEL.
        ("225c090a1b5b7f", "\"\\\t\n\u{1b}[\u{7f}"),
        // Not UTF-8, and a character cut short.
        ("61ff62", "a\u{fffd}b"),
        ("61e282", "a\u{fffd}"),
        ("c3a9e282ac", "\u{e9}\u{20ac}"),
        // What turns text around is escaped, and the same to who reads the JSON.
        ("e280ae6162", "\u{202e}ab"),
        ("", ""),
    ];
    let mut puppet = Puppet::start();
    let caller = puppet.pid().to_string();
    let tracer = Tracer::start(&["-s", "tkill", "--caller", &caller]);
    for (hex, _) in names {
        puppet.order(&format!("name {hex} "));
        puppet.call("tkill 2147483634 0");
    }
    let trace = tracer.finish();
    let shown: Vec<&Value> = trace.calls().map(|call| &call["comm"]).collect();
    assert_eq!(shown, names.map(|(_, name)| name));
}
