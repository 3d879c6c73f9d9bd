//! Two smoltcp devices on a pair of queues: what a frame passes when smoltcp is driven by hand.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use smoltcp::iface::{Config, Interface};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};

type Frames = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end.
pub(crate) struct End {
    pub(crate) to_read: Frames,
    pub(crate) written: Frames,
}

/// Both ends.
pub(crate) fn pair() -> (End, End) {
    let (a, b) = (Frames::default(), Frames::default());
    (End { to_read: Rc::clone(&a), written: Rc::clone(&b) }, End { to_read: b, written: a })
}

/// An interface with that address on a device.
pub(crate) fn interface<D: phy::Device>(device: &mut D, own: IpCidr, now: Instant) -> Interface {
    let mut interface = Interface::new(Config::new(HardwareAddress::Ip), device, now);
    interface.update_ip_addrs(|addresses| {
        // There is room for one.
        let _ = addresses.push(own);
    });
    interface
}

pub(crate) struct RxToken(Vec<u8>);
pub(crate) struct TxToken(Frames);

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, look: F) -> R {
        look(&self.0)
    }
}

impl phy::TxToken for TxToken {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, octets: usize, fill: F) -> R {
        let mut frame = vec![0; octets];
        let filled = fill(&mut frame);
        self.0.borrow_mut().push_back(frame);
        filled
    }
}

impl phy::Device for End {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken;

    fn receive(&mut self, _: Instant) -> Option<(RxToken, TxToken)> {
        let frame = self.to_read.borrow_mut().pop_front()?;
        Some((RxToken(frame), TxToken(Rc::clone(&self.written))))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken> {
        Some(TxToken(Rc::clone(&self.written)))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}
