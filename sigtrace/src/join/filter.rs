//! Selecting by who processes are.

use super::table::Identity;

/// Who is selected: a process that is all that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Executables: paths, or their last names.
    pub exes: Vec<Vec<u8>>,
    /// Units, of the system manager or of a user's.
    pub units: Vec<String>,
    /// Containers: names, ids or the beginnings of ids.
    pub containers: Vec<String>,
}

/// The beginning of a container's id that stands for it, as runtimes shorten them.
pub const SHORTEST_ID: usize = 12;

impl Filter {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a process is selected. Not if it is not known whether it is.
    pub fn selects(&self, process: &Identity) -> bool {
        let exe = process.image.as_deref().and_then(|image| image.exe.as_deref());
        let names = process.group.as_deref().map(|group| &group.names);
        let units = names.map(|names| [&names.unit, &names.user_unit]);
        let container = names.and_then(|names| names.container.as_ref());
        let is_exe = |wanted: &Vec<u8>| {
            exe.is_some_and(|exe| {
                let name = exe.rsplit(|byte| *byte == b'/').next().unwrap_or(exe);
                *wanted == exe || *wanted == name
            })
        };
        let is_unit = |wanted: &String| {
            let mut units = units.into_iter().flatten();
            units.any(|unit| unit.as_ref() == Some(wanted))
        };
        let is_container = |wanted: &String| {
            container.is_some_and(|container| {
                container.name.as_ref() == Some(wanted)
                    || container.id == *wanted
                    || wanted.len() >= SHORTEST_ID && container.id.starts_with(wanted)
            })
        };
        (self.exes.is_empty() || self.exes.iter().any(is_exe))
            && (self.units.is_empty() || self.units.iter().any(is_unit))
            && (self.containers.is_empty() || self.containers.iter().any(is_container))
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::join::{
        cgroup,
        image::Image,
        table::{Group, Start},
    };

    const ID: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";

    fn process(exe: Option<&str>, path: Option<&str>) -> Identity {
        let image = Image { exe: exe.map(|exe| exe.as_bytes().into()), ..Image::default() };
        let group = |path: &str| {
            let names = cgroup::names(path);
            Rc::new(Group { id: None, path: path.as_bytes().into(), names })
        };
        Identity {
            start: Start::Exact(0),
            comm: None,
            loginuid: None,
            ns_pid: None,
            group: path.map(group),
            image: Some(Rc::new(image)),
            parents: None,
        }
    }

    fn filter(exes: &[&str], units: &[&str], containers: &[&str]) -> Filter {
        let text = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        Filter {
            exes: exes.iter().map(|exe| exe.as_bytes().to_vec()).collect(),
            units: text(units),
            containers: text(containers),
        }
    }

    #[test]
    fn a_process_is_all_that_is_asked_for() {
        let docker = format!("/system.slice/docker-{ID}.scope");
        let nginx = process(Some("/usr/sbin/nginx"), Some("/system.slice/web.service"));
        let user = process(
            Some("/usr/bin/foo"),
            Some("/user.slice/user-1.slice/user@1.service/app.slice/foo.service"),
        );
        let boxed = process(Some("/usr/sbin/nginx"), Some(&docker));
        let of = |filter: Filter| [&nginx, &user, &boxed].map(|process| filter.selects(process));
        assert_eq!(of(filter(&["nginx"], &[], &[])), [true, false, true]);
        assert_eq!(of(filter(&["/usr/bin/foo", "x"], &[], &[])), [false, true, false]);
        assert_eq!(of(filter(&["bin/foo"], &[], &[])), [false, false, false]);
        assert_eq!(of(filter(&[], &["foo.service", "web.service"], &[])), [true, true, false]);
        assert_eq!(of(filter(&[], &["user@1.service"], &[])), [false, true, false]);
        assert_eq!(of(filter(&[], &[], &[&ID[..12]])), [false, false, true]);
        assert_eq!(of(filter(&[], &[], &[&ID[..11]])), [false, false, false]);
        assert_eq!(of(filter(&["nginx"], &["web.service"], &[])), [true, false, false]);
        assert_eq!(of(filter(&["nginx"], &["web.service"], &[ID])), [false, false, false]);
    }

    #[test]
    fn what_is_not_known_is_not_selected() {
        let unknown = process(None, None);
        assert!(filter(&[], &[], &[]).selects(&unknown));
        for filter in [filter(&["x"], &[], &[]), filter(&[], &["x"], &[]), filter(&[], &[], &["x"])]
        {
            assert!(!filter.selects(&unknown));
        }
    }
}
