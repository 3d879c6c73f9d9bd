//! Reply buffers that are kept from one request to the next.

use std::fmt;

/// Where a responder writes its replies: buffers that are reused, so that answering does not allocate once they have
/// grown to the size of the largest reply.
///
/// ```
/// use tuntap_test::device::dispatch::Replies;
///
/// let mut replies = Replies::new();
/// replies.frame().extend_from_slice(b"first");
/// replies.frame().extend_from_slice(b"second");
/// assert_eq!(replies.iter().collect::<Vec<_>>(), [&b"first"[..], b"second"]);
/// ```
#[derive(Default)]
pub struct Replies {
    frames: Vec<Vec<u8>>,
    used: usize,
}

impl Replies {
    /// No replies and no buffers yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { frames: Vec::new(), used: 0 }
    }

    /// A fresh empty buffer for one more frame, without packet information. It is transmitted when the responder
    /// returns; one that stays empty is not.
    pub fn frame(&mut self) -> &mut Vec<u8> {
        let at = self.used;
        self.used += 1;
        if at == self.frames.len() {
            self.frames.push(Vec::new());
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "`used` never exceeds the length, and `at` is below it by the push"
        )]
        let frame = &mut self.frames[at];
        frame.clear();
        frame
    }

    /// The frames written so far, in order, without the empty ones.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.iter().take(self.used).map(Vec::as_slice).filter(|frame| !frame.is_empty())
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Forgets the frames and keeps their buffers.
    pub const fn clear(&mut self) {
        self.used = 0;
    }

    /// Puts `header` in front of every frame.
    pub(super) fn prepend(&mut self, header: &[u8]) {
        if header.is_empty() {
            return;
        }
        for frame in self.frames.iter_mut().take(self.used).filter(|frame| !frame.is_empty()) {
            let length = frame.len();
            frame.resize(length + header.len(), 0);
            frame.copy_within(..length, header.len());
            if let Some(front) = frame.get_mut(..header.len()) {
                front.copy_from_slice(header);
            }
        }
    }
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_reused_empty() {
        let mut replies = Replies::new();
        replies.frame().extend_from_slice(&[1; 100]);
        replies.clear();
        assert!(replies.is_empty());
        let frame = replies.frame();
        assert!(frame.is_empty());
        assert!(frame.capacity() >= 100);
    }

    #[test]
    fn a_header_is_put_in_front_of_every_frame_and_of_no_empty_one() {
        let mut replies = Replies::new();
        replies.frame().extend_from_slice(b"abc");
        replies.frame();
        replies.frame().extend_from_slice(b"d");
        replies.prepend(b"12");
        assert_eq!(replies.iter().collect::<Vec<_>>(), [&b"12abc"[..], b"12d"]);
    }
}
