//! Where instructions lie.

use aya_obj::generated::bpf_insn;

use super::instruction::{
    JA, LOAD_WIDE, callee, class, destination, ends, is_jump, is_pseudo_call, is_second_half,
};

/// The program with jumps that lead to other jumps leading to where these lead.
pub(super) fn threaded(mut code: Vec<bpf_insn>) -> Vec<bpf_insn> {
    for at in 0..code.len() {
        if is_second_half(&code, at)
            || !is_jump(&code[at])
            || code[at].code == JA << 4 | class::JMP32
        {
            continue;
        }
        // One by one, so that a jump to itself does no harm.
        let there = destination(at, &code[at]);
        if let Some(next) = code.get(there)
            && next.code == JA << 4 | class::JMP64
            && !is_second_half(&code, there)
            && let Ok(off) = i16::try_from(destination(there, next) as i64 - at as i64 - 1)
        {
            code[at].off = off;
        }
    }
    code
}

/// The instructions that can be reached.
pub(super) fn reached(code: &[bpf_insn]) -> Vec<Option<bpf_insn>> {
    let mut kept = vec![None; code.len()];
    let mut work = vec![0];
    while let Some(mut at) = work.pop() {
        while at < code.len() && kept[at].is_none() {
            let instruction = code[at];
            kept[at] = Some(instruction);
            if instruction.code == LOAD_WIDE {
                kept[at + 1] = code.get(at + 1).copied();
                at += 2;
                continue;
            }
            if is_jump(&instruction) {
                work.push(destination(at, &instruction));
            } else if is_pseudo_call(&instruction) {
                work.push(callee(at, &instruction));
            }
            if ends(&instruction) {
                break;
            }
            at += 1;
        }
    }
    kept
}

/// The instructions that are kept, with their jumps and calls over what is not made shorter.
pub(super) fn compact(mut kept: Vec<Option<bpf_insn>>) -> Vec<bpf_insn> {
    // Jumps to what comes next anyway fall away, until there are no more.
    loop {
        let places = places(&kept);
        let mut fell = false;
        for at in 0..kept.len() {
            if let Some(instruction) = kept[at]
                && instruction.code == JA << 4 | class::JMP64
                && !is_kept_second_half(&kept, at)
                && places[destination(at, &instruction)] == places[at] + 1
            {
                kept[at] = None;
                fell = true;
            }
        }
        if !fell {
            break;
        }
    }
    let places = places(&kept);
    let mut code = Vec::with_capacity(places[kept.len()]);
    for (at, instruction) in kept.iter().enumerate() {
        let Some(mut instruction) = *instruction else { continue };
        if !is_kept_second_half(&kept, at) {
            let next = places[at] as i64 + 1;
            if is_jump(&instruction) {
                let moved = places[destination(at, &instruction)] as i64 - next;
                if instruction.code == JA << 4 | class::JMP32 {
                    instruction.imm = i32::try_from(moved).unwrap_or(0);
                } else {
                    // Shorter than it was.
                    instruction.off = i16::try_from(moved).unwrap_or(0);
                }
            } else if is_pseudo_call(&instruction) {
                let there = callee(at, &instruction).min(kept.len());
                instruction.imm = i32::try_from(places[there] as i64 - next).unwrap_or(0);
            }
        }
        code.push(instruction);
    }
    code
}

/// Where each instruction comes to lie, and what follows the last: that of one that is left out is
/// that of the next that is not.
pub(super) fn places(kept: &[Option<bpf_insn>]) -> Vec<usize> {
    let mut places = Vec::with_capacity(kept.len() + 1);
    let mut next = 0;
    for instruction in kept {
        places.push(next);
        next += usize::from(instruction.is_some());
    }
    places.push(next);
    places
}

/// Whether the instruction is the second half of a wide load, where some are left out.
pub(super) fn is_kept_second_half(kept: &[Option<bpf_insn>], at: usize) -> bool {
    at > 0 && kept[at - 1].is_some_and(|first| first.code == LOAD_WIDE)
}
