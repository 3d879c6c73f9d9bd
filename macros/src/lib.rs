//! The attribute of `tuntap-test`. (Skeleton.)

use proc_macro::TokenStream;

/// Skeleton.
#[proc_macro_attribute]
pub fn tuntap_test(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    item
}
