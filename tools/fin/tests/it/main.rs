//! `fin` as a person runs it.

mod reference;
