//! Encode then decode is identity; spoiled bytes are an error or another allowed event, never a panic.

use events::{DecodeError, decode, encode, known_types, type_name};
use proptest::prelude::*;

use crate::arbitrary::{MAKERS, Source};

/// Flips, cuts, repeats or replaces a few bytes.
fn spoil(bytes: &mut Vec<u8>, s: &mut Source) {
    for _ in 0..=s.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = s.below(bytes.len() as u64) as usize;
        match s.below(6) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << s.below(8),
            2 => bytes[at] = s.bits() as u8,
            3 => bytes.insert(at, s.pick(&[0, 0x7f, 0x80, 0xff])),
            4 => drop(bytes.remove(at)),
            _ => bytes.extend_from_within(at..),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn encode_then_decode_is_identity(seed: u64, which in 0..MAKERS.len()) {
        let (name, make) = MAKERS[which];
        let event = make(&mut Source::allowed(seed));
        prop_assert_eq!(type_name(&event), name);
        prop_assert_eq!(decode(name, &encode(&event)), Ok(event));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150_000))]

    #[test]
    fn spoiled_bytes_are_refused_or_are_another_allowed_event(seed: u64, which in 0..MAKERS.len()) {
        let (name, make) = MAKERS[which];
        let mut s = Source::allowed(seed);
        let mut bytes = encode(&make(&mut s)).to_vec();
        spoil(&mut bytes, &mut s);
        match decode(name, &bytes) {
            Ok(event) => prop_assert_eq!(decode(name, &encode(&event)), Ok(event)),
            Err(error) => prop_assert!(!matches!(error, DecodeError::UnknownType(_))),
        }
    }

    #[test]
    fn spoiled_batches_are_refused_or_are_another_allowed_batch(seed: u64) {
        let (name, make) = MAKERS[0];
        let mut s = Source::allowed(seed);
        let mut bytes = encode(&make(&mut s)).to_vec();
        spoil(&mut bytes, &mut s);
        if let Ok(event) = decode(name, &bytes) {
            prop_assert_eq!(decode(name, &encode(&event)), Ok(event));
        }
    }
}

#[test]
fn other_versions_and_foreign_names_are_unknown() {
    for name in ["finagent.plan.v2.PlanProposed", "finagent.plan.v1.TradePlan", "PlanProposed", ""] {
        let error = decode(name, &[]).unwrap_err();
        assert_eq!(error, DecodeError::UnknownType(name.to_owned()));
    }
}

#[test]
fn type_names_are_unique_and_belong_to_their_stream() {
    for (name, make) in MAKERS {
        let event = make(&mut Source::plain(1));
        assert_eq!(*name, format!("finagent.{}.v1.{}", event.stream().package(), event.name()));
        assert_eq!(known_types().iter().filter(|known| *known == name).count(), 1);
    }
}
