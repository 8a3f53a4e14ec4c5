//! JetStream: topology, publish, consume, dead letters, fold.
