//! The mappings of a process: `struct vm_area_struct`, by their addresses.
//!
//! They are looked for without the lock of the memory, which nobody may wait for here, so that while another thread
//! maps something a wrong one may be found: what is found is checked. (`bpf_find_vma` takes the lock if it is free,
//! and where interrupts are off only once until they are on again.)

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

use super::member;
use crate::config::config;

/// Where pivots are read to, in a map.
pub type Room = [u64; 16];

/// Trees of this height have more mappings than a process has (`vm.max_map_count`, 65,530 by default): of the first kind
/// a node has at least 5 that are used; of the older ones 2, and a path is at most twice as long as another, so that
/// there can be a million.
const LEVELS: u32 = 14;
const LEVELS_OF_TWO: u32 = 40;

/// Where the pivots of a node are, behind the pointer to the one above; the slots are behind the pivots. Where the
/// kernel's nodes are others, the agent gives no offsets.
const PIVOTS_AT: u32 = 8;
/// The most pivots of a node, and those of `maple_arange_64`.
const PIVOTS: u32 = 15;
const ARANGE_PIVOTS: u32 = 9;
/// `enum maple_type` (`include/linux/maple_tree.h`): leaves are below this, …
const MAPLE_RANGE_64: u64 = 2;
/// … and this is what the other nodes are that know of gaps.
const MAPLE_ARANGE_64: u64 = 3;

/// A mapping.
#[derive(Clone, Copy)]
pub struct Vma(u64);

impl Vma {
    /// The one of this memory that an address is in. `room` is the program's own.
    #[inline(always)]
    pub fn find(mm: u64, address: u64, room: *mut Room) -> Option<Self> {
        let found = if config!(offsets.mm_maple_root) != 0 {
            in_maple_tree(mm, address, room)
        } else {
            in_red_black_tree(mm, address)
        };
        let start: u64 = member(found, config!(offsets.vma_start));
        let end: u64 = member(found, config!(offsets.vma_end));
        let owner: u64 = member(found, config!(offsets.vma_mm));
        if found != 0 && start <= address && address < end && owner == mm {
            Some(Self(found))
        } else {
            None
        }
    }

    /// The `struct file` that it maps; 0 if it maps none.
    #[inline(always)]
    pub fn file(self) -> u64 {
        member(self.0, config!(offsets.vma_file))
    }

    /// How far an address that is in it is into that.
    #[inline(always)]
    pub fn offset(self, address: u64) -> u64 {
        let page: u64 = member(self.0, config!(offsets.vma_pgoff));
        let start: u64 = member(self.0, config!(offsets.vma_start));
        (page << config!(page_shift)).wrapping_add(address.wrapping_sub(start))
    }
}

/// What is in a maple tree at an index (`mtree_lookup_walk`, `lib/maple_tree.c`).
#[inline(always)]
fn in_maple_tree(mm: u64, address: u64, room: *mut Room) -> u64 {
    /// `xa_is_node` (`include/linux/xarray.h`), as a node's low bits say.
    const NODE: u64 = 2;
    /// `MAPLE_NODE_MASK`, `MAPLE_NODE_TYPE_SHIFT`, `MAPLE_NODE_TYPE_MASK`.
    const MASK: u64 = 0xff;
    const TYPE_SHIFT: u32 = 3;
    const TYPE_MASK: u64 = 0xf;
    let mut entry: u64 = member(mm, config!(offsets.mm_maple_root));
    if entry & 3 != NODE {
        return 0;
    }
    let mut level = 0;
    while level < LEVELS {
        let node = entry & !MASK;
        let kind = entry >> TYPE_SHIFT & TYPE_MASK;
        let pivots = if kind == MAPLE_ARANGE_64 { ARANGE_PIVOTS } else { PIVOTS };
        let slot = slot_of(node, pivots, address, room);
        entry = member(node.wrapping_add(slot * 8), PIVOTS_AT + pivots * 8);
        if kind < MAPLE_RANGE_64 {
            return entry;
        }
        level += 1;
    }
    0
}

/// The first slot of a node whose pivot is not below an address.
#[inline(always)]
fn slot_of(node: u64, pivots: u32, address: u64, room: *mut Room) -> u64 {
    let room = room.cast::<u64>();
    // SAFETY: the program's own, of 16 words, of which the helper writes 15; the last keeps a number that the
    // verifier then knows nothing of.
    unsafe {
        let from = node.wrapping_add(u64::from(PIVOTS_AT)) as *const c_void;
        bpf_probe_read_kernel(room.cast::<c_void>(), PIVOTS * 8, from);
        let mut slot = 0;
        while slot < PIVOTS {
            let pivot = room.add(slot as usize).read_volatile();
            // Behind those that are in use there are zeros.
            if slot == pivots || pivot >= address || pivot == 0 && slot > 0 {
                break;
            }
            slot += 1;
        }
        let place = room.add(PIVOTS as usize);
        place.write_volatile(u64::from(slot));
        place.read_volatile()
    }
}

/// What is in the tree of mappings at an address (`find_vma`, `mm/mmap.c`, up to 6.0).
#[inline(always)]
fn in_red_black_tree(mm: u64, address: u64) -> u64 {
    let mut node: u64 = member(mm, config!(offsets.mm_rb));
    let mut level = 0;
    while level < LEVELS_OF_TWO {
        if node == 0 {
            return 0;
        }
        let vma = node.wrapping_sub(u64::from(config!(offsets.vma_rb)));
        if member::<u64>(vma, config!(offsets.vma_end)) <= address {
            node = member(node, config!(offsets.rb_right));
        } else if member::<u64>(vma, config!(offsets.vma_start)) <= address {
            return vma;
        } else {
            node = member(node, config!(offsets.rb_left));
        }
        level += 1;
    }
    0
}
