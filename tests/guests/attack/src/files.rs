//! Files, by WASI.

use std::fs;

use crate::{Got, Settings, failed};

pub(crate) fn attack(name: &str, settings: &Settings) -> Option<Got> {
    let path = settings.text("path");
    let to = settings.text("to");
    Some(match name {
        "read-file" => fs::read(path)
            .map(|bytes| format!("{} bytes", bytes.len()))
            .map_err(failed),
        "list-folder" => fs::read_dir(path)
            .map(|entries| format!("{} entries", entries.count()))
            .map_err(failed),
        "write-file" => fs::write(path, "written").map(|()| path.to_owned()).map_err(failed),
        "remove-file" => fs::remove_file(path).map(|()| path.to_owned()).map_err(failed),
        "rename" => fs::rename(path, to).map(|()| to.to_owned()).map_err(failed),
        "hard-link" => fs::hard_link(path, to).map(|()| to.to_owned()).map_err(failed),
        "read-through-new-link" => {
            #[expect(deprecated, reason = "the only one that the standard library has on WASI")]
            let linked = fs::soft_link(path, to);
            linked
                .and_then(|()| fs::read(to))
                .map(|bytes| format!("{} bytes", bytes.len()))
                .map_err(failed)
        }
        "read-environment" => match std::env::vars().next() {
            Some((name, _)) => Ok(name),
            None => Err(failed("there is no variable")),
        },
        "read-arguments" => match std::env::args().next() {
            Some(argument) => Ok(argument),
            None => Err(failed("there is no argument")),
        },
        _ => return None,
    })
}
