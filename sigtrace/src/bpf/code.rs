//! Instructions of small programs, made by hand (`include/uapi/linux/bpf.h`).

use aya_obj::generated::bpf_insn;

/// Registers.
pub(super) const R0: u8 = 0;
pub(super) const R1: u8 = 1;
pub(super) const R2: u8 = 2;
pub(super) const R3: u8 = 3;
/// One that calls leave alone.
pub(super) const R6: u8 = 6;
/// The frame pointer.
pub(super) const R10: u8 = 10;

/// The helpers `bpf_get_current_task` and `bpf_probe_read_kernel`, and `bpf_get_current_task_btf` (from 5.11) and
/// `bpf_task_pt_regs` (from 5.15).
pub(super) const CURRENT_TASK: i32 = 35;
pub(super) const PROBE_READ_KERNEL: i32 = 113;
pub(super) const CURRENT_TASK_BTF: i32 = 158;
pub(super) const TASK_PT_REGS: i32 = 175;

fn instruction(code: u8, registers: (u8, u8), off: i16, imm: i32) -> bpf_insn {
    // SAFETY: an integer and bits, for which zero is a value.
    let mut instruction: bpf_insn = unsafe { std::mem::zeroed() };
    instruction.code = code;
    instruction.set_dst_reg(registers.0);
    instruction.set_src_reg(registers.1);
    instruction.off = off;
    instruction.imm = imm;
    instruction
}

/// `BPF_JMP | BPF_CALL`.
pub(super) fn call(helper: i32) -> bpf_insn {
    instruction(0x85, (0, 0), 0, helper)
}

/// Likewise, of a function of the kernel.
pub(super) fn call_kernel(function: i32) -> bpf_insn {
    instruction(0x85, (0, 2), 0, function)
}

/// `BPF_ALU64 | BPF_MOV | BPF_X`.
pub(super) fn copy(to: u8, from: u8) -> bpf_insn {
    instruction(0xbf, (to, from), 0, 0)
}

/// `BPF_ALU64 | BPF_ADD | BPF_K`.
pub(super) fn add(to: u8, value: i32) -> bpf_insn {
    instruction(0x07, (to, 0), 0, value)
}

/// `BPF_ALU64 | BPF_MOV | BPF_K`.
pub(super) fn set(to: u8, value: u32) -> bpf_insn {
    instruction(0xb7, (to, 0), 0, value.cast_signed())
}

/// `BPF_ALU64 | BPF_OR | BPF_X`.
pub(super) fn or(to: u8, from: u8) -> bpf_insn {
    instruction(0x4f, (to, from), 0, 0)
}

/// `BPF_LD | BPF_IMM | BPF_DW`, which is two instructions long.
pub(super) fn set_wide(to: u8, value: u64) -> [bpf_insn; 2] {
    let [low, high] = [value as u32, (value >> 32) as u32].map(u32::cast_signed);
    [instruction(0x18, (to, 0), 0, low), instruction(0, (0, 0), 0, high)]
}

/// `BPF_LDX | BPF_MEM | BPF_W`.
pub(super) fn load(to: u8, from: u8, offset: i16) -> bpf_insn {
    instruction(0x61, (to, from), offset, 0)
}

/// `BPF_LDX | BPF_MEM | BPF_DW`.
pub(super) fn load_pointer(to: u8, from: u8, offset: i16) -> bpf_insn {
    instruction(0x79, (to, from), offset, 0)
}

/// Reads so many bytes of the kernel's memory, at the address in [`R3`], to this place on the stack; [`R0`] is 0, or
/// the error. What cannot be read is zero.
pub(super) fn read_kernel(place: i16, size: usize) -> [bpf_insn; 4] {
    [copy(R1, R10), add(R1, place.into()), set(R2, size as u32), call(PROBE_READ_KERNEL)]
}

/// `BPF_JMP | BPF_EXIT`.
pub(super) fn exit() -> bpf_insn {
    instruction(0x95, (0, 0), 0, 0)
}
