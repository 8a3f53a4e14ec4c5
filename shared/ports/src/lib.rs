//! What the suite asks of market-data vendors, news vendors and brokers.
