//! Programs without what their configuration leaves out.
//!
//! The verifier does the same, as read-only maps are constants to it; but each piece that it takes out
//! it takes out of the whole program by copying the rest, which is most of what loading costs. Here it
//! is one pass. Then numbers that are known take the place of registers that hold them, as what the
//! kernel makes of a program costs each call as much as it is long. What is left is verified like any
//! program: a mistake can make it refuse one, or make a program do something else than it was written
//! to do, but nothing that a program may not do.

mod addresses;
mod instruction;
mod layout;
mod liveness;
mod operands;
mod values;

use aya_obj::generated::bpf_insn;

use addresses::direct;
#[cfg(test)]
pub(super) use instruction::instruction;
use instruction::{JA, class, class_of, instruction as make, is_known};
pub(super) use instruction::{callee, is_pseudo_call, is_second_half};
use layout::{compact, reached, threaded};
use liveness::{is_useless, live_after};
use operands::with_number;
pub(super) use values::Constants;
use values::{Known, Registers, Value::Number, decided, step};

/// The program without what cannot be reached, and without what comes to nothing then. One with
/// instructions that are not known here stays as it is.
pub(super) fn specialize(code: &[bpf_insn], constants: &Constants) -> Vec<bpf_insn> {
    if !(0..code.len()).all(|at| is_second_half(code, at) || is_known(&code[at])) {
        return code.to_vec();
    }
    let code = without_useless(&without_unreached(code, constants));
    let code = without_useless(&compact(direct(&code)));
    compact(reached(&threaded(code)))
}

/// The program without what only sets registers that nobody uses then.
fn without_useless(code: &[bpf_insn]) -> Vec<bpf_insn> {
    let live = live_after(code);
    let kept = (0..code.len()).map(|at| {
        let first = if is_second_half(code, at) { at - 1 } else { at };
        (!is_useless(&code[first], live[first])).then_some(code[at])
    });
    compact(kept.collect())
}

/// The program without what cannot be reached, and with numbers in the place of constants.
fn without_unreached(code: &[bpf_insn], constants: &Constants) -> Vec<bpf_insn> {
    let known = Known::of(code, constants);
    let mut kept: Vec<Option<bpf_insn>> = Vec::with_capacity(code.len());
    let mut before = None;
    for (at, instruction) in code.iter().enumerate() {
        if is_second_half(code, at) {
            // Kept with the first.
            let first = kept[at - 1];
            kept.push(first.map(|_| *instruction));
            continue;
        }
        before = known.at(at, before);
        kept.push(before.and_then(|registers| settled(code, at, &registers, constants)));
        before = before.map(|registers| step(code, at, registers, constants));
    }
    compact(kept)
}

/// An instruction as what is known of registers lets it be: of the jumps that are certain those that are
/// not taken fall away, the others have no condition.
fn settled(
    code: &[bpf_insn],
    at: usize,
    registers: &Registers,
    constants: &Constants,
) -> Option<bpf_insn> {
    let instruction = &code[at];
    match decided(instruction, registers) {
        Some(true) => Some(make(JA << 4 | class::JMP64, 0, 0, instruction.off, 0)),
        Some(false) => None,
        None => {
            let after = step(code, at, *registers, constants);
            Some(folded(&with_number(instruction, registers), &after))
        }
    }
}

/// An instruction whose result is known sets it.
fn folded(instruction: &bpf_insn, after: &Registers) -> bpf_insn {
    let calculates = matches!(class_of(instruction), class::ALU64 | class::ALU32 | class::LDX);
    let result = after[usize::from(instruction.dst_reg()).min(10)];
    match result {
        // By 32 bits: the upper half becomes zero.
        Number(number) if calculates && let Ok(number) = u32::try_from(number) => {
            make(0xb0 | class::ALU32, instruction.dst_reg(), 0, 0, number.cast_signed())
        }
        _ => *instruction,
    }
}

#[cfg(test)]
mod tests {
    use super::instruction::{LOAD_WIDE, PSEUDO_CALL, PSEUDO_MAP_VALUE};

    use super::*;

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

    fn copy(to: u8, from: u8) -> bpf_insn {
        instruction(0xbf, to, from, 0, 0)
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
        let stored = instruction(0x7a, 10, 0, -8, 4);
        assert_eq!(specialized(&code, 1), plain(&[stored, helper(125), exit()]));
    }

    #[test]
    fn arguments_of_a_helper_are_used() {
        let code = [set32(1, 4), set32(2, 5), helper(1), exit()];
        assert_eq!(specialized(&code, 1), plain(&code));
        assert_eq!(specialized(&[set(3, 6), helper(1), exit()], 1), plain(&[helper(1), exit()]));
    }

