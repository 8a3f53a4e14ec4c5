//! `finagent.order.v1`.

use domain::execution::{
    AccountObserved, CloseReason, DeadlineClock, DeadlineReached, DeadlineStep, FillRecorded, Leg, OrderIntended,
    OrderState, OrderType, OrderUpdated, OwnerChanged, PlanClosed, PlanExecuted, PositionReconciled,
};
use domain::{ClientOrderId, Micro, PlanId, Price, UnixNanos, Usd, VenueOrderId};

use crate::error::DecodeError;
use crate::fields::{Fields, Wire, WireEnum, texts, wire_enum};
use crate::wire::order::v1 as wire;

wire_enum! {
    Leg = wire::Leg { Entry, Stop, Target, Exit }
    OrderType = wire::OrderType { Market, Limit, Stop, StopLimit }
    OrderState = wire::OrderState {
        Intended, Unknown, Accepted, Working, PartiallyFilled, PendingCancel, Filled, Canceled, Expired, Replaced,
        Rejected
    }
    CloseReason = wire::CloseReason {
        StopLoss, TakeProfit, FlatByClose, Flattened, EntryExpired, EntryWithdrawn, EntryRejected, Abandoned,
        ClosedElsewhere
    }
    DeadlineStep = wire::DeadlineStep { NoEntry, CancelEntries, PassiveExit, MarketableExit, MarketExit, Verify }
    DeadlineClock = wire::DeadlineClock { Watermark, Broker }
}

impl Wire for OrderIntended {
    type Message = wire::OrderIntended;
    const NAME: &'static str = "order.v1.OrderIntended";

    fn to_wire(&self) -> Self::Message {
        wire::OrderIntended {
            client_order_id: self.client_order_id.to_string(),
            plan_id: self.plan_id.to_string(),
            account: self.account.clone(),
            session_date: self.session_date.epoch_days(),
            symbol: self.symbol.to_string(),
            leg: self.leg.to_wire(),
            attempt: self.attempt,
            side: self.side.to_wire(),
            order_type: self.order_type.to_wire(),
            quantity: self.quantity,
            limit_price: self.limit_price.map(Price::nanos),
            stop_price: self.stop_price.map(Price::nanos),
            stop_loss: self.stop_loss.map(Price::nanos),
            take_profit: self.take_profit.map(Price::nanos),
            ts_event: self.ts_event.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            client_order_id: ClientOrderId::from_wire(f.text("client_order_id", wire.client_order_id)?),
            plan_id: PlanId::from_wire(f.text("plan_id", wire.plan_id)?),
            account: f.text("account", wire.account)?,
            session_date: f.date("session_date", wire.session_date)?,
            symbol: f.symbol("symbol", &wire.symbol)?,
            leg: f.one_of("leg", wire.leg)?,
            attempt: f.ordinal("attempt", wire.attempt)?,
            side: f.one_of("side", wire.side)?,
            order_type: f.one_of("order_type", wire.order_type)?,
            quantity: f.shares("quantity", wire.quantity)?,
            limit_price: f.optional_price("limit_price", wire.limit_price)?,
            stop_price: f.optional_price("stop_price", wire.stop_price)?,
            stop_loss: f.optional_price("stop_loss", wire.stop_loss)?,
            take_profit: f.optional_price("take_profit", wire.take_profit)?,
            ts_event: UnixNanos::new(wire.ts_event),
        })
    }
}

impl Wire for OrderUpdated {
    type Message = wire::OrderUpdated;
    const NAME: &'static str = "order.v1.OrderUpdated";

