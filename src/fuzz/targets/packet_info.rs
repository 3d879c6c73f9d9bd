//! Packet information of every framing, on any octets.
//!
//! ```text
//!   0          1       2
//!  +----------+-------+----- - -
//!  | framing, | room  | what one read of a device gave
//!  | mode     |       |
//!  +----------+-------+----- - -
//!  bit 7: 0 TUN, 1 TAP; bits 0 to 6: which of FRAMINGS, modulo their number
//! ```

use super::Rules;
use crate::codec::{DecodeError, EncodeError, Framing, PacketInfo, TunPi};
use crate::device::Mode;

/// Every framing, with packet information that belongs to none but it.
const FRAMINGS: &[Framing] = &[Framing::None, Framing::TunPi];

/// A framing that is none of those does not compile.
const fn _complete(framing: Framing) {
    match framing {
        Framing::None | Framing::TunPi => {}
    }
}

/// The code under test.
trait Code {
    #[inline]
    fn split(framing: Framing, octets: &[u8]) -> Result<(PacketInfo, &[u8]), DecodeError> {
        framing.split(octets)
    }

    #[inline]
    fn join(framing: Framing, info: PacketInfo, frame: &[u8], buffer: &mut [u8]) -> Result<usize, EncodeError> {
        framing.join(info, frame, buffer)
    }

    #[inline]
    fn append(framing: Framing, info: PacketInfo, frame: &[u8], octets: &mut Vec<u8>) -> Result<usize, EncodeError> {
        framing.append(info, frame, octets)
    }

    #[inline]
    fn info_for(framing: Framing, mode: Mode, frame: &[u8]) -> Option<PacketInfo> {
        match mode {
            Mode::Tun => framing.info_for_ip_packet(frame),
            Mode::Tap => framing.info_for_ethernet_frame(frame),
        }
    }
}

struct Library;

impl Code for Library {}

/// The rules that hold for any octets, whose first chooses framing and mode and whose second how much room there is:
///
/// * a framing takes apart what has its header, and the frame is the rest, in place; less is an error that says so;
/// * joining undoes it, appending does the same behind what is there; packet information of another framing, and room
///   that is short, are errors that leave everything as it was;
/// * the information made for a bare frame is of its framing, is not that of a cut frame, and its protocol is that
///   of the IP version or the EtherType.
///
/// # Panics
/// When a rule is broken.
pub fn packet_info(data: &[u8]) {
    rules::<Library>(data).judge(data);
}

#[inline]
fn rules<C: Code>(data: &[u8]) -> Rules {
    let mut rules = Rules::new();
    let [choice, room, octets @ ..] = data else { return rules };
    let mode = if choice >> 7 == 0 { Mode::Tun } else { Mode::Tap };
    let Some(&framing) = FRAMINGS.get(usize::from(choice & 0x7f) % FRAMINGS.len()) else { return rules };
    let header = framing.header_len();
    match C::split(framing, octets) {
        Ok((info, frame)) => {
            let rest = octets.get(header..).map(<[u8]>::as_ptr_range);
            rules.keep("the frame is what follows the header", rest == Some(frame.as_ptr_range()));
            rules.keep("packet information is of its framing", info.framing() == framing);
            rules.keep("only a framing with flags tells of cut frames", info.truncated() == cut(framing, octets));
            joined::<C>(framing, info, frame, octets, usize::from(*room), &mut rules);
        }
        Err(error) => {
            rules.keep("what has a header's octets has a header", octets.len() < header);
            let counts = (error.needed, error.available, error.offset);
            rules.keep("the error names the octets needed and available", counts == (header, octets.len(), 0));
        }
    }
    bare::<C>(framing, mode, octets, &mut rules);
    rules
}

/// What the octets say of a cut frame: the bit `TUN_PKT_STRIP` of the flags, in host order.
fn cut(framing: Framing, octets: &[u8]) -> Option<bool> {
    match framing {
        Framing::None => None,
        Framing::TunPi => octets.first_chunk().map(|flags| u16::from_ne_bytes(*flags) & 1 == 1),
    }
}

/// What the header of that framing would say of a frame, as a number; `None` where there is no header to be made.
fn protocol(framing: Framing, mode: Mode, frame: &[u8]) -> Option<Option<u16>> {
    match (framing, mode, frame) {
        (Framing::None, ..) => Some(None),
        (Framing::TunPi, Mode::Tun, [0x40..=0x4f, ..]) => Some(Some(0x0800)),
        (Framing::TunPi, Mode::Tun, [0x60..=0x6f, ..]) => Some(Some(0x86dd)),
        (Framing::TunPi, Mode::Tun, _) => None,
        (Framing::TunPi, Mode::Tap, frame) => {
            frame.get(12..14).and_then(<[u8]>::first_chunk).map(|ether_type| Some(u16::from_be_bytes(*ether_type)))
        }
    }
}

