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

    /// Whether a process is selected; `None` if not enough is known of it.
    pub fn selects(&self, process: Option<&Identity>) -> Option<bool> {
        if self.is_empty() {
            return Some(true);
        }
        let process = process?;
        let exe = process.image.as_deref().and_then(|image| image.exe.as_deref());
        let names = process.group.as_deref().map(|group| &group.names);
        let is_exe = |wanted: &Vec<u8>| {
            exe.is_some_and(|exe| {
                let name = exe.rsplit(|byte| *byte == b'/').next().unwrap_or(exe);
                *wanted == exe || *wanted == name
            })
        };
        let is_unit = |wanted: &String| {
            let units = names.map(|names| [&names.unit, &names.user_unit]);
            units.into_iter().flatten().any(|unit| unit.as_ref() == Some(wanted))
        };
        let is_container = |wanted: &String| {
            names.and_then(|names| names.container.as_ref()).is_some_and(|container| {
                container.name.as_ref() == Some(wanted)
                    || container.id == *wanted
                    || wanted.len() >= SHORTEST_ID && container.id.starts_with(wanted)
            })
        };
        // Of each thing that is asked for: whether it is known, and whether it is so.
        let asked = [
            (self.exes.is_empty(), exe.is_some(), self.exes.iter().any(is_exe)),
            (self.units.is_empty(), names.is_some(), self.units.iter().any(is_unit)),
            (self.containers.is_empty(), names.is_some(), self.containers.iter().any(is_container)),
        ];
        let asked = asked.into_iter().filter(|(is_all_right, ..)| !is_all_right);
        let answers = asked.map(|(_, is_known, is_so)| is_known.then_some(is_so));
        let mut is_known = true;
        for answer in answers {
            match answer {
                Some(true) => {}
                Some(false) => return Some(false),
                None => is_known = false,
            }
        }
        is_known.then_some(true)
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
        let of = |filter: Filter| {
            [&nginx, &user, &boxed].map(|process| filter.selects(Some(process)).unwrap())
        };
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
    fn of_what_is_not_known_it_is_not_known_whether_it_is_selected() {
        let unknown = process(None, None);
        let of = |filter: Filter| [Some(&unknown), None].map(|process| filter.selects(process));
        assert_eq!(of(filter(&[], &[], &[])), [Some(true); 2]);
        for filter in [filter(&["x"], &[], &[]), filter(&[], &["x"], &[]), filter(&[], &[], &["x"])]
        {
            assert_eq!(of(filter), [None; 2]);
        }
        // Unless something else is known that it is not.
        let nginx = process(Some("/usr/sbin/nginx"), None);
        assert_eq!(filter(&["bash"], &["x"], &[]).selects(Some(&nginx)), Some(false));
        assert_eq!(filter(&["nginx"], &["x"], &[]).selects(Some(&nginx)), None);
    }
}
