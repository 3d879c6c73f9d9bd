//! The tests that a function becomes.
//!
//! ```text
//!  fn echo(tun: Tun) { … }    ─►    fn echo(backend, path) { fn echo(tun: Tun) { … }  run(backend, path, …) }
//!                                   mod echo { #[test] fn mock() { super::echo(Mock, …) }
//!                                              #[test] #[ignore] fn kernel() { super::echo(Kernel, …) } }
//! ```
//!
//! What the user wrote stays in the user's scope, so that paths keep their meaning and types are checked without
//! `--test` too; the module holds nothing but calls.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Item, ItemFn};

use crate::fallback;
use crate::options::{Options, Place};
use crate::signature::Signature;

/// Why a kernel test is ignored.
const NEEDS_KERNEL: &str = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`";

/// The whole expansion.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Vec::new();
    let options = Options::parse(Place::Attribute, arguments, &mut errors);
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.push(match syn::parse2::<Item>(item.clone()) {
                // Anything else does not parse at all, and rustc says so better.
                Ok(other) => Error::new(other.span(), "a test is a function that takes devices; this is none"),
                Err(_) => error,
            });
            let errors = fallback::errors(&errors);
            return quote!(#errors #item);
        }
    };
    let signature = Signature::new(function, &mut errors);
    if !errors.is_empty() {
        return fallback::function(&errors, &signature);
    }
    tests(&options, &signature)
}

/// A name that nothing of the user's can mean.
fn hidden(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn tests(options: &Options, signature: &Signature) -> TokenStream {
    let krate = options.krate();
    let name = &signature.function.sig.ident;
    let Signature { attributes, conditions, .. } = signature;
    let (backend, path, context) = (hidden("backend"), hidden("path"), hidden("context"));
    let test_body = hidden("test_body");
    let output = &signature.function.sig.output;
    let (run, code) = if signature.is_unit() {
        (format_ident!("run_unit"), None)
    } else {
        (format_ident!("run"), Some(quote!(-> ::std::process::ExitCode)))
    };
    let (items, call, only_tests) = if signature.runner.is_some() {
        let runner = with_runner(options, signature, &krate);
        (runner, quote!(#krate::__private::in_runner(#context, #name)), Some(quote!(#[cfg(test)])))
    } else {
        let function = &signature.function;
        let made = made(options, signature, &krate, |kind, config| {
            quote_spanned!(kind.span()=>
                <#kind as #krate::__private::FromTestContext>::from_test_context(#context, #config))
        });
        let (lets, names) = made;
        (quote!(#function), quote!({ #lets #name(#(#names),*) }), None)
    };
    let shims = shims(options, signature, code.as_ref());
    quote! {
        #(#attributes)*
        #(#conditions)*
        #only_tests
        #[allow(dead_code, unnameable_test_items)]
        fn #name(#backend: #krate::__private::Backend, #path: &'static str) #code {
            #items
            fn #test_body(#context: &mut #krate::__private::TestContext) #output {
                #call
            }
            #krate::__private::#run(#backend, #path, #test_body)
        }
        #(#conditions)*
        mod #name {
            #[allow(unused_imports)]
            use super::*;
            #shims
        }
    }
}

/// The function that a runner such as `#[tokio::test]` makes a test of. It is nested, so the harness does not list it;
/// it is called inside the test's namespace, and the threads that it starts are born there.
fn with_runner(options: &Options, signature: &Signature, krate: &TokenStream) -> TokenStream {
    let function = &signature.function;
    let (runner, sig) = (&signature.runner, &function.sig);
    let (name, asyncness, output) = (&sig.ident, &sig.asyncness, &sig.output);
    let (lets, names) = made(
        options,
        signature,
        krate,
        |kind, config| quote_spanned!(kind.span()=> #krate::__private::stashed::<#kind>(#config)),
    );
    let waited = asyncness.is_some().then(|| quote!(.await));
    quote! {
        #runner
        #asyncness fn #name() #output {
            #function
            #lets
            #name(#(#names),*) #waited
        }
    }
}

