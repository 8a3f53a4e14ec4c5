//! Identifiers made from content, so that a redelivery or a restart makes the same id again.

use std::fmt;

use data_encoding::Encoding;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::execution::{FIRST_SLICE, Leg, OrderPlace};
use crate::symbol::Symbol;
use crate::time::SessionDate;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes an id that was made elsewhere (read from the wire or the store).
            pub fn from_wire(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// One event on the bus, also its `Nats-Msg-Id`.
    EventId
);
text_id!(
    /// One run of a schedule on one session: `2026-11-24-trade-0935`.
    RoundId
);
text_id!(
    /// One symbol that passed every criterion in one round.
    SignalId
);
text_id!(
    /// One trade plan.
    PlanId
);
text_id!(
    /// Our id of an order at the broker: `fa-<26 base32>-<leg><attempt>`, then `s<slice>` where it is not the first.
    ClientOrderId
);
text_id!(
    /// The broker's id of an order.
    VenueOrderId
);

impl RoundId {
    /// The round of `schedule` that fell due at `hour:minute` New York time on `session`.
    pub fn new(session: SessionDate, schedule: &str, hour: u32, minute: u32) -> Self {
        Self(format!("{session}-{schedule}-{hour:02}{minute:02}"))
    }
}

impl SignalId {
    /// The signal of `symbol` in `round` under `strategy`.
    pub fn new(round: &RoundId, strategy: &str, symbol: &Symbol) -> Self {
        Self(content_hash(&["signal", round.as_str(), strategy, symbol.as_str()]))
    }
}

impl PlanId {
    /// The one plan that may come from `signal`.
    pub fn new(signal: &SignalId) -> Self {
        Self(content_hash(&["plan", signal.as_str()]))
    }
}

impl ClientOrderId {
    /// The order for `leg` of `plan` in its first slice, `attempt` counted from 1.
    pub fn new(plan: &PlanId, leg: Leg, attempt: u32) -> Self {
        Self::at(plan, OrderPlace::first(leg, attempt))
    }

    /// The order of `plan` at `place`: leg and attempt, then the slice where it is not the first.
    pub fn at(plan: &PlanId, OrderPlace { leg, slice, attempt }: OrderPlace) -> Self {
        let letter = leg.letter();
        Self(match slice {
            FIRST_SLICE => format!("fa-{plan}-{letter}{attempt}"),
            slice => format!("fa-{plan}-{letter}{attempt}{SLICE}{slice}"),
        })
    }

    /// The plan and the place in it that made this id; `None` for an id that is not ours.
    pub fn parts(&self) -> Option<(PlanId, OrderPlace)> {
        let (plan, tail) = self.0.strip_prefix("fa-")?.split_once('-')?;
        let mut letters = tail.chars();
        let leg = Leg::from_letter(letters.next()?)?;
        let (attempt, slice) = match letters.as_str().split_once(SLICE) {
            Some((attempt, slice)) => (attempt, slice.parse().ok()?),
            None => (letters.as_str(), FIRST_SLICE),
        };
        let place = OrderPlace { leg, slice, attempt: attempt.parse().ok()? };
        (plan.len() == HASH_LEN).then(|| (PlanId(plan.to_owned()), place))
    }
}

impl EventId {
    /// The id of an event whose identity is `parts`, of which the first names its kind.
    pub fn from_parts(parts: &[&str]) -> Self {
        Self(content_hash(parts))
    }
}

/// Stands before the slice in a client order id.
const SLICE: char = 's';
const HASH_LEN: usize = 26;

/// 26 lower-case base32 characters (130 bits) of the SHA-256 over `parts`, each with its length before it so that no
/// two lists collide by concatenation.
pub fn content_hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut text = BASE32.encode(&hasher.finalize());
    text.truncate(HASH_LEN);
    text
}

static BASE32: std::sync::LazyLock<Encoding> = std::sync::LazyLock::new(|| {
    let mut spec = data_encoding::Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    spec.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
});

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> PlanId {
        let round = RoundId::new("2026-11-24".parse().unwrap(), "trade", 9, 35);
        PlanId::new(&SignalId::new(&round, "orb", &"GME".parse().unwrap()))
    }

    #[test]
    fn same_content_makes_the_same_id_and_other_content_another() {
        assert_eq!(plan(), plan());
        assert_ne!(content_hash(&["ab", "c"]), content_hash(&["a", "bc"]));
        assert_eq!(plan().as_str().len(), HASH_LEN);
    }

    #[test]
    fn client_order_id_fits_the_broker_and_names_its_plan() {
        let id = ClientOrderId::new(&plan(), Leg::Exit, 12);
        assert!(id.as_str().len() <= 48);
        assert_eq!(id.parts(), Some((plan(), OrderPlace::first(Leg::Exit, 12))));
        let place = OrderPlace { leg: Leg::Stop, slice: 3, attempt: 12 };
        let id = ClientOrderId::at(&plan(), place);
        assert!(id.as_str().ends_with("-S12s3") && id.as_str().len() <= 48, "{id}");
        assert_eq!(id.parts(), Some((plan(), place)));
        assert_eq!(ClientOrderId::from_wire("manual-1").parts(), None);
    }
}
