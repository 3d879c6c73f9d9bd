//! One layer of a frame, with the frame around it.

use super::field::Value;
use super::layer::Protocol;

/// A layer's header and what it carries, as octets, and where they stand in the frame.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) protocol: &'static Protocol,
    /// The whole frame.
    pub(crate) frame: &'a [u8],
    /// Where the header begins in the frame.
    pub(crate) start: usize,
    pub(crate) header: &'a [u8],
    /// What the header carries, up to the end that its length (or the frame) tells.
    pub(crate) content: &'a [u8],
    /// The octets of the frame that the layer around this one gives it: more than header and content where there is
    /// padding, fewer than the length says where the frame was cut.
    pub(crate) available: usize,
    /// The IP header around it, if any: its view's header and whether it is IPv6.
    pub(crate) ip: Option<IpAround<'a>>,
    /// How deep: 0 for what travels, 1 and more for what is quoted or tunnelled.
    pub(crate) nesting: u8,
}

/// The IP layer around another.
#[derive(Clone, Copy)]
pub(crate) struct IpAround<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) is_v6: bool,
    /// This is a fragment, so what is inside is not whole.
    pub(crate) fragment: bool,
    /// The final destination of a routing header that is not yet at its end.
    pub(crate) final_destination: Option<[u8; 16]>,
}

impl<'a> View<'a> {
    /// The value of a field; `None` where this header has no such field.
    pub(crate) fn value(&self, field: usize) -> Option<Value<'a>> {
        self.protocol.fields.get(field)?.read(self.header)
    }

    /// The number in a field, by its name; 0 where this header has no such field.
    pub(crate) fn number(&self, field: &str) -> u128 {
        match self.protocol.index(field).and_then(|index| self.value(index)) {
            Some(Value::Bits(bits)) => bits,
            _ => 0,
        }
    }

    /// Header and content in one piece.
    pub(crate) fn message(&self) -> &'a [u8] {
        let end = self.start + self.header.len() + self.content.len();
        self.frame.get(self.start..end).unwrap_or_default()
    }
}