/// The statements that make the arguments, in order, and their names.
fn made(
    options: &Options,
    signature: &Signature,
    krate: &TokenStream,
    make: impl Fn(&syn::Type, TokenStream) -> TokenStream,
) -> (TokenStream, Vec<Ident>) {
    let mut lets = TokenStream::new();
    let mut names = Vec::new();
    for (number, argument) in signature.arguments.iter().enumerate() {
        let name = hidden(&format!("argument_{number}"));
        let made = make(&argument.kind, options.config(argument.device.as_ref(), krate));
        lets.extend(quote!(let #name = #made;));
        names.push(name);
    }
    (lets, names)
}

fn shims(options: &Options, signature: &Signature, code: Option<&TokenStream>) -> TokenStream {
    let name = &signature.function.sig.ident;
    let krate = options.krate();
    let should_panic = &signature.should_panic;
    let shim = |backend: &str, variant: &str, marks: TokenStream| {
        let (backend, path) = (Ident::new(backend, name.span()), format!("::{backend}"));
        let variant = format_ident!("{variant}");
        quote! {
            #marks
            #should_panic
            #[::core::prelude::v1::test]
            fn #backend() #code {
                super::#name(#krate::__private::Backend::#variant, ::core::concat!(::core::module_path!(), #path))
            }
        }
    };
    let ignored = &signature.ignore;
    let (mock, kernel) = options.backends();
    let mock = mock.then(|| shim("mock", "Mock", quote!(#ignored)));
    let kernel = kernel.then(|| {
        let ignored = ignored.as_ref().map_or_else(|| quote!(#[ignore = #NEEDS_KERNEL]), |ignored| quote!(#ignored));
        // Elsewhere there is no kernel backend so far, and no test that could only fail.
        shim("kernel", "Kernel", quote!(#[cfg(target_os = "linux")] #ignored))
    });
    quote!(#mock #kernel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{ExpectFile, expect_file};

    /// Compares what a function becomes with a file: `UPDATE_EXPECT=1 cargo test -p tuntap-test-macros` writes it.
    fn becomes(expected: ExpectFile, arguments: &str, item: &str) {
        let expansion = expand(arguments.parse().unwrap(), item.parse().unwrap());
        expected.assert_eq(&prettyplease::unparse(&syn::parse2(expansion).unwrap()));
    }

    #[test]
    fn one_device_on_both_backends() {
        let item = "/// Docs. \n pub fn echo(tun: Tun) { tun.send([0x45]); }";
        becomes(expect_file!["snapshots/one_device.rs"], "", item);
    }

    #[test]
    fn options_of_attribute_and_argument() {
        let arguments = r#"mock, config = JUMBO, mtu = 9000 - 14, address = "192.0.2.1/24", packet_info = keep"#;
        let item = r#"fn two(left: Tun, #[device(host = "b", address = "198.51.100.1/24")] mut right: Tap) {}"#;
        becomes(expect_file!["snapshots/options.rs"], arguments, item);
    }

    #[test]
    fn a_base_of_the_argument_replaces_what_the_attribute_says() {
        let item = "fn base(#[device(config = SMALL, mtu = 68)] tun: Tun) {}";
        becomes(expect_file!["snapshots/base.rs"], "mock, mtu = 1280", item);
    }

    #[test]
    fn a_result_on_the_kernel_under_another_name_of_the_crate() {
        let item = "#[cfg(feature = \"x\")] #[ignore = \"slow\"] fn result(tap: Tap) -> io::Result<()> { Ok(()) }";
        becomes(expect_file!["snapshots/result.rs"], "kernel, crate = my::harness", item);
    }

    #[test]
    fn a_runner_is_called_inside_the_namespace() {
        let item = "#[tokio::test(flavor = \"multi_thread\")] async fn runner(tun: Tun) -> R { body().await }";
        becomes(expect_file!["snapshots/runner.rs"], "kernel", item);
    }

    #[test]
    fn a_panic_is_expected_of_each_test() {
        let item = "#[test] #[should_panic(expected = \"x\")] #[allow(unused)] fn panics(_: Tun) { panic!(\"x\") }";
        becomes(expect_file!["snapshots/should_panic.rs"], "", item);
    }

    #[test]
    fn with_a_mistake_the_function_stays() {
        becomes(expect_file!["snapshots/mistake.rs"], "bogus", "const fn wrong<T>(tun: Tun) {}");
    }
}
