//! Programs without what their configuration leaves out.
//!
//! The verifier does the same, as read-only maps are constants to it; but each piece that it takes out
//! it takes out of the whole program by copying the rest, which is most of what loading costs. Here it
//! is one pass. What is left is verified like any program: a mistake can make it refuse one, or make a
//! program do something else than it was written to do, but nothing that a program may not do.

use std::{collections::HashMap, collections::VecDeque};

use aya_obj::generated::bpf_insn;

/// The contents of the maps that nobody can change, by their descriptors.
pub(super) type Constants = HashMap<i32, Vec<u8>>;

/// What is known of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Unknown,
    Number(u64),
    /// The address of this byte of the constants in this map.
    Constant(i32, i64),
}

use Value::{Constant, Number, Unknown};

type Registers = [Value; 11];

/// Classes of instructions, the lower bits of their codes (`include/uapi/linux/bpf_common.h`).
mod class {
    pub(super) const LD: u8 = 0;
    pub(super) const LDX: u8 = 1;
    pub(super) const ALU32: u8 = 4;
    pub(super) const JMP64: u8 = 5;
    pub(super) const JMP32: u8 = 6;
    pub(super) const ALU64: u8 = 7;
}

/// Codes of jumps, the upper bits.
const JA: u8 = 0x0;
const CALL: u8 = 0x8;
const EXIT: u8 = 0x9;
/// The operand is a register.
const BY_REGISTER: u8 = 0x08;
/// `BPF_PSEUDO_CALL`, `BPF_PSEUDO_MAP_VALUE`, `BPF_PSEUDO_FUNC`.
const PSEUDO_CALL: u8 = 1;
const PSEUDO_MAP_VALUE: u8 = 2;
/// `BPF_LD | BPF_IMM | BPF_DW`, which is two instructions long.
const LOAD_WIDE: u8 = 0x18;

/// The program without what cannot be reached, and without what comes to nothing then.
pub(super) fn specialize(code: &[bpf_insn], constants: &Constants) -> Vec<bpf_insn> {
    let mut code = without_unreached(code, constants);
    loop {
        let live = live_after(&code);
        let useless = |at: usize| {
            let to = code[at].dst_reg();
            has_no_effect_but_on_register(&code[at]) && live[at] >> to & 1 == 0
        };
        let kept: Vec<_> = (0..code.len())
            .map(|at| {
                let first = if is_second_half(&code, at) { at - 1 } else { at };
                (!useless(first)).then_some(code[at])
            })
            .collect();
        if kept.iter().all(Option::is_some) {
            return code;
        }
        code = compact(kept);
    }
}

/// The program without what cannot be reached, and with numbers in the place of constants.
fn without_unreached(code: &[bpf_insn], constants: &Constants) -> Vec<bpf_insn> {
    let known = explore(code, constants);
    // Of the jumps that are certain those that are not taken fall away, the others have no condition.
    let mut kept: Vec<Option<bpf_insn>> = Vec::with_capacity(code.len());
    for (at, instruction) in code.iter().enumerate() {
        let mut instruction = *instruction;
        // The second half of a wide load is kept with the first.
        let reached = known[at].as_ref().or_else(|| {
            let first = at.checked_sub(1).filter(|&first| code[first].code == LOAD_WIDE)?;
            known[first].as_ref()
        });
        kept.push(reached.and_then(|registers| {
            match decided(&instruction, registers) {
                Some(true) => {
                    // SAFETY: an integer and bits, for which zero is a value.
                    let mut always: bpf_insn = unsafe { std::mem::zeroed() };
                    always.code = JA << 4 | class::JMP64;
                    always.off = instruction.off;
                    instruction = always;
                }
                Some(false) => return None,
                None if at == 0 || code[at - 1].code != LOAD_WIDE => {
                    let after = step(code, at, *registers, constants);
                    instruction = folded(&instruction, &after);
                }
                None => {}
            }
            Some(instruction)
        }));
    }
    compact(kept)
}

/// An instruction whose result is known sets it.
fn folded(instruction: &bpf_insn, after: &Registers) -> bpf_insn {
    let calculates = matches!(class_of(instruction), class::ALU64 | class::ALU32 | class::LDX);
    let result = after[usize::from(instruction.dst_reg()).min(10)];
    match result {
        Number(number) if calculates && let Ok(number) = u32::try_from(number) => {
            // SAFETY: an integer and bits, for which zero is a value.
            let mut set: bpf_insn = unsafe { std::mem::zeroed() };
            // By 32 bits: the upper half becomes zero.
            set.code = 0xb0 | class::ALU32;
            set.set_dst_reg(instruction.dst_reg());
            set.imm = number.cast_signed();
            set
        }
        _ => *instruction,
    }
}

