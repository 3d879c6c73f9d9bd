//! What tshark says of single fields of datagrams that were built here.

use super::tshark::run;

/// LINKTYPE_RAW: each frame is an IP packet.
const RAW: usize = 101;

/// Those fields of each frame, which is an IP packet, as tshark writes them; several values have `|` between them. Whatever
/// tshark finds malformed or of a wrong checksum is told as well, and fails the test.
pub(crate) fn fields(frames: &[Vec<u8>], fields: &[&str]) -> Vec<Vec<String>> {
    let settings = ["-T", "fields", "-E", "aggregator=|", "-o", "udp.check_checksum:TRUE", "-e", "_ws.malformed"];
    let wanted = ["-e", "udp.checksum.status"].into_iter().chain(fields.iter().flat_map(|field| ["-e", *field]));
    let told = run(RAW, frames, settings.into_iter().chain(wanted));
    let lines: Vec<Vec<String>> =
        told.lines().map(|line| line.split('\t').map(|value| value.replace("\\\"", "\"")).collect()).collect();
    assert_eq!(lines.len(), frames.len(), "{told}");
    for line in &lines {
        // 1 is "good".
        assert_eq!(line[..2], ["", "1"], "{told}");
    }
    lines.into_iter().map(|line| line[2..].to_vec()).collect()
}
