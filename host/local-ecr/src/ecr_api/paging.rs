use super::error::ApiError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Map, Value};

const DEFAULT_RESULTS: usize = 100;
const MOST_RESULTS: usize = 1000;

/// Which part of a list is asked for. The token names the last entry of the page before, so that
/// entries may come and go in between.
pub(super) struct Page {
    after: Option<String>,
    size: usize,
}

impl Page {
    pub(super) fn new(
        next_token: Option<&str>,
        max_results: Option<usize>,
    ) -> Result<Self, ApiError> {
        let decode = |token: &str| String::from_utf8(BASE64.decode(token).ok()?).ok();
        let after = match next_token {
            Some(token) => Some(
                decode(token)
                    .ok_or_else(|| ApiError::invalid("nextToken", "must be a token given out"))?,
            ),
            None => None,
        };
        let size = max_results.unwrap_or(DEFAULT_RESULTS);
        if !(1..=MOST_RESULTS).contains(&size) {
            return Err(ApiError::invalid(
                "maxResults",
                "must be between 1 and 1000",
            ));
        }
        Ok(Self { after, size })
    }

    /// The answer `{name: [...], nextToken}` with this page of `entries`, which come with the keys
    /// that they are ordered by.
    pub(super) fn answer(&self, name: &str, mut entries: Vec<(String, Value)>) -> Value {
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        let start = self
            .after
            .as_ref()
            .map_or(0, |after| entries.partition_point(|(key, _)| key <= after));
        let rest = entries.get(start..).unwrap_or_default();
        let page = rest.get(..self.size).unwrap_or(rest);
        let mut answer = Map::new();
        if let Some((last, _)) = page.last().filter(|_| page.len() < rest.len()) {
            answer.insert("nextToken".into(), BASE64.encode(last).into());
        }
        answer.insert(
            name.into(),
            page.iter().map(|(_, value)| value.clone()).collect(),
        );
        Value::Object(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pages_follow_one_another_without_gaps() {
        let entries = || {
            ["c", "a", "b"]
                .map(|key| (key.to_owned(), json!(key)))
                .to_vec()
        };
        let first = Page::new(None, Some(2)).unwrap().answer("items", entries());
        assert_eq!(first["items"], json!(["a", "b"]));
        let token = first["nextToken"].as_str().unwrap();
        let second = Page::new(Some(token), Some(2))
            .unwrap()
            .answer("items", entries());
        assert_eq!(second, json!({"items": ["c"]}));
        assert!(Page::new(Some("%"), None).is_err() && Page::new(None, Some(0)).is_err());
    }
}
