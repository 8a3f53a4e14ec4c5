//! A plan for unit tests: long GME on the break of 102.00, stop 0.40 away.

use super::{Entry, ExitRules, Side, TradePlan};
use crate::money::{Micro, Price};
use crate::scan::Round;
use crate::{PlanId, RoundId, SessionDate, SignalId};

pub(crate) fn round(session_date: SessionDate) -> Round {
    Round {
        round_id: RoundId::new(session_date, "trade", 9, 35),
        session_date,
        schedule: "trade".into(),
        due: session_date.at_hm(9, 35),
        config_version: "v1".into(),
        strategy: "orb".into(),
    }
}

pub(crate) fn plan() -> TradePlan {
    let round = round(SessionDate::from_ymd(2026, 11, 24).unwrap());
    let symbol = "GME".parse().unwrap();
    let signal_id = SignalId::new(&round.round_id, "orb", &symbol);
    TradePlan {
        plan_id: PlanId::new(&signal_id),
        signal_id,
        symbol,
        side: Side::Buy,
        rank: 1,
        score: Micro::from_int(3),
        entry: Entry { trigger: Price::from_cents(10_206), limit: Price::from_cents(10_216) },
        stop_distance: Price::from_cents(40),
        targets: Vec::new(),
        valid_until: round.session_date.at_hm(11, 30),
        exit_by: round.session_date.at_hm(16, 0),
        atr_14: Price::from_cents(400),
        adv_14: 5_000_000,
        or_volume: 500_000,
        sector: None,
        exits: ExitRules::default(),
        round,
    }
}
