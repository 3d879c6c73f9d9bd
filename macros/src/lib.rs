//! The attribute of [`tuntap-test`](https://docs.rs/tuntap-test), re-exported there: depend on that crate, not on this.
//!
//! The stations of an expansion, one file each: `args` reads the tokens and keeps every token's span, `validate`
//! refuses what cannot work, `expand` writes the test, and `fallback` writes what stays when there was a mistake.
//! Everything behind this file works on `proc_macro2` tokens, so that unit tests reach it.

mod args;
mod attributes;
mod expand;
mod fallback;
mod options;
mod validate;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

#[doc = include_str!("tuntap_test.md")]
#[proc_macro_attribute]
pub fn tuntap_test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(arguments.into(), item.into()).into()
}

/// [`tuntap_test`](macro@tuntap_test) under the name that other test macros recognise: rstest, test-log and their like
/// take an attribute whose last segment is `test` for the one that makes the test.
///
/// Write it with its path, `#[tuntap_test::test]`; imported, it would make the plain `#[test]` ambiguous.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(arguments.into(), item.into()).into()
}
