//! What is wrong with a configuration, and where.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use domain::strategy::StrategyError;
use figment::error::Kind;
use serde::Serialize;

/// Something wrong with a key, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {problem}{}", remedy(.fix.as_deref()))]
pub struct Fault {
    /// The key, dots between tables.
    pub key: String,
    /// What is wrong, as the rest of a sentence about the key.
    pub problem: String,
    /// What would mend it, where that is known.
    pub fix: Option<String>,
}

impl Fault {
    /// Says that `key` `problem`.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into(), fix: None }
    }

    /// Adds what would mend it.
    pub fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// A fault unless `holds`: `key` is `value`, must be `expected`.
    pub fn unless(holds: bool, key: &str, value: impl Display, expected: impl Display) -> Option<Self> {
        (!holds).then(|| Self::new(key, format!("is {value}, must be {expected}")))
    }

    /// A fault unless `value` is within `range`, counted in `unit`.
    pub fn outside(key: &str, value: u64, range: RangeInclusive<u64>, unit: &str) -> Option<Self> {
        Self::unless(range.contains(&value), key, value, format!("{} to {} {unit}", range.start(), range.end()))
    }

    /// A key that nobody reads, among those that may stand there.
    pub(super) fn unknown_key(key: impl Into<String>, known: &[&str]) -> Self {
        let key = key.into();
        let name = key.rsplit('.').next().unwrap_or_default();
        let fix = suggestion(name, known);
        Self::new(key, "is an unknown key").fix(fix)
    }

    pub(super) fn from_figment(error: &figment::Error) -> Self {
        let key = error.path.join(".");
        match &error.kind {
            Kind::UnknownField(_, known) => Self::unknown_key(key, known),
            Kind::UnknownVariant(name, known) => {
                Self::new(key, format!("is `{name}`, which it cannot be")).fix(suggestion(name, known))
            }
            Kind::MissingField(name) => {
                let key = if key.is_empty() { name.to_string() } else { format!("{key}.{name}") };
                Self::new(key, "is missing")
            }
            Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
                Self::new(key, format!("is {actual}, must be {expected}"))
            }
            other => Self::new(key, format!("cannot be read: {other}")),
        }
    }
}

impl From<StrategyError> for Fault {
    fn from(error: StrategyError) -> Self {
        match error {
            StrategyError::Range { key, value, expected } => {
                let (key, about) = key.split_once(' ').unwrap_or((key, ""));
                let about = if about.is_empty() { String::new() } else { format!("{about} ") };
                Self::new(key.replace("[]", ""), format!("{about}is {value}, must be {expected}"))
            }
            StrategyError::Schedule { name, source } => {
                Self::new(format!("schedules.{name}"), format!("cannot be read: {source}"))
            }
            StrategyError::ModelNotLoaded => Self::new("scoring.learned", "names no model that was loaded"),
        }
    }
}

/// A fault and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, or the variable of the environment; none where the key stands nowhere.
    pub file: Option<String>,
    /// The line, from 1; none outside files.
    pub line: Option<usize>,
    /// The key, dots between tables; empty for a file that cannot be read at all.
    pub key: String,
    /// What is wrong, as the rest of a sentence about the key.
    pub problem: String,
    /// What would mend it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Problem {
    pub(super) fn at(origin: Option<Origin>, fault: Fault) -> Self {
        let Fault { key, problem, fix } = fault;
        let (file, line) = origin.map_or((None, None), |origin| (Some(origin.name), origin.line));
        Self { file, line, key, problem, fix }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        if !self.key.is_empty() {
            write!(f, "`{}` ", self.key)?;
        }
        write!(f, "{}{}", self.problem, remedy(self.fix.as_deref()))
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, the variable of the environment, or `command line`.
    pub name: String,
    /// The line, from 1; none outside files.
    pub line: Option<usize>,
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// A configuration was refused. Holds one problem at least.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n  "))]
pub struct ConfigError(pub(super) Vec<Problem>);

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl ConfigError {
    /// Everything that is wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

/// `value` if nothing is wrong.
pub(super) fn unless_refused<T>(value: Option<T>, problems: Vec<Problem>) -> Result<T, ConfigError> {
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(ConfigError(problems)),
    }
}

fn remedy(fix: Option<&str>) -> String {
    fix.map_or_else(String::new, |fix| format!("; {fix}"))
}

/// The known word that `word` looks like, or all of them.
fn suggestion(word: &str, known: &[&str]) -> String {
    let likeness = known.iter().map(|k| (strsim::jaro_winkler(word, k), k));
    match likeness.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        None => "nothing may stand here".to_owned(),
        Some((likeness, nearest)) if likeness > 0.85 => format!("did you mean `{nearest}`?"),
        Some(_) => format!("known are {}", known.join(", ")),
    }
}
