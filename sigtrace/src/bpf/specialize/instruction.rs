//! Instructions: what they are, and which registers they use (`include/uapi/linux/bpf.h`,
//! `include/uapi/linux/bpf_common.h`).

use aya_obj::generated::bpf_insn;
use sigtrace_common::{BPF_RDONLY_CAST, BPF_SESSION_IS_RETURN};

/// Classes of instructions, the lower bits of their codes (`include/uapi/linux/bpf_common.h`).
pub(super) mod class {
    pub(in super::super) const LD: u8 = 0;
    pub(in super::super) const LDX: u8 = 1;
    pub(in super::super) const ST: u8 = 2;
    pub(in super::super) const STX: u8 = 3;
    pub(in super::super) const ALU32: u8 = 4;
    pub(in super::super) const JMP64: u8 = 5;
    pub(in super::super) const JMP32: u8 = 6;
    pub(in super::super) const ALU64: u8 = 7;
}

/// Codes of jumps, the upper bits.
pub(super) const JA: u8 = 0x0;
pub(super) const CALL: u8 = 0x8;
pub(super) const EXIT: u8 = 0x9;
/// The operand is a register.
pub(super) const BY_REGISTER: u8 = 0x08;
/// `BPF_PSEUDO_CALL`, `BPF_PSEUDO_MAP_VALUE`, `BPF_PSEUDO_FUNC`.
pub(super) const PSEUDO_CALL: u8 = 1;
pub(super) const PSEUDO_MAP_VALUE: u8 = 2;
pub(super) const PSEUDO_FUNC: u8 = 4;
/// `BPF_FETCH`, in the immediate of an atomic operation.
const FETCH: i32 = 1;
/// `BPF_MODE` of a store's code, and of these `BPF_ATOMIC`.
pub(super) const MODE: u8 = 0xe0;
pub(super) const ATOMIC: u8 = 0xc0;

/// Whether what is done here takes an instruction into account: not the address of a function, nor an atomic
/// operation that sets a register, neither of which our programs have.
pub(super) fn is_known(instruction: &bpf_insn) -> bool {
    match class_of(instruction) {
        class::LD => instruction.code != LOAD_WIDE || instruction.src_reg() != PSEUDO_FUNC,
        class::STX => instruction.code & MODE != ATOMIC || instruction.imm & FETCH == 0,
        _ => true,
    }
}
/// `BPF_LD | BPF_IMM | BPF_DW`, which is two instructions long.
pub(super) const LOAD_WIDE: u8 = 0x18;

/// The jump's destination, relative to the next instruction.
pub(super) fn distance(instruction: &bpf_insn) -> i64 {
    // A jump without condition of the 32-bit class has it in its immediate.
    if instruction.code == JA << 4 | class::JMP32 {
        i64::from(instruction.imm)
    } else {
        i64::from(instruction.off)
    }
}

pub(super) fn class_of(instruction: &bpf_insn) -> u8 {
    instruction.code & 7
}

pub(super) fn is_jump(instruction: &bpf_insn) -> bool {
    matches!(class_of(instruction), class::JMP64 | class::JMP32)
        && !matches!(instruction.code >> 4, CALL | EXIT)
}

/// Whether what comes next is not reached by it.
pub(super) fn ends(instruction: &bpf_insn) -> bool {
    matches!(instruction.code >> 4, JA | EXIT)
        && matches!(class_of(instruction), class::JMP64 | class::JMP32)
}

pub(in crate::bpf) fn is_pseudo_call(instruction: &bpf_insn) -> bool {
    instruction.code == CALL << 4 | class::JMP64 && instruction.src_reg() == PSEUDO_CALL
}

pub(super) fn destination(at: usize, instruction: &bpf_insn) -> usize {
    usize::try_from(at as i64 + 1 + distance(instruction)).unwrap_or(0)
}

/// Where the function is that it calls.
pub(in crate::bpf) fn callee(at: usize, instruction: &bpf_insn) -> usize {
    usize::try_from(at as i64 + 1 + i64::from(instruction.imm)).unwrap_or(0)
}

/// Whether the instruction is the second half of a wide load, whose code is 0.
pub(in crate::bpf) fn is_second_half(code: &[bpf_insn], at: usize) -> bool {
    at > 0 && code[at - 1].code == LOAD_WIDE
}

/// The registers of arguments.
pub(super) const ARGUMENTS: u16 = 0b11_1110;

/// The registers that an instruction uses, and those that it sets, as bits.
pub(super) fn registers_of(instruction: &bpf_insn) -> (u16, u16) {
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
        class::ST => (to, 0),
        // Of a register.
        _ => (to | from, 0),
    }
}

const SESSION_IS_RETURN: i32 = BPF_SESSION_IS_RETURN.cast_signed();
const RDONLY_CAST: i32 = BPF_RDONLY_CAST.cast_signed();

/// How many arguments a helper has, of those that are called most (`include/uapi/linux/bpf.h`).
pub(super) fn arguments(helper: i32) -> u32 {
    match helper {
        // Of the current thread, the processor and the time.
        5 | 8 | 14 | 15 | 35 | 80 | 125 | 158 => 0,
        // bpf_task_pt_regs, and what becomes a call of bpf_session_is_return.
        175 | SESSION_IS_RETURN => 1,
        // bpf_map_lookup_elem, bpf_map_delete_elem, bpf_ringbuf_submit, bpf_ringbuf_query.
        1 | 3 | 132 | 134 | RDONLY_CAST => 2,
        // bpf_probe_read_user, bpf_probe_read_kernel, bpf_ringbuf_reserve.
        112 | 113 | 131 => 3,
        _ => 5,
    }
}

/// An instruction.
pub(in crate::bpf) fn instruction(code: u8, to: u8, from: u8, off: i16, imm: i32) -> bpf_insn {
    // SAFETY: an integer and bits, for which zero is a value.
    let mut instruction: bpf_insn = unsafe { std::mem::zeroed() };
    instruction.code = code;
    instruction.set_dst_reg(to);
    instruction.set_src_reg(from);
    instruction.off = off;
    instruction.imm = imm;
    instruction
}
