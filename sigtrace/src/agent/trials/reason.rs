//! Why probes do not answer.

use std::fs;

const KPROBES: &str = "/sys/kernel/debug/kprobes/enabled";
const FTRACE: &str = "/proc/sys/kernel/ftrace_enabled";
const PATCHES: &str = "/sys/kernel/livepatch";

/// What can silence probes, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Circumstances {
    /// What is in the files [`KPROBES`] and [`FTRACE`].
    kprobes: Option<String>,
    ftrace: Option<String>,
    /// Live patches with what they patch: a function, a comma, and which of that name.
    patched: Vec<(String, String)>,
}

impl Circumstances {
    /// Those of the running kernel.
    pub(super) fn now() -> Self {
        Self {
            kprobes: fs::read_to_string(KPROBES).ok(),
            ftrace: fs::read_to_string(FTRACE).ok(),
            patched: patched(PATCHES),
        }
    }

    /// Why the probes of these functions do not answer. `by_kprobe` says whether any of them is a
    /// kprobe.
    pub(super) fn reason(
        &self,
        by_kprobe: bool,
        mut symbols: impl Iterator<Item = &'static str>,
    ) -> String {
        if by_kprobe && is_zero(self.kprobes.as_deref()) {
            return "kprobes are disabled".to_owned();
        }
        if is_zero(self.ftrace.as_deref()) {
            return "kernel.ftrace_enabled is 0".to_owned();
        }
        let patched = symbols.find_map(|symbol| Some((symbol, self.patch_of(symbol)?)));
        match patched {
            Some((symbol, patch)) => format!("{symbol} is live patched by {patch}"),
            None => "its probes do not answer".to_owned(),
        }
    }

    /// The patch of a function.
    fn patch_of(&self, symbol: &str) -> Option<&str> {
        let is_of = |function: &str| function.split(',').next() == Some(symbol);
        let (patch, _) = self.patched.iter().find(|(_, function)| is_of(function))?;
        Some(patch)
    }
}

/// Live patches and what they patch of the kernel itself, by what is in this directory: one for each
/// patch, in it one for each object, in that one for each function.
fn patched(directory: &str) -> Vec<(String, String)> {
    let of_patch = |patch: String| {
        let functions = names(&format!("{directory}/{patch}/vmlinux"));
        functions.into_iter().map(move |function| (patch.clone(), function))
    };
    names(directory).into_iter().flat_map(of_patch).collect()
}

fn is_zero(content: Option<&str>) -> bool {
    content.is_some_and(|content| content.trim() == "0")
}

/// What is in a directory, in order; nothing if that cannot be told.
fn names(directory: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files with this in them, and a patch of this function.
    fn circumstances(kprobes: &str, ftrace: &str, function: &str) -> Circumstances {
        Circumstances {
            kprobes: Some(kprobes.to_owned()),
            ftrace: Some(ftrace.to_owned()),
            patched: vec![("fix_kill".to_owned(), function.to_owned())],
        }
    }

    fn reason(circumstances: &Circumstances) -> String {
        circumstances.reason(true, ["__x64_sys_tkill", "__x64_sys_kill"].into_iter())
    }

    #[test]
    fn the_first_reason_that_holds_is_told() {
        let patched = "__x64_sys_kill,1";
        for (kprobes, ftrace, function, expected) in [
            ("0\n", "0\n", patched, "kprobes are disabled"),
            ("1\n", "0\n", patched, "kernel.ftrace_enabled is 0"),
            ("1\n", "1\n", patched, "__x64_sys_kill is live patched by fix_kill"),
            ("1\n", "1\n", "__x64_sys_killer,1", "its probes do not answer"),
        ] {
            assert_eq!(reason(&circumstances(kprobes, ftrace, function)), expected);
        }
    }

    #[test]
    fn kprobes_are_no_reason_for_what_is_none() {
        let circumstances = circumstances("0\n", "1\n", "");
        let reason = circumstances.reason(false, ["__x64_sys_kill"].into_iter());
        assert_eq!(reason, "its probes do not answer");
    }

    /// As `Documentation/ABI/testing/sysfs-kernel-livepatch` has it.
    #[test]
    fn live_patches_are_read_from_their_directories() {
        let directory = tempfile::tempdir().unwrap();
        for function in [
            "fix_kill/vmlinux/__x64_sys_kill,1",
            "fix_fs/ext4/ext4_open,1",
            "fix_tty/vmlinux/n_tty_read,1",
        ] {
            fs::create_dir_all(directory.path().join(function)).unwrap();
        }
        // Every patch has it.
        fs::write(directory.path().join("fix_kill/enabled"), "1\n").unwrap();
        let pair = |patch: &str, function: &str| (patch.to_owned(), function.to_owned());
        let expected = [pair("fix_kill", "__x64_sys_kill,1"), pair("fix_tty", "n_tty_read,1")];
        assert_eq!(patched(directory.path().to_str().unwrap()), expected);
        assert_eq!(patched("/no/such/directory"), []);
    }

    #[test]
    fn files_that_cannot_be_read_tell_nothing() {
        assert_eq!(reason(&Circumstances::default()), "its probes do not answer");
    }
}
