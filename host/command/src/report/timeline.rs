//! Bars on an axis of time.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use super::model::Span;
use crate::view;

/// The narrowest bar, in hundredths of the axis: one that can be seen.
const NARROWEST: f64 = 0.3;

/// An axis from a beginning to an end.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    span: Span,
}

impl Axis {
    pub(super) fn over(span: Span) -> Self {
        Self { span }
    }

    /// Where a time is, in hundredths.
    fn place(self, time: OffsetDateTime) -> f64 {
        let whole = self.span.duration().as_secs_f64();
        let since = (time - self.span.begin).as_seconds_f64();
        match whole > 0.0 {
            true => (since / whole * 100.0).clamp(0.0, 100.0),
            false => 0.0,
        }
    }

    /// Times at even distances, with their places: 1, 2 or 5 of a unit apart.
    fn ticks(self) -> Vec<(Duration, f64)> {
        let whole = self.span.duration().as_secs_f64();
        let rough = whole / 6.0;
        if rough <= 0.0 {
            return Vec::new();
        }
        let unit = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * unit);
        let step = steps.into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        (1..)
            .map(|number| f64::from(number) * step)
            .take_while(|time| *time < whole * 0.97)
            .map(|time| (Duration::from_secs_f64(time), time / whole * 100.0))
            .collect()
    }

    /// The times below the bars.
    pub(super) fn scale(self) -> impl fmt::Display {
        fmt::from_fn(move |formatter| {
            write!(
                formatter,
                "<svg class=\"track scale\" aria-hidden=\"true\">"
            )?;
            for (time, place) in self.ticks() {
                let time = took(time);
                write!(formatter, "<text x=\"{place:.2}%\" y=\"11\">{time}</text>")?;
            }
            write!(formatter, "</svg>")
        })
    }

    /// One bar.
    pub(super) fn bar(self, span: Span, class: &'static str) -> impl fmt::Display {
        fmt::from_fn(move |formatter| {
            write!(formatter, "<svg class=\"track\" aria-hidden=\"true\">")?;
            for (_, place) in self.ticks() {
                let ends = "y1=\"0\" y2=\"100%\"";
                write!(
                    formatter,
                    "<line x1=\"{place:.2}%\" x2=\"{place:.2}%\" {ends}/>"
                )?;
            }
            let width = (self.place(span.end) - self.place(span.begin)).max(NARROWEST);
            let begin = self.place(span.begin).min(100.0 - width);
            write!(
                formatter,
                "<rect class=\"{class}\" x=\"{begin:.2}%\" width=\"{width:.2}%\" y=\"4\" height=\"10\" \
                 rx=\"2\"/></svg>"
            )
        })
    }
}

/// How long something took.
pub(super) fn took(duration: Duration) -> String {
    let microseconds = duration.as_micros();
    match microseconds {
        0..10_000 => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        _ => view::duration(duration),
    }
}

/// How long after the beginning something happened.
pub(super) fn offset(begin: OffsetDateTime, time: OffsetDateTime) -> String {
    let since: Duration = (time - begin).try_into().unwrap_or_default();
    let seconds = since.as_secs();
    let milliseconds = since.subsec_millis();
    match seconds {
        0..60 => format!("{seconds}.{milliseconds:03}"),
        _ => format!("{}:{:02}.{milliseconds:03}", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(seconds: f64) -> Axis {
        let begin = OffsetDateTime::UNIX_EPOCH;
        Axis::over(Span {
            begin,
            end: begin + Duration::from_secs_f64(seconds),
        })
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (seconds, expected) in [
            (0.0, vec![]),
            (0.012, vec!["2.0 ms", "4.0 ms", "6.0 ms", "8.0 ms", "10ms"]),
            (7.3, vec!["2.0s", "4.0s", "6.0s"]),
            (100.0, vec!["20.0s", "40.0s", "1m 00s", "1m 20s"]),
        ] {
            let ticks = axis(seconds).ticks();
            let ticks: Vec<String> = ticks.into_iter().map(|(time, _)| took(time)).collect();
            assert_eq!(ticks, expected, "{seconds}");
        }
    }

    #[test]
    fn a_bar_can_be_seen_and_stays_on_the_axis() {
        let axis = axis(10.0);
        let end = axis.span.end;
        let bar = axis.bar(Span { begin: end, end }, "call").to_string();
        assert!(bar.contains("x=\"99.70%\" width=\"0.30%\""), "{bar}");
        let outside = Span {
            begin: axis.span.begin - Duration::from_secs(1),
            end: end + Duration::from_secs(1),
        };
        let bar = axis.bar(outside, "call").to_string();
        assert!(bar.contains("x=\"0.00%\" width=\"100.00%\""), "{bar}");
    }
}
