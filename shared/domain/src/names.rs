//! Names of closed sets, as in configuration, JSON, logs and counters.

/// Gives an enum `ALL`, `as_str` and `Display`; must list every variant.
macro_rules! names {
    ($($type:ty { $($variant:ident => $text:literal),+ $(,)? })+) => {$(
        impl $type {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value's name, a closed set for logs, counters and filters.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}
pub(crate) use names;

#[cfg(test)]
mod tests {
    use std::fmt::Display;

    use serde::Serialize;

    use crate::plan::{NotSelected, Side};
    use crate::scan::{CriterionName, GapKind, Outcome, Unit};

    #[test]
    fn logs_and_json_use_the_same_names() {
        fn check<T: Serialize + Display>(all: &[T]) {
            for value in all {
                assert_eq!(serde_json::to_value(value).unwrap(), value.to_string());
            }
        }
        check(CriterionName::ALL);
        check(GapKind::ALL);
        check(NotSelected::ALL);
        check(Outcome::ALL);
        check(Side::ALL);
        check(Unit::ALL);
    }
}
