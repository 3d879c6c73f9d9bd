//! What the device end says to mistakes and to short buffers, on TUN and TAP without packet information.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tuntap_test::device::{Deadline, Device, DeviceConfig};
use tuntap_test::exchange::Exchange;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::{arrived, done, list, outcome, read, read_length};
use crate::world::{Remote, counted, counting, set_mtu};

group! {
    "Device errnos and truncation";
    empty_write: "a write of no octets";
    wrong_nibble: "a write whose first nibble is 5";
    one_octet: "a write of the one octet 0x45";
    cut_packet: "a write of an IPv4 header that tells a greater length";
    short_ethernet: "TAP: a write of 13 octets";
    bare_ethernet: "TAP: a write of 14 octets with EtherType 0";
    long_write: "a write of 2,000 octets on a link of MTU 1,500";
    longest_write: "a write of 65,536 octets";
    write_while_down: "a write while the link is down";
    wrong_nibble_while_down: "a write whose first nibble is 5 while the link is down";
    nothing_to_read: "a read that does not wait, with nothing to read";
    no_time_to_read: "a read that waits 20 ms for nothing";
    short_buffer: "a read of a 100-octet frame into 50 octets, and the next read";
    no_buffer: "a read of a 100-octet frame into no octets, and the next read";
    read_while_down: "a read while the link is down, with one frame in the queue and with none";
    interrupted: "a read that waits and is interrupted";
    full_queue(DeviceConfig::new().queue_length(8)): "40 frames for a reader that does not read, queue length 8";
    no_queue(DeviceConfig::new().queue_length(0)): "the host end transmits a frame, queue length 0";
    room_again(DeviceConfig::new().queue_length(32)): "a full queue of 32 after one frame is read: the host sends 40 more";
    removed: "write, read and name of a device that was removed";
    removed_while_reading: "a read that waits while the device is removed";
    queue_of_removed: "a read of a frame that was in the queue when the device was removed";
    mtu_of_tun: "the MTUs 67, 68, 65,535 and 65,536 on TUN";
    mtu_of_tap: "the MTUs 67, 68, 65,521 and 65,522 on TAP";
    host_end_while_down: "the host end while the link is down: transmit, receive, receive";
    host_end_mtu: "the host end transmits 1,500 and 1,501 octets, MTU 1,500";
    host_end_mtu_of_tap: "TAP: the host end transmits 1,514, 1,515, and with a VLAN tag 1,518 octets, MTU 1,500";
    host_end_empty: "the host end transmits no octets";
    host_end_removed: "the host end transmits on a link that was removed";
    host_end_sees: "what the host end receives of a written frame, and of one written before it was opened";
}

/// A frame that the host takes for IPv4 and then drops.
fn frame(octets: usize) -> Vec<u8> {
    vec![0x45; octets]
}

/// The host sends these octets in a frame.
fn host_sends(end: &Exchange, octets: usize) {
    assert_eq!(end.device().transmit(&frame(octets)).unwrap(), octets);
}

fn empty_write(tun: Tun) -> String {
    counting(&tun, || outcome(tun.device().transmit(&[])))
}

fn wrong_nibble(tun: Tun) -> String {
    counting(&tun, || outcome(tun.device().transmit(&[0x55; 20])))
}

fn one_octet(tun: Tun) -> String {
    counting(&tun, || outcome(tun.device().transmit(&[0x45])))
}

fn cut_packet(tun: Tun) -> String {
    counting(&tun, || outcome(tun.device().transmit(&[0x45, 0, 0, 99])))
}

fn short_ethernet(tap: Tap) -> String {
    counting(&tap, || outcome(tap.device().transmit(&[0; 13])))
}

fn bare_ethernet(tap: Tap) -> String {
    counting(&tap, || outcome(tap.device().transmit(&[0; 14])))
}

fn long_write(tun: Tun) -> String {
    let request = (Icmpv4::echo_request(7, 1) / vec![7; 1972]).into_packet();
    let octets = request.build().unwrap();
    let taken = outcome(tun.device().transmit(&octets));
    list([taken, format!("{} fragments come back", arrived(&tun).len())])
}

fn longest_write(tun: Tun) -> String {
    counting(&tun, || outcome(tun.device().transmit(&frame(65_536))))
}

fn write_while_down(tun: Tun) -> String {
    tun.down();
    counting(&tun, || outcome(tun.device().transmit(&frame(20))))
}

fn wrong_nibble_while_down(tun: Tun) -> String {
    tun.down();
    counting(&tun, || outcome(tun.device().transmit(&[0x55; 20])))
}

