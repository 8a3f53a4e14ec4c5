//! Signed decisions: only the holder of the risk engine's key can make the executor trade.
//!
//! The server's permissions say who may publish where, but a reader may name any subject as the place of a reply, and
//! those are not checked. So what RISK holds counts only with a signature over subject, id, type and bytes.

use std::fmt;
use std::path::Path;

use async_nats::HeaderMap;
use async_nats::header::HeaderName;
use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;

use crate::envelope;
use crate::error::BusError;

const SIGNATURE: HeaderName = HeaderName::from_static("fin-signature");

/// Makes signatures; held by the risk engine alone.
pub(crate) struct Signer(KeyPair);

impl Signer {
    /// Reads an Ed25519 seed in nkeys form (`SU…`) from a file.
    pub(crate) fn read(path: &Path) -> Result<Self, BusError> {
        let unreadable = |source| BusError::File { key: "signing_seed_file", path: path.to_owned(), source };
        let seed = std::fs::read_to_string(path).map_err(unreadable)?;
        let pair = KeyPair::from_seed(seed.trim()).map_err(|error| BusError::Config {
            key: "signing_seed_file",
            value: path.display().to_string(),
            source: error.into(),
        })?;
        Ok(Self(pair))
    }

    /// Signs the message that `headers` and `payload` make on `subject`.
    pub(crate) fn sign(&self, subject: &str, headers: &mut HeaderMap, payload: &[u8]) -> Result<(), BusError> {
        let signature = self.0.sign(&signed(subject, headers, payload));
        let signature = signature.map_err(|error| BusError::request(format!("signing {subject}"), error))?;
        headers.insert(SIGNATURE, BASE64URL_NOPAD.encode(&signature));
        Ok(())
    }
}

/// Checks signatures.
pub(crate) struct Verifier(KeyPair);

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", self.0.public_key())
    }
}

impl Verifier {
    /// Takes the public key in nkeys form (`U…`).
    pub(crate) fn new(public_key: &str) -> Result<Self, BusError> {
        let pair = KeyPair::from_public_key(public_key).map_err(|error| BusError::Config {
            key: "risk_public_key",
            value: public_key.to_owned(),
            source: error.into(),
        })?;
        Ok(Self(pair))
    }

    /// # Errors
    /// `Undecodable` (class Invalid) when the signature is missing or made for something else.
    pub(crate) fn check(&self, subject: &str, headers: Option<&HeaderMap>, payload: &[u8]) -> Result<(), BusError> {
        let refused = |reason: &str| BusError::Undecodable { subject: subject.to_owned(), reason: reason.to_owned() };
        let headers = headers.ok_or_else(|| refused("no header fin-signature"))?;
        let text = headers.get(SIGNATURE).ok_or_else(|| refused("no header fin-signature"))?;
        let signature = BASE64URL_NOPAD.decode(text.as_str().as_bytes());
        let signature = signature.map_err(|_| refused("fin-signature is not base64url"))?;
        self.0
            .verify(&signed(subject, headers, payload), &signature)
            .map_err(|_| refused("fin-signature was not made by the risk engine for this message"))
    }
}

/// A new pair: seed and public key, both in nkeys form.
pub fn new_key() -> Result<(String, String), BusError> {
    let pair = KeyPair::new_user();
    let seed = pair.seed().map_err(|error| BusError::request("making a key", error))?;
    Ok((seed, pair.public_key()))
}

/// The public key of a seed.
///
/// # Errors
/// `Config` (class Fatal) when `seed` is none.
pub fn public_key(seed: &str) -> Result<String, BusError> {
    let pair = KeyPair::from_seed(seed.trim());
    let pair = pair.map_err(|error| BusError::Config { key: "seed", value: "…".to_owned(), source: error.into() })?;
    Ok(pair.public_key())
}

/// What is signed; the parts cannot run into each other, because subject, id and type hold no line break.
fn signed(subject: &str, headers: &HeaderMap, payload: &[u8]) -> Vec<u8> {
    let id = envelope::id(Some(headers)).unwrap_or_default();
    let type_name = envelope::type_name(Some(headers)).unwrap_or_default();
    let mut bytes = format!("{subject}\n{id}\n{type_name}\n").into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}
