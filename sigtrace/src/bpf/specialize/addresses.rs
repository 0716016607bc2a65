//! Loads and stores from where an object is, rather than from where its member is.

use aya_obj::generated::bpf_insn;

use super::{
    instruction::{class, class_of, destination, is_jump, is_second_half, registers_of},
    liveness::live_after,
};

/// `BPF_ALU64 | BPF_ADD | BPF_K`.
const ADD: u8 = 0x07;
/// `BPF_ALU64 | BPF_MOV | BPF_X`.
const COPY: u8 = 0xbf;

/// The program with what has been added to an address, or copied to be one, as a part of the loads and
/// stores. What has no use then is `None`.
pub(super) fn direct(code: &[bpf_insn]) -> Vec<Option<bpf_insn>> {
    let mut live = live_after(code);
    let joins = joins(code);
    let mut kept: Vec<Option<bpf_insn>> = code.iter().copied().map(Some).collect();
    // From behind, so that a copy finds what was added to it gone.
    for at in (0..code.len()).rev() {
        let Some(first) = kept[at].filter(|_| !is_second_half(code, at)) else { continue };
        if !matches!(first.code, ADD | COPY) || first.code == COPY && first.off != 0 {
            continue;
        }
        let Some(accesses) = accesses(code, &kept, at, &live, &joins) else { continue };
        let direct = |access: usize| {
            let mut access = kept[access]?;
            if first.code == ADD {
                access.off = i16::try_from(i32::from(access.off).checked_add(first.imm)?).ok()?;
            } else if class_of(&access) == class::LDX {
                access.set_src_reg(first.src_reg());
            } else {
                access.set_dst_reg(first.src_reg());
            }
            Some(access)
        };
        let Some(changed) =
            accesses.iter().map(|&access| direct(access)).collect::<Option<Vec<_>>>()
        else {
            continue;
        };
        if first.code == COPY
            && let Some(&last) = accesses.last()
        {
            // The original is in use for longer.
            live[at..last].iter_mut().for_each(|live| *live |= 1 << first.src_reg());
        }
        for (access, changed) in accesses.into_iter().zip(changed) {
            kept[access] = Some(changed);
        }
        kept[at] = None;
    }
    kept
}

/// Where the register is used that the instruction `first` sets, if that is only as the address of
/// loads and stores, and all of them follow without a way in or out.
fn accesses(
    code: &[bpf_insn],
    kept: &[Option<bpf_insn>],
    first: usize,
    live: &[u16],
    joins: &[bool],
) -> Option<Vec<usize>> {
    let set = kept[first]?;
    let register = set.dst_reg();
    let (bit, original) = (1 << register, if set.code == COPY { 1 << set.src_reg() } else { 0 });
    let mut found = Vec::new();
    for at in first + 1..code.len() {
        if joins[at] {
            return None;
        }
        let Some(instruction) = kept[at].filter(|_| !is_second_half(code, at)) else { continue };
        let (uses, sets) = registers_of(&instruction);
        if uses & bit != 0 {
            let is_access = match class_of(&instruction) {
                class::LDX => instruction.src_reg() == register,
                class::ST => true,
                // Not where the register itself is stored.
                class::STX => {
                    instruction.dst_reg() == register && instruction.src_reg() != register
                }
                _ => false,
            };
            if !is_access {
                return None;
            }
            found.push(at);
        }
        if sets & bit != 0 || live[at] & bit == 0 {
            return Some(found);
        }
        if sets & original != 0 || is_jump(&instruction) {
            return None;
        }
    }
    None
}

/// Which instructions are jumped to.
fn joins(code: &[bpf_insn]) -> Vec<bool> {
    let mut joins = vec![false; code.len() + 1];
    for (at, instruction) in code.iter().enumerate() {
        if !is_second_half(code, at) && is_jump(instruction) {
            joins[destination(at, instruction).min(code.len())] = true;
        }
    }
    joins
}
