//! Whole-suite tests and benchmarks on real servers.
