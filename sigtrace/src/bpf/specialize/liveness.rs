//! Which registers' values are still used.

use aya_obj::generated::bpf_insn;

use super::instruction::{
    ARGUMENTS, LOAD_WIDE, callee, class, class_of, destination, ends, is_jump, is_pseudo_call,
    is_second_half, registers_of,
};

/// The registers whose values are used after each instruction, as bits; used for more than what only
/// sets registers that nobody uses.
pub(super) fn live_after(code: &[bpf_insn]) -> Vec<u16> {
    let mut before = vec![0u16; code.len() + 1];
    let mut after = vec![0u16; code.len()];
    loop {
        let mut changed = false;
        for at in (0..code.len()).rev() {
            let instruction = &code[at];
            if is_second_half(code, at) {
                before[at] = before[at + 1];
                continue;
            }
            let mut live = 0;
            if is_jump(instruction) {
                live |= before[destination(at, instruction).min(code.len())];
            }
            if !ends(instruction) {
                let next = if instruction.code == LOAD_WIDE { at + 2 } else { at + 1 };
                live |= before[next.min(code.len())];
            }
            after[at] = live;
            if !is_useless(instruction, live) {
                let (mut uses, sets) = registers_of(instruction);
                if is_pseudo_call(instruction) {
                    // What the function looks at, as far as has been seen.
                    uses = before[callee(at, instruction).min(code.len())] & ARGUMENTS;
                }
                live = live & !sets | uses;
            }
            changed |= before[at] != live;
            before[at] = live;
        }
        if !changed {
            return after;
        }
    }
}

/// Whether all that an instruction does is to set a register that is not among those used after it.
pub(super) fn is_useless(instruction: &bpf_insn, live: u16) -> bool {
    matches!(class_of(instruction), class::LD | class::LDX | class::ALU32 | class::ALU64)
        && live >> instruction.dst_reg() & 1 == 0
}
