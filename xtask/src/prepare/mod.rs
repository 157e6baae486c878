//! What a bare machine lacks.
pub(crate) mod packages;
pub(crate) mod python;
pub(crate) mod step_tools;
pub(crate) mod unpacked_engine;
pub(crate) mod wasm_target;

use crate::error::Result;

/// All that the tests need, except running services.
pub(crate) fn everything() -> Result<()> {
    wasm_target::install()?;
    packages::install(
        &[
            packages::PRIVATE_ENGINE,
            packages::BASE_IMAGE,
            packages::TESTS,
        ]
        .concat(),
    )?;
    unpacked_engine::install()?;
    python::install()?;
    step_tools::install()
}

/// What the demo and the benches need, which make do with a Docker Engine.
pub(crate) fn engine() -> Result<()> {
    wasm_target::install()?;
    packages::install(&[packages::ENGINE, packages::BASE_IMAGE].concat())
}
