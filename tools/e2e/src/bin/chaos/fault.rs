//! The faults there are, and on whom.

use std::fmt;
use std::time::Duration;

use e2e::disturbance::When;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `kill -9`, started again after a while.
    Kill,
    /// `kill -9`, and again while it recovers.
    KillTwice,
    /// SIGTERM, drained within its grace period, started again.
    Restart,
    /// SIGSTOP, then SIGCONT.
    Freeze,
    /// The way to the bus is cut.
    Cut,
    /// The way to the bus carries nothing, without a word.
    Silence,
    /// Everything on the way to the bus comes late.
    Delay,
    /// The bus's server is stopped and continued in short bursts, as one that waits for a slow disk.
    SlowDisk,
    /// No room left in the gateway's spool while the bus is away.
    FullSpool,
    /// `kill -9` of every server of the bus at once.
    BusDown,
    /// `kill -9` of the server that leads ORDER.
    LeaderLost,
    /// The feed sends frames twice.
    DuplicateFrames,
    /// The feed sends frames after the ones behind them.
    SwappedFrames,
    /// The broker reports order updates twice.
    DuplicateUpdates,
    /// The wall clock jumps, and back.
    ClockJump,
    /// SIGTERM, and the other version's program (the previous commit's or this one's) in its place.
    Roll,
    /// A second replica beside the first, which is then killed.
    SecondReplica,
}

impl Kind {
    /// Its name in the closing table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::KillTwice => "kill -9 twice",
            Self::Restart => "restart",
            Self::Freeze => "freeze",
            Self::Cut => "bus cut",
            Self::Silence => "bus silent",
            Self::Delay => "bus slow",
            Self::SlowDisk => "slow disk",
            Self::FullSpool => "full spool",
            Self::BusDown => "bus down",
            Self::LeaderLost => "leader lost",
            Self::DuplicateFrames => "duplicate frames",
            Self::SwappedFrames => "swapped frames",
            Self::DuplicateUpdates => "duplicate updates",
            Self::ClockJump => "clock jump",
            Self::Roll => "version rolled",
            Self::SecondReplica => "second replica",
        }
    }
}

/// Whom it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Victim {
    /// A service.
    Service(&'static str),
    /// The bus's servers.
    Bus,
    /// What a vendor sends.
    Vendor,
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service(name) => name,
            Self::Bus => "nats-server",
            Self::Vendor => "vendor-sim",
        })
    }
}

/// One fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) victim: Victim,
    /// How long it lasts.
    pub(crate) length: Duration,
}

/// Faults at one moment, one or two of them.
#[derive(Debug, Clone)]
pub(crate) struct Strike {
    pub(crate) when: When,
    pub(crate) faults: Vec<Fault>,
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            let and = if at == 0 { "" } else { " and " };
            write!(f, "{and}{} of {} for {} ms", fault.kind.name(), fault.victim, fault.length.as_millis())?;
        }
        write!(f, ", {:?}", self.when)
    }
}

/// What a kind needs that not every run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    /// Three servers of the bus.
    Cluster,
    /// libfaketime.
    FakeTime,
    /// The previous commit's programs.
    Previous,
}

/// A row of the catalogue: a kind, whom it may meet, and how long it lasts, ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) victims: &'static [Victim],
    pub(crate) length_ms: (u64, u64),
    pub(crate) need: Need,
}

const fn entry(kind: Kind, victims: &'static [Victim], length_ms: (u64, u64), need: Need) -> Entry {
    Entry { kind, victims, length_ms, need }
}

use Victim::{Bus, Service, Vendor};

const SERVICES: &[Victim] = &[
    Service("ingest-gateway"),
    Service("gap-scanner"),
    Service("planner"),
    Service("risk-engine"),
    Service("executor"),
    Service("recorder"),
    Service("coordinator-api"),
];
/// Services that may run beside another replica of themselves.
const REPLICATED: &[Victim] = &[
    Service("gap-scanner"),
    Service("planner"),
    Service("risk-engine"),
    Service("executor"),
    Service("recorder"),
    Service("ingest-gateway"),
];
const GATEWAY: &[Victim] = &[Service("ingest-gateway")];

/// Every fault there is.
pub(crate) const CATALOGUE: &[Entry] = &[
    entry(Kind::Kill, SERVICES, (0, 1_000), Need::Nothing),
    entry(Kind::KillTwice, SERVICES, (0, 300), Need::Nothing),
    entry(Kind::Restart, SERVICES, (0, 300), Need::Nothing),
    entry(Kind::Freeze, SERVICES, (200, 5_000), Need::Nothing),
    entry(Kind::Freeze, &[Bus], (200, 2_500), Need::Nothing),
    entry(Kind::Cut, SERVICES, (200, 2_500), Need::Nothing),
    entry(Kind::Silence, SERVICES, (200, 3_000), Need::Nothing),
    entry(Kind::Delay, SERVICES, (500, 2_000), Need::Nothing),
    entry(Kind::SlowDisk, &[Bus, Bus], (500, 2_000), Need::Nothing),
    entry(Kind::FullSpool, GATEWAY, (1_000, 3_000), Need::Nothing),
    entry(Kind::BusDown, &[Bus, Bus, Bus], (0, 2_000), Need::Nothing),
    entry(Kind::LeaderLost, &[Bus, Bus, Bus], (500, 2_000), Need::Cluster),
    entry(Kind::DuplicateFrames, &[Vendor], (300, 300), Need::Nothing),
    entry(Kind::SwappedFrames, &[Vendor], (300, 300), Need::Nothing),
    entry(Kind::DuplicateUpdates, &[Vendor, Vendor], (0, 0), Need::Nothing),
    entry(Kind::ClockJump, SERVICES, (200, 2_000), Need::FakeTime),
    entry(Kind::Roll, SERVICES, (0, 100), Need::Previous),
    entry(Kind::SecondReplica, REPLICATED, (500, 2_000), Need::Nothing),
];
