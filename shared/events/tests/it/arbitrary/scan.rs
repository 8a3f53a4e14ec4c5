use domain::scan::{
    CandidatesEvaluated, Comparison, Criterion, CriterionName, Features, GapKind, Input, ModelIdentity, Outcome, Round,
    RoundOpened, ScanRoundCompleted, ScorePart, SignalGenerated, TradeCandidate, Unit,
};
use domain::{RoundId, SignalId};

use super::Source;

fn criterion_name(s: &mut Source) -> CriterionName {
    s.pick(CriterionName::ALL)
}

fn criterion(s: &mut Source) -> Criterion {
    Criterion {
        name: criterion_name(s),
        value: s.option(Source::micro),
        threshold: s.micro(),
        comparison: s.pick(Comparison::ALL),
        outcome: s.pick(Outcome::ALL),
        unit: s.pick(Unit::ALL),
        source: s.words(),
    }
}

fn features(s: &mut Source) -> Features {
    Features {
        last: s.option(Source::price),
        prev_close: s.option(Source::price),
        open: s.option(Source::price),
        gap_pct: s.option(Source::micro),
        gap_atr: s.option(Source::micro),
        atr_14: s.option(Source::price),
        adv_14: s.option(Source::number),
        premarket_high: s.option(Source::price),
        premarket_low: s.option(Source::price),
        premarket_volume: s.number(),
        premarket_dollar_volume: s.positive_usd(),
        or_open: s.option(Source::price),
        or_high: s.option(Source::price),
        or_low: s.option(Source::price),
        or_close: s.option(Source::price),
        or_volume: s.number(),
        rvol: s.option(Source::micro),
        vwap: s.option(Source::price),
        sector: s.option(Source::words),
        gap_kind: s.option(|s| s.pick(GapKind::ALL)),
        prev_close_difference_pct: s.option(Source::micro),
        history_sessions: s.option(Source::count),
        day_high: s.option(Source::price),
        day_low: s.option(Source::price),
        minute_atr_14: s.option(Source::price),
        spread: s.option(Source::price),
        spread_pct: s.option(Source::micro),
        float_shares: s.option(Source::number),
        float_rotation: s.option(Source::micro),
        catalyst: s.option(Source::micro),
        cash_merger: s.option(Source::flag),
        halted: s.option(Source::flag),
        leveraged: s.option(Source::flag),
        shortable: s.option(Source::flag),
        easy_to_borrow: s.option(Source::flag),
        short_restricted: s.option(Source::flag),
        rvol_by_time: s.option(Source::micro),
        premarket_rvol: s.option(Source::micro),
    }
}

fn candidate(s: &mut Source) -> TradeCandidate {
    TradeCandidate {
        symbol: s.symbol(),
        features: features(s),
        criteria: s.list(criterion),
        refused_by: s.option(criterion_name),
        score: s.option(Source::micro),
        score_parts: s.list(|s| ScorePart { name: s.name(), value: s.micro() }),
        news_ids: s.list(Source::name),
    }
}

pub(super) fn inputs(s: &mut Source) -> Vec<Input> {
    s.list(|s| Input { stream: s.name(), last_seq: s.number() })
}

pub(super) fn round(s: &mut Source) -> Round {
    Round {
        round_id: RoundId::from_wire(s.name()),
        session_date: s.date(),
        schedule: s.name(),
        due: s.time(),
        config_version: s.name(),
        strategy: s.name(),
    }
}

pub(super) fn signal_generated(s: &mut Source) -> SignalGenerated {
    SignalGenerated {
        signal_id: SignalId::from_wire(s.name()),
        round: round(s),
        partition: s.below(16) as u32,
        candidate: candidate(s),
        model: s.option(|s| ModelIdentity { name: s.name(), version: s.name(), hash: s.name() }),
    }
}

pub(super) fn candidates_evaluated(s: &mut Source) -> CandidatesEvaluated {
    let chunks = s.count();
    CandidatesEvaluated {
        round: round(s),
        partition: s.below(16) as u32,
        chunk: s.below(u64::from(chunks)) as u32,
        chunks,
        candidates: s.list(candidate),
        inputs: inputs(s),
    }
}

pub(super) fn scan_round_completed(s: &mut Source) -> ScanRoundCompleted {
    let partitions = s.count();
    ScanRoundCompleted {
        round: round(s),
        partition: s.below(u64::from(partitions)) as u32,
        partitions,
        evaluated: s.number() as u32,
        signal_ids: s.list(|s| SignalId::from_wire(s.name())),
    }
}

pub(super) fn round_opened(s: &mut Source) -> RoundOpened {
    RoundOpened { round: round(s), inputs: inputs(s) }
}
