//! The sequence numbers of one direction, counted as its receiver counts them.
//!
//! ```text
//!  SYN    data ...            FIN
//!  0      1  2  3  4  5  6    7         relative to the initial number
//!         └── take ──┘                  next = 5: in order so far
//!                      └ ahead ┘        kept until what is missing comes
//! ```
//!
//! Numbers are of 32 bits and wrap around (RFC 9293 section 3.4): of two numbers the later one is that which is less than
//! 2^31 ahead of the other.

/// Whether `a` comes after `b` (RFC 9293 section 3.4).
pub(super) const fn after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

/// The sequence numbers that one segment takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// The segment's sequence number.
    pub(super) start: u32,
    /// It begins with a SYN, which takes one number.
    pub(super) syn: bool,
    /// Its data, in octets.
    pub(super) octets: u32,
    /// It ends with a FIN, which takes one number.
    pub(super) fin: bool,
}

impl Span {
    /// How many numbers it takes (RFC 9293 section 3.4: SEG.LEN).
    pub(super) const fn numbers(self) -> u32 {
        self.octets.wrapping_add(self.syn as u32).wrapping_add(self.fin as u32)
    }

    /// The number behind its last.
    const fn end(self) -> u32 {
        self.start.wrapping_add(self.numbers())
    }
}

/// One direction of a connection.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    initial: u32,
    next: u32,
    octets: u64,
    finished: bool,
    /// What came before what is in front of it.
    ahead: Vec<Span>,
}

impl Stream {
    /// Nothing yet; the SYN has that number.
    pub(super) const fn new(initial: u32) -> Self {
        Self { initial, next: initial, octets: 0, finished: false, ahead: Vec::new() }
    }

    /// The SYN's number.
    pub(super) const fn initial(&self) -> u32 {
        self.initial
    }

    /// The number behind everything that came without a gap: what is to be acknowledged.
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    /// The data that came without a gap, in octets.
    pub(super) const fn octets(&self) -> u64 {
        self.octets
    }

    /// Takes a segment: old numbers change nothing, numbers behind a gap count when the gap is filled, and nothing counts
    /// behind a FIN.
    pub(super) fn take(&mut self, span: Span) {
        if span.numbers() == 0 {
            return;
        }
        if after(span.start, self.next) {
            if !self.ahead.contains(&span) {
                self.ahead.push(span);
            }
            return;
        }
        self.advance(span);
        while let Some(at) = self.ahead.iter().position(|span| !after(span.start, self.next)) {
            let span = self.ahead.swap_remove(at);
            self.advance(span);
        }
    }

    /// Takes a segment that begins at the next number or before it.
    fn advance(&mut self, span: Span) {
        if self.finished || !after(span.end(), self.next) {
            return;
        }
        let taken = span.end().wrapping_sub(self.next);
        let syn = u32::from(span.syn && span.start == self.next);
        self.octets += u64::from(taken.saturating_sub(syn).saturating_sub(u32::from(span.fin)));
        self.finished = span.fin;
        self.next = span.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn data(start: u32, octets: u32) -> Span {
        Span { start, syn: false, octets, fin: false }
    }

    #[test]
    fn later_is_less_than_half_the_circle_ahead() {
        assert!(after(1, 0) && after(0, u32::MAX) && after(0x8000_0000 - 1, 0));
        assert!(!after(0, 0) && !after(u32::MAX, 0) && !after(0x8000_0000, 0) && !after(0, 0x8000_0000));
    }

    #[test]
    fn syn_and_fin_take_a_number_and_are_no_octet() {
        let mut stream = Stream::new(u32::MAX - 1);
        stream.take(Span { start: u32::MAX - 1, syn: true, octets: 3, fin: true });
        assert_eq!((stream.next(), stream.octets()), (3, 3));
        stream.take(data(3, 5));
        assert_eq!((stream.next(), stream.octets()), (3, 3), "nothing counts behind a FIN");
    }

    #[test]
    fn old_numbers_change_nothing_and_new_ones_behind_them_count() {
        let mut stream = Stream::new(10);
        stream.take(data(10, 5));
        stream.take(data(10, 5));
        stream.take(data(5, 5));
        stream.take(Span::default());
        assert_eq!((stream.next(), stream.octets()), (15, 5));
        stream.take(data(12, 5));
        assert_eq!((stream.next(), stream.octets()), (17, 7));
    }

    #[test]
    fn a_gap_holds_what_is_behind_it() {
        let mut stream = Stream::new(0);
        stream.take(Span { start: 8, syn: false, octets: 2, fin: true });
        stream.take(data(4, 4));
        stream.take(data(4, 4));
        assert_eq!((stream.next(), stream.octets(), stream.ahead.len()), (0, 0, 2));
        stream.take(data(0, 5));
        assert_eq!((stream.next(), stream.octets(), stream.ahead.len()), (11, 10, 0));
    }
}
