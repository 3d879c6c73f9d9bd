//! What is emitted when something is wrong: the errors, and the function as it was, so that editors go on knowing it
//! and its body is checked too.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn};

use crate::signature::Signature;

/// Every error, each under its own token.
pub(crate) fn errors(errors: &[Error]) -> TokenStream {
    errors.iter().map(Error::to_compile_error).collect()
}

/// The errors and the function. Without arguments of ours it is called by nobody, and its lints are not the matter.
pub(crate) fn function(wrong: &[Error], signature: &Signature) -> TokenStream {
    let errors = errors(wrong);
    let mut function: ItemFn = signature.function.clone();
    // What was refused must not be refused a second time, in rustc's words.
    function.sig.constness = None;
    let has_receiver = function.sig.receiver().is_some();
    let conditions = &signature.conditions;
    let kept = (!has_receiver).then(|| quote!(#(#conditions)* #[allow(dead_code, unused)] #function));
    quote!(#errors #kept)
}
