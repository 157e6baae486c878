//! How layers are compressed.

use std::fmt;

use crate::GrammarError;

/// How layers are compressed: `gzip`, `zstd` or `estargz`, with an optional level (`zstd:3`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// How.
    pub algorithm: CompressionAlgorithm,
    /// How much: 0 to 9, for zstd to 22. None is the algorithm's default.
    pub level: Option<u8>,
}

/// An algorithm that compresses layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionAlgorithm {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// gzip with an index, so that a layer can be read before it is all there.
    Estargz,
}

impl CompressionAlgorithm {
    /// Its name, which is also BuildKit's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Estargz => "estargz",
        }
    }

    const fn highest_level(self) -> u8 {
        match self {
            Self::Gzip | Self::Estargz => 9,
            Self::Zstd => 22,
        }
    }
}

impl Compression {
    /// Reads a compression.
    ///
    /// # Errors
    /// If the algorithm is another one, or the level is none that it has.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let algorithm = match name {
            "gzip" => CompressionAlgorithm::Gzip,
            "zstd" => CompressionAlgorithm::Zstd,
            "estargz" => CompressionAlgorithm::Estargz,
            _ => {
                let expected = "gzip, zstd or estargz, with an optional level, such as zstd:3";
                return Err(GrammarError::at("compression", text, 0, expected));
            }
        };
        let Some(digits) = level else {
            let level = None;
            return Ok(Self { algorithm, level });
        };
        let highest = algorithm.highest_level();
        let level = digits
            .parse()
            .ok()
            .filter(|level| *level <= highest && !digits.starts_with('+'));
        match level {
            Some(_) => Ok(Self { algorithm, level }),
            None => Err(GrammarError::at(
                "compression",
                text,
                name.len() + 1,
                format!("a level from 0 to {highest}"),
            )),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.algorithm.name())?;
        match self.level {
            Some(level) => write!(formatter, ":{level}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::HOSTILE;

    #[test]
    fn levels_are_those_of_the_algorithm() {
        for text in ["gzip", "gzip:0", "gzip:9", "zstd", "zstd:22", "estargz:9"] {
            assert_eq!(Compression::parse(text).unwrap().to_string(), text);
        }
        for text in HOSTILE.iter().copied().chain([
            "gzip:10",
            "zstd:23",
            "zstd:",
            "zstd:+3",
            "zstd:-1",
            "estargz:10",
            "lz4",
            "GZIP",
        ]) {
            assert!(Compression::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn says_where_and_what() {
        assert_eq!(
            Compression::parse("gzip:10").unwrap_err().to_string(),
            r#"invalid compression "gzip:10": found '1' at character 6, expected a level from 0 to 9"#
        );
    }
}
