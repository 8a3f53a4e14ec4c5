//! Speaks Finnhub, Yahoo, Alpha Vantage and Alpaca; replays real or made sessions.
