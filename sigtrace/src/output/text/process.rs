//! Who processes are, behind the line of what they did.

use std::io::{self, Write};

use super::{escape::Escaped, palette::Palette};
use crate::{join::table::Identity, output::Parties};

/// ` by /usr/bin/pkill (cron.service) to /usr/sbin/nginx (nginx.service)`; who is not known is left out.
pub(super) fn write_parties(
    parties: &Parties,
    palette: &Palette,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let style = palette.caller;
    for (word, process) in [("by", &parties.caller), ("to", &parties.target)] {
        let known = process.as_ref().and_then(|process| process.known.as_ref());
        if let Some(identity) = known.and_then(|known| known.identity.as_ref()) {
            write!(out, " {style}{word} ")?;
            write(identity, out)?;
            write!(out, "{style:#}")?;
        }
    }
    Ok(())
}

/// `/usr/sbin/nginx (nginx.service) "nginx" "-g" "daemon off;"`, of a script its path before that of its
/// interpreter.
pub(super) fn write(identity: &Identity, out: &mut Vec<u8>) -> io::Result<()> {
    let image = identity.image.as_deref();
    if let Some(script) = image.and_then(|image| image.script.as_deref()) {
        write!(out, "{} of ", Escaped(script))?;
    }
    match image.and_then(|image| image.exe.as_deref()) {
        Some(exe) => write!(out, "{}", Escaped(exe))?,
        None => out.push(b'?'),
    }
    if image.is_some_and(|image| image.exe.is_some() && image.exe_deleted) {
        out.extend(b" <deleted>");
    }
    let names = identity.group.as_deref().map(|group| &group.names);
    let container = names.and_then(|names| names.container.as_ref());
    let unit = names.and_then(|names| names.user_unit.as_ref().or(names.unit.as_ref()));
    match (unit, container) {
        (None, None) => {}
        (Some(unit), None) => write!(out, " ({})", Escaped(unit.as_bytes()))?,
        (_, Some(container)) => {
            let runtime = container.runtime.unwrap_or("container");
            write!(out, " ({runtime} {})", Escaped(container.id.as_bytes()))?;
        }
    }
    let args = image.and_then(|image| image.args.as_ref());
    for arg in args.into_iter().flat_map(|args| args.iter()) {
        write!(out, " \"{}\"", Escaped(arg))?;
    }
    if args.is_some_and(|args| args.truncated) {
        out.extend(b" ...");
    }
    Ok(())
}
