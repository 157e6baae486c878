//! A field, with what `#[setting(…)]` says of it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Expr, ExprLit, GenericArgument, Ident, Lit, LitStr, Path, PathArguments, Result, Type,
    meta::ParseNestedMeta, parse_quote,
};

use crate::rule::Rule;

/// What a setting may name: a host's `x-stepyard`, with `_` for `-`.
const ROLES: [&str; 22] = [
    "connector",
    "base_image_connector",
    "source_connector",
    "destination_connector",
    "ecr_account",
    "ecr_region",
    "ecr_endpoint",
    "ecr_repository",
    "ecr_source_repository",
    "ecr_start_scan",
    "ecr_create_repository",
    "ecr_lifecycle_policy",
    "ecr_repository_policy",
    "ecr_cache_repository",
    "ecr_cache_destination",
    "build_context",
    "network_mode",
    "ssh_agent",
    "tag",
    "pull_image",
    "push_image",
    "workspace_path",
];
/// One that is a word of its own too.
const SECRET: &str = "secret";

/// What `#[setting(…)]` says.
#[derive(Default)]
pub(crate) struct Field {
    /// `x-stepyard`.
    role: Option<String>,
    /// What it is where nobody gives it; none is the type's own default.
    default: Option<Option<Expr>>,
    /// What makes the value of a text.
    parse: Option<Path>,
    rules: Vec<Rule>,
    /// What a value that breaks a pattern should be.
    expected: Option<LitStr>,
}

