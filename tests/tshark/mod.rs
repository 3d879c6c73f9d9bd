//! A run of tshark over frames that were built here. No file is made where any user may write, and none is left: the
//! capture is its standard input.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

/// A classic capture file (draft-ietf-opsawg-pcap): 24 octets, then 16 before each frame, all little-endian. Each frame
/// comes a second after the one before.
fn pcap(link_type: usize, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let number = |file: &mut Vec<u8>, number: usize| {
        file.extend_from_slice(&u32::try_from(number).unwrap().to_le_bytes());
    };
    // Magic, version 2.4, no time zone, no accuracy, at most so many octets.
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_553, link_type] {
        number(&mut file, word);
    }
    for (second, frame) in frames.iter().enumerate() {
        for word in [second, 0, frame.len(), frame.len()] {
            number(&mut file, word);
        }
        file.extend_from_slice(frame);
    }
    file
}

/// What tshark with those arguments writes about the frames, which are of that link type: 1 is Ethernet, 101 an IP packet.
pub(crate) fn run<'a>(link_type: usize, frames: &[Vec<u8>], arguments: impl IntoIterator<Item = &'a str>) -> String {
    let mut child = Command::new("tshark")
        .args(["-n", "-r", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("tshark does not start ({error}): apt-get install tshark"));
    let (mut input, capture) = (child.stdin.take().unwrap(), pcap(link_type, frames));
    let writer = thread::spawn(move || input.write_all(&capture));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "tshark failed: {}", String::from_utf8_lossy(&output.stderr));
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
