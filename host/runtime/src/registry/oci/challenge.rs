//! What a registry asks for when it answers 401 (RFC 9110, section 11.6.1; Docker's token
//! authentication specification).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// How a registry wants to be logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password with each request.
    Basic,
    /// A token that `realm` hands out.
    Bearer {
        /// A URL.
        realm: String,
        /// The name by which the realm knows the registry.
        service: Option<String>,
    },
}

impl Challenge {
    /// The challenge in an answer. Bearer is preferred where there is a choice.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let challenges = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| Self::parse(value.to_str().ok()?));
        challenges.max_by_key(|challenge| matches!(challenge, Self::Bearer { .. }))
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, parameters) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut realm = None;
        let mut service = None;
        for (name, value) in Parameters(parameters) {
            if name.eq_ignore_ascii_case("realm") {
                realm = Some(value);
            } else if name.eq_ignore_ascii_case("service") {
                service = Some(value);
            }
        }
        Some(Self::Bearer {
            realm: realm?,
            service,
        })
    }
}

/// `name=value` and `name="value"`, separated by commas. Whatever is not that ends the list.
struct Parameters<'a>(&'a str);

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_once('=')?;
        let name = name.trim_matches([' ', ',', '\t']);
        let Some(quoted) = rest.strip_prefix('"') else {
            let (value, rest) = rest.split_once(',').unwrap_or((rest, ""));
            self.0 = rest;
            return Some((name, value.trim().to_owned()));
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = quoted.get(index + 1..)?;
                    return Some((name, value));
                }
                '\\' => value.push(characters.next()?.1),
                _ => value.push(character),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn challenge(values: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        Challenge::of(&headers)
    }

    #[test]
    fn both_schemes_are_read() {
        let bearer = Challenge::Bearer {
            realm: "https://auth.docker.io/token".to_owned(),
            service: Some("registry.docker.io".to_owned()),
        };
        assert_eq!(
            challenge(&[
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull,push\""
            ]),
            Some(bearer.clone())
        );
        assert_eq!(
            challenge(&[
                "Basic realm=\"x\"",
                "bearer service=registry.docker.io, realm=\"https://auth.docker.io/token\""
            ]),
            Some(bearer)
        );
        assert_eq!(
            challenge(&["Basic realm=\"Registry\""]),
            Some(Challenge::Basic)
        );
    }

    #[test]
    fn what_is_not_a_challenge_is_none() {
        assert_eq!(challenge(&[]), None);
        assert_eq!(challenge(&["Negotiate"]), None);
        assert_eq!(challenge(&["Bearer realm=\"open"]), None);
        assert_eq!(challenge(&["Bearer service=\"x\""]), None);
    }
}
