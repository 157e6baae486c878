//! The tags of a repository, page by page.

use http::Method;
use http::header::LINK;
use reqwest::Response;
use serde::Deserialize;

use super::connection::{Connection, Request};
use super::failure::Failure;

/// The most tags that are listed.
const MOST_TAGS: usize = 100_000;
/// The longest page that is read, in bytes.
const LONGEST_PAGE: usize = 8 << 20;
const PAGE: usize = 1000;

#[derive(Deserialize)]
struct Page {
    /// Some registries say `null` where there are none.
    tags: Option<Vec<String>>,
}

impl Connection {
    /// All tags, in the registry's order.
    pub(super) async fn tags(&self) -> Result<Vec<String>, Failure> {
        let mut url = self.url(&format!("tags/list?n={PAGE}"))?;
        let mut tags = Vec::new();
        loop {
            let response = self.fetch(&Request::new(Method::GET, url.clone())).await?;
            let next = next_page(&response);
            let from = response.url().clone();
            let body = self.read(response, LONGEST_PAGE).await?;
            let page: Page = serde_json::from_slice(&body).map_err(|error| {
                Failure::Malformed(format!("the registry's list of tags is malformed: {error}"))
            })?;
            let before = tags.len();
            tags.extend(page.tags.unwrap_or_default());
            if tags.len() > MOST_TAGS {
                return Err(Failure::Malformed(format!(
                    "the repository has more than {MOST_TAGS} tags"
                )));
            }
            let Some(next) = next else { return Ok(tags) };
            let next = self.resolve(&from, &next)?;
            if !next.is_own || next.url == url || tags.len() == before {
                return Err(Failure::Malformed(
                    "the registry's list of tags does not end".to_owned(),
                ));
            }
            url = next.url;
        }
    }
}

/// The target of `Link: <…>; rel="next"` (OCI distribution specification, "Listing Tags").
fn next_page(response: &Response) -> Option<String> {
    let links = response.headers().get_all(LINK).iter();
    links
        .filter_map(|value| value.to_str().ok())
        .find_map(|link| {
            let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
            parameters.contains("next").then(|| target.to_owned())
        })
}
