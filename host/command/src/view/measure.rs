//! Sizes and durations as a person reads them.

use std::time::Duration;

use time::OffsetDateTime;

/// A number of bytes in decimal units, as Docker shows them: `999 B`, `1.5 kB`, `123 MB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut name = "B";
    for unit in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        value /= 1000.0;
        name = unit;
        // What would be rounded to 1000 belongs to the next unit.
        if value < 999.5 {
            break;
        }
    }
    // What would be rounded to 100.0 is shown as 100.
    let decimals = usize::from(value < 99.95);
    format!("{value:.decimals$} {name}")
}

/// Bytes a second: `1.5 MB/s`.
pub(crate) fn rate(bytes: u64) -> String {
    format!("{}/s", size(bytes))
}

/// A duration: `340ms`, `12.3s`, `2m 05s`, `1h 02m`.
pub(crate) fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let seconds = duration.as_secs();
    if milliseconds < 1000 {
        format!("{milliseconds}ms")
    } else if seconds < 60 {
        format!("{seconds}.{}s", duration.subsec_millis() / 100)
    } else if seconds < 3600 {
        format!("{}m {:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60)
    }
}

/// The time from `from` to `to`; none where the clock was set back.
pub(super) fn between(from: OffsetDateTime, to: OffsetDateTime) -> Duration {
    (to - from).try_into().unwrap_or_default()
}

/// `count` of a thing, whose plural ends in `s`.
pub(crate) fn count(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_550, "1.6 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (12_345_678, "12.3 MB"),
            (2_147_483_648, "2.1 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes} bytes");
        }
    }

    #[test]
    fn durations() {
        for (milliseconds, expected) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1.0s"),
            (12_349, "12.3s"),
            (59_999, "59.9s"),
            (60_000, "1m 00s"),
            (3_599_999, "59m 59s"),
            (3_720_000, "1h 02m"),
            (90_000_000, "25h 00m"),
        ] {
            let shown = duration(Duration::from_millis(milliseconds));
            assert_eq!(shown, expected, "{milliseconds} ms");
        }
    }
}
