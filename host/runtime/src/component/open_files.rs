//! Opening files by WASI: nothing but files and folders. To open a FIFO of the workspace would hold a
//! thread of the host until somebody writes to it, and a device may do anything.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
};

use super::state::RunState;

/// The interface whose function is replaced, as the linker has it already.
const INTERFACE: &str = "wasi:filesystem/types@0.2.12";

type Arguments = (
    Resource<Descriptor>,
    PathFlags,
    String,
    OpenFlags,
    DescriptorFlags,
);

/// Replaces WASI's `open-at`.
pub(crate) fn add_to_linker(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(INTERFACE)?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store, arguments: Arguments| {
            Box::new(async move {
                let opened = match open(store.data_mut(), arguments).await {
                    Ok(opened) => Ok(opened),
                    Err(error) => Err(error.downcast()?),
                };
                Ok((opened,))
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

async fn open(
    state: &mut RunState,
    (folder, path_flags, path, open_flags, flags): Arguments,
) -> FsResult<Resource<Descriptor>> {
    let mut files = state.filesystem();
    let same_folder = Resource::new_borrow(folder.rep());
    let found = files.stat_at(same_folder, path_flags, path.clone()).await;
    // What cannot be looked at is not opened either, and its opening says why.
    if let Ok(found) = found
        && !matches!(
            found.type_,
            DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink
        )
    {
        return Err(ErrorCode::NotPermitted.into());
    }
    files
        .open_at(folder, path_flags, path, open_flags, flags)
        .await
}
