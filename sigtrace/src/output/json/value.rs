//! The values of arguments.

use super::{
    View,
    call::NameOr,
    siginfo,
    writer::{Key, Object, ToJson, array, ascii, key, plain},
};
use crate::{
    decode::{
        Flags, Handler, Sigaction, Siginfo, SignalSet, SignalfdSiginfos, Stack, Taken, Timespec,
        Value,
    },
    names::{how, signal},
    output::{Sets, hex::Hex},
};

impl ToJson for View<'_, Value<'_>> {
    fn write(&self, out: &mut Vec<u8>) {
        match self.value {
            Value::Int(number) => number.write(out),
            Value::Size(size) => size.write(out),
            Value::Signal(signo) => signal::name(*signo).write(out),
            Value::How(number) => NameOr(how::name(*number), *number).write(out),
            Value::Flags(flags) => flags.write(out),
            Value::Null => None::<Hex>.write(out),
            Value::Unreadable(address) => single(key!("unreadable"), *address, out),
            Value::Address(address) => single(key!("address"), *address, out),
            Value::Set(set) => self.part(set).write(out),
            Value::Sigaction(action) => self.part(action).write(out),
            Value::Siginfo(info) => info.write(out),
            Value::Stack(stack) => stack.write(out),
            Value::Timespec(time) => time.write(out),
            Value::Handler(handler) => handler.write(out),
            Value::SignalfdSiginfos(infos) => Read { infos, taken: None }.write(out),
        }
    }
}

/// An object with one key and an address.
fn single(key: Key, address: u64, out: &mut Vec<u8>) {
    let mut object = Object::new(out);
    object.field(key, Hex::new(address));
    object.end();
}

impl ToJson for View<'_, SignalSet> {
    fn write(&self, out: &mut Vec<u8>) {
        match self.sets {
            Sets::Names => array(self.value.names(), out),
            Sets::Mask => Hex::mask(self.value.bits()).write(out),
        }
    }
}

impl ToJson for View<'_, Sigaction> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("handler"), self.value.handler);
        object.field(key!("flags"), self.value.flags);
        object.field(key!("restorer"), pointer(self.value.restorer));
        object.field(key!("mask"), self.part(&self.value.mask));
        object.end();
    }
}

impl ToJson for Handler {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Default => plain("SIG_DFL", out),
            Self::Ignore => plain("SIG_IGN", out),
            Self::Function(address) => Hex::new(*address).write(out),
        }
    }
}

/// What was read from a signalfd, and which signals these are, if that is looked for.
pub(super) struct Read<'a> {
    pub(super) infos: &'a SignalfdSiginfos<'a>,
    pub(super) taken: Option<Taken>,
}

/// The structures, then where the rest of them is.
impl ToJson for Read<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        enum Element {
            Siginfo(Siginfo),
            Taken(Siginfo, Option<u64>),
            Rest(u64),
        }
        impl ToJson for Element {
            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    Self::Siginfo(info) => info.write(out),
                    Self::Taken(info, id) => siginfo::write_taken(info, *id, out),
                    Self::Rest(address) => single(key!("address"), *address, out),
                }
            }
        }
        let elements = self.infos.iter().enumerate().map(|(index, info)| match self.taken {
            Some(taken) => Element::Taken(info, taken.id(index)),
            None => Element::Siginfo(info),
        });
        array(elements.chain(self.infos.rest.map(Element::Rest)), out);
    }
}

impl ToJson for Stack {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("sp"), pointer(self.sp));
        object.field(key!("flags"), self.flags);
        object.field(key!("size"), self.size);
        object.end();
    }
}

impl ToJson for Timespec {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.field(key!("sec"), self.sec);
        object.field(key!("nsec"), self.nsec);
        object.end();
    }
}

/// The names, then the bits without one.
impl ToJson for Flags {
    fn write(&self, out: &mut Vec<u8>) {
        let names = self.names().map(|name| NameOr(Some(name), Hex::new(0)));
        let rest = self.rest().map(|rest| NameOr(None, Hex::new(rest)));
        array(names.chain(rest), out);
    }
}

impl ToJson for Hex {
    fn write(&self, out: &mut Vec<u8>) {
        ascii(self.as_bytes(), out);
    }
}

/// A pointer, which may be NULL.
fn pointer(address: u64) -> Option<Hex> {
    (address != 0).then(|| Hex::new(address))
}
