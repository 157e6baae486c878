//! What the operator must allow before a pipeline may name it.

/// A right of builds over the machine that they run on. Naming it in a step's settings is not
/// enough for the built-in policy: who writes a pipeline would then reach what only the machine's
/// operator can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entitlement {
    /// `RUN` instructions use the network of the engine's host: its loopback services too.
    HostNetwork,
    /// `RUN` instructions may ask the SSH agent of the host to sign.
    SshAgent,
}

impl Entitlement {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::HostNetwork, Self::SshAgent];

    /// The name in `stepyard.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HostNetwork => "host-network",
            Self::SshAgent => "ssh-agent",
        }
    }

    /// The entitlement with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|entitlement| entitlement.name() == name)
    }
}
