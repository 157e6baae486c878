//! Reading a page as a browser does, as far as tests want to know.

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// Elements that have no end.
const VOID: [&str; 2] = ["meta", "input"];

/// A page that was found to be well-formed.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Everything that is shown, without what styles and scripts hold.
    pub(crate) text: String,
    /// The names of the elements, in their order.
    pub(crate) elements: Vec<String>,
    /// Names and values of all attributes.
    pub(crate) attributes: Vec<(String, String)>,
}

impl Page {
    /// Reads a page, all of whose elements must end in the order in which they began.
    pub(crate) fn read(html: &str) -> Self {
        let mut page = Self::default();
        let mut open: Vec<String> = Vec::new();
        // What styles and scripts hold is no markup.
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter) {
            match token.unwrap() {
                Token::StartTag(tag) => {
                    let name = String::from_utf8(tag.name.to_vec()).unwrap();
                    for (key, value) in &tag.attributes {
                        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                        page.attributes.push((text(key), text(value)));
                    }
                    if !VOID.contains(&name.as_str()) {
                        open.push(name.clone());
                    }
                    page.elements.push(name);
                }
                Token::EndTag(tag) => {
                    let name = String::from_utf8(tag.name.to_vec()).unwrap();
                    assert_eq!(
                        open.pop(),
                        Some(name),
                        "an element does not end in its place"
                    );
                }
                Token::String(text) => {
                    let within = open.last().map(String::as_str);
                    let is_shown = !matches!(within, Some("style" | "script"));
                    if is_shown {
                        page.text.push_str(std::str::from_utf8(&text).unwrap());
                    }
                }
                Token::Doctype(_) => assert!(page.elements.is_empty()),
                Token::Comment(comment) => panic!("a comment: {comment:?}"),
                Token::Error(error) => panic!("no HTML: {error:?}"),
            }
        }
        assert_eq!(open, Vec::<String>::new(), "elements that do not end");
        page
    }

    /// Fails where the page would load something, or do something but by its own one script.
    pub(crate) fn is_alone(&self) {
        for (name, value) in &self.attributes {
            let is_own = match name.as_str() {
                "href" => value.starts_with("#step-"),
                "src" | "srcset" | "action" | "style" | "data" | "poster" | "background" => false,
                name => !name.starts_with("on") && !name.starts_with("xlink"),
            };
            assert!(is_own, "{name}={value}");
        }
        let count = |name: &str| {
            self.elements
                .iter()
                .filter(|element| *element == name)
                .count()
        };
        assert_eq!((count("script"), count("style")), (1, 1));
        for loads in [
            "link", "base", "iframe", "object", "embed", "img", "form", "image", "use",
        ] {
            assert_eq!(count(loads), 0, "{loads}");
        }
        let policy = self
            .attributes
            .iter()
            .find(|(_, value)| value.starts_with("default-src 'none'; style-src 'sha256-"));
        let (name, value) = policy.expect("a policy of content");
        assert!(name == "content" && !value.contains("unsafe"), "{value}");
    }
}