    fn to_wire(&self) -> Self::Message {
        wire::OrderUpdated {
            client_order_id: self.client_order_id.to_string(),
            venue_order_id: self.venue_order_id.as_ref().map(ToString::to_string),
            plan_id: self.plan_id.to_string(),
            symbol: self.symbol.to_string(),
            leg: self.leg.to_wire(),
            side: self.side.to_wire(),
            order_type: self.order_type.to_wire(),
            state: self.state.to_wire(),
            quantity: self.quantity,
            filled_qty: self.filled_qty,
            avg_fill_price: self.avg_fill_price.map(Price::nanos),
            limit_price: self.limit_price.map(Price::nanos),
            stop_price: self.stop_price.map(Price::nanos),
            reason: self.reason.clone(),
            ts_event: self.ts_event.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        let venue_order_id = wire.venue_order_id.map(|id| f.text("venue_order_id", id)).transpose()?;
        Ok(Self {
            client_order_id: ClientOrderId::from_wire(f.text("client_order_id", wire.client_order_id)?),
            venue_order_id: venue_order_id.map(VenueOrderId::from_wire),
            plan_id: PlanId::from_wire(f.text("plan_id", wire.plan_id)?),
            symbol: f.symbol("symbol", &wire.symbol)?,
            leg: f.one_of("leg", wire.leg)?,
            side: f.one_of("side", wire.side)?,
            order_type: f.one_of("order_type", wire.order_type)?,
            state: f.one_of("state", wire.state)?,
            quantity: f.shares("quantity", wire.quantity)?,
            filled_qty: wire.filled_qty,
            avg_fill_price: f.optional_price("avg_fill_price", wire.avg_fill_price)?,
            limit_price: f.optional_price("limit_price", wire.limit_price)?,
            stop_price: f.optional_price("stop_price", wire.stop_price)?,
            reason: wire.reason,
            ts_event: UnixNanos::new(wire.ts_event),
        })
    }
}

impl Wire for FillRecorded {
    type Message = wire::FillRecorded;
    const NAME: &'static str = "order.v1.FillRecorded";

    fn to_wire(&self) -> Self::Message {
        wire::FillRecorded {
            client_order_id: self.client_order_id.to_string(),
            venue_order_id: self.venue_order_id.to_string(),
            plan_id: self.plan_id.to_string(),
            symbol: self.symbol.to_string(),
            leg: self.leg.to_wire(),
            side: self.side.to_wire(),
            quantity: self.quantity,
            price: self.price.nanos(),
            cumulative_qty: self.cumulative_qty,
            fees: self.fees.nanos(),
            slippage_r: self.slippage_r.map(Micro::micros),
            ts_event: self.ts_event.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        let at_least_this_fill = |total: &u64| *total >= wire.quantity;
        Ok(Self {
            client_order_id: ClientOrderId::from_wire(f.text("client_order_id", wire.client_order_id)?),
            venue_order_id: VenueOrderId::from_wire(f.text("venue_order_id", wire.venue_order_id)?),
            plan_id: PlanId::from_wire(f.text("plan_id", wire.plan_id)?),
            symbol: f.symbol("symbol", &wire.symbol)?,
            leg: f.one_of("leg", wire.leg)?,
            side: f.one_of("side", wire.side)?,
            quantity: f.shares("quantity", wire.quantity)?,
            price: f.price("price", wire.price)?,
            cumulative_qty: f.check(
                "cumulative_qty",
                wire.cumulative_qty,
                at_least_this_fill,
                "at least the quantity of this fill",
            )?,
            fees: Usd::from_nanos(wire.fees),
            slippage_r: wire.slippage_r.map(Micro::from_micros),
            ts_event: UnixNanos::new(wire.ts_event),
        })
    }
}

impl Wire for PlanExecuted {
    type Message = wire::PlanExecuted;
    const NAME: &'static str = "order.v1.PlanExecuted";

    fn to_wire(&self) -> Self::Message {
        wire::PlanExecuted {
            plan_id: self.plan_id.to_string(),
            symbol: self.symbol.to_string(),
            side: self.side.to_wire(),
            quantity: self.quantity,
            avg_entry_price: self.avg_entry_price.nanos(),
            stop_price: self.stop_price.nanos(),
            ts_event: self.ts_event.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            plan_id: PlanId::from_wire(f.text("plan_id", wire.plan_id)?),
            symbol: f.symbol("symbol", &wire.symbol)?,
            side: f.one_of("side", wire.side)?,
            quantity: f.shares("quantity", wire.quantity)?,
            avg_entry_price: f.price("avg_entry_price", wire.avg_entry_price)?,
            stop_price: f.price("stop_price", wire.stop_price)?,
            ts_event: UnixNanos::new(wire.ts_event),
        })
    }
}

impl Wire for PlanClosed {
    type Message = wire::PlanClosed;
    const NAME: &'static str = "order.v1.PlanClosed";

