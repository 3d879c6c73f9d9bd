//! Faults in front of a device that is not the harness's own: what passes, what is late, what is woken, and what ends.

#![cfg(all(unix, not(miri)))]

mod pipe;

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pipe::{PATIENCE, Pipe};
use tuntap_test::codec::Framing;
use tuntap_test::device::{Clock, Deadline, Device, Mode};
use tuntap_test::fault::{Call, CallFault, ExactFault, FaultyDevice, FrameFault, LinkControl, LinkFault, Towards};
use tuntap_test::mock::{Cable, CableConfig};
use tuntap_test::packet::{IntoPacket, Packet};

const MS: Duration = Duration::from_millis(1);

/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(600);

fn frame(number: u8) -> Vec<u8> {
    vec![0x45, 0, 0, number]
}

fn faulty() -> (Arc<Pipe>, FaultyDevice<Pipe>) {
    let device = Pipe::new();
    (Arc::clone(&device), FaultyDevice::new(device))
}

fn received(device: &impl Device, deadline: Deadline) -> io::Result<Vec<u8>> {
    let mut buffer = [0; 100];
    device.receive(&mut buffer, deadline).map(|length| buffer.get(..length).unwrap_or_default().to_vec())
}

/// The threads of this process that have that name.
#[cfg(target_os = "linux")]
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == name).count()
}

