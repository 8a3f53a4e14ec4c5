//! Which vendor is asked for what: the ranks of the configuration, turned into ports.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use bus::Register;
use domain::Symbol;
use domain::market::Tape;
use domain::ops::Severity;
use ports::{ActionsPort, Answer, ClosePort, HistoryPort, LendingPort, NewsPort, ProfilePort, VendorError};

use crate::GatewayContext;
use crate::adapters::alpaca::{AlpacaClient, AlpacaConfig};
use crate::adapters::alphavantage::AlphaVantageClient;
use crate::adapters::finnhub::FinnhubClient;
use crate::adapters::gate::Gate;
use crate::adapters::yahoo::YahooClient;
use crate::config::Vendor;
use crate::error::{GatewayError, chain};
use crate::keys;

/// The vendors to ask for each need, best first. Their breakers last as long as this.
pub(crate) struct Sources {
    /// Whose feed it is: listings and holidays.
    pub(crate) finnhub: Arc<FinnhubClient>,
    pub(crate) history: Vec<Arc<dyn HistoryPort>>,
    pub(crate) second_close: Vec<Arc<dyn ClosePort>>,
    pub(crate) actions: Vec<Arc<dyn ActionsPort>>,
    pub(crate) sector: Vec<Arc<dyn ProfilePort>>,
    pub(crate) float: Vec<Arc<dyn ProfilePort>>,
    pub(crate) lending: Vec<Arc<dyn LendingPort>>,
    pub(crate) news: Vec<Arc<dyn NewsPort>>,
}

/// The clients; those without keys are missing.
struct Clients {
    finnhub: Arc<FinnhubClient>,
    yahoo: Arc<YahooClient>,
    alpaca: Option<Arc<AlpacaClient>>,
    alphavantage: Option<Arc<AlphaVantageClient>>,
}

impl Sources {
    /// The ports that the configuration names. A vendor whose key is not given is left out, with a warning.
    ///
    /// # Errors
    /// A key that cannot be read or sent. Whether a vendor can serve a need was checked with the configuration.
    pub(crate) fn new(context: &GatewayContext) -> Result<Self, GatewayError> {
        let clients = Clients::new(context)?;
        let wanted = &context.config.sources;
        let Clients { finnhub, yahoo, alpaca, alphavantage } = &clients;
        let alpaca = || alpaca.clone();
        let alphavantage = || alphavantage.clone();
        Ok(Self {
            finnhub: finnhub.clone(),
            history: ranked(&wanted.history, |vendor| match vendor {
                Vendor::Alpaca => Some(alpaca()? as Arc<dyn HistoryPort>),
                Vendor::Yahoo => Some(yahoo.clone()),
                Vendor::Alphavantage => Some(alphavantage()?),
                Vendor::Finnhub => None,
            }),
            second_close: ranked(&wanted.second_close, |vendor| match vendor {
                Vendor::Alpaca => Some(alpaca()? as Arc<dyn ClosePort>),
                Vendor::Yahoo => Some(yahoo.clone()),
                Vendor::Alphavantage => Some(alphavantage()?),
                Vendor::Finnhub => Some(finnhub.clone()),
            }),
            actions: ranked(&wanted.actions, |vendor| match vendor {
                Vendor::Alpaca => Some(alpaca()? as Arc<dyn ActionsPort>),
                Vendor::Yahoo => Some(yahoo.clone()),
                Vendor::Alphavantage | Vendor::Finnhub => None,
            }),
            sector: ranked(&wanted.sector, |vendor| profiles(finnhub, vendor)),
            float: ranked(&wanted.float, |vendor| profiles(finnhub, vendor)),
            lending: ranked(&wanted.lending, |vendor| match vendor {
                Vendor::Alpaca => Some(alpaca()? as Arc<dyn LendingPort>),
                Vendor::Yahoo | Vendor::Alphavantage | Vendor::Finnhub => None,
            }),
            news: ranked(&wanted.news, |vendor| match vendor {
                Vendor::Alpaca => Some(alpaca()? as Arc<dyn NewsPort>),
                Vendor::Finnhub => Some(finnhub.clone()),
                Vendor::Alphavantage => Some(alphavantage()?),
                Vendor::Yahoo => None,
            }),
        })
    }
}

