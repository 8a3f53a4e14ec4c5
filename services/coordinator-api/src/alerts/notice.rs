//! What people are told of an event.

use domain::control::Authorship;
use domain::execution::{DeadlineStep, FillRecorded};
use domain::ops::{ErrorRaised, Severity};
use domain::plan::Side;
use domain::risk::{DayOpened, TradingState, TradingStateLowered};
use domain::{Event, EventId, Meta, SessionDate, UnixNanos};
use serde::Serialize;

use super::config::Topic;
use super::runbook;

/// Code of the error that says that an alert was not delivered; it is never an alert itself.
pub(super) const UNDELIVERED: &str = "alert_undelivered";

/// One thing that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
    /// The event's id; the same when it is sent twice.
    pub id: String,
    /// Its topic; `None` for a test.
    pub topic: Option<Topic>,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, in one line.
    pub title: String,
    /// More about it, lines of text.
    pub body: String,
    /// What to do.
    pub what_to_do: Option<String>,
    /// The service that noticed.
    pub service: String,
    /// Kind of an error.
    pub code: Option<String>,
    /// The symbol.
    pub symbol: Option<String>,
    /// The plan.
    pub plan_id: Option<String>,
    /// When.
    pub at: UnixNanos,
    /// The dashboard's place that shows it.
    #[serde(skip)]
    pub place: String,
    /// Those alike are told together.
    #[serde(skip)]
    pub like: String,
}

/// What becomes of an event.
#[derive(Debug)]
pub(super) enum Told {
    /// Nothing.
    Nothing,
    /// This.
    Notice(Box<Notice>),
    /// What the session came to.
    Summary(SessionDate),
}

/// What people are told of `event`.
pub(super) fn told(event: &Event, meta: &Meta) -> Told {
    let notice = match event {
        Event::ErrorRaised(error) if error.code == UNDELIVERED => return Told::Nothing,
        Event::ErrorRaised(error) => of_error(&meta.id, error),
        Event::FillRecorded(fill) => of_fill(&meta.id, fill),
        Event::DeadlineReached(deadline) if deadline.step == DeadlineStep::Verify => {
            return Told::Summary(deadline.session_date);
        }
        Event::DayOpened(day) if !day.observe_only.is_empty() => of_idle_day(&meta.id, day),
        Event::TradingStateLowered(lowered) => of_limit(&meta.id, lowered),
        Event::TradingStateChanged(change) => {
            let (severity, todo) = match change.state {
                TradingState::Normal => (Severity::Info, None),
                TradingState::NoEntry | TradingState::Reduce => (Severity::Warning, None),
                TradingState::Flatten | TradingState::Halt => (Severity::Critical, Some(runbook::STOPPED)),
            };
            by_person(meta, severity, &format!("trading state set to {}", change.state.as_str()), todo, &change.by)
        }
        Event::FlattenRequested(e) => {
            by_person(meta, Severity::Critical, "flatten requested", Some(runbook::STOPPED), &e.by)
        }
        Event::FlattenCancelled(e) => by_person(meta, Severity::Info, "flatten withdrawn", None, &e.by),
        Event::StrategyPaused(e) => {
            let verb = if e.paused { "paused" } else { "resumed" };
            by_person(meta, Severity::Warning, &format!("strategy {} {verb}", e.strategy), None, &e.by)
        }
        _ => return Told::Nothing,
    };
    Told::Notice(Box::new(notice))
}

/// The message of `fin alerts test` to the target called `target`.
pub(super) fn test(target: &str, at: UnixNanos) -> Notice {
    Notice {
        id: EventId::from_parts(&["alert_test", target, &at.nanos().to_string()]).to_string(),
        topic: None,
        severity: Severity::Info,
        title: format!("test message to {target}"),
        body: "Sent by `fin alerts test`; nothing happened.".to_owned(),
        what_to_do: None,
        service: "fin".to_owned(),
        code: None,
        symbol: None,
        plan_id: None,
        at,
        place: "#/system".to_owned(),
        like: String::new(),
    }
}

fn of_error(id: &EventId, error: &ErrorRaised) -> Notice {
    // Where an error of the executor's is about a plan, the plan's story is the place to look.
    let plan_id = error.subject.clone().filter(|_| runbook::is_about_a_plan(&error.code));
    let apart = error.subject.as_deref().filter(|_| runbook::is_about_a_position(&error.code));
    let subject = error.subject.iter().filter(|subject| !error.message.contains(subject.as_str()));
    let about = subject.map(|subject| format!("About {subject}."));
    let lines = about.chain((!error.detail.is_empty()).then(|| error.detail.clone()));
    Notice {
        id: id.to_string(),
        topic: Some(Topic::Errors),
        severity: error.severity,
        title: format!("{}: {}", error.service, error.message),
        body: lines.collect::<Vec<_>>().join("\n"),
        what_to_do: runbook::of(&error.code).map(str::to_owned),
        service: error.service.clone(),
        code: Some(error.code.clone()),
        symbol: None,
        place: plan_id.as_ref().map_or_else(|| "#/system".to_owned(), |id| format!("#/plans/{id}")),
        plan_id,
        at: error.at,
        like: format!("{}/{}/{}", error.service, error.code, apart.unwrap_or_default()),
    }
}

