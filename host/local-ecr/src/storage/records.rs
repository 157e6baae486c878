//! How types of the grammar stand in `settings.json`.

/// `{"mode": "IMMUTABLE_WITH_EXCLUSION", "exclusions": ["latest"]}`
pub(super) mod mutability {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use stepyard_grammar::TagMutability;

    #[derive(Serialize, Deserialize)]
    struct Record {
        mode: String,
        exclusions: Vec<String>,
    }

    pub(in super::super) fn serialize<S: Serializer>(
        mutability: &TagMutability,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let exclusions = mutability.exclusions().iter();
        let record = Record {
            mode: mutability.mode().name().to_owned(),
            exclusions: exclusions.map(ToString::to_string).collect(),
        };
        record.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<TagMutability, D::Error> {
        let record = Record::deserialize(deserializer)?;
        TagMutability::parse(&record.mode, &record.exclusions).map_err(D::Error::custom)
    }
}

/// `{"kind": "KMS", "key": "alias/images"}`
pub(super) mod encryption {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use stepyard_grammar::RepositoryEncryption;

    #[derive(Serialize, Deserialize)]
    struct Record {
        kind: String,
        key: Option<String>,
    }

    pub(in super::super) fn serialize<S: Serializer>(
        encryption: &RepositoryEncryption,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let record = Record {
            kind: encryption.kind().to_owned(),
            key: encryption.key().map(ToOwned::to_owned),
        };
        record.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<RepositoryEncryption, D::Error> {
        let record = Record::deserialize(deserializer)?;
        RepositoryEncryption::parse(&record.kind, record.key.as_deref()).map_err(D::Error::custom)
    }
}
