//! What every process needs: configuration, logs, metrics, health, clock, signals.
