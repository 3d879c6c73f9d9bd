//! The attribute of [`tuntap-test`](https://docs.rs/tuntap-test): use it from there.
//!
//! ```text
//!  #[tuntap_test(…)] fn …    options: the words and the expressions of the attribute and of #[device(…)]
//!        │                   signature: the function: its arguments, runner, ignore, should_panic
//!        └─► options ─► signature ─► expand ─► the tests
//!                 └────── errors ──┴─► fallback ─► every error under its own token, and the function as it was
//! ```

mod address;
mod expand;
mod fallback;
mod options;
mod signature;

use proc_macro::TokenStream;

/// Makes tests of a function that takes throwaway TUN/TAP links: see `tuntap_test::tuntap_test`.
#[doc = include_str!("tuntap_test.md")]
#[proc_macro_attribute]
pub fn tuntap_test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(arguments.into(), item.into()).into()
}

/// [`macro@tuntap_test`] under the name by which rstest, test-log and their like know a test attribute:
/// `#[tuntap_test::test]`.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(arguments.into(), item.into()).into()
}
