//! The grammars that host and guests agree on.
//!
//! Every type is made by parsing, so a value in hand is a valid one. A step validates its settings
//! with these types for its user's sake; the host parses the same text again as if the step were
//! hostile.
//!
//! | module | types |
//! | --- | --- |
//! | [`image`] | [`ImageReference`] |
//! | [`registry`] | [`RegistryHost`] |
//! | [`repository`] | [`RepositoryName`], [`EcrRepositoryName`] |
//! | [`tag`], [`digest`] | [`Tag`], [`Digest`] |
//! | [`aws`], [`ecr`] | [`AwsAccountId`], [`AwsRegion`], [`AwsPartition`], [`EcrRegistry`] |
//! | [`mutability`], [`encryption`], [`aws_tag`] | [`TagMutability`], [`RepositoryEncryption`], [`AwsTag`] |
//! | [`quantity`], [`duration`] | [`MemoryQuantity`], [`CpuQuantity`], [`StepTimeout`] |
//! | [`cache`], [`compression`] | [`CacheOptions`], [`Compression`] |
//! | [`identifier`] | [`StepIdentifier`], [`StepName`] |

pub mod aws;
pub mod aws_tag;
pub mod cache;
pub mod compression;
pub mod digest;
pub mod duration;
pub mod ecr;
pub mod encryption;
mod error;
pub mod identifier;
pub mod image;
pub mod mutability;
pub mod quantity;
pub mod registry;
pub mod repository;
pub mod tag;
mod text;

pub use aws::{AwsAccountId, AwsPartition, AwsRegion};
pub use aws_tag::AwsTag;
pub use cache::CacheOptions;
pub use compression::{Compression, CompressionAlgorithm};
pub use digest::Digest;
pub use duration::StepTimeout;
pub use ecr::{EcrEndpoint, EcrRegistry};
pub use encryption::RepositoryEncryption;
pub use error::GrammarError;
pub use identifier::{StepIdentifier, StepName};
pub use image::ImageReference;
pub use mutability::{MutabilityMode, TagFilter, TagMutability};
pub use quantity::{CpuQuantity, MemoryQuantity};
pub use registry::RegistryHost;
pub use repository::{EcrRepositoryName, RepositoryName};
pub use tag::Tag;
