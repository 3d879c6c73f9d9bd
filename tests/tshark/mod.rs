//! What tshark says of frames that were built here.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

/// Those fields of each frame, which is an IP packet, as tshark writes them; several values have `|` between them. Whatever
/// tshark finds malformed or of a wrong checksum is told as well, and fails the test.
pub(crate) fn fields(frames: &[Vec<u8>], fields: &[&str]) -> Vec<Vec<String>> {
    // The file format is described at https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html; 101 is LINKTYPE_RAW.
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 101] {
        file.extend(word.to_be_bytes());
    }
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        for word in [0, 0, length, length] {
            file.extend(word.to_be_bytes());
        }
        file.extend_from_slice(frame);
    }
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "fields", "-E", "aggregator=|", "-o", "udp.check_checksum:TRUE", "-e", "_ws.malformed"]);
    tshark.args(["-e", "udp.checksum.status"]).args(fields.iter().flat_map(|field| ["-e", field]));
    // On its standard input: no file has to be made where any user may write, and none is left.
    let mut child = tshark
        .args(["-r", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("tshark does not start ({error}): apt-get install tshark"));
    let mut input = child.stdin.take().unwrap();
    let writer = thread::spawn(move || input.write_all(&file));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Vec<String>> =
        told.lines().map(|line| line.split('\t').map(|value| value.replace("\\\"", "\"")).collect()).collect();
    assert_eq!(lines.len(), frames.len(), "{told}");
    for line in &lines {
        // 1 is "good".
        assert_eq!(line[..2], ["", "1"], "{told}");
    }
    lines.into_iter().map(|line| line[2..].to_vec()).collect()
}
