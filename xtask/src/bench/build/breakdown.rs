//! Where a run's time went, by the events of `stepyard run --events ndjson`.
use serde_json::Value;

/// Adds up the seconds of each kind of call that the step made, of the step itself, and of the process
/// around it, which took `seconds` in all. Lines that are no events are passed over.
pub(super) fn read(events: &str, seconds: f64) -> Vec<(String, f64)> {
    let mut parts: Vec<(String, f64)> = Vec::new();
    let mut actions: Vec<(u64, String)> = Vec::new();
    let (mut calls, mut step) = (0.0, 0.0);
    for event in events
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
        let call = event.get("call").and_then(Value::as_u64);
        let took = event
            .get("milliseconds")
            .and_then(Value::as_f64)
            .map_or(0.0, |milliseconds| milliseconds / 1000.0);
        match (text("event"), call) {
            ("call-started", Some(call)) => actions.push((call, text("action").to_owned())),
            ("call-finished", Some(call)) => {
                let Some((_, action)) = actions.iter().find(|(known, _)| *known == call) else {
                    continue;
                };
                calls += took;
                match parts.iter_mut().find(|(part, _)| part == action) {
                    Some((_, sum)) => *sum += took,
                    None => parts.push((action.clone(), took)),
                }
            }
            ("step-finished", _) => step += took,
            _ => {}
        }
    }
    parts.push(("the step itself".into(), step - calls));
    parts.push(("the process around it".into(), seconds - step));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_add_up_by_their_action() {
        let events = r#"not an event
{"event":"call-started","call":1,"action":"login"}
{"event":"call-finished","call":1,"milliseconds":250}
{"event":"call-started","call":2,"action":"tag"}
{"event":"call-finished","call":2,"milliseconds":500}
{"event":"call-started","call":3,"action":"tag"}
{"event":"call-finished","call":3,"milliseconds":500}
{"event":"step-finished","status":"succeeded","milliseconds":1500}
"#;
        let expected = [
            ("login", 0.25),
            ("tag", 1.0),
            ("the step itself", 0.25),
            ("the process around it", 0.5),
        ];
        assert_eq!(
            read(events, 2.0),
            expected.map(|(part, seconds)| (part.to_owned(), seconds))
        );
    }
}
