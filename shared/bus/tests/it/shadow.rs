use bus::{Appended, BusError, Class, Created, Fold, FoldSpec, Item, Kind};
use domain::plan::PlanProposed;
use domain::{Event, StreamName};
use testkit::build;

use crate::support::{bus, soon};

fn proposed(ticker: &str) -> Event {
    PlanProposed { plan: build::plan(ticker) }.into()
}

#[tokio::test]
async fn what_a_strategy_on_trial_decides_is_stored_beside_and_never_among_the_suites_own() {
    let (_server, live) = bus().await;
    let trial = live.on_trial();
    let (event, meta) = (proposed("GME"), build::meta(&["p"], "shadow-planner"));
    let Created::New { seq } = trial.publisher().create(&event, &meta).await.unwrap() else { panic!("not new") };
    let again = trial.publisher().create(&event, &meta).await.unwrap();
    assert_eq!(again, Created::Exists { seq, same: true });
    assert_eq!(trial.publisher().stored_for(&event).await.unwrap(), Some((event.clone(), meta.clone())));
    assert_eq!(live.publisher().stored_for(&event).await.unwrap(), None);
    assert_eq!(live.publisher().last_seq(StreamName::Plan).await.unwrap(), 0);
    assert_eq!(trial.publisher().last_seq(StreamName::Plan).await.unwrap(), seq);
    assert_eq!(trial.subjects("SHADOW", ">").await.unwrap(), [format!("shadow.{}", bus::subject::subject_of(&event))]);

    // The suite may decide the same under the same id.
    let Created::New { .. } = live.publisher().create(&event, &meta).await.unwrap() else { panic!("not new") };
    let mut both =
        Fold::open(&trial, FoldSpec::stream(StreamName::Plan).and_live_kinds(&[Kind::PlanProposed])).unwrap();
    let mut seen = Vec::new();
    while let Item::Event(folded) = soon(both.next()).await.unwrap() {
        assert_eq!((&folded.event, &folded.meta), (&event, &meta));
        seen.push(folded.on_trial);
    }
    assert_eq!(seen, [true, false]);
    let mut suite = Fold::open(&live, FoldSpec::stream(StreamName::Plan)).unwrap();
    let Item::Event(folded) = soon(suite.next()).await.unwrap() else { panic!("no event") };
    assert!(!folded.on_trial);
    assert!(matches!(soon(suite.next()).await.unwrap(), Item::CaughtUp));
}

#[tokio::test]
async fn the_ledger_on_trial_is_one_history_though_other_events_lie_between() {
    let (_server, live) = bus().await;
    let trial = live.on_trial();
    let meta = |name: &str| build::meta(&[name], "shadow-risk-engine");
    let publisher = trial.publisher();
    publisher.create(&proposed("GME"), &build::meta(&["p1"], "shadow-planner")).await.unwrap();
    let first = Event::from(build::plan_approved("GME"));
    let Appended::Stored { seq } = publisher.append(&first, &meta("a1"), 0).await.unwrap() else { panic!("refused") };
    publisher.create(&proposed("TSLA"), &build::meta(&["p2"], "shadow-planner")).await.unwrap();
    let second = Event::from(build::plan_approved("TSLA"));
    // One that has not seen the first decision may not add to it.
    assert_eq!(publisher.append(&second, &meta("a2"), 0).await.unwrap(), Appended::Conflict);
    assert_eq!(publisher.append(&second, &meta("a2"), seq + 1).await.unwrap(), Appended::Conflict);
    let Appended::Stored { seq: next } = publisher.append(&second, &meta("a2"), seq).await.unwrap() else {
        panic!("refused")
    };
    assert_eq!(next, seq + 2);
    let mut ledger = Fold::open(&trial, FoldSpec::stream(StreamName::Risk)).unwrap();
    for expected in [first, second] {
        let Item::Event(folded) = soon(ledger.next()).await.unwrap() else { panic!("no event") };
        assert_eq!(folded.event, expected);
    }
    assert_eq!(ledger.last_seq(StreamName::Risk), next);
}

#[tokio::test]
async fn a_strategy_on_trial_has_no_words_for_the_suites_other_streams() {
    let (_server, live) = bus().await;
    let trial = live.on_trial();
    for event in [Event::from(build::order_updated("GME")), build::reference("GME").into()] {
        let refused = trial.publisher().publish(&event, &build::meta(&["x"], "test")).await.unwrap_err();
        assert!(matches!(refused, BusError::PublishRefused { .. }), "{refused}");
        assert_eq!(refused.class(), Class::Invalid);
        assert_eq!(live.publisher().last_seq(event.stream()).await.unwrap(), 0);
    }
}
