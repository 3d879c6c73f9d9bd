//! Scripts out of a fuzzer's octets.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::Script;

/// The octets decode to the script: seeds are encoded scripts, and stay what they are when the generator changes.
impl<'a> Arbitrary<'a> for Script {
    fn arbitrary(unstructured: &mut Unstructured<'a>) -> Result<Self> {
        let length = unstructured.arbitrary_len::<u8>()?;
        unstructured.bytes(length).map(Self::decode)
    }

    fn arbitrary_take_rest(unstructured: Unstructured<'a>) -> Result<Self> {
        Ok(Self::decode(unstructured.take_rest()))
    }
}