/// Whether all that an instruction does is to set a register.
fn has_no_effect_but_on_register(instruction: &bpf_insn) -> bool {
    matches!(class_of(instruction), class::LD | class::LDX | class::ALU32 | class::ALU64)
}

/// The registers whose values are used after each instruction, as bits.
fn live_after(code: &[bpf_insn]) -> Vec<u16> {
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
            let falls_through = !matches!(instruction.code >> 4, JA | EXIT)
                || !matches!(class_of(instruction), class::JMP64 | class::JMP32);
            if falls_through {
                let next = if instruction.code == LOAD_WIDE { at + 2 } else { at + 1 };
                live |= before[next.min(code.len())];
            }
            after[at] = live;
            let (uses, sets) = registers_of(instruction);
            let live = live & !sets | uses;
            changed |= before[at] != live;
            before[at] = live;
        }
        if !changed {
            return after;
        }
    }
}

/// The registers that an instruction uses, and those that it sets, as bits.
fn registers_of(instruction: &bpf_insn) -> (u16, u16) {
    /// Those of arguments.
    const ARGUMENTS: u16 = 0b11_1110;
    let (to, from) = (1 << instruction.dst_reg(), 1 << instruction.src_reg());
    let operand = if instruction.code & BY_REGISTER != 0 { from } else { 0 };
    match class_of(instruction) {
        class::LD => (0, to),
        class::LDX => (from, to),
        class::ALU32 | class::ALU64 => {
            let is_move = instruction.code & 0xf0 == 0xb0;
            (operand | if is_move { 0 } else { to }, to)
        }
        class::JMP64 if instruction.code >> 4 == CALL => {
            let used = match instruction.src_reg() {
                0 => arguments(instruction.imm),
                _ => 5,
            };
            (ARGUMENTS & ((2 << used) - 1), ARGUMENTS | 1)
        }
        class::JMP64 if instruction.code >> 4 == EXIT => (1, 0),
        class::JMP64 | class::JMP32 if instruction.code >> 4 == JA => (0, 0),
        class::JMP64 | class::JMP32 => (to | operand, 0),
        // Stores.
        _ => (to | from, 0),
    }
}

/// How many arguments a helper has, of those that are called most (`include/uapi/linux/bpf.h`).
fn arguments(helper: i32) -> u32 {
    match helper {
        // Of the current thread, the processor and the time.
        5 | 8 | 14 | 15 | 35 | 80 | 125 | 158 => 0,
        // bpf_task_pt_regs.
        175 => 1,
        // bpf_map_lookup_elem, bpf_map_delete_elem, bpf_ringbuf_submit, bpf_ringbuf_query.
        1 | 3 | 132 | 134 => 2,
        // bpf_probe_read_user, bpf_probe_read_kernel, bpf_ringbuf_reserve.
        112 | 113 | 131 => 3,
        _ => 5,
    }
}

/// The jump's destination, relative to the next instruction.
fn distance(instruction: &bpf_insn) -> i64 {
    // A jump without condition of the 32-bit class has it in its immediate.
    if instruction.code == JA << 4 | class::JMP32 {
        i64::from(instruction.imm)
    } else {
        i64::from(instruction.off)
    }
}

fn class_of(instruction: &bpf_insn) -> u8 {
    instruction.code & 7
}

fn is_jump(instruction: &bpf_insn) -> bool {
    matches!(class_of(instruction), class::JMP64 | class::JMP32)
        && !matches!(instruction.code >> 4, CALL | EXIT)
}

fn is_pseudo_call(instruction: &bpf_insn) -> bool {
    instruction.code == CALL << 4 | class::JMP64 && instruction.src_reg() == PSEUDO_CALL
}

