use domain::ops::{ErrorRaised, ReadinessCheck, ReadinessReported, Severity};

use super::Source;

pub(super) fn error_raised(s: &mut Source) -> ErrorRaised {
    ErrorRaised {
        error_id: s.name(),
        severity: s.pick(&[Severity::Info, Severity::Warning, Severity::Critical]),
        service: s.name(),
        code: s.name(),
        message: s.words(),
        detail: s.words(),
        subject: s.option(Source::words),
        at: s.time(),
    }
}

pub(super) fn readiness_reported(s: &mut Source) -> ReadinessReported {
    ReadinessReported {
        service: s.name(),
        instance: s.name(),
        version: s.words(),
        ready: s.flag(),
        running: s.flag(),
        checks: s.list(|s| ReadinessCheck { name: s.name(), ok: s.flag(), detail: s.words() }),
        at: s.time(),
    }
}
