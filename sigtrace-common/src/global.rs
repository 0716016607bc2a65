//! Functions of the programs that the verifier goes through once for a program, and not once for each place
//! and state that they are called from: global ones, as program BTF has it (`Documentation/bpf/btf.rst`;
//! `btf_prepare_func_args` in `kernel/bpf/btf.c`). They are given numbers and give back one, of which the
//! verifier knows nothing on either side; no pointers, which 5.10 does not take.

/// Every such function: its name in the object, and how many numbers it is given, each a `u32`.
pub const GLOBALS: [(&str, u32); 11] = [
    ("emit_missed", 1),
    ("enter_own", 2),
    ("explain_refusal", 4),
    ("is_beyond_share", 3),
    ("keep_action", 3),
    ("leave_out_of_ring", 3),
    ("read_again", 4),
    ("read_input", 5),
    ("take_action", 4),
    ("take_stack", 4),
    ("tell_mapping", 4),
];