/// What is known of the registers before each instruction; nothing of one that is not reached.
fn explore(code: &[bpf_insn], constants: &Constants) -> Vec<Option<Registers>> {
    let mut known: Vec<Option<Registers>> = vec![None; code.len()];
    let mut work = VecDeque::from([(0usize, [Unknown; 11])]);
    while let Some((at, registers)) = work.pop_front() {
        let Some(before) = known.get_mut(at) else { continue };
        let joined = match before {
            None => registers,
            Some(before) => std::array::from_fn(|register| {
                if before[register] == registers[register] { before[register] } else { Unknown }
            }),
        };
        if *before == Some(joined) {
            continue;
        }
        *before = Some(joined);
        let instruction = &code[at];
        let next = at + if instruction.code == LOAD_WIDE { 2 } else { 1 };
        let after = step(code, at, joined, constants);
        if is_jump(instruction) {
            let there = usize::try_from(next as i64 + distance(instruction)).unwrap_or(usize::MAX);
            let taken = if instruction.code >> 4 == JA {
                Some(true)
            } else {
                decided(instruction, &joined)
            };
            if taken != Some(true) {
                work.push_back((next, after));
            }
            if taken != Some(false) {
                work.push_back((there, after));
            }
        } else if instruction.code != EXIT << 4 | class::JMP64 {
            if is_pseudo_call(instruction) {
                let there = next as i64 + i64::from(instruction.imm);
                work.push_back((usize::try_from(there).unwrap_or(usize::MAX), [Unknown; 11]));
            }
            work.push_back((next, after));
        }
    }
    known
}

/// What is known after an instruction.
fn step(code: &[bpf_insn], at: usize, before: Registers, constants: &Constants) -> Registers {
    let (instruction, mut after) = (&code[at], before);
    let to = usize::from(instruction.dst_reg()).min(10);
    let from = before[usize::from(instruction.src_reg()).min(10)];
    match class_of(instruction) {
        class::LD => {
            let second = code.get(at + 1).map_or(0, |second| second.imm);
            after[to] = match instruction.src_reg() {
                0 if instruction.code == LOAD_WIDE => Number(
                    u64::from(instruction.imm.cast_unsigned())
                        | u64::from(second.cast_unsigned()) << 32,
                ),
                PSEUDO_MAP_VALUE if constants.contains_key(&instruction.imm) => {
                    Constant(instruction.imm, i64::from(second))
                }
                _ => Unknown,
            };
        }
        class::LDX => {
            after[to] = match from {
                Constant(map, at) => {
                    read(constants, map, at + i64::from(instruction.off), instruction)
                }
                _ => Unknown,
            };
        }
        class::ALU64 | class::ALU32 => {
            let operand = if instruction.code & BY_REGISTER == 0 {
                Number(i64::from(instruction.imm).cast_unsigned())
            } else {
                from
            };
            after[to] = compute(instruction, before[to], operand);
        }
        class::JMP64 if instruction.code >> 4 == CALL => after[..6].fill(Unknown),
        _ => {}
    }
    after
}

/// What is loaded from the constants.
fn read(constants: &Constants, map: i32, at: i64, instruction: &bpf_insn) -> Value {
    // Plain loads only: others extend the sign.
    let size = match instruction.code {
        0x61 => 4,
        0x69 => 2,
        0x71 => 1,
        0x79 => 8,
        _ => return Unknown,
    };
    let bytes = usize::try_from(at).ok().and_then(|at| constants.get(&map)?.get(at..at + size));
    let Some(bytes) = bytes else { return Unknown };
    let mut word = [0; 8];
    // In the machine's order, which is the kernel's; the rest of a little-endian word is zero.
    if cfg!(target_endian = "little") {
        word[..size].copy_from_slice(bytes);
        Number(u64::from_le_bytes(word))
    } else {
        Unknown
    }
}

/// The result of arithmetic.
fn compute(instruction: &bpf_insn, left: Value, right: Value) -> Value {
    let wide = class_of(instruction) == class::ALU64;
    let operation = instruction.code & 0xf0;
    // A move with an offset extends a sign.
    if operation == 0xb0 && instruction.off == 0 {
        return match right {
            Number(number) => Number(narrowed(number, wide)),
            other if wide => other,
            _ => Unknown,
        };
    }
    let (left, right) = match (left, right) {
        (Number(left), Number(right)) => (left, right),
        (Constant(map, at), Number(more)) if wide && operation == 0 => {
            return Constant(map, at.wrapping_add(more.cast_signed()));
        }
        _ => return Unknown,
    };
    let (left, right) = (narrowed(left, wide), narrowed(right, wide));
    let bits = if wide { 63 } else { 31 };
    let result = match operation {
        0x00 => left.wrapping_add(right),
        0x10 => left.wrapping_sub(right),
        0x20 => left.wrapping_mul(right),
        0x40 => left | right,
        0x50 => left & right,
        0x60 => left << (right & bits),
        0x70 => left >> (right & bits),
        0xa0 => left ^ right,
        _ => return Unknown,
    };
    Number(narrowed(result, wide))
}

