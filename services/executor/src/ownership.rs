//! One executor works on an account: a lease says who, and a fence in ORDER keeps whoever was it before from going on.

use bus::{BusError, Created, Fence, Lease};
use chassis::Context;
use domain::execution::OwnerChanged;
use domain::{Event, Meta};
use tokio::time::sleep;

use crate::config::Config;
use crate::ids;

/// The right to trade the account.
pub(crate) struct Ownership {
    lease: Lease,
    fence: Fence,
}

impl Ownership {
    /// Makes the holder of `lease` the only one whose orders are recorded; `None` if it is asked to stop first. Where the
    /// owner before may be frozen with a call under way, that call is waited for.
    ///
    /// # Errors
    /// `BusError::Fenced` (Fatal): another owner was quicker.
    pub(crate) async fn take(ctx: &Context<Config>, lease: Lease) -> Result<Option<Self>, BusError> {
        let event = Event::from(OwnerChanged {
            account: ctx.config.account_number.clone().unwrap_or_else(|| "default".to_owned()),
            epoch: lease.epoch(),
            instance: ctx.instance.clone(),
            at: ctx.clock.now(),
        });
        let meta = ctx.meta(ids::event_id(&event)).build();
        let fence = ctx.publisher.raise_fence(&event, &meta).await?;
        if lease.lapsed() {
            tracing::info!("waiting for calls that the owner before may have under way");
            tokio::select! {
                () = ctx.shutdown.cancelled() => {
                    lease.release().await;
                    return Ok(None);
                }
                () = sleep(ctx.config.call_timeout()) => {}
            }
        }
        Ok(Some(Self { lease, fence }))
    }

    /// Records an order that is to be sent, unless another owner has come.
    ///
    /// # Errors
    /// `BusError::Fenced` (Fatal): another owner has come, and nothing was stored.
    pub(crate) async fn intend(&self, ctx: &Context<Config>, event: &Event, meta: &Meta) -> Result<Created, BusError> {
        ctx.publisher.create_behind(event, meta, &self.fence).await
    }

    /// True while nobody else can be the owner.
    pub(crate) fn is_held(&self) -> bool {
        self.lease.is_held()
    }

    /// Waits until it is lost.
    pub(crate) async fn lost(&self) {
        self.lease.lost().await;
    }

    /// Gives the account back.
    pub(crate) async fn release(&self) {
        self.lease.release().await;
    }
}
