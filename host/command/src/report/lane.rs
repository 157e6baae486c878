//! The lane of a row on the axis of time, and the axis: SVG whose places are percentages, because a
//! strict content policy permits no styles of elements.

use std::time::Duration;

use maud::{Markup, html};

use super::model::At;

/// The least width of a bar, in percent.
const SHORTEST: f64 = 0.1;

/// The time that an axis shows, from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    span: Duration,
}

impl Axis {
    pub(super) fn new(span: Duration) -> Self {
        Self {
            span: span.max(Duration::from_millis(1)),
        }
    }

    /// Where a time stands, in percent of the width.
    fn place(self, at: At) -> f64 {
        let place = at.as_secs_f64() / self.span.as_secs_f64() * 100.0;
        (place.clamp(0.0, 100.0) * 1e3).round() / 1e3
    }

    /// A row's lane with one bar. What has no end runs to the end of the axis.
    pub(super) fn bar(self, begin: At, end: Option<At>, kind: &str, said: &str) -> Markup {
        let (from, to) = (self.place(begin), self.place(end.unwrap_or(self.span)));
        // A rectangle without a width is not drawn at all.
        let width = ((to - from).max(SHORTEST) * 1e3).round() / 1e3;
        html! {
            svg.lane aria-hidden="true" {
                rect.bar.(kind) x={ (from) "%" } width={ (width) "%" } y="25%" height="50%" rx="2" {
                    title { (said) }
                }
            }
        }
    }

    /// The axis with its ticks.
    pub(super) fn ticks(self) -> Markup {
        html! {
            svg.ticks aria-hidden="true" {
                @for tick in self.tick_times() {
                    @let place = self.place(tick);
                    // A label at the edge would be cut off.
                    @let anchor = if place < 4.0 { "start" } else { "middle" };
                    @if place <= 94.0 {
                        text x={ (place) "%" } y="70%" text-anchor=(anchor) { (tick_label(tick)) }
                    }
                }
            }
        }
    }

    /// The lines below the ticks.
    pub(super) fn grid(self) -> Markup {
        html! {
            svg.grid aria-hidden="true" {
                @for tick in self.tick_times() {
                    @let place = self.place(tick);
                    line x1={ (place) "%" } x2={ (place) "%" } y1="0" y2="100%" {}
                }
            }
        }
    }

    /// The span in milliseconds, for the script.
    pub(super) fn milliseconds(self) -> f64 {
        self.span.as_secs_f64() * 1e3
    }

    /// Round times, of which five to ten fit.
    fn tick_times(self) -> Vec<Duration> {
        let step = tick_step(self.span);
        (0..)
            .map(|number| step * number)
            .take_while(|time| *time <= self.span)
            .collect()
    }
}

/// The smallest round step of which at most eight fit into `span`.
fn tick_step(span: Duration) -> Duration {
    let milliseconds = [1, 2, 5, 10, 20, 50, 100, 200, 500];
    let seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
    milliseconds
        .map(Duration::from_millis)
        .into_iter()
        .chain(seconds.map(Duration::from_secs))
        .find(|step| *step * 8 >= span)
        // Whole hours beyond.
        .unwrap_or_else(|| Duration::from_secs(3_600 * (span.as_secs() / 3_600 / 8 + 1)))
}

fn tick_label(time: Duration) -> String {
    let (seconds, milliseconds) = (time.as_secs(), time.subsec_millis());
    match (seconds, milliseconds) {
        (0, 0) => "0".to_owned(),
        (0, _) => format!("{milliseconds} ms"),
        (1..60, 0) => format!("{seconds} s"),
        (1..60, _) => {
            let text = format!("{seconds}.{milliseconds:03}");
            format!("{} s", text.trim_end_matches('0'))
        }
        (60..3_600, _) => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A duration as a person reads it: `8.1 ms`, `340 ms`, `1.2 s`, `2 min 05 s`, `1 h 02 min`.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let milliseconds = duration.as_secs_f64() * 1e3;
    match seconds {
        0 if milliseconds < 0.05 => "0 ms".to_owned(),
        0 if milliseconds < 9.95 => format!("{milliseconds:.1} ms"),
        0 => format!("{} ms", milliseconds.floor().max(10.0)),
        1..60 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for milliseconds in [1, 7, 80, 999, 1_500, 61_000, 7_200_000, 360_000_000] {
            let axis = Axis::new(Duration::from_millis(milliseconds));
            let count = axis.tick_times().len();
            assert!((2..=9).contains(&count), "{milliseconds}: {count}");
        }
        for (milliseconds, expected) in [
            (0, "0"),
            (20, "20 ms"),
            (500, "500 ms"),
            (1_500, "1.5 s"),
            (15_000, "15 s"),
            (90_000, "1:30 min"),
            (5_400_000, "1:30 h"),
        ] {
            assert_eq!(tick_label(Duration::from_millis(milliseconds)), expected);
        }
    }

    #[test]
    fn durations_are_short() {
        for (microseconds, expected) in [
            (340, "0.3 ms"),
            (8_140, "8.1 ms"),
            (9, "0 ms"),
            (9_960, "10 ms"),
            (340_000, "340 ms"),
            (1_249_000, "1.2 s"),
            (125_000_000, "2 min 05 s"),
            (3_720_000_000, "1 h 02 min"),
        ] {
            assert_eq!(duration(Duration::from_micros(microseconds)), expected);
        }
    }

    #[test]
    fn a_bar_stays_on_its_lane() {
        let axis = Axis::new(Duration::from_secs(10));
        let seconds = Duration::from_secs;
        let bar = axis
            .bar(seconds(5), Some(seconds(20)), "ok", "a")
            .into_string();
        assert!(bar.contains(r#"x="50%" width="50%""#), "{bar}");
        let open = axis.bar(seconds(9), None, "open", "a").into_string();
        assert!(open.contains(r#"x="90%" width="10%""#), "{open}");
    }
}