#[test]
fn without_a_plan_it_is_the_device() {
    let (inner, device) = faulty();
    device.transmit(&frame(1)).unwrap();
    assert_eq!(inner.take(), frame(1));
    inner.inject(frame(2));
    assert_eq!(received(&device, Deadline::Now).unwrap(), frame(2));
    assert_eq!(received(&device, Deadline::Now).unwrap_err().kind(), ErrorKind::WouldBlock);
    device.interrupt();
    assert_eq!(received(&device, Deadline::Never).unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!((device.fault_report(), device.fault_plan()), (None, None));
    assert_eq!(format!("{device:?}"), format!("FaultyDevice({})", inner.name().unwrap()));
}

/// A reader that waits since before there were faults gives a frame that has met them.
#[test]
fn who_waits_already_meets_what_is_planned() {
    let (inner, device) = faulty();
    thread::scope(|scope| {
        let reader = scope.spawn(|| received(&device, Deadline::After(PATIENCE)).unwrap());
        inner.wait_for_readers(1);
        device.faults().to_device(|frames| frames.drop_nth(1, Packet::any().unverified()));
        inner.inject(frame(1));
        inner.inject(frame(2));
        assert_eq!(reader.join().unwrap(), frame(2));
    });
}

/// Nobody uses the device while its frames are late; the thread for that ends with the last of them.
#[cfg(target_os = "linux")]
#[test]
fn the_thread_lives_while_something_is_late() {
    let cable = Cable::new(CableConfig::tun().name("brief0")).unwrap();
    let (device, host) = (FaultyDevice::new(Arc::new(cable.device_end())), cable.host_end());
    let name = "brief0 faults";
    device.faults().to_host(|frames| frames.delay(20 * MS));
    assert_eq!(threads(name), 0);
    let begin = Instant::now();
    for number in 1..=2 {
        device.transmit(&frame(number)).unwrap();
        device.transmit(&frame(number)).unwrap();
        for _ in 0..2 {
            assert_eq!(received(&host, Deadline::After(PATIENCE)).unwrap(), frame(number));
        }
    }
    assert!(begin.elapsed() >= 40 * MS);
    let end = Instant::now() + PATIENCE;
    while threads(name) > 0 {
        assert!(Instant::now() < end, "the thread goes on");
        thread::yield_now();
    }
}

/// What is late goes with the device, at once.
#[cfg(target_os = "linux")]
#[test]
fn the_thread_ends_with_the_device_and_with_a_panic() {
    let cable = Cable::new(CableConfig::tun().name("ended0")).unwrap();
    let panics = catch_unwind(AssertUnwindSafe(|| {
        let device = FaultyDevice::new(Arc::new(cable.device_end()));
        device.faults().to_host(|frames| frames.delay(LONG));
        device.transmit(&frame(1)).unwrap();
        assert_eq!(threads("ended0 faults"), 1);
        panic!("as wanted");
    }));
    assert!(panics.is_err());
    assert_eq!(threads("ended0 faults"), 0, "it was joined");
}

/// A frame that waits for another does not wait for ever.
#[test]
fn what_is_held_for_nobody_goes_on() {
    let (inner, device) = faulty();
    device.faults().to_host(|frames| frames.hold_at_most(20 * MS).swap(1, 3));
    let begin = Instant::now();
    for number in 1..=2 {
        device.transmit(&frame(number)).unwrap();
    }
    assert_eq!((inner.take(), inner.take()), (frame(1), frame(2)));
    assert!(begin.elapsed() >= 20 * MS);
}

/// A device that has always a frame more.
struct Flood;

impl Device for Flood {
    fn mode(&self) -> Mode {
        Mode::Tun
    }

    fn name(&self) -> io::Result<String> {
        Ok("flood0".to_owned())
    }

    fn mtu(&self) -> io::Result<u32> {
        Ok(1500)
    }

    fn framing(&self) -> Framing {
        Framing::None
    }

    fn transmit(&self, octets: &[u8]) -> io::Result<usize> {
        Ok(octets.len())
    }

    fn receive(&self, buffer: &mut [u8], _: Deadline) -> io::Result<usize> {
        buffer.iter_mut().zip(frame(1)).for_each(|(to, from)| *to = from);
        Ok(4)
    }

    fn interrupt(&self) {}
}

/// All that comes is dropped, and the deadline holds.
#[test]
fn a_deadline_holds_while_frames_are_dropped() {
    let device = FaultyDevice::new(Arc::new(Flood));
    device.faults().loss(1.0);
    for deadline in [Deadline::After(Duration::ZERO), Deadline::After(MS)] {
        assert_eq!(received(&device, deadline).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}

/// Two wait in the device, and one frame becomes two.
#[test]
fn what_one_reader_does_not_take_wakes_another() {
    let (inner, device) = faulty();
    device.faults().to_device(|frames| frames.duplicate_nth(1, Packet::any().unverified()));
    thread::scope(|scope| {
        let readers = [(); 2].map(|()| scope.spawn(|| received(&device, Deadline::After(PATIENCE)).unwrap()));
        inner.wait_for_readers(2);
        inner.inject(frame(1));
        for reader in readers {
            assert_eq!(reader.join().unwrap(), frame(1));
        }
    });
}

#[test]
fn an_interruption_comes_behind_what_is_there() {
    let (inner, device) = faulty();
    device.faults().seed(1);
    inner.inject(frame(1));
    device.interrupt();
    assert_eq!(received(&device, Deadline::Never).unwrap(), frame(1));
    assert_eq!(received(&device, Deadline::After(PATIENCE)).unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(received(&device, Deadline::After(MS)).unwrap_err().kind(), ErrorKind::TimedOut);
    thread::scope(|scope| {
        let reader = scope.spawn(|| received(&device, Deadline::After(PATIENCE)).unwrap_err().kind());
        inner.wait_for_readers(1);
        device.interrupt();
        assert_eq!(reader.join().unwrap(), ErrorKind::Interrupted);
    });
}

#[test]
fn what_the_device_says_later_is_told_by_the_report() {
    let (inner, device) = faulty();
    let corrupt = FrameFault::Corrupt { octet: 3, xor: 1, repair: false };
    device.faults().with(ExactFault::Frame { towards: Towards::Host, frame: 1, fault: corrupt });
    inner.fail(None, Some(5));
    assert_eq!(device.transmit(&frame(1)).unwrap(), 4, "what is changed counts as taken");
    assert_eq!(device.transmit(&frame(2)).unwrap_err().raw_os_error(), Some(5));
    let report = device.fault_report().unwrap();
    assert!(report.contains("\n  the device refused 1 frame that was changed or late: "), "{report}");
}

#[test]
fn an_error_of_the_device_is_given_as_it_is() {
    let (inner, device) = faulty();
    device.faults().seed(1);
    inner.fail(Some(77), None);
    assert_eq!(received(&device, Deadline::Never).unwrap_err().raw_os_error(), Some(77));
}

#[test]
fn what_is_planned_needs_time_and_a_link() {
    let (_, device) = faulty();
    let why = |plan: &dyn Fn()| *catch_unwind(AssertUnwindSafe(plan)).unwrap_err().downcast::<String>().unwrap();
    let text = why(&|| drop(device.faults().device(|device| device.at(MS, LinkFault::Down))));
    assert_eq!(
        text,
        "the fault \"link down\" needs the interface behind the device: make it with FaultyDevice::with_link"
    );
    let cable = Cable::new(CableConfig::tun().clock(Clock::new_virtual())).unwrap();
    let device = FaultyDevice::new(Arc::new(cable.device_end()));
    let text = why(&|| drop(device.faults().loss(0.1)));
    assert!(text.contains("goes by virtual time: plan them on its Cable, with Cable::faults"), "{text}");
}

/// An interface that goes down, and does nothing else.
#[derive(Default)]
struct Interface {
    down: AtomicBool,
    asked: Mutex<Vec<LinkFault>>,
}

impl LinkControl for Interface {
    fn happen(&self, fault: LinkFault) -> io::Result<()> {
        self.asked.lock().unwrap().push(fault);
        if fault != LinkFault::Down {
            return Err(io::Error::other("no such thing"));
        }
        self.down.store(true, Ordering::Release);
        Ok(())
    }

    fn is_up(&self) -> bool {
        !self.down.load(Ordering::Acquire)
    }
}

#[test]
fn a_link_does_what_it_can() {
    let interface = Arc::new(Interface::default());
    let inner = Pipe::new();
    let device = FaultyDevice::with_link(Arc::clone(&inner), Arc::clone(&interface));
    device.faults().loss(1.0).device(|device| {
        device.before(Call::Transmit, 2, LinkFault::Mtu(60)).before(Call::Transmit, 3, LinkFault::Down)
    });
    assert_eq!(device.transmit(&frame(1)).unwrap(), 4);
    let error = device.transmit(&frame(2)).unwrap_err().to_string();
    assert!(
        error.starts_with("the fault \"MTU 60\" cannot be had on ") && error.ends_with(": no such thing"),
        "{error}"
    );
    // The device has its say: it is down, and no fault meets the frame.
    device.transmit(&frame(3)).unwrap();
    assert_eq!(inner.take(), frame(3));
    assert_eq!(*interface.asked.lock().unwrap(), [LinkFault::Mtu(60), LinkFault::Down]);
    assert!(device.fault_report().unwrap().contains(&error));
}

/// Once it is planned by time, the next call tells that it could not be.
#[test]
fn what_cannot_be_had_by_time_is_told_by_the_next_call() {
    let interface = Arc::new(Interface::default());
    let device = FaultyDevice::with_link(Pipe::new(), Arc::clone(&interface));
    device.faults().device(|device| device.at(Duration::ZERO, LinkFault::Up));
    let end = Instant::now() + PATIENCE;
    while interface.asked.lock().unwrap().is_empty() {
        assert!(Instant::now() < end, "nobody asked");
        thread::yield_now();
    }
    let error = loop {
        // It is told a moment after it was asked.
        match device.transmit(&frame(1)) {
            Err(error) => break error.to_string(),
            Ok(_) => assert!(Instant::now() < end, "nobody was told"),
        }
    };
    assert!(error.starts_with("the fault \"link up\" cannot be had on "), "{error}");
}

/// Writers and readers on threads of their own: each frame arrives once, those that are not late in order.
#[test]
fn frames_of_many_threads_arrive_once() {
    const FRAMES: u8 = 250;
    let (inner, device) = faulty();
    device.faults().seed(7).delay(Duration::ZERO..=2 * MS).device(|device| {
        device.sometimes(Call::Receive, 0.2, CallFault::Eintr).sometimes(Call::Receive, 0.1, CallFault::Eagain)
    });
    let seen = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for first in [0, 1] {
            let device = &device;
            scope.spawn(move || {
                for number in (first..FRAMES).step_by(2) {
                    device.transmit(&frame(number)).unwrap();
                }
            });
        }
        for _ in 0..3 {
            scope.spawn(|| {
                while seen.lock().unwrap().len() < usize::from(FRAMES) {
                    if let Ok(frame) = received(&device, Deadline::After(20 * MS)) {
                        seen.lock().unwrap().push(frame);
                    }
                }
            });
        }
        // What was transmitted comes back.
        for _ in 0..FRAMES {
            inner.inject(inner.take());
        }
    });
    let mut seen = seen.into_inner().unwrap();
    seen.sort();
    assert_eq!(seen, (0..FRAMES).map(frame).collect::<Vec<_>>());
}
