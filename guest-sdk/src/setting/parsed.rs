//! Values that a function makes of a text.

use serde::de::{self, Deserialize, Deserializer};

use super::{OneOrMany, Text};

/// What `#[setting(parse = …)]` makes of a function.
#[doc(hidden)]
pub trait Parse {
    type Value;

    /// The error says what is wrong with the text.
    fn parse(text: &str) -> Result<Self::Value, String>;
}

/// A value that was written as text.
#[doc(hidden)]
pub struct Parsed<P: Parse>(P::Value);

impl<'de, P: Parse> Deserialize<'de> for Parsed<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        P::parse(&text.0).map(Self).map_err(de::Error::custom)
    }
}

/// The values alone, of one, of an optional one and of a list.
#[doc(hidden)]
pub trait Unwrapped {
    type Value;

    fn unwrapped(self) -> Self::Value;
}

impl<P: Parse> Unwrapped for Parsed<P> {
    type Value = P::Value;

    fn unwrapped(self) -> P::Value {
        self.0
    }
}

impl<T: Unwrapped> Unwrapped for Option<T> {
    type Value = Option<T::Value>;

    fn unwrapped(self) -> Self::Value {
        self.map(T::unwrapped)
    }
}

impl<T: Unwrapped> Unwrapped for Vec<T> {
    type Value = Vec<T::Value>;

    fn unwrapped(self) -> Self::Value {
        self.into_iter().map(T::unwrapped).collect()
    }
}

impl<T: Unwrapped> Unwrapped for OneOrMany<T> {
    type Value = OneOrMany<T::Value>;

    fn unwrapped(self) -> Self::Value {
        OneOrMany(self.0.unwrapped())
    }
}
