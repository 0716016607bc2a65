//! Code that events name by its address.

use super::writer::{Bytes, Object, ToJson, key};
use crate::output::{
    code::{Code, Symbol},
    hex::Hex,
};

impl ToJson for &Code {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("file"), Bytes(&self.file));
        object.field(key!("deleted"), self.is_deleted);
        object.field(key!("offset"), Hex::new(self.offset));
        let symbol = self.symbol.as_ref();
        object.field(key!("symbol"), symbol.map(|symbol| Bytes(symbol.name.as_bytes())));
        object.field(key!("symbol_offset"), symbol.map(|Symbol { offset, .. }| Hex::new(*offset)));
        object.end();
    }
}
