//! Lists that are fetched page by page.

use std::vec;

use crate::Error;

/// The entries of a list that is fetched page by page. It ends with the first error.
pub(super) struct Pages<F, R, T> {
    fetch: Option<F>,
    page: vec::IntoIter<R>,
    read: fn(&R) -> T,
}

impl<F, R, T> Pages<F, R, T> {
    pub(super) fn new(fetch: F, read: fn(&R) -> T) -> Self {
        Self {
            fetch: Some(fetch),
            page: Vec::new().into_iter(),
            read,
        }
    }
}

impl<F, R, T, E> Iterator for Pages<F, R, T>
where
    F: FnMut() -> Result<Vec<R>, E>,
    Error: From<E>,
{
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(entry) = self.page.next() {
            return Some(Ok((self.read)(&entry)));
        }
        match self.fetch.as_mut()?() {
            Ok(page) => {
                self.page = page.into_iter();
                match self.page.next() {
                    Some(entry) => Some(Ok((self.read)(&entry))),
                    None => {
                        self.fetch = None;
                        None
                    }
                }
            }
            Err(error) => {
                self.fetch = None;
                Some(Err(error.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_fetched_as_they_are_needed_and_an_error_is_the_end() {
        let mut pages = vec![
            Err(Error::unavailable("no answer")),
            Ok(vec![3]),
            Ok(vec![1, 2]),
        ];
        let entries = Pages::new(|| pages.pop().unwrap(), |entry: &i32| entry * 10);
        let found: Vec<Result<i32, Error>> = entries.collect();
        assert_eq!(
            found,
            [Ok(10), Ok(20), Ok(30), Err(Error::unavailable("no answer"))]
        );
        let mut pages = vec![Ok::<_, Error>(vec![]), Ok(vec![1])];
        let entries = Pages::new(|| pages.pop().unwrap(), |entry: &i32| *entry);
        assert_eq!(entries.count(), 1);
        assert!(pages.is_empty());
    }
}
