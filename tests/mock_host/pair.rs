//! Two mock hosts back to back, over a wire that loses, on virtual instants.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::mock::host::{HostConfig, HostLink, LinkConfig, MockHost};

const DELAY: Duration = Duration::from_millis(5);

/// SplitMix64, so that no other crate's stream of numbers matters.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, of: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % of
    }
}

/// Both ends of a wire, its clock, and all that went over it.
struct Wire {
    mode: Mode,
    links: [HostLink; 2],
    now: Duration,
    /// When a frame arrives, at which end, and the frame.
    flying: VecDeque<(Duration, usize, Vec<u8>)>,
    dice: Dice,
    loss_percent: u64,
    log: Vec<(Duration, usize, Vec<u8>)>,
}

impl Wire {
    fn new(mode: Mode, loss_percent: u64, seed: u64) -> (Self, [MockHost; 2]) {
        let ends = [("192.0.2.1/24", 1), ("192.0.2.2/24", 2)].map(|(address, mac)| {
            let host = MockHost::new(HostConfig::new().seed(seed + u64::from(mac)));
            let config = LinkConfig::new(mode).mac([2, 0, 0, 0, 0, mac]).address(address.parse().unwrap());
            let link = host.add_link(config);
            (host, link)
        });
        let [(a, link_a), (b, link_b)] = ends;
        let (flying, log) = (VecDeque::new(), Vec::new());
        let links = [link_a, link_b];
        (Self { mode, links, now: Duration::ZERO, flying, dice: Dice(seed), loss_percent, log }, [a, b])
    }

    fn leaves(&mut self, from: usize, frames: Vec<Vec<u8>>) {
        for frame in frames {
            let lost = self.dice.roll(100) < self.loss_percent;
            self.log.push((self.now, from, frame.clone()));
            if !lost {
                self.flying.push_back((self.now + DELAY, 1 - from, frame));
            }
        }
    }

    /// Polls both ends; gives when one of them has something to do.
    fn poll(&mut self) -> Option<Duration> {
        let mut next = None;
        for end in 0..2 {
            let mut frames = Vec::new();
            let due = self.links[end].poll(self.now, &mut |frame| frames.push(frame.to_vec()));
            self.leaves(end, frames);
            next = [next, due].into_iter().flatten().min();
        }
        next
    }

    /// Goes on to the next thing that happens; gives false when nothing ever will.
    fn step(&mut self) -> bool {
        let due = self.poll();
        let arrival = self.flying.front().map(|(at, ..)| *at);
        let Some(next) = [due, arrival].into_iter().flatten().min() else { return false };
        self.now = self.now.max(next);
        while self.flying.front().is_some_and(|(at, ..)| *at <= self.now) {
            let Some((_, end, frame)) = self.flying.pop_front() else { break };
            let mut frames = Vec::new();
            let frame = FrameRef::new(self.mode, &frame);
            self.links[end].receive(frame, self.now, &mut |frame| frames.push(frame.to_vec()));
            self.leaves(end, frames);
        }
        true
    }
}

/// Sends `octets` from one host to the other; gives what went over the wire.
fn transfer(mode: Mode, octets: usize, loss_percent: u64, seed: u64) -> (Wire, Duration) {
    let (mut wire, [a, b]) = Wire::new(mode, loss_percent, seed);
    let data: Vec<u8> = (0..octets).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
    let listener = b.tcp_listen("192.0.2.2:80".parse().unwrap()).unwrap();
    let client = a.tcp_connect("192.0.2.2:80".parse().unwrap()).unwrap();
    let (mut sent, mut got, mut server) = (0, Vec::new(), None);
    let mut client = Some(client);
    let begin = Instant::now();
    let mut done = None;
    let mut buffer = vec![0; 65_536];
    loop {
        if let Some(stream) = client.as_ref().filter(|client| client.try_connected().unwrap()) {
            match stream.write(&data[sent..]) {
                Ok(octets) => sent += octets,
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
            if sent == data.len() {
                client = None;
            }
        }
        server = server.or_else(|| listener.accept().ok().map(|(stream, _)| stream));
        if let Some(stream) = &server {
            match stream.read(&mut buffer) {
                Ok(0) => {
                    done.get_or_insert(wire.now);
                    server = None;
                }
                Ok(octets) => got.extend_from_slice(&buffer[..octets]),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
        if !wire.step() {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{} of {} after {:?}", got.len(), data.len(), wire.now);
    }
    assert_eq!(got.len(), data.len());
    assert!(got == data);
    (wire, done.unwrap())
}

#[test]
fn a_mebibyte_arrives() {
    let (wire, done) = transfer(Mode::Tun, 1 << 20, 0, 1);
    assert!(done < Duration::from_secs(1), "{done:?}");
    assert!(wire.log.len() < 2000, "{} frames", wire.log.len());
}

#[test]
fn a_mebibyte_arrives_although_three_frames_of_ten_are_lost() {
    let (first, done) = transfer(Mode::Tun, 1 << 20, 30, 7);
    println!("{} frames in {done:?} of virtual time", first.log.len());
    let (second, _) = transfer(Mode::Tun, 1 << 20, 30, 7);
    assert!(first.log == second.log, "the same seed, the same octets at the same instants");
    let (third, _) = transfer(Mode::Tun, 1 << 20, 30, 8);
    assert!(first.log != third.log);
}

#[test]
fn on_tap_the_neighbours_are_found_first() {
    let (wire, _) = transfer(Mode::Tap, 10_000, 0, 1);
    let kinds: Vec<u16> =
        wire.log.iter().take(4).map(|(.., frame)| u16::from_be_bytes([frame[12], frame[13]])).collect();
    assert_eq!(kinds, [0x0806, 0x0806, 0x0800, 0x0800], "who asked is known to who was asked");
}
