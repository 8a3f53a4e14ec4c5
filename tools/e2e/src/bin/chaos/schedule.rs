//! Which faults, when: drawn from the seed alone, so that a run can be repeated.

use std::collections::VecDeque;
use std::time::Duration;

use e2e::disturbance::When;

use crate::fault::{CATALOGUE, Entry, Fault, Kind, Need, Strike, Victim};

/// A draw of numbers that follows from its seed (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// At least `from`, below `to`.
    pub(crate) const fn within(&mut self, from: u64, to: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        from + (z ^ (z >> 31)) % (to - from)
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.within(0, items.len() as u64) as usize]
    }
}

/// Deals faults: every kind on every victim comes once before any comes again.
pub(crate) struct Deck {
    draw: Draw,
    available: Vec<Need>,
    cards: Vec<(Entry, Victim)>,
}

/// One strike in so many is two faults at once.
const DOUBLE_ONE_IN: u64 = 5;

impl Deck {
    /// A deck of the kinds whose needs are `available`.
    pub(crate) fn new(seed: u64, available: &[Need]) -> Self {
        Self { draw: Draw::new(seed), available: available.to_vec(), cards: Vec::new() }
    }

    /// Strikes with `count` faults in all, for one session.
    pub(crate) fn deal(&mut self, count: usize) -> VecDeque<Strike> {
        let mut strikes = VecDeque::new();
        let mut left = count;
        while left > 0 {
            let mut faults = vec![self.fault()];
            if left > 1 && self.draw.within(0, DOUBLE_ONE_IN) == 0 {
                let second = self.fault();
                if second.victim == faults[0].victim {
                    left -= 1;
                    strikes.push_back(Strike { when: self.when(&[second]), faults: vec![second] });
                } else {
                    faults.push(second);
                }
            }
            left -= faults.len();
            strikes.push_back(Strike { when: self.when(&faults), faults });
        }
        strikes
    }

    fn fault(&mut self) -> Fault {
        if self.cards.is_empty() {
            self.shuffle();
        }
        let (entry, victim) = self.cards.pop().unwrap_or((CATALOGUE[0], CATALOGUE[0].victims[0]));
        let (least, most) = entry.length_ms;
        let (a, b) = (self.draw.within(least, most + 1), self.draw.within(least, most + 1));
        // The smaller of two: mostly short, at times as long as it may be.
        Fault { kind: entry.kind, victim, length: Duration::from_millis(a.min(b)) }
    }

    fn shuffle(&mut self) {
        let usable = CATALOGUE.iter().filter(|e| e.need == Need::Nothing || self.available.contains(&e.need));
        self.cards = usable.flat_map(|entry| entry.victims.iter().map(|victim| (*entry, *victim))).collect();
        for at in (1..self.cards.len()).rev() {
            let other = self.draw.within(0, at as u64 + 1) as usize;
            self.cards.swap(at, other);
        }
    }

    /// A third while orders come to be, a third at the session's standstills, a third while the market runs.
    fn when(&mut self, faults: &[Fault]) -> When {
        let running = When::Running(10 + self.draw.within(0, 5) as u32, self.draw.within(0, 60) as u32);
        if faults.iter().any(|f| matches!(f.kind, Kind::DuplicateFrames | Kind::SwappedFrames | Kind::FullSpool)) {
            return running;
        }
        match self.draw.within(0, 3) {
            0 => self.draw.one_of(&BUSY),
            1 => {
                let (hour, minute) = self.draw.one_of(&STANDSTILLS);
                When::Standing(hour, minute)
            }
            _ => running,
        }
    }
}

const BUSY: [When; 9] = [
    When::Seen("RoundClosed"),
    When::Seen("PlanProposed"),
    When::Seen("PlanApproved"),
    When::Seen("OrderIntended"),
    When::Posted,
    When::HalfFilled,
    When::Seen("FillRecorded"),
    When::Seen("PlanExecuted"),
    When::Seen("PlanClosed"),
];

const STANDSTILLS: [(u32, u32); 9] =
    [(6, 59), (9, 34), (9, 35), (11, 30), (15, 45), (15, 50), (15, 54), (15, 56), (15, 58)];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_deals_the_same_faults_again_and_another_seed_others() {
        let text = |seed| -> Vec<String> { Deck::new(seed, &[]).deal(40).iter().map(ToString::to_string).collect() };
        assert_eq!(text(7), text(7));
        assert_ne!(text(7), text(8));
    }

    #[test]
    fn a_long_run_meets_every_fault_of_the_catalogue() {
        let all = [Need::Cluster, Need::FakeTime, Need::Previous];
        let dealt = Deck::new(1, &all).deal(200);
        assert_eq!(dealt.iter().map(|s| s.faults.len()).sum::<usize>(), 200);
        let met: BTreeSet<_> = dealt.iter().flat_map(|s| &s.faults).map(|f| (f.kind, f.victim)).collect();
        let known: BTreeSet<_> = CATALOGUE.iter().flat_map(|e| e.victims.iter().map(|v| (e.kind, *v))).collect();
        assert_eq!(met, known);
    }

    #[test]
    fn what_is_not_available_is_not_dealt() {
        let dealt = Deck::new(1, &[]).deal(300);
        assert!(dealt.iter().flat_map(|s| &s.faults).all(|f| f.kind != Kind::Roll && f.kind != Kind::LeaderLost));
    }
}