fn narrowed(number: u64, wide: bool) -> u64 {
    if wide { number } else { number & u64::from(u32::MAX) }
}

/// Whether a conditional jump is taken, if that is certain.
fn decided(instruction: &bpf_insn, registers: &Registers) -> Option<bool> {
    if !is_jump(instruction) || instruction.code >> 4 == JA {
        return None;
    }
    let wide = class_of(instruction) == class::JMP64;
    let left = registers[usize::from(instruction.dst_reg()).min(10)];
    let right = if instruction.code & BY_REGISTER == 0 {
        Number(i64::from(instruction.imm).cast_unsigned())
    } else {
        registers[usize::from(instruction.src_reg()).min(10)]
    };
    let (Number(left), Number(right)) = (left, right) else { return None };
    let (left, right) = (narrowed(left, wide), narrowed(right, wide));
    let signed = |number: u64| {
        if wide { number.cast_signed() } else { i64::from((number as u32).cast_signed()) }
    };
    Some(match instruction.code >> 4 {
        0x1 => left == right,
        0x2 => left > right,
        0x3 => left >= right,
        0x4 => left & right != 0,
        0x5 => left != right,
        0x6 => signed(left) > signed(right),
        0x7 => signed(left) >= signed(right),
        0xa => left < right,
        0xb => left <= right,
        0xc => signed(left) < signed(right),
        0xd => signed(left) <= signed(right),
        _ => return None,
    })
}

/// The instructions that are kept, with their jumps and calls over what is not made shorter.
fn compact(mut kept: Vec<Option<bpf_insn>>) -> Vec<bpf_insn> {
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
                let there = at as i64 + 1 + i64::from(instruction.imm);
                let there = usize::try_from(there).unwrap_or(0).min(kept.len());
                instruction.imm = i32::try_from(places[there] as i64 - next).unwrap_or(0);
            }
        }
        code.push(instruction);
    }
    code
}

fn destination(at: usize, instruction: &bpf_insn) -> usize {
    usize::try_from(at as i64 + 1 + distance(instruction)).unwrap_or(0)
}

/// Where each instruction comes to lie, and what follows the last: that of one that is left out is
/// that of the next that is not.
fn places(kept: &[Option<bpf_insn>]) -> Vec<usize> {
    let mut places = Vec::with_capacity(kept.len() + 1);
    let mut next = 0;
    for instruction in kept {
        places.push(next);
        next += usize::from(instruction.is_some());
    }
    places.push(next);
    places
}

/// Whether the instruction is the second half of a wide load, whose code is 0.
fn is_second_half(code: &[bpf_insn], at: usize) -> bool {
    at > 0 && code[at - 1].code == LOAD_WIDE
}

