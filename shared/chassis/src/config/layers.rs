//! The files, environment and command line, one over the other.

use figment::value::{Dict, Value};
use figment::{Figment, Metadata};
use serde::de::DeserializeOwned;

use super::extract::{Reading, extract};
use super::file::{File, ancestors};
use super::problem::{Fault, Origin, Problem};
use super::sources::{ENVIRONMENT, variable};

/// What was read, before anybody takes a table from it.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    pub(super) figment: Figment,
    pub(super) files: Vec<File>,
    /// The built-in files alone: what stands in for a value that is wrong.
    pub(super) shipped: Figment,
}

impl Layers {
    /// The table or value called `name`, with built-in values for what is wrong, which is added to `problems`.
    pub(super) fn take<T: DeserializeOwned>(&self, name: &str, problems: &mut Vec<Problem>) -> Option<T> {
        let of = |figment: &Figment| figment.find_value(name).unwrap_or_else(|_| Value::from(Dict::new()));
        let (table, faults) = extract(of(&self.figment), &of(&self.shipped), Reading::Lossy, |_| Ok(()));
        problems.extend(faults.into_iter().map(|mut fault| {
            fault.key = if fault.key.is_empty() { name.to_owned() } else { format!("{name}.{}", fault.key) };
            self.locate(fault)
        }));
        table
    }

    /// The names of all tables and values that stand anywhere.
    pub(super) fn names(&self) -> Vec<String> {
        self.figment.extract::<Dict>().unwrap_or_default().into_keys().collect()
    }

    /// True where a file gives `key` a value.
    pub(super) fn is_in_file(&self, key: &str) -> bool {
        let given = !matches!(self.figment.find_value(key), Ok(Value::Empty(..)) | Err(_));
        given && self.figment.find_metadata(key).is_some_and(|metadata| self.file(metadata).is_some())
    }

    /// Says where the fault's key stands, or else the table that it belongs to.
    pub(super) fn locate(&self, fault: Fault) -> Problem {
        let key = fault.key.as_str();
        let origin = ancestors(key).find_map(|at| match self.figment.find_value(at) {
            Ok(Value::Dict(..)) if at != key => {
                self.files.iter().rev().find(|file| file.has(at)).map(|file| file.origin(key))
            }
            Ok(_) => self.set_by(at, key),
            Err(_) => None,
        });
        Problem::at(origin, fault)
    }

    /// Where the value of `key` comes from; `None` if nothing sets it.
    pub(super) fn origin(&self, key: &str) -> Option<Origin> {
        self.set_by(key, key)
    }

    /// Where the value of `key` comes from, which is `at` or stands in the list that is its value.
    fn set_by(&self, at: &str, key: &str) -> Option<Origin> {
        let metadata = self.figment.find_metadata(at)?;
        Some(match self.file(metadata) {
            Some(file) => file.origin(key),
            None if metadata.name == ENVIRONMENT => Origin { name: variable(at), line: None },
            None => Origin { name: metadata.name.to_string(), line: None },
        })
    }

    fn file(&self, metadata: &Metadata) -> Option<&File> {
        self.files.iter().find(|file| file.name == metadata.name)
    }
}
