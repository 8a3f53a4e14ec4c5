use domain::plan::{
    Entry, ExitRules, NotSelected, PlanProposed, RankedSignal, RoundClosed, Side, Target, TimeStop, TradePlan, Trail,
};
use domain::{PlanId, SignalId};

use super::Source;
use super::scan::{inputs, round};

pub(super) fn side(s: &mut Source) -> Side {
    s.pick(Side::ALL)
}

pub(super) fn plan(s: &mut Source) -> TradePlan {
    TradePlan {
        plan_id: PlanId::from_wire(s.name()),
        signal_id: SignalId::from_wire(s.name()),
        round: round(s),
        symbol: s.symbol(),
        side: side(s),
        rank: s.count(),
        score: s.micro(),
        entry: Entry { trigger: s.price(), limit: s.price() },
        stop_distance: s.price(),
        targets: s.list(|s| Target { distance: s.price(), fraction_bps: s.below(10_000) as u32 + 1 }),
        valid_until: s.time(),
        exit_by: s.time(),
        atr_14: s.price(),
        adv_14: s.number(),
        or_volume: s.number(),
        sector: s.option(Source::words),
        exits: exits(s),
    }
}

fn exits(s: &mut Source) -> ExitRules {
    ExitRules {
        trail: s.option(|s| Trail { after: s.price(), distance: s.price() }),
        time_stop: s.option(|s| TimeStop { after_seconds: s.count(), gain: s.price() }),
        halt_resume_seconds: s.count(),
        halt_silence_seconds: s.count(),
    }
}

fn ranked_signal(s: &mut Source) -> RankedSignal {
    RankedSignal {
        rank: s.count(),
        signal_id: SignalId::from_wire(s.name()),
        symbol: s.symbol(),
        score: s.micro(),
        not_selected: s.option(|s| s.pick(NotSelected::ALL)),
    }
}

pub(super) fn round_closed(s: &mut Source) -> RoundClosed {
    RoundClosed {
        round: round(s),
        partitions: s.list(|s| s.below(16) as u32),
        missing: s.list(|s| s.below(16) as u32),
        ranking: s.list(ranked_signal),
        plans: s.list(plan),
        inputs: inputs(s),
    }
}

pub(super) fn plan_proposed(s: &mut Source) -> PlanProposed {
    PlanProposed { plan: plan(s) }
}
