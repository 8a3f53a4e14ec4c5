//! YAML, and so JSON, of which every refusal knows its line.

use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Levels of nesting; more is refused, so that no input can exhaust the stack.
const DEPTH_MAX: usize = 32;

/// Why a text is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Counted from 1, where it is known.
    pub(crate) line: Option<usize>,
    why: String,
}

impl Refusal {
    pub(crate) fn at(line: usize, why: impl Into<String>) -> Self {
        Self { line: Some(line), why: why.into() }
    }

    fn or_at(mut self, line: usize) -> Self {
        self.line.get_or_insert(line);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self { line: None, why: why.to_string() }
    }
}

/// A value and the line it begins on.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) line: usize,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Scalar { text: String, plain: bool },
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// The one document in `text`.
    ///
    /// # Errors
    /// What is not YAML, aliases, keys that are no words or come twice, more than one document, too much nesting.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let mut open: Vec<Node> = Vec::new();
        let mut root = None;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|e| Refusal::at(e.marker().line(), e.info()))?;
            let line = span.start.line();
            let node = match event {
                Event::Scalar(text, style, ..) => {
                    let content =
                        Content::Scalar { text: text.into_owned(), plain: matches!(style, ScalarStyle::Plain) };
                    Self { line, content }
                }
                Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == DEPTH_MAX => {
                    return Err(Refusal::at(line, format!("nested more than {DEPTH_MAX} levels")));
                }
                Event::SequenceStart(..) => {
                    open.push(Self { line, content: Content::Sequence(Vec::new()) });
                    continue;
                }
                Event::MappingStart(..) => {
                    open.push(Self { line, content: Content::Mapping(Vec::new()) });
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                    Some(ended) => ended,
                    None => continue,
                },
                Event::Alias(_) => return Err(Refusal::at(line, "aliases are not understood")),
                _ => continue,
            };
            match open.last_mut() {
                Some(parent) => parent.take(node)?,
                None if root.is_none() => root = Some(node),
                None => return Err(Refusal::at(node.line, "a second document")),
            }
        }
        root.ok_or_else(|| Refusal::at(1, "is empty"))
    }

    /// The items under `key` of a mapping; `None` where there is no such key or no sequence.
    pub(crate) fn items(&self, key: &str) -> Option<&[Node]> {
        let Content::Mapping(pairs) = &self.content else { return None };
        pairs.iter().find_map(|(name, value)| match &value.content {
            Content::Sequence(items) if name.word() == Some(key) => Some(items.as_slice()),
            _ => None,
        })
    }

    /// Whether a mapping has `key`.
    pub(crate) fn has(&self, key: &str) -> bool {
        matches!(&self.content, Content::Mapping(pairs) if pairs.iter().any(|(name, _)| name.word() == Some(key)))
    }

    fn word(&self) -> Option<&str> {
        if let Content::Scalar { text, .. } = &self.content { Some(text) } else { None }
    }

    fn take(&mut self, node: Node) -> Result<(), Refusal> {
        match &mut self.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping(pairs) => match pairs.last_mut() {
                // A key waits for its value as its own value.
                Some((key, value)) if key.line == usize::MAX => {
                    key.line = value.line;
                    *value = node;
                }
                _ => {
                    let Some(word) = node.word().map(str::to_owned) else {
                        return Err(Refusal::at(node.line, "a key must be a word"));
                    };
                    if pairs.iter().any(|(key, _)| key.word() == Some(&word)) {
                        return Err(Refusal::at(node.line, format!("`{word}` stands here twice")));
                    }
                    pairs.push((Self { line: usize::MAX, content: node.content.clone() }, node));
                }
            },
            Content::Scalar { .. } => {}
        }
        Ok(())
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let read = match &self.content {
            Content::Scalar { text, plain: false } => visitor.visit_str(text),
            Content::Scalar { text, plain: true } => plain(text, visitor),
            Content::Sequence(items) => visitor.visit_seq(Items(items.iter())),
            Content::Mapping(pairs) => visitor.visit_map(Pairs { left: pairs.iter(), value: None }),
        };
        read.map_err(|refusal| refusal.or_at(self.line))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.content {
            Content::Scalar { text, plain: true } if is_null(text) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.word() {
            Some(text) => visitor.visit_str(text).map_err(|refusal: Refusal| refusal.or_at(self.line)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let word = self.word().ok_or_else(|| Refusal::at(self.line, "must be one word"))?;
        let of_word = StrDeserializer::<Refusal>::new(word).deserialize_enum(name, variants, visitor);
        of_word.map_err(|refusal| refusal.or_at(self.line))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct ignored_any
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null")
}

/// A scalar without quotes, as YAML's core schema reads it.
fn plain<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Refusal> {
    match text {
        _ if is_null(text) => visitor.visit_unit(),
        "true" => visitor.visit_bool(true),
        "false" => visitor.visit_bool(false),
        _ => {
            if let Ok(number) = text.parse::<u64>() {
                visitor.visit_u64(number)
            } else if let Ok(number) = text.parse::<i64>() {
                visitor.visit_i64(number)
            } else if let Some(number) = float(text) {
                visitor.visit_f64(number)
            } else {
                visitor.visit_str(text)
            }
        }
    }
}

fn float(text: &str) -> Option<f64> {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    text.parse().ok().filter(|number: &f64| begins && number.is_finite())
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        self.0.next().map(|node| seed.deserialize(node)).transpose()
    }
}

struct Pairs<'a> {
    left: std::slice::Iter<'a, (Node, Node)>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Pairs<'de> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        let Some((key, value)) = self.left.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        let value = self.value.take().ok_or_else(|| <Refusal as de::Error>::custom("a value without a key"))?;
        seed.deserialize(value)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn values_are_what_yaml_says() {
        let text = "a: 1\nb: -2\nc: 1.5\nd: true\ne: null\nf: '1'\ng: 10:15:00\nh: [x, {i: y}]\nj: |\n  two\n  lines\n";
        let read = Value::deserialize(&Node::read(text).unwrap()).unwrap();
        let expected = json!({
            "a": 1, "b": -2, "c": 1.5, "d": true, "e": null, "f": "1", "g": "10:15:00", "h": ["x", {"i": "y"}],
            "j": "two\nlines\n",
        });
        assert_eq!(read, expected);
        let same = Value::deserialize(&Node::read(&expected.to_string()).unwrap()).unwrap();
        assert_eq!(same, expected, "JSON is YAML");
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let check = |text: &str, expected: &str| {
            let read = Node::read(text).and_then(|node| Value::deserialize(&node));
            assert_eq!(read.unwrap_err().to_string(), expected);
        };
        check("", "line 1: is empty");
        check("a: 1\na: 2\n", "line 2: `a` stands here twice");
        check("a: &x 1\nb: *x\n", "line 2: aliases are not understood");
        check("a: 1\n---\nb: 2\n", "line 3: a second document");
        check(&format!("{}{}", "[".repeat(40), "]".repeat(40)), "line 1: nested more than 32 levels");
    }
}
