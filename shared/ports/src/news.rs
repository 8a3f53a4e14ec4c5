//! Headlines.

use async_trait::async_trait;
use domain::market::NewsPublished;
use domain::{SessionDate, Symbol};

use crate::error::VendorError;

/// A vendor of headlines about companies.
#[async_trait]
pub trait NewsPort: Send + Sync {
    /// Every article about `symbol` published on the calendar dates `from..=to`, oldest first. Articles that cannot be
    /// read are left out.
    async fn company_news(
        &self,
        symbol: &Symbol,
        from: SessionDate,
        to: SessionDate,
    ) -> Result<Vec<NewsPublished>, VendorError>;
}