    #[test]
    fn a_number_is_a_part_of_what_it_is_an_operand_of() {
        let add = |code: u8| instruction(code, 6, 2, 0, 0);
        // r2 = 5; r6 += r2; w6 <<= w2; *(u64 *)(r10 - 8) = r2
        let store = instruction(0x7b, 10, 2, -8, 0);
        let code = [helper(5), copy(6, 0), set(2, 5), add(0x0f), add(0x6c), store, helper(5)];
        let rest = [copy(0, 6), exit()];
        let expected = [
            helper(5),
            copy(6, 0),
            instruction(0x07, 6, 0, 0, 5),
            instruction(0x64, 6, 0, 0, 5),
            instruction(0x7a, 10, 0, -8, 5),
            helper(5),
        ];
        assert_eq!(
            specialized(&[&code[..], &rest].concat(), 1),
            plain(&[&expected[..], &rest].concat())
        );
    }

    #[test]
    fn a_comparison_with_a_number_on_the_left_is_turned_round() {
        // if r2 > r0, if r0 != w2
        for (given, expected) in [(0x2d, 0xa5), (0x5e, 0x56)] {
            let code = [helper(5), set(2, 5), instruction(given, 2, 0, 1, 0), set(0, 1), exit()];
            let turned = instruction(expected, 0, 0, 1, 5);
            assert_eq!(specialized(&code, 1), plain(&[helper(5), turned, set32(0, 1), exit()]));
        }
    }

    #[test]
    fn a_number_that_is_too_large_stays_in_its_register() {
        let wide = [instruction(LOAD_WIDE, 2, 0, 0, -1), instruction(0, 0, 0, 0, 0)];
        let rest = [instruction(0x0f, 0, 2, 0, 0), exit()];
        let code = [&[helper(5)], &wide[..], &rest].concat();
        assert_eq!(specialized(&code, 1), plain(&code));
    }

    #[test]
    fn members_are_loaded_from_where_the_object_is() {
        // r6 = r0; r6 += 24; r6 = *(u64 *)(r6 + 8); r6 += 4; r0 = *(u64 *)(r6 + 0)
        let load = |to: u8, from: u8, off: i16| instruction(0x79, to, from, off, 0);
        let add = |imm: i32| instruction(0x07, 6, 0, 0, imm);
        let code = [helper(35), copy(6, 0), add(24), load(6, 6, 8), add(4), load(0, 6, 0), exit()];
        let expected = [helper(35), load(6, 0, 32), load(0, 6, 4), exit()];
        assert_eq!(specialized(&code, 1), plain(&expected));
    }

    #[test]
    fn a_copy_of_a_copy_is_loaded_from_the_first() {
        let load = |to: u8, from: u8| instruction(0x79, to, from, 8, 0);
        let code = [helper(35), copy(6, 0), copy(7, 6), load(8, 7), load(9, 7), copy(2, 6)];
        let rest = [instruction(0x07, 2, 0, 0, 16), load(0, 2), instruction(0x0f, 0, 8, 0, 0)];
        let end = [instruction(0x0f, 0, 9, 0, 0), exit()];
        let expected = [helper(35), load(8, 0), load(9, 0), instruction(0x79, 0, 0, 24, 0)];
        assert_eq!(
            specialized(&[&code[..], &rest, &end].concat(), 1),
            plain(&[&expected[..], &rest[2..], &end].concat())
        );
    }

    #[test]
    fn an_address_that_is_more_than_that_stays() {
        let load = instruction(0x79, 0, 6, 0, 0);
        let add = instruction(0x07, 6, 0, 0, 24);
        // It is stored, used behind a jump, or too far.
        for between in [
            vec![instruction(0x7b, 10, 6, -8, 0)],
            vec![jump_if_equal(0, 1, 0), jump_if_equal(0, 2, -2)],
            vec![instruction(0x7b, 6, 6, 0, 0)],
        ] {
            let mut code = vec![helper(35), copy(6, 0), add];
            code.extend(between);
            code.extend([load, exit()]);
            assert_eq!(specialized(&code, 1), plain(&code));
        }
        let far = instruction(0x07, 6, 0, 0, 40_000);
        let code = [helper(35), copy(6, 0), far, load, exit()];
        assert_eq!(specialized(&code, 1), plain(&code));
    }

    #[test]
    fn a_jump_to_a_jump_goes_where_that_goes() {
        let code = [helper(5), jump_if_equal(0, 1, 3), helper(8), helper(14), exit(), jump(-3)];
        let expected = [helper(5), jump_if_equal(0, 1, 1), helper(8), helper(14), exit()];
        assert_eq!(specialized(&code, 1), plain(&expected));
    }

    #[test]
    fn a_program_with_what_is_not_known_stays_as_it_is() {
        let useless = set(3, 4);
        // r1 = the address of a function; r0 = what was at r6, to which r0 is added.
        let function = [instruction(LOAD_WIDE, 1, 4, 0, 9), instruction(0, 0, 0, 0, 0)];
        let fetch = [helper(35), instruction(0xdb, 6, 0, 0, 1)];
        for code in [function, fetch] {
            let code = [&[useless], &code[..], &[exit()]].concat();
            assert_eq!(specialized(&code, 1), plain(&code));
        }
    }
}