fn joined<C: Code>(framing: Framing, info: PacketInfo, frame: &[u8], octets: &[u8], room: usize, rules: &mut Rules) {
    const UNTOUCHED: u8 = 0xa5;
    let mut buffer = vec![UNTOUCHED; octets.len() + 1];
    let is_untouched = |buffer: &[u8]| buffer.iter().all(|octet| *octet == UNTOUCHED);
    if let Some(short) = buffer.get_mut(..room).filter(|short| short.len() < octets.len()) {
        let told = match C::join(framing, info, frame, short) {
            Err(EncodeError::BufferTooShort { needed, available, .. }) => (needed, available),
            _ => (0, 0),
        };
        rules.keep("a buffer that is short is an error that says so", told == (octets.len(), room));
        rules.keep("a failed join leaves the buffer as it was", is_untouched(&buffer));
    }
    for other in FRAMINGS.iter().filter(|other| **other != framing) {
        let wrong = EncodeError::WrongPacketInfo { framing: *other, info };
        rules.keep("another framing is told", C::join(*other, info, frame, &mut buffer) == Err(wrong));
        rules.keep("a wrong framing leaves the buffer as it was", is_untouched(&buffer));
        let mut appended = vec![UNTOUCHED];
        rules.keep("another framing is told again", C::append(*other, info, frame, &mut appended) == Err(wrong));
        rules.keep("a wrong framing leaves the vector as it was", appended == [UNTOUCHED]);
    }
    rules.keep("join tells its length", C::join(framing, info, frame, &mut buffer) == Ok(octets.len()));
    let (written, behind) = buffer.split_at(octets.len());
    rules.keep("join undoes split", written == octets);
    rules.keep("join writes no more than it tells", is_untouched(behind));
    let mut appended = vec![UNTOUCHED];
    rules.keep("append tells its length", C::append(framing, info, frame, &mut appended) == Ok(octets.len()));
    rules.keep("append does what join does", appended.split_first() == Some((&UNTOUCHED, octets)));
}

/// The same octets as a frame that a device without packet information would be given.
fn bare<C: Code>(framing: Framing, mode: Mode, frame: &[u8], rules: &mut Rules) {
    let made = C::info_for(framing, mode, frame);
    let said = made.map(|info| match info {
        PacketInfo::None => None,
        PacketInfo::TunPi(TunPi { protocol, .. }) => Some(protocol.0),
    });
    rules.keep("a bare frame gets its protocol", said == protocol(framing, mode, frame));
    let Some(info) = made else { return };
    rules.keep("what is made is of its framing", info.framing() == framing);
    rules.keep("what is made is of no cut frame", info.truncated() != Some(true));
    let mut octets = Vec::new();
    let length = C::append(framing, info, frame, &mut octets);
    rules.keep("what is made can be put in front", length == Ok(framing.header_len() + frame.len()));
    rules.keep("what was put in front is taken off", C::split(framing, &octets) == Ok((info, frame)));
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::caught;
    use super::*;

    struct SwapsTheProtocol;

    impl Code for SwapsTheProtocol {
        fn info_for(framing: Framing, mode: Mode, frame: &[u8]) -> Option<PacketInfo> {
            Library::info_for(framing, mode, frame).map(|info| match info {
                PacketInfo::TunPi(pi) => {
                    TunPi { protocol: crate::codec::EtherType(pi.protocol.0.swap_bytes()), ..pi }.into()
                }
                none => none,
            })
        }
    }

    struct WritesBeforeItChecks;

    impl Code for WritesBeforeItChecks {
        fn join(framing: Framing, info: PacketInfo, frame: &[u8], buffer: &mut [u8]) -> Result<usize, EncodeError> {
            buffer.iter_mut().zip(frame).for_each(|(to, from)| *to = *from);
            Library::join(framing, info, frame, buffer)
        }
    }

    struct SplitsOneOctetLate;

    impl Code for SplitsOneOctetLate {
        fn split(framing: Framing, octets: &[u8]) -> Result<(PacketInfo, &[u8]), DecodeError> {
            Library::split(framing, octets).map(|(info, frame)| (info, frame.get(1..).unwrap_or(frame)))
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("packet_info", rules::<SwapsTheProtocol>, "a bare frame gets its protocol");
        caught("packet_info", rules::<WritesBeforeItChecks>, "a failed join leaves the buffer as it was");
        caught("packet_info", rules::<SplitsOneOctetLate>, "the frame is what follows the header");
    }
}
