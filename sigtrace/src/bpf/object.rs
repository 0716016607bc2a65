//! The eBPF object that is embedded: its maps created, its programs made ready for this kernel.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem::take,
    os::fd::{AsFd as _, AsRawFd as _, RawFd},
};

use anyhow::{Context as _, Result};
use aya::{
    include_bytes_aligned,
    maps::{Map, MapData},
};
use aya_obj::{EbpfSectionKind, Function, generated::bpf_insn};
use sigtrace_common::{Config, KFUNCS};

use super::{
    global::{self, Functions, Globals},
    specialize::{Constants, specialize},
    sys,
    types::Types,
};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sigtrace-ebpf.stripped"));

/// `BPF_PSEUDO_KFUNC_CALL`, `include/uapi/linux/bpf.h`: the immediate is the number of a function's
/// type.
const BPF_PSEUDO_KFUNC_CALL: u8 = 2;
/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;

/// The object, its maps created.
#[derive(Debug)]
pub(super) struct Object {
    /// Nothing once it was forgotten.
    code: Option<Code>,
    /// The maps that nobody has taken.
    maps: HashMap<String, Map>,
}

/// What programs are made of.
#[derive(Debug)]
struct Code {
    object: aya_obj::Object,
    programs: HashMap<String, aya_obj::Program>,
    /// What the programs consist of until they are asked for, each by its section and address: most
    /// never are.
    functions: BTreeMap<(usize, u64), Function>,
    /// What the maps are, and their descriptors.
    definitions: HashMap<String, (RawFd, aya_obj::Map)>,
    text_sections: HashSet<usize>,
    kfuncs: Vec<(i32, i32)>,
    globals: Globals,
    constants: Constants,
}

/// A program, ready to be loaded.
#[derive(Debug)]
pub(super) struct Program {
    /// Its instructions, with all that it calls.
    pub(super) code: Vec<bpf_insn>,
    /// What it calls, if any of that is global.
    pub(super) functions: Option<Functions>,
}

impl Object {
    /// Parses the object, gives it its configuration, and creates its maps, of these sizes where one
    /// is given.
    pub(super) fn create(
        config: &Config,
        sizes: &[(&str, u32)],
        types: Option<&Types>,
    ) -> Result<Self> {
        let mut object = aya_obj::Object::parse(OBJECT).context("cannot parse the eBPF object")?;
        // SAFETY: integers without padding.
        let bytes = unsafe {
            std::slice::from_raw_parts((&raw const *config).cast::<u8>(), size_of::<Config>())
        };
        object
            .patch_map_data(HashMap::from([("CONFIG", (bytes, true))]))
            .context("cannot set the configuration of the eBPF object")?;
        let programs = take(&mut object.programs);
        let globals = Globals::load().context("cannot load the types of the programs")?;
        for function in object.functions.values_mut() {
            globals.note(function);
        }
        let mut maps = HashMap::new();
        let (mut definitions, mut constants) = (HashMap::new(), Constants::new());
        for (name, mut map) in take(&mut object.maps) {
            if let Some((_, size)) = sizes.iter().find(|(named, _)| *named == name) {
                map.set_max_entries(*size);
            }
            let created =
                create(&name, &map).with_context(|| format!("cannot create map {name}"))?;
            let fd = created.fd().as_fd().as_raw_fd();
            if map.section_kind() == EbpfSectionKind::Rodata {
                constants.insert(fd, map.data().to_vec());
            }
            definitions.insert(name.clone(), (fd, map));
            maps.insert(name, Map::from_map_data(created)?);
        }
        let text_sections = object.functions.keys().map(|(section, _)| *section).collect();
        let entries: HashSet<_> = programs.values().map(aya_obj::Program::function_key).collect();
        let (functions, shared): (BTreeMap<_, _>, BTreeMap<_, _>) =
            take(&mut object.functions).into_iter().partition(|(key, _)| entries.contains(key));
        object.functions = shared;
        let kfuncs = KFUNCS.iter().filter_map(|&(helper, name)| {
            let number = types?.function(name)?;
            Some((helper.cast_signed(), number.cast_signed()))
        });
        let kfuncs = kfuncs.collect();
        let mut code = Code {
            object,
            programs,
            functions,
            definitions,
            text_sections,
            kfuncs,
            globals,
            constants,
        };
        code.refer_to_maps()?;
        Ok(Self { code: Some(code), maps })
    }

    /// A map to own. The programs that are yet to be loaded refer to it by its descriptor.
    pub(super) fn take(&mut self, name: &str) -> Result<Map> {
        self.maps.remove(name).with_context(|| no_map(name))
    }

    /// A map.
    pub(super) fn map(&mut self, name: &str) -> Result<&mut Map> {
        self.maps.get_mut(name).with_context(|| no_map(name))
    }

    /// A program, with all that it calls.
    pub(super) fn program(&mut self, name: &str) -> Result<Program> {
        self.code.as_mut().context("the programs have already been dropped")?.program(name)
    }

    /// Forgets the programs, once all are loaded: what they are made of takes more memory than
    /// everything the agent needs from there on.
    pub(super) fn forget_programs(&mut self) {
        self.code = None;
        drop_pages(OBJECT);
    }
}