fn nothing_to_read(tun: Tun) -> String {
    read_length(tun.device(), 100)
}

fn no_time_to_read(tun: Tun) -> String {
    outcome(tun.device().receive(&mut [0; 100], Deadline::After(Duration::from_millis(20))))
}

fn short_buffer(tun: Tun) -> String {
    host_sends(&tun.host_end(), 100);
    list([read_length(tun.device(), 50), read_length(tun.device(), 100)])
}

fn no_buffer(tun: Tun) -> String {
    host_sends(&tun.host_end(), 100);
    list([read_length(tun.device(), 0), read_length(tun.device(), 100)])
}

fn read_while_down(tun: Tun) -> String {
    host_sends(&tun.host_end(), 100);
    tun.down();
    list([read_length(tun.device(), 200), read_length(tun.device(), 200)])
}

fn interrupted(tun: Tun) -> String {
    tun.device().interrupt();
    outcome(tun.device().receive(&mut [0; 100], Deadline::Never))
}

fn drain(device: &dyn Device) -> usize {
    std::iter::from_fn(|| read(device, 100).ok()).count()
}

fn full_queue(tun: Tun) -> String {
    let end = tun.host_end();
    counting(&tun, || {
        for _ in 0..40 {
            host_sends(&end, 20);
        }
        format!("{} read", drain(tun.device()))
    })
}

fn no_queue(tun: Tun) -> String {
    let end = tun.host_end();
    counting(&tun, || {
        let sent = outcome(end.device().transmit(&frame(20)));
        list([sent, format!("{} read", drain(tun.device()))])
    })
}

fn room_again(tun: Tun) -> String {
    let end = tun.host_end();
    for _ in 0..64 {
        host_sends(&end, 20);
    }
    counted(&tun);
    read(tun.device(), 100).unwrap();
    for _ in 0..40 {
        host_sends(&end, 20);
    }
    counted(&tun);
    format!("{} more to read", drain(tun.device()))
}

fn removed(tun: Tun) -> io::Result<String> {
    Remote::of(&tun).remove()?;
    let device = tun.device();
    Ok(list([outcome(device.transmit(&frame(20))), read_length(device, 100), outcome(device.name())]))
}

fn removed_while_reading(tun: Tun) -> io::Result<String> {
    let mut remote = Remote::of(&tun);
    thread::scope(|scope| {
        let (ready, is_ready) = mpsc::channel();
        let device = tun.device();
        let reader = scope.spawn(move || {
            ready.send(()).unwrap();
            outcome(device.receive(&mut [0; 100], Deadline::Never))
        });
        is_ready.recv().unwrap();
        remote.remove()?;
        Ok(reader.join().unwrap())
    })
}

fn queue_of_removed(tun: Tun) -> io::Result<String> {
    host_sends(&tun.host_end(), 100);
    Remote::of(&tun).remove()?;
    Ok(read_length(tun.device(), 100))
}

fn mtu_of_tun(tun: Tun) -> String {
    list([67, 68, 65_535, 65_536].map(|octets| done(set_mtu(&tun, octets))))
}

fn mtu_of_tap(tap: Tap) -> String {
    list([67, 68, 65_521, 65_522].map(|octets| done(set_mtu(&tap, octets))))
}

fn host_end_while_down(tun: Tun) -> String {
    let end = tun.host_end();
    tun.down();
    let device = end.device();
    list([outcome(device.transmit(&frame(20))), read_length(device, 100), read_length(device, 100)])
}

fn host_end_mtu(tun: Tun) -> String {
    let end = tun.host_end();
    list([1500, 1501].map(|octets| outcome(end.device().transmit(&frame(octets)))))
}

fn host_end_mtu_of_tap(tap: Tap) -> String {
    let end = tap.host_end();
    let mut tagged = vec![0; 1518];
    if let Some(at) = tagged.get_mut(12..14) {
        at.copy_from_slice(&[0x81, 0]);
    }
    list([frame(1514), frame(1515), tagged].map(|frame| outcome(end.device().transmit(&frame))))
}

fn host_end_empty(tun: Tun) -> String {
    outcome(tun.host_end().device().transmit(&[]))
}

fn host_end_removed(tun: Tun) -> io::Result<String> {
    let end = tun.host_end();
    Remote::of(&tun).remove()?;
    Ok(outcome(end.device().transmit(&frame(20))))
}

fn host_end_sees(tun: Tun) -> io::Result<String> {
    tun.device().transmit(&frame(20))?;
    let end = tun.host_end();
    tun.device().transmit(&frame(30))?;
    Ok(list([read_length(end.device(), 100), read_length(end.device(), 100)]))
}
