//! The place of the figures in the page about performance: a block of sections, each between
//! markers of its own, so that what is not measured anew stays as it is.

use std::cmp::Reverse;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";
/// What every marker of a section begins with; the name comes next.
const MARKER: &str = "<!-- bench:";
const BEGINS: &str = ":begin -->";
const ENDS: &str = ":end -->";

/// A part of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    /// A kernel's version, or what else there are figures of.
    name: String,
    text: String,
}

/// Puts a section into its place in the page, instead of the one of that name.
pub(super) fn put(page: &Path, name: &str, text: &str) -> Result<()> {
    let path = page.display();
    let old = fs::read_to_string(page).with_context(|| format!("reading {path}"))?;
    let new = replace(&old, name, text)
        .with_context(|| format!("{path} has no {BEGIN} … {END}, or a section without end"))?;
    fs::write(page, new).with_context(|| format!("writing {path}"))
}

/// The page with one section replaced or added. The newest kernel comes first, those of another architecture after
/// all others, and what is of no kernel last.
fn replace(page: &str, name: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (block, after) = rest.split_once(END)?;
    let mut sections = sections(block)?;
    sections.retain(|section| section.name != name);
    sections.push(Section { name: name.into(), text: text.trim().into() });
    sections.sort_by_key(|section| Reverse(place(&section.name)));
    let render = |Section { name, text }: &Section| {
        format!("{MARKER}{name}{BEGINS}\n{text}\n{MARKER}{name}{ENDS}\n")
    };
    let block = sections.iter().map(render).collect::<Vec<_>>().join("\n");
    Some(format!("{before}{BEGIN}\n{block}{END}{after}"))
}

fn sections(mut block: &str) -> Option<Vec<Section>> {
    let mut sections = Vec::new();
    while let Some((_, rest)) = block.split_once(MARKER) {
        let (name, rest) = rest.split_once(BEGINS)?;
        let (text, rest) = rest.split_once(&format!("{MARKER}{name}{ENDS}"))?;
        sections.push(Section { name: name.into(), text: text.trim().into() });
        block = rest;
    }
    Some(sections)
}

/// What sections are sorted by, the last first: whether they are of a kernel and of no other architecture than most,
/// whether they are of a kernel, and the numbers of its version.
fn place(name: &str) -> (bool, bool, Vec<u32>) {
    let (arch, version) = match name.split_once('-') {
        Some((arch, version)) => (Some(arch), version),
        None => (None, name),
    };
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    let is_kernel = !numbers.is_empty();
    (is_kernel && arch.is_none(), is_kernel, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(block: &str) -> String {
        format!("# Title\n\n{BEGIN}\n{block}{END}\n\nThe end.\n")
    }

    fn section(name: &str, text: &str) -> String {
        format!("<!-- bench:{name}:begin -->\n{text}\n<!-- bench:{name}:end -->\n")
    }

    #[test]
    fn only_the_section_of_that_name_is_replaced() {
        let old = page(&[section("6.12", "old"), section("decoder", "fast")].join("\n"));
        let new = page(&[section("6.12", "new\n\n| x |"), section("decoder", "fast")].join("\n"));
        assert_eq!(replace(&old, "6.12", "new\n\n| x |\n").unwrap(), new);
        assert_eq!(replace(&new, "6.12", "new\n\n| x |").unwrap(), new);
    }

    #[test]
    fn new_sections_come_in_the_order_of_versions() {
        let names = ["6.1", "aarch64-6.12", "decoder", "7", "aarch64-7", "5.10", "6.12"];
        let filled = names.iter().fold(page(""), |page, name| replace(&page, name, name).unwrap());
        let sorted = ["7", "6.12", "6.1", "5.10", "aarch64-7", "aarch64-6.12", "decoder"]
            .map(|name| section(name, name));
        assert_eq!(filled, page(&sorted.join("\n")));
    }

    #[test]
    fn the_page_has_a_place_for_sections() {
        let page = include_str!("../../../docs/performance.md");
        let new = replace(page, "7", "new").unwrap();
        assert!(new.contains(&section("7", "new")), "{new}");
        let (text, after) = page.split_once(END).unwrap();
        assert!(
            new.starts_with(text.split_once(BEGIN).unwrap().0) && new.ends_with(after),
            "{new}"
        );
    }

    #[test]
    fn a_page_without_its_markers_is_left_alone() {
        assert_eq!(replace("# Title\n", "7", "new"), None);
        assert_eq!(replace(&format!("{END}{BEGIN}"), "7", "new"), None);
        assert_eq!(replace(&page("<!-- bench:6.1:begin -->\nold\n"), "7", "new"), None);
        assert_eq!(replace(&page("<!-- bench:6.1"), "7", "new"), None);
    }
}