impl Code {
    /// A program, with all that it calls.
    fn program(&mut self, name: &str) -> Result<Program> {
        let program = self
            .programs
            .get(name)
            .with_context(|| format!("the eBPF object has no program {name}"))?;
        let key = program.function_key();
        self.object.programs.insert(name.to_owned(), program.clone());
        let mut function = self.function(key).with_context(|| format!("program {name}"))?;
        global::mark(&mut function.instructions, &function.func_info.func_info);
        let mut code = specialize(&function.instructions, &self.constants);
        for instruction in &mut code {
            if instruction.code == CALL
                && instruction.src_reg() == 0
                && let Some((_, number)) =
                    self.kfuncs.iter().find(|(helper, _)| *helper == instruction.imm)
            {
                instruction.set_src_reg(BPF_PSEUDO_KFUNC_CALL);
                instruction.imm = *number;
            }
        }
        let functions = self.globals.functions(&mut code);
        Ok(Program { code, functions })
    }

    /// Writes the maps' descriptors into the functions there are. Not a second time.
    fn refer_to_maps(&mut self) -> Result<()> {
        let maps = self.definitions.iter().map(|(name, (fd, map))| (name.as_str(), *fd, map));
        Ok(self.object.relocate_maps(maps, &self.text_sections)?)
    }

    /// The function of the program that has been put into the object, with all that it calls.
    fn function(&mut self, key: (usize, u64)) -> Result<Function> {
        let function = self.functions.get(&key).context("it has no instructions")?.clone();
        let mut shared =
            std::mem::replace(&mut self.object.functions, BTreeMap::from([(key, function)]));
        let referred = self.refer_to_maps();
        self.object.functions.append(&mut shared);
        let linked = referred.and_then(|()| Ok(self.object.relocate_calls(&self.text_sections)?));
        self.object.programs.clear();
        let function = self.object.functions.remove(&key).context("it has no instructions");
        linked?;
        function
    }
}

/// Has the kernel forget the pages that are all of these bytes, which come from our file again when
/// somebody looks at them.
fn drop_pages(bytes: &'static [u8]) {
    // SAFETY: plain system call.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(usize::MAX);
    let first = bytes.as_ptr().align_offset(page);
    let whole = bytes.get(first..).unwrap_or_default();
    let length = whole.len() / page * page;
    // SAFETY: whole pages of a read-only static, of which the file has what is in memory. If they are
    // kept nonetheless, they are just there.
    unsafe { libc::madvise(whole.as_ptr().cast_mut().cast(), length, libc::MADV_DONTNEED) };
}

fn no_map(name: &str) -> String {
    format!("the eBPF object has no map {name}")
}

/// Creates a map. Those of globals get their content; what is read-only is frozen.
fn create(name: &str, map: &aya_obj::Map) -> Result<MapData> {
    // Sections have dots in their names, which maps must not.
    let created = MapData::create(map.clone(), name.trim_start_matches('.'), None)?;
    if !map.data().is_empty() {
        sys::set_global(created.fd().as_fd(), map.data())?;
        if map.section_kind() == EbpfSectionKind::Rodata {
            sys::freeze(created.fd().as_fd())?;
        }
    }
    Ok(created)
}

#[cfg(test)]
mod tests {
    use aya_obj::generated::bpf_func_info;
    use sigtrace_common::GLOBALS;

    use super::*;

    /// What the compiler brings along.
    const LOOPS: [&str; 3] = ["memcpy", "memmove", "memset"];

    fn object() -> aya_obj::Object {
        aya_obj::Object::parse(OBJECT).unwrap()
    }

    #[test]
    fn the_global_functions_are_those_that_the_object_exports() {
        let object = object();
        let programs: HashSet<_> =
            object.programs.values().map(aya_obj::Program::function_key).collect();
        let functions = object.functions.iter().filter(|(key, _)| !programs.contains(key));
        let mut exported: Vec<_> = functions
            .map(|(_, function)| function.name.as_str())
            .filter(|name| !name.starts_with("_R") && !LOOPS.contains(name))
            .collect();
        exported.sort_unstable();
        assert_eq!(exported, GLOBALS.map(|(name, _)| name));
    }

    #[test]
    fn no_program_copies_memory_in_loops_that_the_verifier_goes_through() {
        let mut object = object();
        for function in object.functions.values_mut() {
            if let Some(at) = LOOPS.iter().position(|name| *name == function.name) {
                let mark = bpf_func_info { insn_off: 0, type_id: at as u32 };
                function.func_info.func_info = vec![mark];
            }
        }
        let text_sections = object.functions.keys().map(|(section, _)| *section).collect();
        object.relocate_calls(&text_sections).unwrap();
        let calls: Vec<_> = object
            .programs
            .iter()
            .flat_map(|(name, program)| {
                let function = &object.functions[&program.function_key()];
                let loops = function.func_info.func_info.iter();
                loops.map(move |found| (name, LOOPS[found.type_id as usize]))
            })
            .collect();
        assert_eq!(calls, []);
    }
}
