//! The attribute `settings` of `stepyard-sdk`, which documents it.

mod expand;
mod field;
mod rule;

use proc_macro::TokenStream;

/// Makes a type one that settings are read into: see `stepyard_sdk::settings`.
#[proc_macro_attribute]
pub fn settings(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::settings(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
