//! Every stream to the store.
