//! `finagent.ops.v1`.

use domain::UnixNanos;
use domain::ops::{ErrorRaised, ReadinessCheck, ReadinessReported, Severity};

use crate::error::DecodeError;
use crate::fields::{Fields, Wire, WireEnum, wire_enum, wires};
use crate::wire::ops::v1 as wire;

wire_enum! {
    Severity = wire::Severity { Info, Warning, Critical }
}

impl Wire for ErrorRaised {
    type Message = wire::ErrorRaised;
    const NAME: &'static str = "ops.v1.ErrorRaised";

    fn to_wire(&self) -> Self::Message {
        wire::ErrorRaised {
            error_id: self.error_id.clone(),
            severity: self.severity.to_wire(),
            service: self.service.clone(),
            code: self.code.clone(),
            message: self.message.clone(),
            detail: self.detail.clone(),
            subject: self.subject.clone(),
            at: self.at.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            error_id: f.text("error_id", wire.error_id)?,
            severity: f.one_of("severity", wire.severity)?,
            service: f.text("service", wire.service)?,
            code: f.text("code", wire.code)?,
            message: wire.message,
            detail: wire.detail,
            subject: wire.subject,
            at: UnixNanos::new(wire.at),
        })
    }
}

impl Wire for ReadinessCheck {
    type Message = wire::ReadinessCheck;
    const NAME: &'static str = "ops.v1.ReadinessCheck";

    fn to_wire(&self) -> Self::Message {
        wire::ReadinessCheck { name: self.name.clone(), ok: self.ok, detail: self.detail.clone() }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        Ok(Self { name: Fields(Self::NAME).text("name", wire.name)?, ok: wire.ok, detail: wire.detail })
    }
}

impl Wire for ReadinessReported {
    type Message = wire::ReadinessReported;
    const NAME: &'static str = "ops.v1.ReadinessReported";

    fn to_wire(&self) -> Self::Message {
        wire::ReadinessReported {
            service: self.service.clone(),
            instance: self.instance.clone(),
            version: self.version.clone(),
            ready: self.ready,
            running: self.running,
            checks: wires(&self.checks),
            at: self.at.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            service: f.text("service", wire.service)?,
            instance: f.text("instance", wire.instance)?,
            version: wire.version,
            ready: wire.ready,
            running: wire.running,
            checks: f.messages("checks", wire.checks)?,
            at: UnixNanos::new(wire.at),
        })
    }
}
