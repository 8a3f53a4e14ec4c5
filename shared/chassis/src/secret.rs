//! Secrets: read from files or the environment, never shown.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};

use crate::config::{Fault, variable};

/// A key, token or password. Printing it shows nothing.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The secret called `key`: from `file` if it is named, else `value`.
    ///
    /// # Errors
    /// Names the key, and the file if that cannot be read or is empty.
    pub fn resolve(key: &str, value: Option<&Self>, file: Option<&Path>) -> Result<Self, Fault> {
        let Some(path) = file else {
            let fix = || format!("name a file by `{key}_file`, or set {} in the environment", variable(key));
            return value.cloned().ok_or_else(|| Fault::new(key, "is not set").fix(fix()));
        };
        let unusable = |why: &str| Fault::new(format!("{key}_file"), format!("names {}, which {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| unusable(&format!("cannot be read: {error}")))?;
        match text.trim() {
            "" => Err(unusable("is empty")),
            text => Ok(Self(text.to_owned())),
        }
    }
}

impl Serialize for Secret {
    /// Stars: what is written down shows nothing.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_empty_file_is_named_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let check = |expected: &str| {
            let error = Secret::resolve("vendors.finnhub.token", None, Some(&path)).unwrap_err().to_string();
            assert!(error.contains("vendors.finnhub.token_file") && error.contains(expected), "{error}");
        };
        check(&path.display().to_string());
        fs::write(&path, " \n").unwrap();
        check("token");
        fs::write(&path, "sim-1\n").unwrap();
        assert_eq!(Secret::resolve("vendors.finnhub.token", None, Some(&path)).unwrap().expose(), "sim-1");
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert!(!format!("{:?}", Secret::new("hush")).contains("hush"));
    }
}
