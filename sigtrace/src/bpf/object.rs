//! The eBPF object that is embedded: its maps created, its programs made ready for this kernel.

use std::{
    collections::{HashMap, HashSet},
    os::fd::{AsFd as _, AsRawFd as _},
};

use anyhow::{Context as _, Result};
use aya::{
    include_bytes_aligned,
    maps::{Map, MapData},
};
use aya_obj::{EbpfSectionKind, Function, generated::bpf_insn};
use sigtrace_common::{Config, KFUNCS};

use super::{
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
    object: aya_obj::Object,
    programs: HashMap<String, aya_obj::Program>,
    text_sections: HashSet<usize>,
    kfuncs: Vec<(i32, i32)>,
    constants: Constants,
    /// The maps that nobody has taken.
    maps: HashMap<String, Map>,
}

impl Object {
    /// Parses the object, gives it its configuration, and creates its maps, of these sizes where one
    /// is given.
    pub(super) fn create(
        config: &Config,
        sizes: &[(&str, u32)],
        types: Option<&Types>,
    ) -> Result<Self> {
        let mut object = aya_obj::Object::parse(OBJECT).context("the eBPF object is none")?;
        // SAFETY: integers without padding.
        let bytes = unsafe {
            std::slice::from_raw_parts((&raw const *config).cast::<u8>(), size_of::<Config>())
        };
        object
            .patch_map_data(HashMap::from([("CONFIG", (bytes, true))]))
            .context("the eBPF object has no such configuration")?;
        let programs = std::mem::take(&mut object.programs);
        let mut maps = HashMap::new();
        let (mut definitions, mut constants) = (HashMap::new(), Constants::new());
        for (name, mut map) in std::mem::take(&mut object.maps) {
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
        object.relocate_maps(
            definitions.iter().map(|(name, (fd, map))| (name.as_str(), *fd, map)),
            &text_sections,
        )?;
        let kfuncs = KFUNCS.iter().filter_map(|&(helper, name)| {
            let number = types?.function(name)?;
            Some((helper.cast_signed(), number.cast_signed()))
        });
        Ok(Self { object, programs, text_sections, kfuncs: kfuncs.collect(), constants, maps })
    }

    /// A map to own. The programs that are yet to be loaded refer to it by its descriptor.
    pub(super) fn take(&mut self, name: &str) -> Result<Map> {
        self.maps.remove(name).with_context(|| no_map(name))
    }

    /// A map.
    pub(super) fn map(&mut self, name: &str) -> Result<&mut Map> {
        self.maps.get_mut(name).with_context(|| no_map(name))
    }

    /// The instructions of a program, with all that it calls.
    pub(super) fn program(&mut self, name: &str) -> Result<Vec<bpf_insn>> {
        let program = self
            .programs
            .get(name)
            .with_context(|| format!("the eBPF object has no program {name}"))?;
        let key = program.function_key();
        self.object.programs.insert(name.to_owned(), program.clone());
        let linked = self.object.relocate_calls(&self.text_sections);
        self.object.programs.clear();
        linked.with_context(|| format!("program {name}"))?;
        let function: &Function =
            self.object.functions.get(&key).with_context(|| format!("program {name}"))?;
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
        Ok(code)
    }
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
