//! A YAML file of the configuration: its values, and the line of each key.

use std::collections::BTreeMap;
use std::path::Path;

use figment::providers::{Format, Yaml};
use figment::value::{Dict, Map};
use figment::{Metadata, Profile, Provider};
use saphyr_parser::{Event, Parser};

use super::problem::{Fault, Origin, Problem};

/// A file that could be read.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) name: String,
    values: Map<Profile, Dict>,
    lines: Lines,
}

impl File {
    /// Reads the file at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        Self::parse(path.display().to_string(), &Self::text(path)?)
    }

    /// The text of the file at `path`.
    pub(super) fn text(path: &Path) -> Result<String, Problem> {
        std::fs::read_to_string(path).map_err(|error| unreadable(path.display().to_string(), None, &error.to_string()))
    }

    /// Takes `text` as the file called `name`.
    pub(super) fn parse(name: impl Into<String>, text: &str) -> Result<Self, Problem> {
        let name = name.into();
        let lines = Lines::of(text).map_err(|refusal| match refusal {
            Refusal::Syntax { line, reason } => unreadable(name.clone(), Some(line), &reason),
            Refusal::Twice { line, key } => {
                let origin = Origin { name: name.clone(), line: Some(line) };
                Problem::at(Some(origin), Fault::new(key, "stands here for the second time"))
            }
        })?;
        let values = Yaml::string(text).data().map_err(|error| unreadable(name.clone(), None, &error.to_string()))?;
        Ok(Self { name, values, lines })
    }

    /// Where `key`, or the table that it would stand in, is.
    pub(super) fn origin(&self, key: &str) -> Origin {
        let line = ancestors(key).find_map(|key| self.lines.0.get(key)).copied();
        Origin { name: self.name.clone(), line }
    }

    /// True where `key` stands in it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.lines.0.contains_key(key)
    }

    pub(super) fn values(&self) -> Dict {
        self.values.get(&Profile::Default).cloned().unwrap_or_default()
    }
}

impl Provider for &File {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(self.values.clone())
    }
}

/// `a.b.c`, `a.b`, `a`.
pub(super) fn ancestors(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |key| key.rsplit_once('.').map(|(table, _)| table))
}

fn unreadable(name: String, line: Option<usize>, reason: &str) -> Problem {
    Problem::at(Some(Origin { name, line }), Fault::new("", format!("the file cannot be read: {reason}")))
}

/// Line of each key, dots between tables and before the index of an item.
#[derive(Debug, Clone, Default)]
struct Lines(BTreeMap<String, usize>);

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Syntax { line: usize, reason: String },
    Twice { line: usize, key: String },
}

enum Level {
    Mapping { in_value: bool },
    Sequence { next: usize },
}

impl Lines {
    fn of(text: &str) -> Result<Self, Refusal> {
        let mut walk = Walk::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event
                .map_err(|error| Refusal::Syntax { line: error.marker().line(), reason: error.info().to_owned() })?;
            let line = span.start.line();
            match event {
                Event::MappingStart(..) => walk.open(Level::Mapping { in_value: false }, line)?,
                Event::SequenceStart(..) => walk.open(Level::Sequence { next: 0 }, line)?,
                Event::MappingEnd | Event::SequenceEnd => walk.close(),
                Event::Scalar(text, ..) if walk.wants_key() => walk.key(&text, line)?,
                Event::Scalar(..) | Event::Alias(_) => {
                    walk.begin(line)?;
                    walk.end();
                }
                _ => {}
            }
        }
        Ok(Self(walk.lines))
    }
}

#[derive(Default)]
struct Walk {
    path: Vec<String>,
    levels: Vec<Level>,
    lines: BTreeMap<String, usize>,
}

impl Walk {
    fn wants_key(&self) -> bool {
        matches!(self.levels.last(), Some(Level::Mapping { in_value: false }))
    }

    fn key(&mut self, text: &str, line: usize) -> Result<(), Refusal> {
        if let Some(Level::Mapping { in_value }) = self.levels.last_mut() {
            *in_value = true;
        }
        self.note(text.to_owned(), line)
    }

    fn note(&mut self, name: String, line: usize) -> Result<(), Refusal> {
        self.path.push(name);
        let key = self.path.join(".");
        match self.lines.insert(key.clone(), line) {
            None => Ok(()),
            Some(_) => Err(Refusal::Twice { line, key }),
        }
    }

    /// A value begins; in a sequence, its next item.
    fn begin(&mut self, line: usize) -> Result<(), Refusal> {
        match self.levels.last_mut() {
            Some(Level::Sequence { next }) => {
                let index = next.to_string();
                *next += 1;
                self.note(index, line)
            }
            Some(Level::Mapping { in_value: false }) => {
                Err(Refusal::Syntax { line, reason: "a key must be a word".to_owned() })
            }
            Some(Level::Mapping { in_value: true }) | None => Ok(()),
        }
    }

    fn open(&mut self, level: Level, line: usize) -> Result<(), Refusal> {
        self.begin(line)?;
        self.levels.push(level);
        Ok(())
    }

    fn close(&mut self) {
        self.levels.pop();
        self.end();
    }

    fn end(&mut self) {
        match self.levels.last_mut() {
            Some(Level::Mapping { in_value }) => *in_value = false,
            Some(Level::Sequence { .. }) => {}
            None => return,
        }
        self.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_line() {
        let text = "a: 1\nb:\n  c: {d: 2,\n    e: [3]}\n  f:\n  - g: 4\n  # h\n  - g: 5\ni: |\n  text\nj: 6\n";
        let lines = Lines::of(text).unwrap().0;
        for (key, line) in
            [("a", 1), ("b.c", 3), ("b.c.d", 3), ("b.c.e.0", 4), ("b.f", 5), ("b.f.0.g", 6), ("b.f.1.g", 8), ("j", 11)]
        {
            assert_eq!(lines.get(key), Some(&line), "{key} in {lines:?}");
        }
    }

    #[test]
    fn a_key_twice_and_broken_syntax_are_refused_with_their_line() {
        let check = |text: &str, expected: &str| {
            let problem = File::parse("x.yaml", text).unwrap_err().to_string();
            assert!(problem.starts_with(expected), "{problem}");
        };
        check("a:\n  b: 1\n  b: 2\n", "x.yaml:3: `a.b` stands here for the second time");
        check("a: 1\nb: [1, 2\nc: 3\n", "x.yaml:3: the file cannot be read: ");
        check("a: 1\n? {b: 2}\n: 3\n", "x.yaml:2: the file cannot be read: a key must be a word");
        check("- a\n", "x.yaml: the file cannot be read: ");
    }
}
