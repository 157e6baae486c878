//! What a value must be beyond its type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprRange, LitStr, Path, RangeLimits};

pub(crate) enum Rule {
    /// A function finds what is wrong.
    Check(Path),
    /// A number within limits.
    Range(ExprRange),
    /// A text of so many characters, or a list of so many entries.
    Length(ExprRange),
    /// A text that matches as a whole.
    Pattern(LitStr),
}

impl Rule {
    /// What the schema can say of it, as `"keyword" = value`.
    pub(crate) fn schema(&self, of_list: bool) -> Vec<TokenStream> {
        match self {
            Self::Check(_) => Vec::new(),
            Self::Range(range) => {
                let end = match range.limits {
                    RangeLimits::Closed(_) => "maximum",
                    RangeLimits::HalfOpen(_) => "exclusiveMaximum",
                };
                limits(range, "minimum", end)
            }
            Self::Length(range) if of_list => limits(range, "minItems", "maxItems"),
            Self::Length(range) => limits(range, "minLength", "maxLength"),
            Self::Pattern(pattern) => {
                let whole = whole(pattern);
                vec![quote!("pattern" = #whole)]
            }
        }
    }

    /// An expression of what is wrong with `value`, which is a reference.
    pub(crate) fn check(&self, expected: Option<&LitStr>) -> TokenStream {
        match self {
            Self::Check(function) => quote!(#function(value)),
            Self::Range(range) => quote!(::stepyard_sdk::setting::in_range(value, #range)),
            Self::Length(range) => quote!(::stepyard_sdk::setting::of_length(value, #range)),
            Self::Pattern(pattern) => {
                let whole = whole(pattern);
                let expected = match expected {
                    Some(expected) => expected.value(),
                    None => format!("what matches {}", pattern.value()),
                };
                quote!(::stepyard_sdk::setting::matching(value, #whole, #expected))
            }
        }
    }
}

/// The pattern for a whole text.
fn whole(pattern: &LitStr) -> String {
    format!("^(?:{})$", pattern.value())
}

fn limits(range: &ExprRange, begin: &str, end: &str) -> Vec<TokenStream> {
    let limit = |keyword: &str, limit: &Option<Box<Expr>>| {
        limit.as_ref().map(|limit| quote!(#keyword = #limit))
    };
    [limit(begin, &range.start), limit(end, &range.end)]
        .into_iter()
        .flatten()
        .collect()
}
