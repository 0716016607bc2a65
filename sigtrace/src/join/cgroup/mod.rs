//! What the path of a control group says: the systemd unit, and the container.
//!
//! Only the path is looked at. It is what a process cannot change without the rights of whoever manages its
//! subtree; in a subtree that is delegated to a user, that user names groups as it likes.

mod container;
#[cfg(test)]
mod tests;
mod unit;

pub use container::{Container, Outermost, Role, runtime::ALL as RUNTIMES};

/// What a path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The unit of the system manager that the group is of, or below.
    pub unit: Option<String>,
    /// Likewise, the unit of a user's manager.
    pub user_unit: Option<String>,
    /// The container that the group is of, or whose supervisor it is of.
    pub container: Option<Container>,
}

/// What this path says, from the root of the hierarchy on: the unit is the host's, and the container the
/// innermost one.
pub fn names(path: &str) -> Names {
    let components: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let (unit, user_unit) = unit::units(&components);
    Names { unit, user_unit, container: container::container(&components) }
}
