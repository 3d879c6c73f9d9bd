//! `struct tun_pi` and the framings, on any octets.

use crate::codec::{ByteOrder, EncodeError, EtherType, Framing, PacketInfo, TunPi};

/// Octets joined on the stack. A longer input is joined in a vector, which is the slower way.
const STACK: usize = 512;

/// The rules that hold for any octets, taken as what one read of a device gave:
///
/// * in both byte orders: decode, encode, decode gives the same header and the same octets, and the frame is what
///   follows them; the orders agree on the protocol and differ in the flags by swapped octets;
/// * less than four octets are an error that says so, never a panic;
/// * for each framing: what `split` takes apart, `join` and `append` put together; the frame of a device that strips is the
///   frame behind the header of one that keeps; a buffer that is one octet short is an error and stays as it was.
///
/// # Panics
/// When a rule is broken.
pub fn tun_pi(data: &[u8]) {
    both_orders(data);
    for framing in [Framing::None, Framing::TunPi] {
        split_and_join(framing, data);
    }
    header_of_a_bare_frame(data);
}

fn both_orders(data: &[u8]) {
    for order in [ByteOrder::Big, ByteOrder::Little] {
        match TunPi::decode_in(order, data) {
            Ok((pi, frame)) => {
                let octets = pi.encode_in(order);
                assert_eq!(data.split_first_chunk(), Some((&octets, frame)), "{order:?}: encoding gives other octets");
                assert_eq!(TunPi::decode_in(order, &octets), Ok((pi, &[][..])), "{order:?}: decoding again differs");
            }
            Err(error) => {
                assert!(data.len() < TunPi::LEN, "{order:?}: {} octets were refused: {error}", data.len());
                assert_eq!((error.needed, error.available, error.offset), (TunPi::LEN, data.len(), 0));
            }
        }
    }
    if let (Ok((big, _)), Ok((little, _))) =
        (TunPi::decode_in(ByteOrder::Big, data), TunPi::decode_in(ByteOrder::Little, data))
    {
        assert_eq!(big.protocol, little.protocol, "the protocol is in network order on every machine");
        assert_eq!(big.flags.0, little.flags.0.swap_bytes(), "the flags are in host order");
    }
}

fn split_and_join(framing: Framing, data: &[u8]) {
    let Ok((info, frame)) = framing.split(data) else {
        assert!(data.len() < framing.header_len(), "{framing}: {} octets were refused", data.len());
        return;
    };
    assert_eq!(info.framing(), framing);
    assert_eq!(Some(frame), data.get(framing.header_len()..), "{framing}: strip and keep disagree on the frame");

    let mut stack = [0xa5; STACK];
    let mut heap = Vec::new();
    let buffer = match stack.get_mut(..data.len()) {
        Some(buffer) => buffer,
        None => {
            heap.resize(data.len(), 0xa5);
            &mut heap
        }
    };
    if let Some((_, short)) = buffer.split_last_mut() {
        match framing.join(info, frame, short) {
            Err(EncodeError::BufferTooShort { needed, available, .. }) => {
                assert_eq!((needed, available), (data.len(), data.len() - 1));
            }
            other => panic!("{framing}: a buffer that is one octet short gave {other:?}"),
        }
        assert!(short.iter().all(|&octet| octet == 0xa5), "{framing}: a failed join wrote to the buffer");
    }
    assert_eq!(framing.join(info, frame, buffer), Ok(data.len()));
    assert_eq!(buffer, data, "{framing}: join does not undo split");

    let mut appended = Vec::with_capacity(data.len() + 1);
    appended.push(0x5a);
    assert_eq!(framing.append(info, frame, &mut appended), Ok(data.len()));
    assert_eq!(appended.split_first(), Some((&0x5a, data)), "{framing}: append does not undo split");
}

/// The same octets as a frame that a device without packet information would be given.
fn header_of_a_bare_frame(data: &[u8]) {
    match (TunPi::for_ip_packet(data), data.first().map(|first| first >> 4)) {
        (Some(pi), Some(4)) => assert_eq!(pi, TunPi::new(EtherType::IPV4)),
        (Some(pi), Some(6)) => assert_eq!(pi, TunPi::new(EtherType::IPV6)),
        (None, version) => assert!(!matches!(version, Some(4 | 6)), "an IP packet has no header"),
        (Some(pi), version) => panic!("version {version:?} is {pi}"),
    }
    assert_eq!(TunPi::for_ethernet_frame(data).is_some(), data.len() >= 14);
    for framing in [Framing::None, Framing::TunPi] {
        let infos = [framing.info_for_ip_packet(data), framing.info_for_ethernet_frame(data)];
        assert!(infos.into_iter().flatten().all(|info: PacketInfo| info.framing() == framing));
    }
}
