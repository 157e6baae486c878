//! The steps that are part of this program.

/// The name and bytes of each, made by the build script.
pub(super) const COMPONENTS: &[(&str, &[u8])] =
    include!(concat!(env!("OUT_DIR"), "/built_in_components.rs"));