    fn to_wire(&self) -> Self::Message {
        wire::PlanClosed {
            plan_id: self.plan_id.to_string(),
            symbol: self.symbol.to_string(),
            session_date: self.session_date.epoch_days(),
            reason: self.reason.to_wire(),
            quantity: self.quantity,
            avg_entry_price: self.avg_entry_price.map(Price::nanos),
            avg_exit_price: self.avg_exit_price.map(Price::nanos),
            realized_pnl: self.realized_pnl.nanos(),
            fees: self.fees.nanos(),
            r_multiple: self.r_multiple.micros(),
            ts_event: self.ts_event.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            plan_id: PlanId::from_wire(f.text("plan_id", wire.plan_id)?),
            symbol: f.symbol("symbol", &wire.symbol)?,
            session_date: f.date("session_date", wire.session_date)?,
            reason: f.one_of("reason", wire.reason)?,
            quantity: wire.quantity,
            avg_entry_price: f.optional_price("avg_entry_price", wire.avg_entry_price)?,
            avg_exit_price: f.optional_price("avg_exit_price", wire.avg_exit_price)?,
            realized_pnl: Usd::from_nanos(wire.realized_pnl),
            fees: Usd::from_nanos(wire.fees),
            r_multiple: Micro::from_micros(wire.r_multiple),
            ts_event: UnixNanos::new(wire.ts_event),
        })
    }
}

impl Wire for AccountObserved {
    type Message = wire::AccountObserved;
    const NAME: &'static str = "order.v1.AccountObserved";

    fn to_wire(&self) -> Self::Message {
        wire::AccountObserved {
            account: self.account.clone(),
            session_date: self.session_date.epoch_days(),
            equity: self.equity.nanos(),
            last_equity: self.last_equity.nanos(),
            cash: self.cash.nanos(),
            buying_power: self.buying_power.nanos(),
            long_market_value: self.long_market_value.nanos(),
            tradable: self.tradable,
            day_trade_count: self.day_trade_count,
            pattern_day_trader: self.pattern_day_trader,
            client_order_ids: texts(&self.client_order_ids),
            ts_event: self.ts_event.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        let client_order_ids = f.all_text("client_order_ids", wire.client_order_ids)?;
        Ok(Self {
            account: f.text("account", wire.account)?,
            session_date: f.date("session_date", wire.session_date)?,
            equity: Usd::from_nanos(wire.equity),
            last_equity: Usd::from_nanos(wire.last_equity),
            cash: Usd::from_nanos(wire.cash),
            buying_power: Usd::from_nanos(wire.buying_power),
            long_market_value: Usd::from_nanos(wire.long_market_value),
            tradable: wire.tradable,
            day_trade_count: wire.day_trade_count,
            pattern_day_trader: wire.pattern_day_trader,
            client_order_ids: client_order_ids.into_iter().map(ClientOrderId::from_wire).collect(),
            ts_event: UnixNanos::new(wire.ts_event),
        })
    }
}

impl Wire for PositionReconciled {
    type Message = wire::PositionReconciled;
    const NAME: &'static str = "order.v1.PositionReconciled";

    fn to_wire(&self) -> Self::Message {
        wire::PositionReconciled {
            symbol: self.symbol.to_string(),
            session_date: self.session_date.epoch_days(),
            expected_qty: self.expected_qty,
            broker_qty: self.broker_qty,
            covered_qty: self.covered_qty,
            detail: self.detail.clone(),
            ts_event: self.ts_event.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            symbol: f.symbol("symbol", &wire.symbol)?,
            session_date: f.date("session_date", wire.session_date)?,
            expected_qty: wire.expected_qty,
            broker_qty: wire.broker_qty,
            covered_qty: wire.covered_qty,
            detail: wire.detail,
            ts_event: UnixNanos::new(wire.ts_event),
        })
    }
}

impl Wire for DeadlineReached {
    type Message = wire::DeadlineReached;
    const NAME: &'static str = "order.v1.DeadlineReached";

    fn to_wire(&self) -> Self::Message {
        wire::DeadlineReached {
            session_date: self.session_date.epoch_days(),
            step: self.step.to_wire(),
            by: self.by.to_wire(),
            at: self.at.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            session_date: f.date("session_date", wire.session_date)?,
            step: f.one_of("step", wire.step)?,
            by: f.one_of("by", wire.by)?,
            at: UnixNanos::new(wire.at),
        })
    }
}

impl Wire for OwnerChanged {
    type Message = wire::OwnerChanged;
    const NAME: &'static str = "order.v1.OwnerChanged";

    fn to_wire(&self) -> Self::Message {
        wire::OwnerChanged {
            account: self.account.clone(),
            epoch: self.epoch,
            instance: self.instance.clone(),
            at: self.at.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            account: f.text("account", wire.account)?,
            epoch: wire.epoch,
            instance: wire.instance,
            at: UnixNanos::new(wire.at),
        })
    }
}
