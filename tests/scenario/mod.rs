//! What all scenarios hold beside what they are about.

use tuntap_test::device::Direction;
use tuntap_test::exchange::Exchange;
use tuntap_test::packet::Packet;

/// Every frame that the host emitted is matched by the template that its own `as_rust` prints, which builds it again.
/// (`tests/as_rust_compiles.rs` proves that what is printed makes [`Packet::from_frame`].)
#[track_caller]
pub(crate) fn each_frame_is_its_own_template(link: &Exchange) {
    for frame in link.frames().iter().filter(|frame| frame.direction() == Direction::Received) {
        let template = Packet::from_frame(frame.as_ref());
        assert!(template.matches(frame.as_ref()), "{}\n{}", frame.as_rust(), frame.as_ref().explain());
        assert_eq!(template.build().unwrap(), &frame[..], "{}", frame.as_rust());
    }
}