impl Field {
    /// Reads the attribute off a field.
    pub(crate) fn take(field: &mut syn::Field) -> Result<Self> {
        let mut found = Self::default();
        for attribute in &field.attrs {
            if attribute.path().is_ident("setting") {
                attribute.parse_nested_meta(|meta| found.read(&meta))?;
            }
        }
        field
            .attrs
            .retain(|attribute| !attribute.path().is_ident("setting"));
        Ok(found)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = meta.path.get_ident().map(Ident::to_string);
        let name = name.unwrap_or_default();
        match name.as_str() {
            "default" => {
                let value = meta.input.peek(syn::Token![=]);
                self.default = Some(match value {
                    true => Some(meta.value()?.parse()?),
                    false => None,
                });
            }
            "parse" => self.parse = Some(meta.value()?.parse()?),
            "check" => self.rules.push(Rule::Check(meta.value()?.parse()?)),
            "range" => self.rules.push(Rule::Range(meta.value()?.parse()?)),
            "length" => self.rules.push(Rule::Length(meta.value()?.parse()?)),
            "pattern" => self.rules.push(Rule::Pattern(meta.value()?.parse()?)),
            "expected" => self.expected = Some(meta.value()?.parse()?),
            role if role == SECRET || ROLES.contains(&role) => {
                self.role = Some(role.replace('_', "-"));
            }
            _ => {
                return Err(meta.error(format!(
                    "no such word; expected default, parse, check, range, length, pattern, \
                     expected, or what the setting names: {}, {SECRET}",
                    ROLES.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// Gives the field its attributes; what they need of functions stands in an `impl` of `owner`.
    pub(crate) fn expand(&self, owner: &Ident, field: &mut syn::Field) -> Vec<TokenStream> {
        let Some(name) = field.ident.clone() else {
            return Vec::new();
        };
        let name = name.to_string();
        let name = name.trim_start_matches("r#");
        let kind = field.ty.clone();
        let mut functions = Vec::new();

        if let Some(role) = &self.role {
            let role = LitStr::new(role, owner.span());
            field
                .attrs
                .push(parse_quote!(#[schemars(extend("x-stepyard" = #role))]));
        }
        match &self.default {
            None => {}
            Some(None) => field.attrs.push(parse_quote!(#[serde(default)])),
            Some(Some(value)) => {
                let function = format_ident!("__default_of_{name}");
                let path = LitStr::new(&format!("{owner}::{function}"), owner.span());
                field.attrs.push(parse_quote!(#[serde(default = #path)]));
                let value = match value {
                    Expr::Lit(ExprLit {
                        lit: Lit::Str(text),
                        ..
                    }) => quote!(<#kind as ::core::convert::From<&str>>::from(#text)),
                    value => quote!(#value),
                };
                functions.push(quote!(fn #function() -> #kind { #value }));
            }
        }
        for rule in &self.rules {
            for keyword in rule.schema(is(&kind, &["Vec", "OneOrMany"])) {
                field
                    .attrs
                    .push(parse_quote!(#[schemars(extend(#keyword))]));
            }
        }
        if self.parse.is_some() || !self.rules.is_empty() {
            functions.push(self.reading(owner, name, field));
        }
        functions
    }

    /// A function that reads the value, and finds what is wrong with it.
    fn reading(&self, owner: &Ident, name: &str, field: &mut syn::Field) -> TokenStream {
        let kind = &field.ty;
        let optional = is(kind, &["Option"]);
        let function = format_ident!("__read_{name}");
        let path = LitStr::new(&format!("{owner}::{function}"), owner.span());
        let read = match &self.parse {
            None => {
                quote!(<#kind as ::stepyard_sdk::serde::Deserialize>::deserialize(deserializer)?)
            }
            Some(parse) => {
                let element = innermost(kind);
                let written = replaced(kind, &quote!(::stepyard_sdk::setting::Text));
                let written = LitStr::new(&written.to_string(), owner.span());
                field.attrs.push(parse_quote!(#[schemars(with = #written)]));
                let parsed = replaced(kind, &quote!(::stepyard_sdk::setting::Parsed<Parser>));
                quote! {{
                    struct Parser;
                    impl ::stepyard_sdk::setting::Parse for Parser {
                        type Value = #element;
                        fn parse(
                            text: &str,
                        ) -> ::core::result::Result<Self::Value, ::std::string::String> {
                            #parse(text).map_err(|error| ::std::string::ToString::to_string(&error))
                        }
                    }
                    let read =
                        <#parsed as ::stepyard_sdk::serde::Deserialize>::deserialize(deserializer)?;
                    ::stepyard_sdk::setting::Unwrapped::unwrapped(read)
                }}
            }
        };
        let checks = self.rules.iter().map(|rule| {
            let check = rule.check(self.expected.as_ref());
            quote! {
                if let ::core::result::Result::Err(problem) = #check {
                    return ::core::result::Result::Err(
                        ::stepyard_sdk::serde::de::Error::custom(problem),
                    );
                }
            }
        });
        // What is optional is checked where it is there.
        let checks = match (self.rules.is_empty(), optional) {
            (true, _) => TokenStream::new(),
            (false, true) => quote! {
                if let ::core::option::Option::Some(value) = &read { #(#checks)* }
            },
            (false, false) => quote! { let value = &read; #(#checks)* },
        };
        field
            .attrs
            .push(parse_quote!(#[serde(deserialize_with = #path)]));
        if optional && self.default.is_none() {
            field.attrs.push(parse_quote!(#[serde(default)]));
        }
        let kind = &field.ty;
        quote! {
            fn #function<'de, D>(deserializer: D) -> ::core::result::Result<#kind, D::Error>
            where
                D: ::stepyard_sdk::serde::Deserializer<'de>,
            {
                let read = #read;
                #checks
                ::core::result::Result::Ok(read)
            }
        }
    }
}

/// The last part of a type's path.
fn last(kind: &Type) -> Option<&syn::PathSegment> {
    match kind {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// Whether a type is one of these, by its name.
fn is(kind: &Type, names: &[&str]) -> bool {
    last(kind).is_some_and(|segment| names.iter().any(|name| segment.ident == name))
}

/// What an optional value or a list is of; another type itself.
fn element(kind: &Type) -> Option<&Type> {
    let segment = last(kind).filter(|_| is(kind, &["Option", "Vec", "OneOrMany"]))?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(kind) => Some(kind),
        _ => None,
    })
}

fn innermost(kind: &Type) -> &Type {
    element(kind).map_or(kind, innermost)
}

/// The type with another one in the place of its innermost.
fn replaced(kind: &Type, by: &TokenStream) -> TokenStream {
    match (element(kind), last(kind)) {
        (Some(element), Some(segment)) => {
            let of = replaced(element, by);
            match segment.ident == "OneOrMany" {
                true => quote!(::stepyard_sdk::setting::OneOrMany<#of>),
                false => {
                    let name = &segment.ident;
                    quote!(#name<#of>)
                }
            }
        }
        _ => by.clone(),
    }
}