/// Likewise, where some are left out.
fn is_kept_second_half(kept: &[Option<bpf_insn>], at: usize) -> bool {
    at > 0 && kept[at - 1].is_some_and(|first| first.code == LOAD_WIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(code: u8, to: u8, from: u8, off: i16, imm: i32) -> bpf_insn {
        // SAFETY: an integer and bits, for which zero is a value.
        let mut instruction: bpf_insn = unsafe { std::mem::zeroed() };
        instruction.code = code;
        instruction.set_dst_reg(to);
        instruction.set_src_reg(from);
        instruction.off = off;
        instruction.imm = imm;
        instruction
    }

    const MAP: i32 = 7;

    /// `r = address of byte`, in the map.
    fn address(to: u8, byte: i32) -> [bpf_insn; 2] {
        [instruction(LOAD_WIDE, to, PSEUDO_MAP_VALUE, 0, MAP), instruction(0, 0, 0, 0, byte)]
    }

    fn load_byte(to: u8, from: u8) -> bpf_insn {
        instruction(0x71, to, from, 0, 0)
    }

    fn set(to: u8, value: i32) -> bpf_insn {
        instruction(0xb7, to, 0, 0, value)
    }

    fn set32(to: u8, value: i32) -> bpf_insn {
        instruction(0xb4, to, 0, 0, value)
    }

    fn jump_if_equal(register: u8, value: i32, off: i16) -> bpf_insn {
        instruction(0x15, register, 0, off, value)
    }

    fn jump(off: i16) -> bpf_insn {
        instruction(0x05, 0, 0, off, 0)
    }

    fn helper(number: i32) -> bpf_insn {
        instruction(0x85, 0, 0, 0, number)
    }

    fn call(distance: i32) -> bpf_insn {
        instruction(0x85, 0, PSEUDO_CALL, 0, distance)
    }

    fn exit() -> bpf_insn {
        instruction(0x95, 0, 0, 0, 0)
    }

    fn specialized(code: &[bpf_insn], byte: u8) -> Vec<(u8, i16, i32)> {
        let constants = Constants::from([(MAP, vec![0, byte])]);
        let code = specialize(code, &constants);
        code.iter().map(|found| (found.code, found.off, found.imm)).collect()
    }

    fn plain(code: &[bpf_insn]) -> Vec<(u8, i16, i32)> {
        code.iter().map(|found| (found.code, found.off, found.imm)).collect()
    }

    /// if (constant == 1) r0 = 1, else r0 = 2.
    fn choice() -> Vec<bpf_insn> {
        let mut code = address(1, 1).to_vec();
        code.extend([
            load_byte(2, 1),
            jump_if_equal(2, 1, 2),
            set(0, 2),
            exit(),
            set(0, 1),
            exit(),
        ]);
        code
    }

    #[test]
    fn of_a_choice_by_a_constant_one_side_is_left() {
        assert_eq!(specialized(&choice(), 1), plain(&[set32(0, 1), exit()]));
        assert_eq!(specialized(&choice(), 0), plain(&[set32(0, 2), exit()]));
    }

    #[test]
    fn what_no_constant_decides_stays_as_it_is() {
        let code = [helper(5), jump_if_equal(0, 1, 1), set32(0, 2), exit()];
        assert_eq!(specialized(&code, 1), plain(&code));
    }

    #[test]
    fn a_register_that_differs_by_the_way_is_not_known() {
        let code = [
            helper(5),
            set32(6, 1),
            jump_if_equal(0, 1, 1),
            set32(6, 2),
            jump_if_equal(6, 2, 1),
            set32(0, 3),
            exit(),
        ];
        assert_eq!(specialized(&code, 1), plain(&code));
    }

    #[test]
    fn a_call_leaves_of_the_registers_those_it_saves() {
        let kept = [set(6, 1), helper(5), jump_if_equal(6, 1, 1), set(0, 2), exit()];
        assert_eq!(specialized(&kept, 1), plain(&[helper(5), exit()]));
        let lost = [helper(5), jump_if_equal(1, 1, 1), set32(0, 2), exit()];
        assert_eq!(specialized(&[&[set(1, 1)], &lost[..]].concat(), 1), plain(&lost));
    }

    #[test]
    fn jumps_and_calls_over_what_is_left_out_are_shorter() {
        // A function is called over a side that is left out, and a loop jumps back over one.
        let mut code = vec![helper(5), set(6, 0)];
        code.extend([jump_if_equal(6, 1, 1), jump(1), set(0, 9), call(3)]);
        code.extend([jump_if_equal(0, 4, -5), exit(), set(0, 8), set(0, 7), exit()]);
        let expected = [helper(5), call(2), jump_if_equal(0, 4, -2), exit(), set32(0, 7), exit()];
        assert_eq!(specialized(&code, 1), plain(&expected));
    }

    #[test]
    fn narrow_arithmetic_wraps_at_32_bits() {
        // w1 = -1; w1 += 1; if w1 == 0, by 32 bits and by 64.
        for code in [0x15, 0x16] {
            let code = [
                instruction(0xb4, 1, 0, 0, -1),
                instruction(0x04, 1, 0, 0, 1),
                instruction(code, 1, 0, 1, 0),
                set(0, 2),
                exit(),
            ];
            assert_eq!(specialized(&code, 1), plain(&[exit()]));
        }
    }

    #[test]
    fn what_nobody_uses_is_left_out_and_what_is_stored_is_not() {
        let store = instruction(0x7b, 10, 3, -8, 0);
        let mut code = address(1, 1).to_vec();
        code.extend([load_byte(2, 1), set(3, 4), store, helper(125), exit()]);
        assert_eq!(specialized(&code, 1), plain(&[set32(3, 4), store, helper(125), exit()]));
    }

    #[test]
    fn arguments_of_a_helper_are_used() {
        let code = [set32(1, 4), set32(2, 5), helper(1), exit()];
        assert_eq!(specialized(&code, 1), plain(&code));
        assert_eq!(specialized(&[set(3, 6), helper(1), exit()], 1), plain(&[helper(1), exit()]));
    }
}
