//! What opens the vendors' doors. The simulator opens to anything that begins with `sim`.

use chassis::{Fault, Profile, Settings};

use crate::config::{SourcesConfig, Vendor};

/// What the simulator takes for a key.
const SIM: &str = "sim";

/// What is wrong with the keys of the vendors.
pub(crate) fn check(settings: &Settings, sources: &SourcesConfig) -> Vec<Fault> {
    let alpaca = alpaca(settings);
    let unread = matches!(alpaca, Ok(None)) && !sources.trades.is_empty();
    let unread = unread && sources.trades.iter().all(|vendor| *vendor == Vendor::Alpaca);
    let unread = unread.then(|| {
        Fault::new(
            "gateway.sources.trades",
            "names alpaca alone, and vendors.alpaca.key_file and secret_file are not set",
        )
    });
    let faults = [finnhub(settings).err(), alpaca.err(), alphavantage(settings).err(), unread];
    faults.into_iter().flatten().collect()
}

/// Finnhub's token: whoever feeds the trades, it tells the listings and the holidays.
///
/// # Errors
/// It is missing or cannot be read.
pub fn finnhub(settings: &Settings) -> Result<String, Fault> {
    let finnhub = &settings.vendors.finnhub;
    if is_simulated(settings) && !finnhub.has_token() {
        return Ok(SIM.to_owned());
    }
    Ok(finnhub.token()?.expose().to_owned())
}

/// Alpaca's key and secret, where they are named.
///
/// # Errors
/// They cannot be read.
pub fn alpaca(settings: &Settings) -> Result<Option<(String, String)>, Fault> {
    let alpaca = &settings.vendors.alpaca;
    if alpaca.has_keys() {
        return Ok(Some((alpaca.key()?.expose().to_owned(), alpaca.secret()?.expose().to_owned())));
    }
    Ok(is_simulated(settings).then(|| (SIM.to_owned(), SIM.to_owned())))
}

/// Alpha Vantage's key, where it is named.
///
/// # Errors
/// It cannot be read.
pub fn alphavantage(settings: &Settings) -> Result<Option<String>, Fault> {
    let alphavantage = &settings.vendors.alphavantage;
    if alphavantage.has_key() {
        return Ok(Some(alphavantage.key()?.expose().to_owned()));
    }
    Ok(is_simulated(settings).then(|| SIM.to_owned()))
}

fn is_simulated(settings: &Settings) -> bool {
    settings.profile == Profile::Dev
}
