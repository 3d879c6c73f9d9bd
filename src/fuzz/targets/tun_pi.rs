//! `struct tun_pi` and the framings, on any octets.

use super::Rules;
use crate::codec::{ByteOrder, DecodeError, EncodeError, EtherType, Framing, PacketInfo, TunPi};

/// How much of an input is joined again: what follows is only copied. A buffer on the stack, since a vector's costs the
/// fuzzer more than all else here; `Framing::append` is held to `Framing::join` by a property in `tests/codec.rs`.
const JOINED: usize = 256;

/// The code under test.
trait Code {
    #[inline]
    fn decode(order: ByteOrder, octets: &[u8]) -> Result<(TunPi, &[u8]), DecodeError> {
        TunPi::decode_in(order, octets)
    }

    #[inline]
    fn encode(order: ByteOrder, pi: TunPi) -> [u8; TunPi::LEN] {
        pi.encode_in(order)
    }
}

struct Library;

impl Code for Library {}

/// The rules that hold for any octets, taken as what one read of a device gave:
///
/// * in both byte orders: decode, encode, decode gives the same header and the same octets, and the frame is what
///   follows them; the orders agree on the protocol and differ in the flags by swapped octets;
/// * less than four octets are an error that says so, never a panic;
/// * what `Framing::split` takes apart, `Framing::join` puts together; the frame of a device that strips is the frame
///   behind the header of one that keeps; a buffer that is one octet short is an error and stays as it was;
/// * the header made for a bare frame is that of its IP version or its EtherType.
///
/// # Panics
/// When a rule is broken.
pub fn tun_pi(data: &[u8]) {
    rules::<Library>(data).judge(data);
}

#[inline]
fn rules<C: Code>(data: &[u8]) -> Rules {
    let mut rules = Rules::new();
    match C::decode(ByteOrder::Big, data) {
        Ok((big, frame)) => {
            both_orders::<C>(data, big, frame, &mut rules);
            strip_and_keep(data, frame, &mut rules);
        }
        Err(error) => {
            rules.keep("four octets are a header", data.len() < TunPi::LEN);
            let counts = (error.needed, error.available, error.offset);
            rules.keep("the error names the octets needed and available", counts == (TunPi::LEN, data.len(), 0));
            rules.keep("the error does not depend on the order", C::decode(ByteOrder::Little, data) == Err(error));
            rules.keep("a framing refuses what its header refuses", Framing::TunPi.split(data) == Err(error));
        }
    }
    rules.keep("without framing all is frame", Framing::None.split(data) == Ok((PacketInfo::None, data)));
    header_of_a_bare_frame(data, &mut rules);
    rules
}

#[inline]
fn both_orders<C: Code>(data: &[u8], big: TunPi, frame: &[u8], rules: &mut Rules) {
    let Ok((little, same_frame)) = C::decode(ByteOrder::Little, data) else {
        return rules.keep("both orders decode", false);
    };
    rules.keep("the protocol is in network order on every machine", big.protocol == little.protocol);
    rules.keep("the flags are in host order", big.flags.0 == little.flags.0.swap_bytes());
    rules.keep("the frame is what follows the header", is_rest(data, TunPi::LEN, frame));
    rules.keep("the frame does not depend on the order", is_rest(data, TunPi::LEN, same_frame));
    let header = data.first_chunk().copied().map_or(0, u32::from_ne_bytes);
    for (order, pi) in [(ByteOrder::Big, big), (ByteOrder::Little, little)] {
        let octets = C::encode(order, pi);
        rules.keep("encoding gives the octets decoded", u32::from_ne_bytes(octets) == header);
        let again = C::decode(order, &octets).map(|(again, _)| again);
        rules.keep("decoding again gives the same header", again == Ok(pi));
    }
}

#[inline]
fn strip_and_keep(data: &[u8], frame: &[u8], rules: &mut Rules) {
    let data = data.get(..JOINED).unwrap_or(data);
    let Ok((info, stripped)) = Framing::TunPi.split(data) else {
        return rules.keep("a framing takes what its header takes", false);
    };
    rules.keep("packet information is of its framing", info.framing() == Framing::TunPi);
    rules.keep("strip and keep agree on the frame", stripped.as_ptr() == frame.as_ptr());

    let mut buffer = [0xa5; JOINED];
    let short = buffer.get_mut(..data.len() - 1).unwrap_or_default();
    let needed = match Framing::TunPi.join(info, stripped, short) {
        Err(EncodeError::BufferTooShort { needed, .. }) => needed,
        _ => 0,
    };
    rules.keep("a buffer that is one octet short is an error", needed == data.len());
    rules.keep("a failed join leaves the buffer as it was", buffer == [0xa5; JOINED]);
    let (kept, _) = buffer.split_at_mut(data.len());
    rules.keep("join tells its length", Framing::TunPi.join(info, stripped, kept) == Ok(data.len()));
    rules.keep("join undoes split", kept == data);
}

/// The same octets as a frame that a device without packet information would be given.
#[inline]
fn header_of_a_bare_frame(data: &[u8], rules: &mut Rules) {
    let wanted = match data.first().map_or(0, |first| first >> 4) {
        4 => EtherType::IPV4.0,
        6 => EtherType::IPV6.0,
        _ => 0,
    };
    let made = TunPi::for_ip_packet(data).map_or(0, |pi| pi.protocol.0);
    rules.keep("the IP version gives the protocol", made == wanted);
    let made = TunPi::for_ethernet_frame(data).map(|pi| pi.protocol.to_octets());
    rules.keep("the EtherType is the protocol", made.as_ref().map(<[u8; 2]>::as_slice) == data.get(12..14));
}

/// Whether `frame` is borrowed from `data`, from that octet to the end: the same octets in the same place.
#[inline]
fn is_rest(data: &[u8], from: usize, frame: &[u8]) -> bool {
    (data.as_ptr().wrapping_add(from) == frame.as_ptr()) & (from + frame.len() == data.len())
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::caught;
    use super::*;

    struct KeepsTheOrder;

    impl Code for KeepsTheOrder {
        fn decode(_: ByteOrder, octets: &[u8]) -> Result<(TunPi, &[u8]), DecodeError> {
            Library::decode(ByteOrder::Big, octets)
        }
    }

    struct TakesOneOctetMore;

    impl Code for TakesOneOctetMore {
        fn decode(order: ByteOrder, octets: &[u8]) -> Result<(TunPi, &[u8]), DecodeError> {
            Library::decode(order, octets).map(|(pi, frame)| (pi, frame.get(1..).unwrap_or_default()))
        }
    }

    struct SwapsTheProtocol;

    impl Code for SwapsTheProtocol {
        fn encode(order: ByteOrder, pi: TunPi) -> [u8; TunPi::LEN] {
            let [a, b, c, d] = Library::encode(order, pi);
            [a, b, d, c]
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("tun_pi", rules::<KeepsTheOrder>, "the flags are in host order");
        caught("tun_pi", rules::<TakesOneOctetMore>, "the frame is what follows the header");
        caught("tun_pi", rules::<SwapsTheProtocol>, "encoding gives the octets decoded");
    }
}
