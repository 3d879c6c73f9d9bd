//! Refuses functions that cannot be a test with devices. Each mistake has one message, under its own token.

use proc_macro2::Ident;
use quote::{ToTokens as _, quote};
use syn::{Error, Receiver, ReturnType, Signature, Type};

use crate::args::{Argument, Errors};
use crate::attributes::Sorted;
use crate::options;

/// Reports what is wrong with the function's head and its attributes.
pub(crate) fn function(
    signature: &Signature,
    arguments: &[Argument],
    receiver: Option<&Receiver>,
    attributes: &Sorted,
    errors: &mut Errors,
) {
    if let Some(token) = &signature.constness {
        errors.push(Error::new(token.span, "a test is not a `const fn`; remove `const`"));
    }
    if let Some(token) = signature.asyncness
        && attributes.runners.is_empty()
    {
        errors.push(Error::new(
            token.span,
            "an `async` test needs a runner: write `#[tokio::test]`, or your runtime's `test`, below `#[tuntap_test]`, \
             or call your runtime's `block_on` in a test that is not `async`",
        ));
    }
    if !signature.generics.params.is_empty() {
        let message = "a test has no generic parameters; name the types, or write a generic function and call it";
        errors.push(Error::new_spanned(&signature.generics, message));
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.push(Error::new(clause.where_token.span, "a test has no generic parameters; remove the `where` clause"));
    }
    if let Some(receiver) = receiver {
        let message = "a test is a free function; remove `self` and move the function out of its `impl`";
        errors.push(Error::new_spanned(receiver, message));
    } else if arguments.is_empty() {
        // Stable compilers join spans for `new_spanned` only, which looks at the first token and the last.
        let parentheses = signature.paren_token.span;
        let (open, close) = (Ident::new("_open", parentheses.open()), Ident::new("_close", parentheses.close()));
        errors.push(Error::new_spanned(
            quote!(#open #close),
            "no device: take `tun: Tun`, `tap: Tap` or `namespace: Namespace`, or use the plain `#[test]`",
        ));
    }
    for argument in arguments {
        check_argument(argument, errors);
    }
    if let (Some(_), Some(result)) = (attributes.should_panic.first(), result(signature)) {
        errors.push(Error::new_spanned(
            result,
            "a test with `#[should_panic]` returns nothing; remove the return type, or the attribute and check the \
             error in the body",
        ));
    }
}

fn check_argument(argument: &Argument, errors: &mut Errors) {
    for attribute in &argument.typed.attrs {
        let path = attribute.path();
        let written = path.to_token_stream().to_string().replace(' ', "");
        let message = match written.as_str() {
            "allow" | "expect" | "warn" | "deny" | "forbid" => continue,
            "cfg" | "cfg_attr" => format!("`#[{written}]` cannot stand on a device; put it on the test"),
            "ignore" | "case" | "values" | "with" | "from" | "future" | "files" => {
                format!("`#[{written}]` is rstest's: put `#[rstest]` above `#[tuntap_test::test]`")
            }
            _ => {
                let hint = options::did_you_mean(&written, &["device"]);
                format!("unknown attribute `{written}`{hint}; an argument takes `#[device(…)]`")
            }
        };
        errors.push(Error::new_spanned(path, message));
    }
    match ungrouped(&argument.typed.ty) {
        Type::Reference(reference) => {
            let owned = reference.elem.to_token_stream().to_string().replace(' ', "");
            errors.push(Error::new_spanned(reference, format!("a test owns its devices: take `{owned}` by value")));
        }
        Type::ImplTrait(implementor) => errors.push(Error::new(
            implementor.impl_token.span,
            "the type decides which device is made: name it, such as `Tun` or `Tap`",
        )),
        Type::Infer(token) => errors.push(Error::new(
            token.underscore_token.span,
            "the type decides which device is made: name it, such as `Tun` or `Tap`",
        )),
        _ => {}
    }
}

/// The return type, unless it is `()` or absent.
pub(crate) fn result(signature: &Signature) -> Option<&Type> {
    match &signature.output {
        ReturnType::Default => None,
        ReturnType::Type(_, result) => match ungrouped(result) {
            Type::Tuple(tuple) if tuple.elems.is_empty() => None,
            result => Some(result),
        },
    }
}

/// Macro variables arrive in invisible groups, and anybody may write parentheses; take both off.
fn ungrouped(mut found: &Type) -> &Type {
    loop {
        found = match found {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            found => return found,
        };
    }
}
