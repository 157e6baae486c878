//! Files, by WASI.

use std::fs::{self, OpenOptions};
use std::io::Read;

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
        "truncate-file" => OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(path)
            .map(|_| path.to_owned())
            .map_err(failed),
        "create-folder" => fs::create_dir(path).map(|()| path.to_owned()).map_err(failed),
        "read-standard-input" => {
            let mut input = Vec::new();
            match std::io::stdin().read_to_end(&mut input) {
                Ok(0) => Err(failed("there is no input")),
                read => read.map(|bytes| format!("{bytes} bytes")).map_err(failed),
            }
        }
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
