//! Numbers in the place of registers that hold them.

use aya_obj::generated::bpf_insn;

use super::{
    instruction::{BY_REGISTER, CALL, EXIT, JA, class, class_of, instruction},
    values::{Registers, Value::Number},
};

/// An operation of which the right operand is known has it as a part of itself, as have a comparison
/// of which either is, and a store.
pub(super) fn with_number(code: &bpf_insn, before: &Registers) -> bpf_insn {
    let to = before[usize::from(code.dst_reg()).min(10)];
    let from = before[usize::from(code.src_reg()).min(10)];
    match class_of(code) {
        class::ALU64 | class::ALU32 if code.code & BY_REGISTER != 0 && is_plain(code) => {
            let Number(number) = from else { return *code };
            let Some(imm) = immediate(number, class_of(code) == class::ALU64) else { return *code };
            instruction(code.code & !BY_REGISTER, code.dst_reg(), 0, code.off, imm)
        }
        class::JMP64 | class::JMP32
            if code.code & BY_REGISTER != 0 && !matches!(code.code >> 4, JA | CALL | EXIT) =>
        {
            let wide = class_of(code) == class::JMP64;
            let by = |condition: u8, register: u8, number: u64| {
                let code_of = condition << 4 | class_of(code);
                Some(instruction(code_of, register, 0, code.off, immediate(number, wide)?))
            };
            match (to, from) {
                (_, Number(number)) => by(code.code >> 4, code.dst_reg(), number),
                (Number(number), _) => by(mirrored(code.code >> 4), code.src_reg(), number),
                _ => None,
            }
            .unwrap_or(*code)
        }
        class::STX if code.code & MODE == MEM => {
            let Number(number) = from else { return *code };
            // A narrow store takes the low bits of either.
            let wide = code.code & SIZE == DOUBLE_WORD;
            let Some(imm) = immediate(number, wide) else { return *code };
            let store = code.code & !7 | class::ST;
            instruction(store, code.dst_reg(), 0, code.off, imm)
        }
        _ => *code,
    }
}

/// `BPF_MODE`, `BPF_SIZE` of a store's code, and of these `BPF_MEM` and `BPF_DW`.
const MODE: u8 = 0xe0;
const MEM: u8 = 0x60;
const SIZE: u8 = 0x18;
const DOUBLE_WORD: u8 = 0x18;

/// Whether it is an operation of two numbers that means the same by either: no division, of which some
/// are refused, no move, and nothing with an offset.
fn is_plain(code: &bpf_insn) -> bool {
    code.off == 0 && matches!(code.code >> 4, 0x0 | 0x1 | 0x2 | 0x4 | 0x5 | 0x6 | 0x7 | 0xa)
}

/// The number as a part of an instruction, which has 32 bits and extends their sign.
fn immediate(number: u64, wide: bool) -> Option<i32> {
    if wide {
        i32::try_from(number.cast_signed()).ok()
    } else {
        Some((number as u32).cast_signed())
    }
}

/// The condition on the right that is this one on the left.
fn mirrored(condition: u8) -> u8 {
    match condition {
        0x2 => 0xa,
        0x3 => 0xb,
        0x6 => 0xc,
        0x7 => 0xd,
        0xa => 0x2,
        0xb => 0x3,
        0xc => 0x6,
        0xd => 0x7,
        // Equal, not equal, common bits.
        other => other,
    }
}
