//! Lists that are read page by page.

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answers::Image;
use crate::bindings::script;
use crate::bindings::stepyard::step::types::Error;

/// So many entries has a page of the host's.
const PAGE: usize = 100;

/// The entries of a list, where its answer has them. They are in no recording, which has the pages
/// as calls of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entries<T> {
    rest: RefCell<Vec<T>>,
    /// How reading them ends, where it fails.
    failure: RefCell<Option<Error>>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self {
            rest: RefCell::default(),
            failure: RefCell::default(),
        }
    }
}

impl<T: Clone + Serialize + DeserializeOwned> Entries<T> {
    pub(super) fn push(&self, entry: T) {
        self.rest.borrow_mut().push(entry);
    }

    pub(super) fn fail(&self, error: Error) {
        self.failure.replace(Some(error));
    }

    /// The next page.
    fn next(&self) -> Result<Vec<T>, Error> {
        let mut rest = self.rest.borrow_mut();
        let length = PAGE.min(rest.len());
        let page: Vec<T> = rest.drain(..length).collect();
        match page.is_empty() {
            true => self.failure.take().map_or(Ok(page), Err),
            false => Ok(page),
        }
    }
}

/// The next page of a list: of its own entries, or by the script where it has none of its own.
pub(super) fn next<T: Clone + Serialize + DeserializeOwned>(
    entries: Option<&Entries<T>>,
    function: &'static str,
) -> Result<Vec<T>, Error> {
    match entries {
        Some(entries) => {
            script::with(|script| script.note_call(function, json!({})));
            entries.next()
        }
        None => script::ask(function, json!({})),
    }
}

/// The images of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageList(Option<Entries<Image>>);

impl ImageList {
    /// A list that has these.
    pub(crate) fn of(images: impl IntoIterator<Item = Image>) -> Self {
        let entries = Entries::default();
        images.into_iter().for_each(|image| entries.push(image));
        Self(Some(entries))
    }

    #[doc(hidden)]
    pub fn next(&self) -> Result<Vec<Image>, Error> {
        next(self.0.as_ref(), "ecr.image-list.next")
    }
}

impl Serialize for ImageList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ImageList {
    /// A recording answers with nothing, which stands for a list whose pages are calls.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self(None)),
            entries => Entries::deserialize(entries)
                .map(|entries| Self(Some(entries)))
                .map_err(serde::de::Error::custom),
        }
    }
}
