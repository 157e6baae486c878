//! `[build]`: what builds, and what a build may do.

use std::fmt::Display;
use std::path::PathBuf;

use super::file::path;
use crate::build::{BuildRules, ImagePattern, MostNetwork, RemotePattern};
use crate::document::Field;
use crate::policy::Entitlement;

/// `[build]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildConfiguration {
    /// `engine`: which engine builds; without it the first one that is named or found.
    pub engine: Option<EngineName>,
    /// `engines`: the engines that may build at all; none is every engine.
    pub engines: Option<Vec<EngineName>>,
    /// `cache`: the folder of caches that are folders (`type=local`).
    pub cache: Option<PathBuf>,
    /// `records`: the folder that says which image was pushed for which build. Nobody but the
    /// agent may write it.
    pub records: Option<PathBuf>,
    /// `allow`: rights over the machine that the settings of built-in steps may name.
    pub allow: Vec<Entitlement>,
    /// `base-images`, `remote-sources`, `network` and `allow-unenforced`: what a build may read and
    /// reach.
    pub rules: BuildRules,
}

/// An engine that this host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineName {
    /// A Docker Engine, or Podman's service.
    Docker,
    /// A BuildKit daemon.
    BuildKit,
}

impl EngineName {
    const NAMES: [(&str, Self); 2] = [("docker", Self::Docker), ("buildkit", Self::BuildKit)];

    /// The name in `stepyard.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::BuildKit => "buildkit",
        }
    }
}

pub(super) fn read_build(field: &Field<'_>) -> Option<BuildConfiguration> {
    let mut fields = field.fields()?;
    let engine = fields
        .optional("engine")
        .and_then(|field| field.one_of(&EngineName::NAMES));
    let engines = fields.optional("engines").map(|field| {
        let items = field.items().unwrap_or_default().into_iter();
        items
            .filter_map(|field| field.one_of(&EngineName::NAMES))
            .collect()
    });
    let cache = fields.optional("cache").and_then(|field| path(&field));
    let records = fields.optional("records").and_then(|field| path(&field));
    let allow = fields
        .optional("allow")
        .map(|field| {
            list(
                &field,
                "name rights that the settings of built-in steps may ask for",
                |text| Entitlement::named(text).ok_or("expected `host-network` or `ssh-agent`"),
            )
        })
        .unwrap_or_default();
    let base_images = fields.optional("base-images").map(|field| {
        let remedy = "write an image with its registry, such as `docker.io/library/alpine:3.20`; \
                      `*` stands for any characters";
        list(&field, remedy, ImagePattern::parse)
    });
    let remote_sources = fields.optional("remote-sources").map(|field| {
        let remedy = "write an address such as `https://github.com/team/*`";
        list(&field, remedy, RemotePattern::parse)
    });
    let network = fields.optional("network").and_then(|field| {
        field.one_of(&[
            ("none", MostNetwork::None),
            ("default", MostNetwork::Default),
        ])
    });
    let allow_unenforced = fields
        .optional("allow-unenforced")
        .and_then(|field| field.one_of(&[("true", true), ("false", false)]));
    fields.finish();
    Some(BuildConfiguration {
        engine,
        engines,
        cache,
        records,
        allow,
        rules: BuildRules {
            base_images,
            remote_sources,
            network,
            allow_unenforced: allow_unenforced.unwrap_or_default(),
        },
    })
}

/// The items of a list, each read by `parse`.
fn list<T, E: Display>(
    field: &Field<'_>,
    remedy: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Vec<T> {
    let items = field.items().unwrap_or_default().into_iter();
    items
        .filter_map(|field| field.parse(&parse, remedy))
        .collect()
}
