//! Writes the test. The user's tokens stay in the user's scope: the outer function holds body, types and options; the
//! module beside it, of the same name, holds one test a backend, which calls the outer function.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::{GenericArgument, Path, PathArguments, ReturnType, Signature, Type, TypeParamBound, parse_quote};

use crate::args::{self, Argument, Arguments, Backend, Errors, Function};
use crate::attributes::Sorted;
use crate::options::{Key, Setting, Value};
use crate::{fallback, validate};

/// Why a kernel-backed test is ignored.
const NEEDS_KERNEL: &str = "needs a kernel TUN/TAP device: run with `-- --ignored ::kernel`";

/// The whole attribute: its arguments and the item under it.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = Arguments::read(arguments, &mut errors);
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.push(syn::Error::new(error.span(), "`#[tuntap_test]` belongs on a function with a body"));
            return fallback::item(&item, &errors);
        }
    };
    let (devices, receiver) = args::arguments(&function.signature, &mut errors);
    let attributes = Sorted::new(function.attributes.clone(), &mut errors);
    validate::function(&function.signature, &devices, receiver.as_ref(), &attributes, &mut errors);
    if errors.is_empty() {
        Test { arguments, attributes, devices, function }.expand()
    } else {
        fallback::function(&function, &errors)
    }
}

/// A test without a mistake.
struct Test {
    arguments: Arguments,
    attributes: Sorted,
    devices: Vec<Argument>,
    function: Function,
}

