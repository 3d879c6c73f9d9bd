//! Requests and replies, and bulk over TCP, with the host of a link: the mock's against smoltcp driven by hand, and the
//! kernel's against smoltcp's own TUN device.
//!
//! ```text
//! cargo bench --bench host --features smoltcp             # about 60 s; the kernel's part as root, or with user namespaces
//! ```
//!
//! The client is the same everywhere: a smoltcp interface with one socket, on the device end of the link. By hand, two
//! interfaces stand on a pair of queues, which is all that a frame passes, and are polled in turns.
//!
//! * **requests and replies**: one at a time. `octets` are requests built before, without a client; `send and expect` are
//!   the verbs that tests have, which build, record, match and account for each packet.
//! * **bulk**: 8 MiB over one connection, up (to the host) or down, buffers of 65,535 octets. On the kernel a thread reads
//!   or writes at a socket of the kernel's; `TunTapInterface` is smoltcp's own device on the descriptor of the same link.

mod bulk;
#[path = "../kernel_only/mod.rs"]
mod kernel_only;
mod pair;
mod requests;
#[path = "../rounds/mod.rs"]
mod rounds;
#[path = "../turns/mod.rs"]
mod turns;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = requests::measure().and_then(|()| bulk::measure_mock()) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    kernel_only::on_the_kernel(|_| bulk::measure_kernel())
}
