//! TCP (RFC 9293), with its options.
//!
//! ```text
//!   0                   1                   2                   3
//!   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//!  +-------------------------------+-------------------------------+
//!  |             sport             |             dport             |
//!  |                              seq                              |
//!  |                        acknowledgement                        |
//!  +-------+-------+---------------+-------------------------------+
//!  |  data |reser- |C E U A P R S F|                               |
//!  | offset| ved   |               |            window             |
//!  +-------+-------+---------------+-------------------------------+
//!  |           checksum            |            urgent             |
//!  |                            options                            |
//! ```

use std::fmt;
use std::ops::{BitAnd, BitOr, Not};

use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::HeaderSliceError;

use super::build::Completing;
use super::checksum::transport_checksum;
use super::dissect::{Dissected, LengthError, Next};
use super::ethernet::truncated;
use super::field::{Constraint, Field, FieldValue, IntoField, Octets, field_value};
use super::layer::{Behaviour, Show, bits, layer, octets, option};
use super::tcp_options as options;
use super::verify::Defect;
use super::view::View;

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| 20, align: 4, dissect, complete, verify, summary };

layer! {
    /// A TCP header, 20 to 60 octets (RFC 9293 section 3.1). Data offset and checksum are computed unless set.
    ///
    /// Flags are set one by one (`.syn().ack(101)`), or given at once: [`TcpFlags`] exactly, or a mask of which some
    /// must be set and some clear. Options are written in the order of the calls and padded with zeros.
    ///
    /// ```
    /// use tuntap_test::packet::Tcp;
    /// use tuntap_test::packet::tcp_flags::{A, S};
    ///
    /// let syn = Tcp::new().sport(40_000).dport(80).seq(100).syn().mss(1460).sack_permitted().window_scale(7);
    /// let syn_ack = Tcp::new().flags(S & A).acknowledgement(101); // whatever the other flags are
    /// let no_reset = Tcp::new().flags(A & !S);
    /// # let _ = (syn, syn_ack, no_reset);
    /// ```
    Tcp, TCP = Tcp "TCP", BEHAVIOUR;
    /// Source port.
    sport: u16 = bits(0, 16);
    /// Destination port.
    dport: u16 = bits(16, 16);
    /// Sequence number.
    seq: u32 = bits(32, 32);
    /// Acknowledgement number, without the ACK flag: see [`ack`](Self::ack) for both.
    acknowledgement: u32 = bits(64, 32);
    /// Header length in words of 4 octets, 4 bits.
    data_offset: u8 = bits(96, 4).computed();
    /// Reserved bits, 4 (the lowest was NS, RFC 3540, and is AE, RFC 9768).
    reserved: u8 = bits(100, 4);
    /// All flags: exactly these, or a mask.
    flags: TcpFlags = bits(104, 8).show(Show::TcpFlags);
    /// Window, in octets before scaling.
    window: u16 = bits(112, 16);
    /// Checksum over pseudo-header, header and data.
    checksum: u16 = bits(128, 16).computed().show(Show::Hex(4));
    /// Urgent pointer.
    urgent: u16 = bits(144, 16);
    /// Option 2: the largest segment that the sender takes, in octets of data (RFC 9293 section 3.7.1).
    mss: u16 = option(options::mss, options::append_mss);
    /// Option 3: the shift of the window, in bits (RFC 7323 section 2).
    window_scale: u8 = option(options::window_scale, options::append_window_scale);
    /// Option 4 is there, whatever number is given (RFC 2018 section 2); see [`sack_permitted`](Self::sack_permitted).
    sack_permitted_kind: u8 = option(options::sack_permitted, options::append_sack_permitted);
    /// Option 8: the timestamp value; building appends the option with an echo of 0, see
    /// [`timestamps`](Self::timestamps) (RFC 7323 section 3).
    timestamp_value: u32 = option(options::timestamp_value, options::append_timestamp_value);
    /// Option 8: the echoed timestamp; on its own it is a pattern only.
    timestamp_echo: u32 = option(options::timestamp_echo, options::append_timestamp_echo);
    /// Option 5: the blocks as they stand, 8 octets each: left edge, right edge (RFC 2018 section 3).
    sack_blocks: Octets = octets(options::sack, options::append_sack);
    /// All options as they stand in the header, padded with zeros to a multiple of 4 octets when built.
    options: Octets = octets(options::all, options::append_raw).show(Show::Padded(4));
}

