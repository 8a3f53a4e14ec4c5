//! RISK to the broker, and the broker's answers to ORDER.
