//! The forms that settings take in YAML, and the problems that they have.

mod parsed;
mod rules;
mod time;

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{
    self, Deserialize, Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer,
};
use stepyard_grammar::GrammarError;

use crate::Error;
#[doc(hidden)]
pub use parsed::{Parse, Parsed, Unwrapped};
#[doc(hidden)]
pub use rules::{Length, in_range, matching, of_length};
pub use time::Time;

/// A text that may be written as a whole number or a truth value too: `42`, `true`.
///
/// Numbers with a decimal point are refused, because YAML does not keep their form: `1.10` would
/// arrive as `1.1`.
///
/// ```
/// use stepyard_sdk::{setting::Text, testing::json};
///
/// assert_eq!(serde_json::from_value::<Text>(json!(42))?, Text::from("42"));
/// assert!(serde_json::from_value::<Text>(json!(1.1)).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub String);

/// A text that may be written as any number too, for quantities: `0.5`, `500Mi`.
///
/// ```
/// use stepyard_sdk::{setting::Amount, testing::json};
///
/// assert_eq!(serde_json::from_value::<Amount>(json!(0.5))?, Amount::from("0.5"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amount(pub String);

/// A list that may be written as its one element.
///
/// ```
/// use stepyard_sdk::{setting::OneOrMany, testing::json};
///
/// let tags: OneOrMany<String> = serde_json::from_value(json!("latest"))?;
/// assert_eq!(tags.0, ["latest"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct Scalar {
    allows_fractions: bool,
}

impl Visitor<'_> for Scalar {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.allows_fractions {
            "a number or text"
        } else {
            "text (a number with a decimal point goes in quotes)"
        })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
        if self.allows_fractions {
            Ok(number.to_string())
        } else {
            Err(E::invalid_type(de::Unexpected::Float(number), &self))
        }
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<String, E> {
        if self.allows_fractions {
            Err(E::invalid_type(de::Unexpected::Bool(value), &self))
        } else {
            Ok(value.to_string())
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scalar = Scalar {
            allows_fractions: false,
        };
        deserializer.deserialize_any(scalar).map(Self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scalar = Scalar {
            allows_fractions: true,
        };
        deserializer.deserialize_any(scalar).map(Self)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Elements<T> {
            fn one<E: de::Error>(
                deserializer: impl Deserializer<'de, Error = E>,
            ) -> Result<OneOrMany<T>, E> {
                Ok(OneOrMany(vec![T::deserialize(deserializer)?]))
            }
        }

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list, or its one element")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Self::one(de::value::StrDeserializer::new(text))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Self::one(de::value::U64Deserializer::new(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                Self::one(de::value::I64Deserializer::new(number))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
                Self::one(de::value::F64Deserializer::new(number))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(elements)).map(OneOrMany)
            }
        }

        deserializer.deserialize_any(Elements(std::marker::PhantomData))
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer", "boolean"]})
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"]})
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let element = generator.subschema_for::<T>();
        json_schema!({"anyOf": [{"type": "array", "items": element}, element]})
    }
}

/// Collects what is wrong with settings, so that one error reports it all: one line
/// `setting.path: problem; expected …` a problem. For what `#[settings]` cannot say, such as that one
/// setting needs another.
///
/// ```
/// use stepyard_sdk::{grammar::Tag, setting::Problems};
///
/// let mut problems = Problems::default();
/// let tag = problems.check("tags[0]", Tag::parse("1.0"));
/// problems.add("digest", "given beside tags; expected one of the two");
/// assert_eq!(problems.lines().len(), 1);
/// let error = problems.into_result(tag).unwrap_err();
/// assert_eq!(error.message(), "digest: given beside tags; expected one of the two");
/// ```
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Notes a problem of the setting at `path`, such as `tags[1]` or `resources.limits.memory`.
    pub fn add(&mut self, path: impl fmt::Display, problem: impl fmt::Display) {
        self.0
            .push(format!("{path}: {problem}").replace(['\n', '\r'], " "));
    }

    /// The value of a parser of [`stepyard_grammar`]; nothing, and a noted problem, where the
    /// text is not one.
    pub fn check<T>(
        &mut self,
        path: impl fmt::Display,
        parsed: Result<T, GrammarError>,
    ) -> Option<T> {
        parsed
            .map_err(|error| {
                let message = error.to_string();
                match message.rsplit_once(", expected ") {
                    Some((found, expected)) => {
                        self.add(path, format_args!("{found}; expected {expected}"));
                    }
                    None => self.add(path, message),
                }
            })
            .ok()
    }

    /// What has been noted.
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// `value`, where there are no problems.
    ///
    /// # Errors
    /// `invalid-settings` with every problem; also where there is no value, which only a caller
    /// that forgot to note a problem can bring about.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::invalid_settings(self.0.join("\n"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn text_keeps_whole_numbers_and_truth_values() {
        for (given, text) in [(json!("a"), "a"), (json!(42), "42"), (json!(true), "true")] {
            assert_eq!(from_value::<Text>(given).unwrap().0, text);
        }
    }

    #[test]
    fn text_refuses_what_yaml_would_have_changed() {
        let error = from_value::<Text>(json!(1.1)).unwrap_err().to_string();
        assert_eq!(
            error,
            "invalid type: floating point `1.1`, expected text (a number with a decimal point \
             goes in quotes)"
        );
        assert!(from_value::<Text>(json!(null)).is_err());
    }

    #[test]
    fn an_amount_may_have_a_fraction_but_is_no_truth_value() {
        assert_eq!(from_value::<Amount>(json!(0.5)).unwrap().0, "0.5");
        assert!(from_value::<Amount>(json!(true)).is_err());
    }

    #[test]
    fn a_list_may_be_its_one_element() {
        for (given, list) in [
            (json!("a"), vec!["a"]),
            (json!(["a", 2]), vec!["a", "2"]),
            (json!(7), vec!["7"]),
            (json!([]), vec![]),
        ] {
            let read: OneOrMany<Text> = from_value(given).unwrap();
            let texts: Vec<String> = read.0.into_iter().map(|text| text.0).collect();
            assert_eq!(texts, list);
        }
        assert!(from_value::<OneOrMany<Text>>(json!({"a": 1})).is_err());
    }

    #[test]
    fn problems_stay_on_their_lines() {
        let mut problems = Problems::default();
        let tag = problems.check("tags[0]", stepyard_grammar::Tag::parse("a\nb"));
        assert_eq!(tag, None);
        problems.add("account", "missing\nhere");
        let error = problems.into_result(Some(())).unwrap_err();
        assert_eq!(
            error.message(),
            "tags[0]: invalid tag \"a\\nb\": found '\\n' at character 2; expected a letter, a \
             digit, '_', '.' or '-'\naccount: missing here"
        );
    }
}