/// The flags in the order of their bits, as reports write them; `.` is ACK, as in tcpdump.
const LETTERS: &str = "FSRP.UEW";

/// TCP's flags, one bit each (RFC 9293 section 3.1, RFC 3168 for ECE and CWR).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "eight bits and nothing else")]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);
    /// ECN echo.
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced.
    pub const CWR: Self = Self(0x80);

    /// Whether all of those are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

field_value! {
    TcpFlags: |flags| u128::from(flags.0), |bits| Self(u8::from_bits(bits));
}

/// One letter a flag, for patterns: `S & !A` is "SYN set, ACK clear, the others do not matter".
pub mod tcp_flags {
    use super::TcpFlags;

    /// FIN.
    pub const F: TcpFlags = TcpFlags::FIN;
    /// SYN.
    pub const S: TcpFlags = TcpFlags::SYN;
    /// RST.
    pub const R: TcpFlags = TcpFlags::RST;
    /// PSH.
    pub const P: TcpFlags = TcpFlags::PSH;
    /// ACK.
    pub const A: TcpFlags = TcpFlags::ACK;
    /// URG.
    pub const U: TcpFlags = TcpFlags::URG;
    /// ECE.
    pub const E: TcpFlags = TcpFlags::ECE;
    /// CWR.
    pub const W: TcpFlags = TcpFlags::CWR;
}

/// Flags of which some must be set and some clear, made with `&` and `!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlagMask {
    set: u8,
    clear: u8,
}

impl BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for TcpFlags {
    type Output = TcpFlagMask;

    fn not(self) -> TcpFlagMask {
        TcpFlagMask { set: 0, clear: self.0 }
    }
}

impl From<TcpFlags> for TcpFlagMask {
    fn from(flags: TcpFlags) -> Self {
        Self { set: flags.0, clear: 0 }
    }
}

impl<Other: Into<TcpFlagMask>> BitAnd<Other> for TcpFlags {
    type Output = TcpFlagMask;

    fn bitand(self, other: Other) -> TcpFlagMask {
        TcpFlagMask::from(self) & other
    }
}

impl<Other: Into<Self>> BitAnd<Other> for TcpFlagMask {
    type Output = Self;

    fn bitand(self, other: Other) -> Self {
        let other = other.into();
        Self { set: self.set | other.set, clear: self.clear | other.clear }
    }
}

impl IntoField<TcpFlags> for TcpFlagMask {
    fn into_field(self) -> Field<TcpFlags> {
        Field::masked(TcpFlags(self.set), TcpFlags(self.set | self.clear))
    }
}

impl Tcp {
    /// Adds flags to those that are set.
    fn add(self, flags: TcpFlags) -> Self {
        let present = match self.0.get("flags") {
            Some(Constraint::Exact(bits)) => TcpFlags::from_bits(*bits),
            _ => TcpFlags::default(),
        };
        self.flags(present | flags)
    }

    /// Sets FIN, beside the flags that were set before.
    pub fn fin(self) -> Self {
        self.add(TcpFlags::FIN)
    }

    /// Sets SYN, beside the flags that were set before.
    pub fn syn(self) -> Self {
        self.add(TcpFlags::SYN)
    }

    /// Sets RST, beside the flags that were set before.
    pub fn rst(self) -> Self {
        self.add(TcpFlags::RST)
    }

    /// Sets PSH, beside the flags that were set before.
    pub fn psh(self) -> Self {
        self.add(TcpFlags::PSH)
    }

