//! The stream's messages as Alpaca writes them. Unknown fields are ignored; numbers of prices keep their text.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What every message begins with.
#[derive(Debug, Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(rename = "T", borrow)]
    pub(super) kind: Cow<'a, str>,
}

/// `t`: a trade.
#[derive(Debug, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(rename = "S", borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) p: &'a RawValue,
    #[serde(borrow)]
    pub(super) s: &'a RawValue,
    #[serde(borrow)]
    pub(super) t: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) c: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    pub(super) z: Option<Cow<'a, str>>,
}

/// `b`: the bar of a minute that is over; `t` is its start, `n` its trades. The free documentation's older examples have
/// no `n`.
#[derive(Debug, Deserialize)]
pub(super) struct Bar<'a> {
    #[serde(rename = "S", borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) t: Cow<'a, str>,
    #[serde(default)]
    pub(super) n: Option<u32>,
}

/// `s`: a change of trading status.
#[derive(Debug, Deserialize)]
pub(super) struct Status<'a> {
    #[serde(rename = "S", borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) sc: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) sm: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) rc: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) rm: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) t: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) z: Cow<'a, str>,
}

/// `c`: a trade, and what is right instead.
#[derive(Debug, Deserialize)]
pub(super) struct Correction<'a> {
    #[serde(rename = "S", borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) oi: &'a RawValue,
    #[serde(borrow)]
    pub(super) op: &'a RawValue,
    #[serde(borrow)]
    pub(super) os: &'a RawValue,
    #[serde(borrow)]
    pub(super) cp: &'a RawValue,
    #[serde(borrow)]
    pub(super) cs: &'a RawValue,
    #[serde(borrow)]
    pub(super) t: Cow<'a, str>,
}

/// `x`: a trade that is taken back; `a` is `C` for cancelled or `E` for an error.
#[derive(Debug, Deserialize)]
pub(super) struct Cancel<'a> {
    #[serde(rename = "S", borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) i: &'a RawValue,
    #[serde(borrow)]
    pub(super) p: &'a RawValue,
    #[serde(borrow)]
    pub(super) s: &'a RawValue,
    #[serde(borrow, default)]
    pub(super) a: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) t: Cow<'a, str>,
}

/// `success`, `error` and `subscription`, with each one's own fields.
#[derive(Debug, Deserialize)]
pub(super) struct Control<'a> {
    #[serde(rename = "T", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(default)]
    pub(super) code: Option<u32>,
    #[serde(default)]
    pub(super) msg: Option<String>,
    #[serde(default)]
    pub(super) trades: Option<Vec<String>>,
}

impl Control<'_> {
    pub(super) fn is(&self, kind: &str, msg: &str) -> bool {
        self.kind == kind && self.msg.as_deref() == Some(msg)
    }
}
