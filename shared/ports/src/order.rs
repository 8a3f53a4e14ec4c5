//! What the executor asks of a broker.

use async_trait::async_trait;
use domain::calendar::BrokerDay;
use domain::execution::{
    Answer, BrokerAccount, BrokerBook, BrokerClock, BrokerFill, BrokerOrder, BrokerPosition, NewOrder,
};
use domain::{ClientOrderId, Price, SessionDate, UnixNanos, VenueOrderId};

use crate::VendorError;

/// New prices of a working order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repricing {
    /// Our id of the order that takes the place of the old one.
    pub client_order_id: ClientOrderId,
    /// New stop price, for a stop.
    pub stop_price: Option<Price>,
    /// New limit price, for a limit.
    pub limit_price: Option<Price>,
}

/// A broker account. Calls have a deadline of their own; none that sends an order is ever repeated blindly.
#[async_trait]
pub trait OrderPort: Send + Sync {
    /// Sends an order under its client order id, once.
    async fn submit(&self, order: &NewOrder) -> Answer;

    /// Looks an order up, by the broker's id where known, else by ours.
    async fn find(&self, ours: &ClientOrderId, venue: Option<&VenueOrderId>) -> Answer;

    /// Cancels an order; the end of it comes as an update.
    async fn cancel(&self, venue: &VenueOrderId) -> Answer;

    /// Puts a repriced order in the place of a working one; the answer is the new order.
    async fn replace(&self, venue: &VenueOrderId, repricing: &Repricing) -> Answer;

    /// Orders submitted since `since` in any state, attached ones nested.
    async fn orders(&self, since: UnixNanos) -> Result<Vec<BrokerOrder>, VendorError>;

    /// Fills since `since`.
    async fn fills(&self, since: UnixNanos) -> Result<Vec<BrokerFill>, VendorError>;

    /// Open positions.
    async fn positions(&self) -> Result<Vec<BrokerPosition>, VendorError>;

    /// The account.
    async fn account(&self) -> Result<BrokerAccount, VendorError>;

    /// The broker's clock.
    async fn clock(&self) -> Result<BrokerClock, VendorError>;

    /// The days from `from` to `to`, both included, on which the broker says that the exchange trades.
    async fn calendar(&self, from: SessionDate, to: SessionDate) -> Result<Vec<BrokerDay>, VendorError>;

    /// Connects to the stream of order updates and stays connected until dropped.
    fn updates(&self) -> Box<dyn OrderUpdates>;

    /// Orders, fills and positions in one go, `as_of` being market time before the first of them is read.
    async fn book(&self, since: UnixNanos, as_of: UnixNanos) -> Result<BrokerBook, VendorError> {
        let orders = self.orders(since).await?;
        let fills = self.fills(since).await?;
        let positions = self.positions().await?;
        Ok(BrokerBook { orders, fills, positions, as_of })
    }
}

/// What the stream of order updates brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerUpdate {
    /// Listening; what happened before has to be read.
    Connected,
    /// Not listening any more.
    Disconnected(String),
    /// An order changed.
    Order(BrokerOrder),
    /// An order was filled, whole or in part; the order as it is now comes before it.
    Fill(BrokerFill),
    /// A message that could not be understood: the field and value at fault.
    Malformed(String),
}

/// The stream of order updates.
#[async_trait]
pub trait OrderUpdates: Send {
    /// The next update; safe to cancel. Waits for ever when the connection has been closed for good.
    async fn next(&mut self) -> BrokerUpdate;
}
