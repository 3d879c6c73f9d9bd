//! The account of a link that was handed over: what a witness saw pass, and what it did not.

use std::fmt;

/// What was seen of a link since it was handed over.
#[derive(Clone, Debug)]
pub(super) struct HandedOver {
    /// Frames that the host sent, and that the code under test sent.
    pub(super) to_program: u64,
    pub(super) from_program: u64,
    /// Frames that were not seen for lack of room, or why none was.
    pub(super) lost: Result<u64, String>,
}

impl Default for HandedOver {
    fn default() -> Self {
        Self { to_program: 0, from_program: 0, lost: Ok(0) }
    }
}

impl fmt::Display for HandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to the code under test, {} from it", self.to_program, self.from_program)?;
        match &self.lost {
            Ok(0) => Ok(()),
            Ok(lost) => write!(f, "; {lost} LOST BY THE HARNESS, which had no room for them"),
            Err(because) => write!(f, "; not recorded: {because}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_what_was_not_seen() {
        let told = |lost| HandedOver { to_program: 1, from_program: 2, lost }.to_string();
        assert_eq!(told(Ok(0)), "1 to the code under test, 2 from it");
        let lost = "1 to the code under test, 2 from it; 3 LOST BY THE HARNESS, which had no room for them";
        assert_eq!(told(Ok(3)), lost);
        let unseen = told(Err("Operation not permitted".to_owned()));
        assert_eq!(unseen, "1 to the code under test, 2 from it; not recorded: Operation not permitted");
    }
}
