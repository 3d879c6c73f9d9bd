//! Octets as the encoding reads and writes them: what is missing is zeros.

/// The longest value that three octets of length can tell.
const LONGEST: usize = 0xff_ffff;

/// Reads on; behind the end there are zeros.
pub(super) struct Reader<'a> {
    octets: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { octets }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// So many octets, or as many as there are.
    pub(super) fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.octets.split_at_checked(most).unwrap_or((self.octets, &[]));
        self.octets = rest;
        taken
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        array.iter_mut().zip(self.take(N)).for_each(|(to, from)| *to = *from);
        array
    }

    pub(super) fn u8(&mut self) -> u8 {
        let [octet] = self.array();
        octet
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub(super) fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.array())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// Three octets of length, and so many octets, or as many as there are.
    pub(super) fn counted(&mut self) -> &'a [u8] {
        let [a, b, c] = self.array();
        let length = u32::from_be_bytes([0, a, b, c]);
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

/// Writes three octets of length and those octets; what is beyond the longest is left out.
pub(super) fn put_counted(octets: &[u8], to: &mut Vec<u8>) {
    let octets = octets.get(..LONGEST).unwrap_or(octets);
    let length = u32::try_from(octets.len()).unwrap_or(0).to_be_bytes();
    to.extend_from_slice(length.get(1..).unwrap_or_default());
    to.extend_from_slice(octets);
}
