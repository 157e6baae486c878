//! moto: a stand-in for AWS's own APIs that this project did not write.
use std::process::Command;

use super::free_address;
use super::keeper::Kept;
use crate::error::Result;
use crate::http::{self, Address};
use crate::prepare::python;

/// A moto server that answers.
pub(crate) struct Moto {
    address: String,
    _kept: Kept,
}

impl Moto {
    /// Starts a server without any repository on a free loopback port.
    pub(crate) fn start() -> Result<Self> {
        let address = free_address()?;
        let (host, port) = address.split_once(':').unwrap_or((&address, ""));
        let mut command = Command::new(python::program("moto_server"));
        command.args(["-H", host, "-p", port]);
        let mut kept = Kept::start("moto", &command, &[], None)?;
        let endpoint = Address::Tcp(address.clone());
        kept.until_ready(|_| {
            http::get_status(&endpoint, "/moto-api/")
                .is_ok_and(|status| status == 200)
                .then_some(())
        })?;
        Ok(Self {
            address,
            _kept: kept,
        })
    }

    /// `http://127.0.0.1:PORT`, for every AWS service.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same, for calls of one's own.
    pub(crate) fn address(&self) -> Address {
        Address::Tcp(self.address.clone())
    }
}
