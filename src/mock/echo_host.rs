//! stub
use super::HostStack;
use crate::device::FrameRef;
/// stub
pub struct EchoHost;
impl HostStack for EchoHost {
    fn receive(&mut self, _frame: FrameRef<'_>, _out: &mut dyn FnMut(&[u8])) {}
}

impl EchoHost {
    /// stub
    pub fn new() -> Self {
        Self
    }
    /// stub
    pub fn address(self, _: std::net::IpAddr) -> Self {
        self
    }
}
