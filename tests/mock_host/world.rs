//! A mock host driven by hand: the test is the cable and the clock.

use std::collections::VecDeque;
use std::time::Duration;

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::exchange::TcpFlow;
use tuntap_test::mock::host::{HostConfig, HostLink, LinkConfig, MockHost, TcpStream};
use tuntap_test::packet::IntoPacket;

pub(crate) const HOST: [u8; 4] = [192, 0, 2, 1];
pub(crate) const PEER: [u8; 4] = [192, 0, 2, 2];
pub(crate) const HOST6: [u16; 8] = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1];
pub(crate) const PEER6: [u16; 8] = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 2];

pub(crate) struct World {
    pub(crate) host: MockHost,
    pub(crate) link: HostLink,
    pub(crate) now: Duration,
    pub(crate) mode: Mode,
    frames: VecDeque<Vec<u8>>,
}

/// The addresses of the tests.
pub(crate) fn addressed(config: LinkConfig) -> LinkConfig {
    config.address("192.0.2.1/24".parse().unwrap()).address("2001:db8::1/64".parse().unwrap())
}

impl World {
    pub(crate) fn tun() -> Self {
        Self::new(Mode::Tun, addressed(LinkConfig::tun()), 1)
    }

    pub(crate) fn tap() -> Self {
        Self::new(Mode::Tap, addressed(LinkConfig::tap()), 1)
    }

    pub(crate) fn new(mode: Mode, config: LinkConfig, seed: u64) -> Self {
        let host = MockHost::new(HostConfig::new().seed(seed));
        let link = host.add_link(config);
        Self { host, link, now: Duration::ZERO, mode, frames: VecDeque::new() }
    }

    /// Sends a packet to the host.
    pub(crate) fn send(&mut self, packet: impl IntoPacket) {
        self.send_raw(&packet.into_packet().build().unwrap());
    }

    pub(crate) fn send_raw(&mut self, frame: &[u8]) {
        let (mode, frames) = (self.mode, &mut self.frames);
        self.link.receive(FrameRef::new(mode, frame), self.now, &mut |frame| frames.push_back(frame.to_vec()));
    }

    /// Lets the host do what is due; gives when there is more.
    pub(crate) fn poll(&mut self) -> Option<Duration> {
        let frames = &mut self.frames;
        self.link.poll(self.now, &mut |frame| frames.push_back(frame.to_vec()))
    }

    /// All frames that the host sent.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        self.poll();
        self.frames.drain(..).collect()
    }

    /// The next frame must be that.
    #[track_caller]
    pub(crate) fn expect(&mut self, wanted: impl IntoPacket) -> Vec<u8> {
        self.poll();
        let (wanted, mode) = (wanted.into_packet(), self.mode);
        let frame = self.frames.pop_front().unwrap_or_else(|| panic!("wanted {wanted}, nothing came"));
        let got = FrameRef::new(mode, &frame);
        assert!(wanted.matches(got), "wanted {wanted}, got {}", got.summary());
        frame
    }

    /// The next frame must be that, and teaches the flow.
    #[track_caller]
    pub(crate) fn expect_in(&mut self, tcp: &TcpFlow, wanted: impl IntoPacket) -> Vec<u8> {
        let frame = self.expect(wanted);
        assert!(tcp.learn(FrameRef::new(self.mode, &frame)));
        frame
    }

    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        self.poll();
        let shown: Vec<String> =
            self.frames.iter().map(|frame| FrameRef::new(self.mode, frame).summary().to_string()).collect();
        assert!(shown.is_empty(), "{shown:?}");
    }

    /// Goes on to when there is something to do; gives that instant.
    pub(crate) fn go_on(&mut self) -> Option<Duration> {
        let next = self.poll()?;
        self.now = self.now.max(next);
        self.poll();
        Some(self.now)
    }

    /// The instants at which frames leave until the host has nothing left to do, or that many have.
    pub(crate) fn instants(&mut self, most: usize) -> Vec<Duration> {
        let mut instants = vec![self.now; self.take().len()];
        for _ in 0..1000 {
            if instants.len() >= most || self.go_on().is_none() {
                return instants;
            }
            instants.extend(self.frames.drain(..).map(|_| self.now));
        }
        panic!("the host never rests: {instants:?}")
    }
}

/// A connection that the peer opened to a listener on port 80.
pub(crate) fn tcp() -> TcpFlow {
    TcpFlow::new(PEER, 40_000, HOST, 80).initial_sequence(100).mss(1460)
}

#[track_caller]
pub(crate) fn open(world: &mut World, tcp: &mut TcpFlow) {
    let syn = tcp.syn();
    world.send(syn);
    world.expect_in(tcp, tcp.reply().syn_ack());
    world.send(tcp.ack());
}

#[track_caller]
pub(crate) fn assert_errno<T: std::fmt::Debug>(result: std::io::Result<T>, errno: i32) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(errno));
}

pub(crate) fn seconds(figures: &[f64]) -> Vec<Duration> {
    figures.iter().map(|seconds| Duration::from_secs_f64(*seconds)).collect()
}

pub(crate) fn read(stream: &TcpStream) -> Vec<u8> {
    let mut buffer = [0; 70_000];
    let length = stream.read(&mut buffer).unwrap();
    buffer.get(..length).unwrap().to_vec()
}

/// A world with a connection that stands: the peer has opened it.
pub(crate) fn opened() -> (World, TcpFlow, TcpStream) {
    let mut world = World::tun();
    let listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    let mut tcp = tcp();
    open(&mut world, &mut tcp);
    let (stream, from) = listener.accept().unwrap();
    assert_eq!(from, (PEER, 40_000).into());
    // The listener is closed: what waits there is reset, this connection does not wait.
    drop(listener);
    world.expect_nothing();
    (world, tcp, stream)
}