fn of_fill(id: &EventId, fill: &FillRecorded) -> Notice {
    let verb = match fill.side {
        Side::Buy => "bought",
        Side::Sell => "sold",
    };
    let slippage = fill.slippage_r.map(|slippage| format!(" Slippage {slippage} R.")).unwrap_or_default();
    let body = format!("{} shares of this order so far; fees ${}.{slippage}", fill.cumulative_qty, fill.fees);
    Notice {
        id: id.to_string(),
        topic: Some(Topic::Fills),
        severity: Severity::Info,
        title: format!("{}: {verb} {} at ${} ({})", fill.symbol, fill.quantity, fill.price, fill.leg.as_str()),
        body,
        what_to_do: None,
        service: "executor".to_owned(),
        code: None,
        symbol: Some(fill.symbol.to_string()),
        plan_id: Some(fill.plan_id.to_string()),
        at: fill.ts_event,
        place: format!("#/plans/{}", fill.plan_id),
        like: format!("fill/{}", fill.client_order_id),
    }
}

fn of_idle_day(id: &EventId, day: &DayOpened) -> Notice {
    Notice {
        title: format!("nothing is traded on {}: observing only", day.session_date),
        body: day.observe_only.join("\n"),
        ..of_state(id, "risk-engine", Severity::Critical, Some(runbook::OBSERVE_ONLY), day.at)
    }
}

fn of_limit(id: &EventId, lowered: &TradingStateLowered) -> Notice {
    let (value, threshold, unit) = (lowered.value, lowered.threshold, lowered.limit.unit());
    Notice {
        title: format!("a limit lowered the trading state to {}", lowered.state.as_str()),
        body: format!("{value} {unit}, the limit is {threshold}. It holds for {}.", lowered.session_date),
        ..of_state(id, "risk-engine", Severity::Critical, Some(runbook::LIMIT), lowered.at)
    }
}

fn by_person(meta: &Meta, severity: Severity, title: &str, todo: Option<&str>, by: &Authorship) -> Notice {
    Notice {
        title: format!("{title} by {}", by.author),
        body: format!("Reason: {}", by.reason),
        ..of_state(&meta.id, &meta.source, severity, todo, by.requested_at)
    }
}

/// A notice about what may be traded; every one of them is told by itself.
fn of_state(id: &EventId, service: &str, severity: Severity, todo: Option<&str>, at: UnixNanos) -> Notice {
    Notice {
        id: id.to_string(),
        topic: Some(Topic::TradingState),
        severity,
        title: String::new(),
        body: String::new(),
        what_to_do: todo.map(str::to_owned),
        service: service.to_owned(),
        code: None,
        symbol: None,
        plan_id: None,
        at,
        place: "#/".to_owned(),
        like: id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use testkit::build;

    use super::*;

    fn of(event: impl Into<Event>) -> Option<Notice> {
        match told(&event.into(), &build::meta(&["e"], "test")) {
            Told::Notice(notice) => Some(*notice),
            Told::Nothing | Told::Summary(_) => None,
        }
    }

    #[test]
    fn an_error_says_what_where_and_what_to_do() {
        let mut error = build::error_raised("executor", "uncovered");
        error.message = "GME: 0 of 100 shares are under a working stop; repairing".into();
        error.subject = Some("20261124-GME".into());
        let notice = of(error.clone()).unwrap();
        assert_eq!(notice.title, format!("executor: {}", error.message));
        assert_eq!((notice.plan_id.as_deref(), notice.body.as_str()), (Some("20261124-GME"), "About 20261124-GME."));
        assert!(notice.what_to_do.unwrap().contains("stop"));
        assert_eq!(notice.place, "#/plans/20261124-GME");
    }

    #[test]
    fn one_position_in_trouble_is_not_like_another_and_one_feed_is() {
        let like = |code: &str, subject: &str| {
            let error = ErrorRaised { subject: Some(subject.into()), ..build::error_raised("executor", code) };
            of(error).unwrap().like
        };
        assert_ne!(like("uncovered", "20261124-GME"), like("uncovered", "20261124-AMC"));
        assert_eq!(like("dead_letter", "a"), like("dead_letter", "b"));
    }

    #[test]
    fn what_says_that_an_alert_failed_is_no_alert() {
        assert_eq!(of(build::error_raised("coordinator-api", UNDELIVERED)), None);
    }

    #[test]
    fn a_fill_names_symbol_side_price_and_plan() {
        let notice = of(build::fill("GME")).unwrap();
        assert_eq!(notice.title, "GME: bought 40 at $25.52 (entry)");
        assert!(notice.plan_id.is_some() && notice.body.contains("0.1 R"), "{notice:?}");
    }

    #[test]
    fn a_trading_day_is_no_news_and_an_observing_one_is() {
        assert_eq!(of(build::day_opened()), None);
        let idle = DayOpened { observe_only: vec!["the feed is away".into()], ..build::day_opened() };
        assert_eq!(of(idle).unwrap().severity, Severity::Critical);
    }
}
