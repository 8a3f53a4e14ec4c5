//! Spoiled bytes of every event, as any of the events.

use events::{decode, encode, known_types};

use crate::arbitrary::{MAKERS, Source};

type Maker = (&'static str, fn(&mut Source) -> domain::Event);

/// What is taken has a meaning that can be written down again.
#[test]
fn fuzz_protobuf_events() {
    let of = |(which, (_, make)): (u8, &Maker)| {
        [1, 2].map(|seed| [&[which], encode(&make(&mut Source::plain(seed))).as_ref()].concat())
    };
    let corpus: Vec<Vec<u8>> = (0..).zip(MAKERS).flat_map(of).collect();
    testkit::fuzz("protobuf events", &corpus, |input| {
        let Some((which, payload)) = input.split_first() else { return false };
        let name = MAKERS.get(usize::from(*which)).map_or(known_types()[0], |(name, _)| *name);
        let Ok(event) = decode(name, payload) else { return false };
        assert_eq!(decode(name, &encode(&event)).as_ref(), Ok(&event));
        true
    });
}
