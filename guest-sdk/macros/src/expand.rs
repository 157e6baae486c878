//! The type with what serde and schemars need to know of it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result, parse_quote};

use crate::field::Field;

pub(crate) fn settings(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut input: DeriveInput = syn::parse2(item)?;
    let mut rename_all: Option<LitStr> = None;
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("rename_all") {
            rename_all = Some(meta.value()?.parse()?);
            return Ok(());
        }
        Err(meta.error("expected rename_all = \"…\", or nothing"))
    });
    syn::parse::Parser::parse2(parser, arguments)?;

    let mut functions = Vec::new();
    let by_itself = match &mut input.data {
        Data::Struct(data) => {
            let Fields::Named(fields) = &mut data.fields else {
                return Err(Error::new_spanned(
                    &input.ident,
                    "settings have names: expected a struct with named fields",
                ));
            };
            for field in &mut fields.named {
                functions.extend(Field::take(field)?.expand(&input.ident, field));
            }
            input
                .attrs
                .push(parse_quote!(#[serde(deny_unknown_fields)]));
            "camelCase"
        }
        Data::Enum(_) => {
            // So that the schema can show one that is a default.
            input
                .attrs
                .insert(0, parse_quote!(#[derive(::stepyard_sdk::serde::Serialize)]));
            "kebab-case"
        }
        Data::Union(_) => {
            return Err(Error::new_spanned(
                &input.ident,
                "expected a struct, or an enum of the words that a setting may be",
            ));
        }
    };
    let rename_all = rename_all.unwrap_or_else(|| LitStr::new(by_itself, input.ident.span()));
    let (name, (implementing, of, conditions)) = (&input.ident, input.generics.split_for_impl());
    let functions = match functions.is_empty() {
        true => TokenStream::new(),
        false => quote! {
            #[doc(hidden)]
            impl #implementing #name #of #conditions { #(#functions)* }
        },
    };
    Ok(quote! {
        #[derive(
            ::stepyard_sdk::serde::Deserialize,
            ::stepyard_sdk::schemars::JsonSchema,
        )]
        #[serde(crate = "::stepyard_sdk::serde", rename_all = #rename_all)]
        #[schemars(crate = "::stepyard_sdk::schemars")]
        #input
        #functions
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(item: TokenStream) -> String {
        settings(TokenStream::new(), item).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        assert_eq!(
            problem(quote!(
                struct Unnamed(String);
            )),
            "settings have names: expected a struct with named fields"
        );
        let problem = problem(quote! {
            struct Settings { #[setting(conector)] connector: String }
        });
        assert!(
            problem.starts_with("no such word; expected default, parse, check"),
            "{problem}"
        );
        assert!(problem.contains("connector, "), "{problem}");
    }

    #[test]
    fn other_attributes_stay() {
        let expanded = settings(
            TokenStream::new(),
            quote! {
                /// Which.
                #[derive(Clone)]
                struct Settings {
                    /// A number.
                    #[serde(rename = "number")]
                    #[setting(default = 3, range = 1..=9)]
                    count: u32,
                }
            },
        );
        let expanded = expanded.unwrap().to_string();
        for kept in ["derive (Clone)", "rename = \"number\"", "A number."] {
            assert!(expanded.contains(kept), "{kept} in {expanded}");
        }
        assert!(!expanded.contains("# [setting"), "{expanded}");
    }
}
