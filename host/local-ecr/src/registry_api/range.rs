/// What a `Range` header asks for of a blob (RFC 9110, section 14).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ByteRange {
    Whole,
    /// First and last byte.
    Part(u64, u64),
    Unsatisfiable,
}

impl ByteRange {
    /// Reads the header for a blob of `size` bytes. A header of another form is ignored, and so
    /// is one with several ranges, as the RFC allows.
    pub(super) fn parse(header: Option<&str>, size: u64) -> Self {
        let Some(range) = header.and_then(|header| header.strip_prefix("bytes=")) else {
            return Self::Whole;
        };
        let Some((first, last)) = range.split_once('-') else {
            return Self::Whole;
        };
        let (first, last) = match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => (first, last),
            (Ok(first), Err(_)) if last.is_empty() => (first, u64::MAX),
            (Err(_), Ok(0)) if first.is_empty() => return Self::Unsatisfiable,
            (Err(_), Ok(count)) if first.is_empty() => (size.saturating_sub(count), u64::MAX),
            _ => return Self::Whole,
        };
        if first >= size {
            return Self::Unsatisfiable;
        }
        Self::Part(first, last.min(size - 1))
    }
}

/// The first and last byte of a `Content-Range` of an upload: `0-99`, with or without `bytes `
/// and `/total`.
pub(super) fn content_range(header: &str) -> Option<(u64, u64)> {
    let range = header.strip_prefix("bytes ").unwrap_or(header);
    let (first, last) = range.split('/').next()?.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_blob() {
        for (header, expected) in [
            (None, ByteRange::Whole),
            (Some("bytes=0-9"), ByteRange::Part(0, 9)),
            (Some("bytes=5-"), ByteRange::Part(5, 99)),
            (Some("bytes=90-200"), ByteRange::Part(90, 99)),
            (Some("bytes=-10"), ByteRange::Part(90, 99)),
            (Some("bytes=-500"), ByteRange::Part(0, 99)),
            (Some("bytes=100-"), ByteRange::Unsatisfiable),
            (Some("bytes=-0"), ByteRange::Unsatisfiable),
            (Some("bytes=9-5"), ByteRange::Whole),
            (Some("bytes=0-1,5-6"), ByteRange::Whole),
            (Some("lines=0-1"), ByteRange::Whole),
        ] {
            assert_eq!(ByteRange::parse(header, 100), expected, "{header:?}");
        }
    }

    #[test]
    fn content_ranges_are_read_in_both_forms() {
        assert_eq!(content_range("0-99"), Some((0, 99)));
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 9)));
        assert_eq!(content_range("9-5"), None);
        assert_eq!(content_range("x"), None);
    }
}
