//! What every request and the store's follower share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use domain::UnixNanos;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::auth::Tokens;
use crate::limit::Limits;
use crate::live::News;
use crate::shadow::Parity;
use crate::status::Surroundings;
use crate::store::Reader;
use crate::strategy::versions::Versions;

/// Handles; cheap to share, nothing in here is business state.
pub struct Shared {
    /// The store.
    pub reader: Reader,
    /// Profile, addresses and schedules.
    pub around: Surroundings,
    /// Which strategy is in force, and what was before.
    pub versions: Arc<Versions>,
    /// What a strategy on trial decides beside the suite.
    pub(crate) parity: Parity,
    /// Where the files are that a strategy names.
    pub strategy_folder: std::path::PathBuf,
    /// True with simulated vendors, whose market time has nothing to do with the wall's.
    pub simulated: bool,
    /// True where no token is needed: the dev profile on a loopback address.
    pub open: bool,
    /// The tokens that are valid.
    pub tokens: Tokens,
    /// How much each caller may ask.
    pub limits: Limits,
    /// The bus, for commands.
    pub bus: bus::Bus,
    /// Publishes commands.
    pub publisher: bus::Publisher,
    /// This process among its like.
    pub instance: String,
    /// Wall time.
    pub clock: Arc<dyn chassis::Clock>,
    /// Where this process says what went wrong.
    pub errors: chassis::ErrorReporter,
    /// What this process needs.
    pub readiness: chassis::Readiness,
    /// Tells every live stream.
    pub news: broadcast::Sender<News>,
    /// Live streams that are open.
    pub streams: AtomicUsize,
    /// How many may be.
    pub streams_max: usize,
    /// Ends the live streams.
    pub shutdown: CancellationToken,
}

impl Shared {
    /// Wall time.
    pub fn now(&self) -> UnixNanos {
        self.clock.now()
    }
}
