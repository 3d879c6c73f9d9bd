//! Kernel devices: throwaway network namespaces, TUN/TAP devices in them, and what stands in the way (Linux).
//!
//! Layer: implements [`Device`](crate::device::Device); may use `codec` and `device`. All `unsafe` of the crate lives
//! here.
//!
//! ```text
//!  privilege ──► namespace ──► linux (open, TUNSETIFF) ──► netlink (addresses, up, quiet) ──► a link
//!      └── refused at any step ──► obstacle: the cause, the errno, the cure
//! ```

mod counters;
#[cfg(all(feature = "host", feature = "tokio"))]
mod driver;
mod environment;
mod error;
mod fence;
mod ioctl;
#[cfg(feature = "host")]
mod ip_socket;
mod link;
mod linux;
mod namespace;
mod obstacle;
mod packet_socket;
mod privilege;
mod probe;
mod quiet_filter;
mod sockets;
mod sysctl;
mod turn;
mod waiting;

pub mod netlink;

pub use counters::{CounterChanges, Counters};
pub use error::{KernelError, SetupError};
pub use fence::Fence;
pub use linux::{KernelDevice, OpenOptions};
pub use namespace::{Namespace, NamespaceGuard, prepare};
pub use obstacle::{Obstacle, ObstacleKind};
pub use packet_socket::PacketSocket;
pub use privilege::{Privilege, Step as SetupStep};
pub use probe::probe;
pub use sockets::{OpenSocket, SocketProtocol, TcpState, sockets};

#[cfg(all(feature = "host", feature = "tokio"))]
pub(crate) use driver::{Owner, Registration};
#[cfg(feature = "host")]
pub(crate) use ip_socket::{Datagram, IpSocket};
pub(crate) use link::{LinkPlan, bring_up};
pub(crate) use packet_socket::PacketWitness;
pub(crate) use turn::Turn;
#[cfg(feature = "host")]
pub(crate) use waiting::ready;