    /// Sets ACK, beside the flags that were set before, and the acknowledgement number.
    pub fn ack(self, acknowledgement: impl IntoField<u32>) -> Self {
        self.add(TcpFlags::ACK).acknowledgement(acknowledgement)
    }

    /// Sets URG, beside the flags that were set before, and the urgent pointer.
    pub fn urg(self, urgent: impl IntoField<u16>) -> Self {
        self.add(TcpFlags::URG).urgent(urgent)
    }

    /// Option 4: selective acknowledgements may be sent (RFC 2018 section 2).
    pub fn sack_permitted(self) -> Self {
        self.sack_permitted_kind(4)
    }

    /// Option 8 with both timestamps (RFC 7323 section 3): two exact values are built as one option.
    pub fn timestamps(self, value: impl IntoField<u32>, echo: impl IntoField<u32>) -> Self {
        self.timestamp_value(value).timestamp_echo(echo)
    }

    /// An option by its kind (IANA "TCP Option Kind Numbers") and the octets behind kind and length; kinds 0 and 1 have
    /// neither. Options are written in the order of the calls; of one kind the second stands for the second in the
    /// header.
    ///
    /// ```
    /// use tuntap_test::packet::Tcp;
    ///
    /// // Fast open, asking for a cookie (RFC 7413 section 4.1.1), and an experiment (RFC 6994).
    /// let syn = Tcp::new().syn().mss(1460).option(34, []).option(253, [0xf9, 0x89, 1]);
    /// assert_eq!(format!("{syn:?}"), "TCP (flags S, mss 1460, option 34 nothing, option 253 f98901)");
    /// ```
    pub fn option(self, kind: u8, value: impl IntoField<Octets>) -> Self {
        Self(self.0.with_option(&options::OPTIONS, kind, value.into_field().constraint))
    }

    /// Option 1, no operation, one octet: each call is one more.
    pub fn nop(self) -> Self {
        self.option(1, [])
    }

    /// Option 5 with these blocks: left and right edge of each (RFC 2018 section 3).
    pub fn sack<const N: usize>(self, blocks: [(u32, u32); N]) -> Self {
        let octets: Vec<u8> =
            blocks.iter().flat_map(|(left, right)| [left.to_be_bytes(), right.to_be_bytes()].concat()).collect();
        self.sack_blocks(octets)
    }
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    let header = TcpHeaderSlice::from_slice(octets).map_err(|error| match error {
        HeaderSliceError::Len(error) => truncated(&error),
        HeaderSliceError::Content(_) => LengthError::Malformed("the data offset is below 5"),
    })?;
    Ok(Dissected { header: header.slice().len(), length: None, next: Next::Payload })
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    cx.write(header, "data_offset", header.len() / 4);
    if !cx.is_set("checksum") {
        cx.write(header, "checksum", cx.transport_checksum(6, header));
    }
}

fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    if let Some(ip) = view.ip.filter(|ip| !ip.fragment) {
        let sum = transport_checksum(&ip, 6, view.message());
        view.check_sum("checksum", sum, "RFC 9293 section 3.1", defect);
    }
}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let flags = TcpFlags::from_bits(view.number("flags"));
    write!(f, "TCP [{}] seq {}", Letters(flags), view.number("seq"))?;
    if flags.contains(TcpFlags::ACK) {
        write!(f, " ack {}", view.number("acknowledgement"))?;
    }
    write!(f, " win {}", view.number("window"))?;
    if !view.content.is_empty() {
        write!(f, " {} octets", view.content.len())?;
    }
    options::summary(view.header, f)
}

/// Flags as letters, `S` and `S.` and `none`.
pub(crate) struct Letters(pub(crate) TcpFlags);

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.0 == 0 {
            return f.write_str("none");
        }
        // As tcpdump writes them: ACK last.
        let order = [1, 0, 2, 3, 5, 6, 7, 4];
        order
            .into_iter()
            .filter(|bit| self.0.0 >> bit & 1 == 1)
            .try_for_each(|bit| LETTERS.chars().nth(bit).map_or(Ok(()), |letter| fmt::Write::write_char(f, letter)))
    }
}