fn profiles(finnhub: &Arc<FinnhubClient>, vendor: Vendor) -> Option<Arc<dyn ProfilePort>> {
    match vendor {
        Vendor::Finnhub => Some(finnhub.clone()),
        Vendor::Alpaca | Vendor::Yahoo | Vendor::Alphavantage => None,
    }
}

fn ranked<P: ?Sized>(wanted: &[Vendor], port: impl Fn(Vendor) -> Option<Arc<P>>) -> Vec<Arc<P>> {
    wanted.iter().copied().filter_map(port).collect()
}

impl Clients {
    fn new(context: &GatewayContext) -> Result<Self, GatewayError> {
        let (config, vendors) = (&context.config, &context.settings.vendors);
        let (budgets, opening_minutes) = (&config.budgets, config.reference.opening_minutes);
        let gate = |vendor, limits| {
            let register = Register::budget(&context.bus, context.name, vendor);
            Gate::new(vendor, limits).shared(register).traced(&context.tracer)
        };
        let finnhub_gate = gate("finnhub", budgets.finnhub);
        let finnhub = FinnhubClient::new(&vendors.finnhub.rest_url, &keys::finnhub(&context.settings)?, finnhub_gate)?;
        // Yahoo and Alpha Vantage know no other than the whole tape.
        let tape = if config.tape == Tape::Simulated { Tape::Simulated } else { Tape::Consolidated };
        let yahoo_gate = gate("yahoo", budgets.yahoo);
        let yahoo = YahooClient::new(&vendors.yahoo.rest_url, tape, opening_minutes, yahoo_gate)?;
        let alpaca = if let Some((key_id, secret)) = keys::alpaca(&context.settings)? {
            let config = AlpacaConfig {
                data_url: vendors.alpaca.data_url(),
                trading_url: &vendors.alpaca.rest_url,
                key_id: &key_id,
                secret: &secret,
                tape: config.tape,
                opening_minutes,
            };
            Some(Arc::new(AlpacaClient::new(&config, gate("alpaca", budgets.alpaca))?))
        } else {
            left_out(context, Vendor::Alpaca);
            None
        };
        let alphavantage = if let Some(key) = keys::alphavantage(&context.settings)? {
            let gate = gate("alphavantage", budgets.alphavantage);
            let url = &vendors.alphavantage.rest_url;
            Some(Arc::new(AlphaVantageClient::new(url, &key, tape, opening_minutes, gate)?))
        } else {
            left_out(context, Vendor::Alphavantage);
            None
        };
        Ok(Self { finnhub: Arc::new(finnhub), yahoo: Arc::new(yahoo), alpaca, alphavantage })
    }
}

fn left_out(context: &GatewayContext, vendor: Vendor) {
    if context.config.sources.names(vendor) {
        let message = format!("{vendor} has no key and is not asked for anything");
        let detail = format!("set vendors.{vendor}.key_file, or take {vendor} out of gateway.sources");
        let subject = vendor.to_string();
        context.errors.raise(Severity::Warning, "source_left_out", message, detail, Some(&subject));
    }
}

/// Asks `ports` in their order, each for the symbols that the ones before did not tell, and says who told what. A
/// failure is handed to `failed`; what was told before it counts.
pub(crate) async fn ask<P, T, F>(
    ports: &[Arc<P>],
    symbols: &[Symbol],
    call: impl Fn(Arc<P>, Vec<Symbol>) -> F,
    mut failed: impl FnMut(VendorError),
) -> HashMap<Symbol, (Arc<P>, T)>
where
    P: ?Sized,
    F: Future<Output = Answer<T>>,
{
    let mut told: HashMap<Symbol, (Arc<P>, T)> = HashMap::new();
    for port in ports {
        let missing: Vec<Symbol> = symbols.iter().filter(|symbol| !told.contains_key(*symbol)).cloned().collect();
        if missing.is_empty() {
            break;
        }
        let answer = call(port.clone(), missing).await;
        told.extend(answer.told.into_iter().map(|(symbol, fact)| (symbol, (port.clone(), fact))));
        answer.failure.into_iter().for_each(&mut failed);
    }
    told
}

/// Raises a vendor's failure; repetitions are counted.
pub(crate) fn raise(context: &GatewayContext, error: &VendorError) {
    let vendor = error.vendor();
    let message = format!("{vendor} fails; another source is asked where there is one");
    context.errors.raise(Severity::Warning, "source_failed", message, chain(error), Some(vendor));
}
