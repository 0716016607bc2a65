//! Code that events name by its address.

use std::io::{self, Write};

use super::escape::Escaped;
use crate::output::{code::Code, hex::Hex};

/// `/usr/sbin/nginx+0x1139 (ngx_signal_handler)`, as tracers of stacks write it.
pub(super) fn write(code: &Code, out: &mut Vec<u8>) -> io::Result<()> {
    name(&code.file, out)?;
    if code.is_deleted {
        out.extend(b" (deleted)");
    }
    write!(out, "+{}", Hex::new(code.offset))?;
    let Some(symbol) = &code.symbol else { return Ok(()) };
    out.extend(b" (");
    name(symbol.name.as_bytes(), out)?;
    if symbol.offset != 0 {
        write!(out, "+{}", Hex::new(symbol.offset))?;
    }
    out.write_all(b")")
}

/// What a stranger chose; in quotes if it could be taken for more than a name.
fn name(name: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-:<>@~".contains(byte);
    if name.iter().all(is_plain) {
        return write!(out, "{}", Escaped(name));
    }
    write!(out, "\"{}\"", Escaped(name))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::output::Symbol;

    fn text(file: &[u8], is_deleted: bool, symbol: Option<(&str, u64)>) -> String {
        let symbol = symbol.map(|(name, offset)| Symbol { name: name.into(), offset });
        let file = Rc::from(file);
        let code = Code { file, is_deleted, identity: (1, 2), offset: 0x1139, symbol };
        let mut out = Vec::new();
        write(&code, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn code_is_a_file_an_offset_and_a_function() {
        assert_eq!(text(b"/usr/sbin/nginx", false, None), "/usr/sbin/nginx+0x1139");
        assert_eq!(text(b"/bin/x", true, Some(("main", 0))), "/bin/x (deleted)+0x1139 (main)");
        assert_eq!(text(b"/bin/x", false, Some(("a::b", 4))), "/bin/x+0x1139 (a::b+0x4)");
    }

    #[test]
    fn a_name_is_never_taken_for_more() {
        assert_eq!(
            text(b"/x+0x0 (main) by /usr/bin/foo", false, Some(("f(int, \"\x1b)", 0))),
            r#""/x+0x0 (main) by /usr/bin/foo"+0x1139 ("f(int, \"\x1b)")"#
        );
    }
}
