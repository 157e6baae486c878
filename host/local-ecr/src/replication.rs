use std::str::FromStr;
use stepyard_grammar::{AwsAccountId, AwsRegion};

/// Where images are said to be replicated to. Nothing is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// The account of the other registry; none is this server's own.
    pub(crate) account: Option<AwsAccountId>,
    pub(crate) region: AwsRegion,
    pub(crate) status: ReplicaStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ReplicaStatus {
    InProgress,
    #[default]
    Complete,
    Failed,
}

impl FromStr for Replica {
    type Err = String;

    /// Reads `REGION` or `ACCOUNT/REGION`, with `=IN_PROGRESS`, `=COMPLETE` (the default) or
    /// `=FAILED` after it.
    fn from_str(text: &str) -> Result<Self, String> {
        let (place, status) = match text.split_once('=') {
            None => (text, ReplicaStatus::default()),
            Some((place, "IN_PROGRESS")) => (place, ReplicaStatus::InProgress),
            Some((place, "COMPLETE")) => (place, ReplicaStatus::Complete),
            Some((place, "FAILED")) => (place, ReplicaStatus::Failed),
            Some((_, status)) => {
                return Err(format!(
                    "{status:?} is no status; expected IN_PROGRESS, COMPLETE or FAILED"
                ));
            }
        };
        let (account, region) = match place.split_once('/') {
            Some((account, region)) => (Some(account), region),
            None => (None, place),
        };
        let account = account.map(AwsAccountId::parse).transpose();
        Ok(Self {
            account: account.map_err(|error| error.to_string())?,
            region: AwsRegion::parse(region).map_err(|error| error.to_string())?,
            status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_read_from_one_word() {
        let replica: Replica = "eu-west-1".parse().unwrap();
        assert_eq!(
            (replica.account, replica.status),
            (None, ReplicaStatus::Complete)
        );
        let replica: Replica = "210987654321/eu-west-1=FAILED".parse().unwrap();
        assert_eq!(replica.account.unwrap().as_str(), "210987654321");
        assert_eq!(replica.status, ReplicaStatus::Failed);
        for text in ["", "nowhere", "1/eu-west-1", "eu-west-1=LOST"] {
            assert!(text.parse::<Replica>().is_err(), "{text}");
        }
    }
}
