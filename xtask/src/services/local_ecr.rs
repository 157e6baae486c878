//! Stepyard's own ECR in one process.
use std::path::Path;
use std::process::Command;

use super::keeper::Kept;
use crate::error::Result;
use crate::http::Address;

/// A `stepyard local-ecr` that listens.
pub(crate) struct LocalEcr {
    address: String,
    _kept: Kept,
}

impl LocalEcr {
    /// Starts `program local-ecr` on a port of its choice; images are stored in `data`, which
    /// is deleted at the end.
    pub(crate) fn start(program: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .args(["local-ecr", "--listen", "127.0.0.1:0", "--data"])
            .arg(data);
        let mut kept = Kept::start("local-ecr", &command, &[data], None)?;
        let address = kept.until_ready(exported_address)?;
        Ok(Self {
            address,
            _kept: kept,
        })
    }

    /// `127.0.0.1:PORT`, of the registry and of the API alike.
    pub(crate) fn host(&self) -> &str {
        &self.address
    }

    /// The same, for calls of one's own.
    pub(crate) fn address(&self) -> Address {
        Address::Tcp(self.address.clone())
    }
}

/// The address in the line `export AWS_ENDPOINT_URL=http://HOST:PORT`.
fn exported_address(log: &str) -> Option<String> {
    let (lines, _) = log.rsplit_once('\n')?;
    lines
        .lines()
        .filter_map(|line| line.strip_prefix("export AWS_ENDPOINT_URL="))
        .find_map(|value| value.trim_matches(['"', '\'']).strip_prefix("http://"))
        .map(|address| address.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_once_its_line_is_whole() {
        assert_eq!(
            exported_address("export AWS_ENDPOINT_URL=http://127.0.0.1:50"),
            None
        );
        assert_eq!(
            exported_address(
                "export A=b\nexport AWS_ENDPOINT_URL='http://127.0.0.1:5000'\nready\n"
            ),
            Some("127.0.0.1:5000".into())
        );
    }
}
