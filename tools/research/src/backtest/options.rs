//! The parts of the command line that say which market is played and how orders fill in it.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use domain::Usd;
use domain::market::ConditionScheme;

use super::fills::{Distance, FillModel};
use crate::files::{Layout, Options};

/// Which market, under which rules.
#[derive(Debug, Clone, clap::Args)]
pub struct MarketArguments {
    /// Folder of recorded sessions.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The strategy file.
    #[arg(long, value_name = "FILE", default_value = "config/strategy.yaml")]
    pub strategy: PathBuf,
    /// Stop at the first row that makes no sense, instead of counting and naming them.
    #[arg(long)]
    pub strict: bool,
    /// Which layouts to look for in the folder.
    #[arg(long, value_enum, default_value_t)]
    pub layout: Layout,
    /// How the documented trades write their conditions: finnhub, cta or utp.
    #[arg(long, value_name = "SCHEME", default_value = "finnhub", value_parser = scheme)]
    pub conditions: ConditionScheme,
    /// Seed of trades made from minute bars; the default is that of `fin up`.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Split factor of a daily-yahoo file, SYMBOL=F; found out where not given.
    #[arg(long, value_name = "SYMBOL=F", value_parser = factor)]
    pub factor: Vec<(String, f64)>,
    /// Rows read at a time; changes memory, not results.
    #[arg(long, value_name = "ROWS", default_value_t = 8_192)]
    pub batch_rows: usize,
}

/// The account and how its orders fill.
#[derive(Debug, Clone, clap::Args)]
pub struct AccountArguments {
    /// Equity at the start, USD.
    #[arg(long, value_name = "USD", default_value = "100000")]
    pub equity: Usd,
    /// What may be bought, in multiples of equity.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub leverage: i64,
    /// Between bid and ask, around each print: ticks:N or bps:N.
    #[arg(long, value_name = "MODEL", default_value = "ticks:2")]
    pub spread: Distance,
    /// On top of half the spread: ticks:N, bps:N or spread:F.
    #[arg(long, value_name = "MODEL", default_value = "ticks:0")]
    pub slippage: Distance,
    /// Part of a print's shares that our orders may have, per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 10)]
    pub participation: u64,
    /// From sending an order until it works, milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub latency_ms: u32,
}

impl MarketArguments {
    /// Where the files are that the strategy names.
    pub(super) fn strategy_folder(&self) -> &Path {
        self.strategy.parent().unwrap_or(Path::new(""))
    }

    pub(super) fn options(&self) -> anyhow::Result<Options> {
        ensure!((1..=1 << 20).contains(&self.batch_rows), "--batch-rows must be 1 to 1048576");
        Ok(Options {
            layout: self.layout,
            conditions: self.conditions,
            seed: self.seed,
            strict: self.strict,
            batch_rows: self.batch_rows,
            factors: self.factor.iter().cloned().collect(),
        })
    }
}

impl AccountArguments {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!((1..=100).contains(&self.participation), "--participation is {}, must be 1 to 100", self.participation);
        ensure!(self.equity > Usd::ZERO, "--equity is {}, must be positive", self.equity);
        ensure!((1..=100).contains(&self.leverage), "--leverage is {}, must be 1 to 100", self.leverage);
        ensure!(!matches!(self.spread, Distance::OfSpread(_)), "--spread is ticks:N or bps:N");
        Ok(())
    }

    pub(super) fn fill_model(&self) -> FillModel {
        FillModel {
            spread: self.spread,
            slippage: self.slippage,
            participation_pct: self.participation,
            latency: i64::from(self.latency_ms) * 1_000_000,
        }
    }

    /// As the results name them.
    pub(super) fn settings(&self, seed: u64) -> serde_json::Value {
        serde_json::json!({
            "equity": self.equity,
            "leverage": self.leverage,
            "spread": self.spread.to_string(),
            "slippage": self.slippage.to_string(),
            "participation_pct": self.participation,
            "latency_ms": self.latency_ms,
            "seed": seed,
        })
    }
}

fn scheme(text: &str) -> Result<ConditionScheme, String> {
    match text {
        "finnhub" => Ok(ConditionScheme::Finnhub),
        "cta" => Ok(ConditionScheme::Cta),
        "utp" => Ok(ConditionScheme::Utp),
        "sip" => Ok(ConditionScheme::Sip),
        other => Err(format!("`{other}` is not finnhub, cta, utp or sip")),
    }
}

fn factor(text: &str) -> Result<(String, f64), String> {
    let parsed = text.split_once('=').and_then(|(symbol, f)| Some((symbol.to_owned(), f.parse::<f64>().ok()?)));
    parsed.filter(|(_, f)| f.is_finite() && *f > 0.0).ok_or_else(|| format!("`{text}` is not SYMBOL=F with F above 0"))
}