impl Test {
    fn expand(&self) -> TokenStream {
        let outer = self.outer_function();
        let module = self.module();
        quote!(#outer #module)
    }

    /// `<crate>::__private`, as seen from the user's scope.
    fn private(&self) -> Path {
        match self.arguments.renamed_crate() {
            Some(renamed) => parse_quote!(#renamed::__private),
            None => parse_quote!(::tuntap_test::__private),
        }
    }

    fn outer_function(&self) -> TokenStream {
        let private = self.private();
        let Sorted { outer, cfg, runners, .. } = &self.attributes;
        let Function { visibility, signature, .. } = &self.function;
        let name = &signature.ident;
        let output = result_of_outer(&signature.output);
        let context = Ident::new("context", Span::mixed_site());
        let (extra, body) = if runners.is_empty() {
            // Without `--test`, and where only kernel tests were asked for and there is no kernel backend, nobody
            // calls it; it is checked all the same.
            (quote!(#[allow(dead_code)]), self.direct_body(&private, &context))
        } else {
            // A runner's attribute leaves nothing to call without `--test`.
            (quote!(#[cfg(test)] #[allow(dead_code, unnameable_test_items)]), self.runner_body(&private, &context))
        };
        quote! {
            #(#cfg)*
            #extra
            #(#outer)*
            #visibility fn #name(#context: &mut #private::TestContext) #output {
                #body
            }
        }
    }

    /// The user's function, and a call of it with every device made.
    fn direct_body(&self, private: &Path, context: &Ident) -> TokenStream {
        self.call(|device, config| {
            let device = &device.typed.ty;
            quote!(<#device as #private::FromTestContext>::from_test_context(#context, #config))
        })
    }

    /// The same, in a function that the runner makes runnable. The devices come from the thread's stash, because a
    /// runner's function takes no argument.
    fn runner_body(&self, private: &Path, context: &Ident) -> TokenStream {
        let runners = &self.attributes.runners;
        let signature = &self.function.signature;
        let (asyncness, name, output) = (&signature.asyncness, &signature.ident, &signature.output);
        let body = self.call(|device, config| {
            let device = &device.typed.ty;
            quote!(#private::stashed::<#device>(#config))
        });
        quote! {
            #(#runners)*
            #asyncness fn #name() #output {
                #body
            }
            #private::in_runner(#context, #name)
        }
    }

    fn call(&self, make: impl Fn(&Argument, TokenStream) -> TokenStream) -> TokenStream {
        let Function { signature, body, .. } = &self.function;
        let attributes = &self.attributes.inner;
        let name = &signature.ident;
        let typed = self.devices.iter().map(|device| &device.typed);
        let Signature { asyncness, unsafety, abi, output, .. } = signature;
        let bindings: Vec<Ident> =
            (0..self.devices.len()).map(|number| format_ident!("device{number}", span = Span::mixed_site())).collect();
        let values = self.devices.iter().map(|device| {
            let config = self.config(device);
            make(device, config)
        });
        let waits = asyncness.map(|_| quote!(.await));
        quote! {
            #(#attributes)*
            #asyncness #unsafety #abi fn #name(#(#typed),*) #output #body
            #(let #bindings = #values;)*
            #name(#(#bindings),*) #waits
        }
    }

    /// A device's configuration: the argument's options before the attribute's, both before the `config` they refine.
    fn config(&self, device: &Argument) -> TokenStream {
        let private = self.private();
        let own = &device.settings;
        // An argument's `config` says everything, so nothing of the attribute's remains but what is the whole test's.
        let is_complete = own.iter().any(|setting| setting.key == Key::Config);
        let inherited = self.arguments.settings.iter().filter(|theirs| theirs.key == Key::Time || !is_complete);
        let settings: Vec<&Setting> =
            inherited.filter(|theirs| own.iter().all(|ours| ours.key != theirs.key)).chain(own).collect();

        let base = settings.iter().find_map(|setting| match (&setting.key, &setting.value) {
            (Key::Config, Value::Expression(value)) => Some((&setting.word, value)),
            _ => None,
        });
        let mut config = match base {
            // The annotated binding puts a wrong type's error under the value, the annotation's span its reason under the key.
            Some((word, value)) => {
                let config = Ident::new("config", Span::mixed_site());
                let annotation = quote!(#private::DeviceConfig).into_iter().map(|mut token| {
                    token.set_span(Span::mixed_site().located_at(word.span()));
                    token
                });
                quote!({ let #config: #(#annotation)* = #value; #config })
            }
            None => quote!(#private::DeviceConfig::new()),
        };
        for (key, method) in [(Key::Address, "without_addresses"), (Key::Peer, "without_peers")] {
            if base.is_some() && settings.iter().any(|setting| setting.key == key) {
                let method = Ident::new(method, Span::mixed_site());
                config.extend(quote!(.#method()));
            }
        }
        for Setting { word, value, key } in settings {
            let method = Ident::new(key.word(), word.span());
            match value {
                Value::Expression(_) if *key == Key::Config => {}
                Value::Expression(value) => config.extend(quote!(.#method(#value))),
                Value::Variant(variant) if *key == Key::Time => {
                    config.extend(quote!(.#method(#private::Time::#variant)))
                }
                Value::Variant(variant) => config.extend(quote!(.#method(#private::PacketInfoMode::#variant))),
                Value::Path(_) => {}
            }
        }
        config
    }

    fn module(&self) -> TokenStream {
        let name = &self.function.signature.ident;
        let cfg = &self.attributes.cfg;
        let glob = self.arguments.renamed_crate().filter(|path| is_relative(path)).map(|_| {
            quote! {
                #[allow(unused_imports)]
                use super::*;
            }
        });
        let tests = self.arguments.backends().map(|backend| self.test(backend));
        quote! {
            #(#cfg)*
            #[cfg(test)]
            mod #name {
                #glob
                #(#tests)*
            }
        }
    }

    /// One test of the module.
    fn test(&self, backend: Backend) -> TokenStream {
        let private = self.private_in_module();
        let outer = &self.function.signature.ident;
        let should_panic = &self.attributes.should_panic;
        let name = Ident::new(backend.word(), Span::mixed_site());
        let variant = Ident::new(backend.variant(), Span::mixed_site());
        let suffix = format!("::{}", backend.word());
        let (reason, cfg) = match backend {
            Backend::Mock => (None, None),
            Backend::Kernel => (Some(NEEDS_KERNEL), Some(quote!(#[cfg(target_os = "linux")]))),
        };
        let ignore = self.attributes.ignore(reason);
        let result = validate::result(&self.function.signature);
        let output = result.map(|_| quote!(-> ::std::process::ExitCode));
        // A name of its own instead of an argument: a runtime that does not know it says so.
        let run = Ident::new(
            match (result, self.arguments.strict, self.attributes.should_panic.is_empty()) {
                (Some(_), false, _) => "run",
                (Some(_), true, _) => "run_strict",
                (None, false, true) => "run_unit",
                (None, true, true) => "run_unit_strict",
                (None, false, false) => "run_unit_should_panic",
                (None, true, false) => "run_unit_strict_should_panic",
            },
            Span::mixed_site(),
        );
        // A result that is no `Termination` is reported at the return type.
        let body = match result {
            Some(result) => {
                let span =
                    result.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span());
                let mut outer = outer.clone();
                outer.set_span(span);
                quote_spanned!(span=> super::#outer)
            }
            None => quote!(super::#outer),
        };
        quote! {
            #[::core::prelude::v1::test]
            #cfg
            #ignore
            #(#should_panic)*
            fn #name() #output {
                #private::#run(
                    #private::Backend::#variant,
                    ::core::concat!(::core::module_path!(), #suffix),
                    #body,
                )
            }
        }
    }

    /// `<crate>::__private`, as seen from the module: one level below the user's scope.
    fn private_in_module(&self) -> Path {
        let private = self.private();
        match private.segments.first() {
            Some(first) if private.leading_colon.is_none() && first.ident == "self" => {
                let rest = private.segments.iter().skip(1);
                parse_quote!(super::#(#rest)::*)
            }
            Some(first) if private.leading_colon.is_none() && first.ident == "super" => parse_quote!(super::#private),
            _ => private,
        }
    }
}

/// Whether a path may name something that only the user's scope has.
fn is_relative(path: &Path) -> bool {
    path.leading_colon.is_none()
        && path.segments.first().is_some_and(|first| !["crate", "self", "super"].iter().any(|word| first.ident == word))
}

/// The outer function's result: the user's, except that `impl Termination` must not capture the context's lifetime.
fn result_of_outer(output: &ReturnType) -> ReturnType {
    let mut output = output.clone();
    if let ReturnType::Type(_, result) = &mut output {
        capture_nothing(result);
    }
    output
}

/// Adds `use<>` to every `impl Trait` that captures by default.
fn capture_nothing(found: &mut Type) {
    match found {
        Type::ImplTrait(opaque)
            if !opaque.bounds.iter().any(|bound| matches!(bound, TypeParamBound::PreciseCapture(_))) =>
        {
            opaque.bounds.push(parse_quote!(use<>));
        }
        Type::Path(path) => {
            for segment in &mut path.path.segments {
                let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { continue };
                for argument in &mut arguments.args {
                    if let GenericArgument::Type(argument) = argument {
                        capture_nothing(argument);
                    }
                }
            }
        }
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(capture_nothing),
        Type::Paren(paren) => capture_nothing(&mut paren.elem),
        Type::Group(group) => capture_nothing(&mut group.elem),
        _ => {}
    }
}
