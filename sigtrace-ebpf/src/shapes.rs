//! The shapes of all calls, in read-only memory, where the verifier knows them.

use sigtrace_common::{SHAPES_LEN, Shape, shapes};

use crate::arch::NATIVE;

static SHAPES: [Shape; SHAPES_LEN] = shapes(NATIVE);

/// A shape among them.
#[derive(Clone, Copy)]
pub struct ShapeRef(*const Shape);

impl ShapeRef {
    /// That of the calls at a point, by its number.
    #[inline(always)]
    pub fn of(point: u32) -> Self {
        // SAFETY: inside the array.
        Self(unsafe { SHAPES.as_ptr().add(point as usize & (SHAPES_LEN - 1)) })
    }

    /// To be read with [`get!`] only.
    #[inline(always)]
    pub fn as_ptr(self) -> *const Shape {
        self.0
    }
}

/// Reads one member of a shape. Volatile, as otherwise the compiler makes code for each value.
macro_rules! get {
    ($shape:expr, $($member:tt)+) => {{
        // SAFETY: a valid, aligned member of a static. It is also used in what is unsafe itself.
        #[allow(unused_unsafe)]
        unsafe { (&raw const (*$crate::shapes::ShapeRef::as_ptr($shape)).$($member)+).read_volatile() }
    }};
}
pub(crate) use get;

/// Whether any of these flags is set.
#[inline(always)]
pub fn has(shape: ShapeRef, flags: u16) -> bool {
    get!(shape, flags) & flags != 0
}
