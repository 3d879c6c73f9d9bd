//! What stays of the function when there was a mistake: the function itself, so that an editor keeps completing in
//! its body and the compiler still reports the body's own mistakes. No test is made of it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, FnArg};

use crate::args::{self, Errors, Function};

/// The errors, and the function without anything of ours and without what would make a test of it.
pub(crate) fn function(function: &Function, errors: &Errors) -> TokenStream {
    let errors = errors.to_compile_errors();
    let Function { attributes, visibility, signature, body } = function;
    let attributes = attributes.iter().filter(|attribute| is_harmless(attribute));
    let mut signature = signature.clone();
    // A device cannot be dropped in a `const fn`, which would be one more error for one mistake.
    signature.constness = None;
    for input in &mut signature.inputs {
        match input {
            FnArg::Typed(typed) => typed.attrs.retain(|attribute| !args::is_device(attribute) && is_lint(attribute)),
            FnArg::Receiver(_) => {}
        }
    }
    quote! {
        #errors
        #(#attributes)*
        #[allow(dead_code)]
        #visibility #signature #body
    }
}

/// The errors, and the item as it was, for what is no function at all.
pub(crate) fn item(item: &TokenStream, errors: &Errors) -> TokenStream {
    let errors = errors.to_compile_errors();
    quote!(#errors #item)
}

fn is_harmless(attribute: &Attribute) -> bool {
    is_lint(attribute) || ["doc", "cfg"].iter().any(|word| attribute.path().is_ident(word))
}

fn is_lint(attribute: &Attribute) -> bool {
    ["allow", "warn", "deny", "forbid"].iter().any(|word| attribute.path().is_ident(word))
}
