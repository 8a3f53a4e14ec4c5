//! How alerts do, for the dashboard's system view.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::UnixNanos;
use serde::Serialize;

use super::config::Alerts;

/// How alerts do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AlertState {
    /// True when this replica is the one that sends.
    pub sending: bool,
    /// Each target, as configured.
    pub targets: Vec<TargetState>,
}

/// How one target does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TargetState {
    /// Its name.
    pub name: String,
    /// `webhook`, `slack`, `discord`, `telegram` or `email`.
    pub kind: &'static str,
    /// How the last attempt went.
    pub state: Delivery,
    /// What came back from it.
    pub detail: String,
    /// Messages that wait for it.
    pub waiting: usize,
    /// Messages delivered since this process started.
    pub delivered: u64,
    /// Messages given up since this process started.
    pub given_up: u64,
    /// When the last attempt was; `null` before the first.
    #[schema(value_type = Option<String>)]
    pub last_at: Option<UnixNanos>,
}

/// How the last attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// There was none yet.
    Idle,
    /// It was delivered.
    Delivered,
    /// It was not, and will be tried again.
    Retrying,
    /// It was given up.
    GivenUp,
}

/// Where the state of alerts is written and read. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<AlertState>>);

impl Board {
    pub(super) fn new(alerts: &Alerts) -> Self {
        let target = |target: &super::config::Target| TargetState {
            name: target.name.clone(),
            kind: target.kind.as_str(),
            state: Delivery::Idle,
            detail: String::new(),
            waiting: 0,
            delivered: 0,
            given_up: 0,
            last_at: None,
        };
        let targets = alerts.targets.iter().map(target).collect();
        Self(Arc::new(Mutex::new(AlertState { sending: false, targets })))
    }

    /// How alerts do now.
    pub fn state(&self) -> AlertState {
        self.lock().clone()
    }

    pub(super) fn sending(&self, sending: bool) {
        let mut state = self.lock();
        state.sending = sending;
        if !sending {
            state.targets.iter_mut().for_each(|target| target.waiting = 0);
        }
    }

    pub(super) fn update(&self, name: &str, change: impl FnOnce(&mut TargetState)) {
        if let Some(target) = self.lock().targets.iter_mut().find(|target| target.name == name) {
            change(target);
        }
    }

    fn lock(&self) -> MutexGuard<'_, AlertState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
