//! Lists that ECR gives page by page.

use std::mem;

use crate::capability::CapabilityError;

/// Where the next page begins, by ECR's word for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(pub String);

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub entries: Vec<T>,
    /// Where the next one begins; none is the end.
    pub next: Option<PageToken>,
}

/// A page without entries after which nothing comes.
impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            next: None,
        }
    }
}

/// How many pages without an entry may follow one another.
const MOST_EMPTY_PAGES: usize = 100;

/// A list that is read page by page.
#[derive(Clone, Debug)]
pub(super) struct Reading<T> {
    page: Page<T>,
    empty_pages: usize,
}

/// How a list goes on.
pub(super) enum Next<T> {
    /// With these entries; without any it is at its end.
    Entries(Vec<T>),
    /// With the page that begins there, which [`Reading::receive`] is to be given.
    Page(PageToken),
}

impl<T> Reading<T> {
    /// A list whose first page is `page`.
    pub(super) fn new(page: Page<T>) -> Self {
        Self {
            page,
            empty_pages: 0,
        }
    }

    pub(super) fn next(&mut self) -> Next<T> {
        match &self.page.next {
            Some(token) if self.page.entries.is_empty() => Next::Page(token.clone()),
            _ => Next::Entries(mem::take(&mut self.page.entries)),
        }
    }

    /// Takes the next page.
    ///
    /// # Errors
    /// A list that does not end.
    pub(super) fn receive(&mut self, page: Page<T>) -> Result<(), CapabilityError> {
        self.empty_pages = match page.entries.is_empty() {
            true => self.empty_pages + 1,
            false => 0,
        };
        let repeats = page.next.is_some() && page.next == self.page.next;
        if repeats || self.empty_pages > MOST_EMPTY_PAGES {
            return Err(CapabilityError::unavailable("ECR's list does not end"));
        }
        self.page = page;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(entries: &[u8], next: Option<&str>) -> Page<u8> {
        Page {
            entries: entries.to_vec(),
            next: next.map(|token| PageToken(token.to_owned())),
        }
    }

    /// The next entries, by a server's pages.
    fn read(
        list: &mut Reading<u8>,
        fetch: impl Fn(&str) -> Page<u8>,
    ) -> Result<Vec<u8>, CapabilityError> {
        loop {
            match list.next() {
                Next::Entries(entries) => return Ok(entries),
                Next::Page(token) => list.receive(fetch(&token.0))?,
            }
        }
    }

    #[test]
    fn pages_follow_one_another_and_empty_ones_are_passed_over() {
        let fetch = |token: &str| match token {
            "second" => page(&[], Some("third")),
            _ => page(&[3], None),
        };
        let mut list = Reading::new(page(&[1, 2], Some("second")));
        assert_eq!(read(&mut list, fetch).unwrap(), [1, 2]);
        assert_eq!(read(&mut list, fetch).unwrap(), [3]);
        assert!(read(&mut list, fetch).unwrap().is_empty());
        assert!(read(&mut list, fetch).unwrap().is_empty());
    }

    #[test]
    fn a_list_without_an_end_is_an_error() {
        let mut same = Reading::new(page(&[], Some("same")));
        assert!(read(&mut same, |_| page(&[1], Some("same"))).is_err());
        let mut empty = Reading::new(page(&[], Some("")));
        let longer = |token: &str| page(&[], Some(&format!("{token}x")));
        assert!(read(&mut empty, longer).is_err());
    }
}
