//! Global functions of programs ([`GLOBALS`]), and how the verifier is told of them: by BTF that says of each
//! function of a program what it is (`Documentation/bpf/btf.rst`, `bpf_func_info` in
//! `include/uapi/linux/bpf.h`).

use std::{
    collections::{BTreeMap, HashMap},
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::Arc,
};

use aya_obj::{
    Function,
    btf::{Btf, BtfParam, BtfType, Func, FuncLinkage, FuncProto, Int, IntEncoding},
    generated::{bpf_func_info, bpf_insn},
};
use sigtrace_common::GLOBALS;

use super::{
    specialize::{callee, is_pseudo_call, is_second_half},
    sys,
};

/// The types of all global functions, known to the kernel.
#[derive(Clone, Debug)]
pub(super) struct Globals {
    btf: Arc<OwnedFd>,
    numbers: Numbers,
}

/// The functions that a program consists of, for the verifier.
#[derive(Debug)]
pub(super) struct Functions {
    btf: Arc<OwnedFd>,
    /// By where they begin.
    info: Vec<bpf_func_info>,
}

/// Numbers of types.
#[derive(Clone, Debug)]
struct Numbers {
    /// Of functions that are not global.
    local: u32,
    /// Of those that are, by their names.
    global: HashMap<&'static str, u32>,
}

impl Globals {
    /// Has the kernel know them.
    pub(super) fn load() -> io::Result<Self> {
        let (btf, numbers) = types();
        Ok(Self { btf: Arc::new(sys::load_btf(&btf.to_bytes())?), numbers })
    }

    /// Notes of a function in the object whether it is global, so that it is known when it was linked.
    pub(super) fn note(&self, function: &mut Function) {
        if let Some(&type_id) = self.numbers.global.get(function.name.as_str()) {
            function.func_info.func_info = vec![bpf_func_info { insn_off: 0, type_id }];
        }
    }

    /// What a program consists of, once its calls were [marked](mark), and whatever was done to it since. Takes
    /// the marks away. `None` if it calls none that is global.
    pub(super) fn functions(&self, code: &mut [bpf_insn]) -> Option<Functions> {
        let info = unmark(code, self.numbers.local);
        let is_global = |function: &bpf_func_info| function.type_id != self.numbers.local;
        info.iter().any(is_global).then(|| Functions { btf: Arc::clone(&self.btf), info })
    }
}

impl Functions {
    /// Their types.
    pub(super) fn btf(&self) -> BorrowedFd<'_> {
        self.btf.as_fd()
    }

    /// Where each begins, and its type.
    pub(super) fn info(&self) -> &[bpf_func_info] {
        &self.info
    }
}

fn types() -> (Btf, Numbers) {
    let mut btf = Btf::new();
    let name = btf.add_string("u32");
    let u32 = btf.add_type(BtfType::Int(Int::new(name, 4, IntEncoding::None, 0)));
    let mut function = |name: &str, arguments: u32, linkage| {
        let param = BtfParam { name_offset: btf.add_string("number"), btf_type: u32 };
        let params = (0..arguments).map(|_| param.clone()).collect();
        let proto = btf.add_type(BtfType::FuncProto(FuncProto::new(params, u32)));
        let name = btf.add_string(name);
        btf.add_type(BtfType::Func(Func::new(name, proto, linkage)))
    };
    let local = function("local", 0, FuncLinkage::Static);
    let global = GLOBALS
        .iter()
        .map(|&(name, arguments)| (name, function(name, arguments, FuncLinkage::Global)));
    let global = global.collect();
    (btf, Numbers { local, global })
}

/// Marks the calls of global functions in a program with what these are, in a part of the instruction that
/// is not used: so calls can be moved, and what they call can.
pub(super) fn mark(code: &mut [bpf_insn], functions: &[bpf_func_info]) {
    let begins = |at| functions.iter().find(|function| function.insn_off as usize == at);
    for at in calls(code) {
        if let Some(function) = begins(callee(at, &code[at])) {
            code[at].off = i16::try_from(function.type_id).unwrap_or(0);
        }
    }
}

fn unmark(code: &mut [bpf_insn], local: u32) -> Vec<bpf_func_info> {
    let mut functions = BTreeMap::from([(0, local)]);
    for at in calls(code) {
        let there = callee(at, &code[at]);
        let mark = u32::try_from(std::mem::take(&mut code[at].off)).unwrap_or(0);
        functions.insert(there, if mark == 0 { local } else { mark });
    }
    let info = functions.into_iter();
    info.map(|(at, type_id)| bpf_func_info { insn_off: at as u32, type_id }).collect()
}

fn calls(code: &[bpf_insn]) -> Vec<usize> {
    (0..code.len()).filter(|&at| !is_second_half(code, at) && is_pseudo_call(&code[at])).collect()
}

#[cfg(test)]
mod tests {
    use aya_obj::btf::BtfKind;

    use super::*;
    use crate::bpf::specialize::instruction;

    fn call(distance: i32) -> bpf_insn {
        instruction(0x85, 0, 1, 0, distance)
    }

    fn exit() -> bpf_insn {
        instruction(0x95, 0, 0, 0, 0)
    }

    #[test]
    fn functions_keep_what_they_are_when_they_are_moved() {
        // Two calls of a local function, one of a global one.
        let mut code = [call(3), call(2), call(3), exit(), exit(), exit(), exit()];
        mark(&mut code, &[bpf_func_info { insn_off: 6, type_id: 9 }]);
        let mut moved: Vec<bpf_insn> = code.to_vec();
        moved.remove(5);
        moved[2].imm = 2;
        let found: Vec<_> =
            unmark(&mut moved, 3).iter().map(|found| (found.insn_off, found.type_id)).collect();
        assert_eq!(found, [(0, 3), (4, 3), (5, 9)]);
        assert!(moved.iter().all(|instruction| instruction.off == 0));
    }

    #[test]
    fn every_global_function_has_a_type() {
        let (btf, numbers) = types();
        for (name, _) in GLOBALS {
            let found = btf.id_by_type_name_kind(name, BtfKind::Func);
            assert_eq!(found.ok().as_ref(), numbers.global.get(name), "{name}");
        }
    }
}
