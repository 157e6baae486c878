//! Results as a table: one row a case, one column a peer.
use std::fmt::Write;

use serde_json::{Value, json};

use super::measure::median;

/// The runs of several peers in several cases, in one unit.
pub(crate) struct Table {
    title: String,
    unit: &'static str,
    /// Whether each column is compared with the first one.
    compares: bool,
    peers: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    case: String,
    /// The runs of each peer, in the order of the peers.
    runs: Vec<Vec<f64>>,
}

impl Table {
    /// A table without results. The first peer is the one that others are compared with.
    pub(crate) fn new(title: &str, unit: &'static str, peers: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            unit,
            compares: true,
            peers: peers.iter().map(|peer| (*peer).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// The same, where a comparison with the first column says nothing.
    pub(crate) fn without_comparison(self) -> Self {
        Self {
            compares: false,
            ..self
        }
    }

    /// Adds one run. Cases stand in the order of their first run; a peer that the table does not have is
    /// left out.
    pub(crate) fn add(&mut self, case: &str, peer: &str, value: f64) {
        let Some(column) = self.peers.iter().position(|known| known == peer) else {
            return;
        };
        if !self.rows.iter().any(|row| row.case == case) {
            self.rows.push(Row {
                case: case.to_owned(),
                runs: vec![Vec::new(); self.peers.len()],
            });
        }
        let row = self.rows.iter_mut().find(|row| row.case == case);
        if let Some(runs) = row.and_then(|row| row.runs.get_mut(column)) {
            runs.push(value);
        }
    }

    /// Medians, and in brackets, where compared, how many times the first peer's median they are.
    pub(crate) fn markdown(&self) -> String {
        let runs = self
            .rows
            .iter()
            .flat_map(|row| &row.runs)
            .map(Vec::len)
            .max();
        let mut text = format!(
            "### {}\nMedian of {} runs, in {}.\n\n| |",
            self.title,
            runs.unwrap_or(0),
            self.unit
        );
        for peer in &self.peers {
            let _ = write!(text, " {peer} |");
        }
        text.push_str("\n| --- |");
        text.push_str(&" ---: |".repeat(self.peers.len()));
        for row in &self.rows {
            let _ = write!(text, "\n| {} |", row.case);
            let medians = row.medians();
            let first = medians.first().copied().flatten();
            for (column, value) in medians.iter().enumerate() {
                let _ = match (value, first) {
                    (Some(value), Some(first)) if self.compares && column > 0 && first > 0.0 => {
                        write!(text, " {} ({:.2}×) |", short(*value), value / first)
                    }
                    (Some(value), _) => write!(text, " {} |", short(*value)),
                    (None, _) => write!(text, " - |"),
                };
            }
        }
        text.push('\n');
        text
    }

    /// Everything, every single run included.
    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let peers: Vec<Value> = self
                    .peers
                    .iter()
                    .zip(row.runs.iter().zip(row.medians()))
                    .map(|(peer, (runs, median))| json!({"peer": peer, "median": median, "runs": runs}))
                    .collect();
                json!({"case": row.case, "peers": peers})
            })
            .collect();
        json!({"title": self.title, "unit": self.unit, "cases": rows})
    }
}

impl Row {
    fn medians(&self) -> Vec<Option<f64>> {
        self.runs.iter().map(|runs| median(runs)).collect()
    }
}

/// Three significant digits, or all before the point.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_compared_with_the_first_peer() {
        let mut table = Table::new("Push", "seconds", &["stepyard", "docker"]);
        for (case, peer, value) in [
            ("cold", "stepyard", 10.0),
            ("cold", "stepyard", 20.0),
            ("cold", "stepyard", 12.0),
            ("cold", "docker", 24.0),
            ("again", "docker", 0.5),
        ] {
            table.add(case, peer, value);
        }
        assert_eq!(
            table.markdown(),
            "### Push\nMedian of 3 runs, in seconds.\n\n| | stepyard | docker |\n| --- | ---: | ---: |\n\
             | cold | 12.0 | 24.0 (2.00×) |\n| again | - | 0.500 |\n"
        );
        assert_eq!(table.json()["cases"][0]["peers"][0]["median"], 12.0);
        let plain = table.without_comparison().markdown();
        assert!(plain.contains("| cold | 12.0 | 24.0 |\n"), "{plain}");
    }
}
