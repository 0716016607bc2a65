//! What is known of registers.

use std::collections::HashMap;

use aya_obj::generated::bpf_insn;

use super::instruction::{
    BY_REGISTER, CALL, JA, LOAD_WIDE, PSEUDO_MAP_VALUE, callee, class, class_of, destination, ends,
    is_jump, is_pseudo_call, is_second_half,
};

/// The contents of the maps that nobody can change, by their descriptors.
pub(in super::super) type Constants = HashMap<i32, Vec<u8>>;

/// What is known of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Unknown,
    Number(u64),
    /// The address of this byte of the constants in this map.
    Constant(i32, i32),
}

use Value::{Constant, Number, Unknown};

pub(super) type Registers = [Value; 11];

/// What is known of registers throughout a program.
pub(super) struct Known {
    /// By instruction: the number of the block that begins with it, plus 1.
    blocks: Vec<u32>,
    /// What is known where each block begins; nothing of one that is not reached.
    beginnings: Vec<Option<Registers>>,
}

impl Known {
    /// Explores the program from its beginning.
    pub(super) fn of(code: &[bpf_insn], constants: &Constants) -> Self {
        let (blocks, count) = blocks(code);
        let mut exploring = Exploring {
            known: Self { blocks, beginnings: vec![None; count] },
            changed: vec![false; count],
            next: 0,
        };
        exploring.reach(0, &[Unknown; 11]);
        let starts: Vec<usize> =
            (0..code.len()).filter(|&at| exploring.known.blocks[at] != 0).collect();
        // In order, so that most are looked at once: what leads to them has been by then.
        while let Some(block) = exploring.take() {
            exploring.walk(code, starts[block], constants);
        }
        exploring.known
    }

    /// What is known before each instruction, to be asked for in their order; `before` is what was
    /// known after the last one. Nothing of one that is not reached.
    pub(super) fn at(&self, at: usize, before: Option<Registers>) -> Option<Registers> {
        match self.blocks[at] {
            0 => before,
            block => self.beginnings[block as usize - 1],
        }
    }
}

/// The blocks of a program, as in [`Known`], and how many there are.
fn blocks(code: &[bpf_insn]) -> (Vec<u32>, usize) {
    let mut begins = vec![false; code.len() + 2];
    begins[0] = true;
    for (at, instruction) in code.iter().enumerate() {
        if is_second_half(code, at) {
            continue;
        }
        if is_jump(instruction) {
            begins[destination(at, instruction).min(code.len())] = true;
            begins[at + 1] = true;
        } else if is_pseudo_call(instruction) {
            begins[callee(at, instruction).min(code.len())] = true;
        } else if ends(instruction) {
            begins[at + 1] = true;
        }
    }
    let mut count = 0;
    let number = |&begins: &bool| {
        count += u32::from(begins);
        if begins { count } else { 0 }
    };
    let blocks = begins[..code.len()].iter().map(number).collect();
    (blocks, count as usize)
}

/// How far it is known.
struct Exploring {
    known: Known,
    /// Blocks of which more, or less, is known than when they were looked at.
    changed: Vec<bool>,
    /// None before it is.
    next: usize,
}

impl Exploring {
    /// Goes through the block that begins with this instruction.
    fn walk(&mut self, code: &[bpf_insn], begin: usize, constants: &Constants) {
        let Some(mut registers) = self.known.at(begin, None) else { return };
        let mut at = begin;
        while let Some(instruction) = code.get(at) {
            let next = at + if instruction.code == LOAD_WIDE { 2 } else { 1 };
            let taken = decided(instruction, &registers);
            registers = step(code, at, registers, constants);
            if is_jump(instruction) {
                if taken != Some(false) {
                    self.reach(destination(at, instruction), &registers);
                }
                if taken != Some(true) && !ends(instruction) {
                    self.reach(next, &registers);
                }
                return;
            }
            if is_pseudo_call(instruction) {
                self.reach(callee(at, instruction), &[Unknown; 11]);
            }
            if ends(instruction) {
                return;
            }
            if self.known.blocks.get(next).is_some_and(|block| *block != 0) {
                return self.reach(next, &registers);
            }
            at = next;
        }
    }

    /// There is a way to the block that begins with an instruction, with these registers.
    fn reach(&mut self, at: usize, registers: &Registers) {
        let Some(&block @ 1..) = self.known.blocks.get(at) else { return };
        let block = block as usize - 1;
        match &mut self.known.beginnings[block] {
            none @ None => *none = Some(*registers),
            Some(before) => {
                let mut same = true;
                for (before, register) in before.iter_mut().zip(registers) {
                    if before != register && *before != Unknown {
                        *before = Unknown;
                        same = false;
                    }
                }
                if same {
                    return;
                }
            }
        }
        self.changed[block] = true;
        self.next = self.next.min(block);
    }

    /// The next block to look at.
    fn take(&mut self) -> Option<usize> {
        let rest = self.changed.get(self.next..)?;
        self.next += rest.iter().position(|changed| *changed)?;
        self.changed[self.next] = false;
        Some(self.next)
    }
}

/// What is known after an instruction.
pub(super) fn step(
    code: &[bpf_insn],
    at: usize,
    before: Registers,
    constants: &Constants,
) -> Registers {
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
                    Constant(instruction.imm, second)
                }
                _ => Unknown,
            };
        }
        class::LDX => {
            after[to] = match from {
                Constant(map, at) => read(constants, map, at, instruction),
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
pub(super) fn read(constants: &Constants, map: i32, at: i32, instruction: &bpf_insn) -> Value {
    // Plain loads only: others extend the sign.
    let size = match instruction.code {
        0x61 => 4,
        0x69 => 2,
        0x71 => 1,
        0x79 => 8,
        _ => return Unknown,
    };
    let at = usize::try_from(i64::from(at) + i64::from(instruction.off));
    let bytes = at.ok().and_then(|at| constants.get(&map)?.get(at..at + size));
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
pub(super) fn compute(instruction: &bpf_insn, left: Value, right: Value) -> Value {
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
            let at = i32::try_from(i64::from(at).wrapping_add(more.cast_signed()));
            return at.map_or(Unknown, |at| Constant(map, at));
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

pub(super) fn narrowed(number: u64, wide: bool) -> u64 {
    if wide { number } else { number & u64::from(u32::MAX) }
}

/// Whether a conditional jump is taken, if that is certain.
pub(super) fn decided(instruction: &bpf_insn, registers: &Registers) -> Option<bool> {
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
