//! Snapshots: a reader's state with the place that it stands for, so that a restart need not read everything again.
//!
//! The stream SNAP keeps the newest message of each subject. A snapshot is written as chunks on subjects of its own,
//! in turn on one of two sets, and counts from the moment when its head names them; a writer that dies half-way leaves
//! the one before in force. A snapshot that does not fit what its reader is now is not there.

use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use domain::StreamName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::connect::Bus;
use crate::error::BusError;
use crate::lease::Lease;
use crate::publish::{Outgoing, SequencedOutcome};

pub(crate) const STREAM: &str = "SNAP";
/// Well below the server's limit on a message, 1 MiB.
const CHUNK: usize = 512 << 10;
/// Nothing that a snapshot of this suite comes near; what claims more is not one.
const BYTES_MAX: usize = 1 << 30;

/// What a snapshot stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The stream that was folded.
    pub stream: StreamName,
    /// The last sequence folded.
    pub seq: u64,
}

/// Keeps the snapshots of one reader.
pub struct Snapshots {
    bus: Bus,
    /// `<service>.<reader>`.
    key: String,
    schema: u32,
    head: Option<Stored>,
}

struct Stored {
    revision: u64,
    set: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    schema: u32,
    stream: String,
    /// When the stream was made, ns since the epoch; another stream of the same name has other sequences.
    stream_created: i128,
    seq: u64,
    epoch: u64,
    set: u8,
    chunks: u32,
    bytes: usize,
    sha256: String,
}

impl Snapshots {
    /// Snapshots under `key` (`<service>.<reader>`) whose bytes have form `schema`; raise it with every change of form.
    pub fn new(bus: &Bus, key: impl Into<String>, schema: u32) -> Self {
        Self { bus: bus.clone(), key: key.into(), schema, head: None }
    }

    /// The newest snapshot that can be used, with the last sequence of `stream` that it stands for.
    ///
    /// # Errors
    /// Class Transient: the bus does not answer.
    pub async fn load(&mut self, stream: StreamName) -> Result<Option<(u64, Vec<u8>)>, BusError> {
        let found = self.bus.publisher().last_on(STREAM, &self.head_subject()).await?;
        let Some(message) = found else { return Ok(None) };
        let head: Head = match serde_json::from_slice(&message.payload) {
            Ok(head) => head,
            Err(error) => {
                tracing::warn!(key = self.key, %error, "snapshot cannot be read");
                self.head = Some(Stored { revision: message.sequence, set: 0 });
                return Ok(None);
            }
        };
        self.head = Some(Stored { revision: message.sequence, set: head.set });
        let (created, last) = stream_now(&self.bus, stream).await?;
        let fits = head.schema == self.schema
            && head.stream == stream.as_str()
            && head.stream_created == created
            && head.seq <= last
            && head.bytes <= BYTES_MAX;
        if !fits {
            tracing::info!(key = self.key, schema = head.schema, seq = head.seq, last, "snapshot does not fit; rebuilding");
            return Ok(None);
        }
        let mut packed = Vec::with_capacity(head.chunks as usize * CHUNK);
        for index in 0..head.chunks {
            match self.bus.publisher().last_on(STREAM, &self.chunk_subject(head.set, index)).await? {
                Some(chunk) => packed.extend_from_slice(&chunk.payload),
                None => break,
            }
        }
        if checksum(&packed) != head.sha256 {
            tracing::warn!(key = self.key, seq = head.seq, "snapshot is damaged; rebuilding");
            return Ok(None);
        }
        match lz4_flex::block::decompress(&packed, head.bytes) {
            Ok(state) => Ok(Some((head.seq, state))),
            Err(error) => {
                tracing::warn!(key = self.key, %error, "snapshot cannot be unpacked; rebuilding");
                Ok(None)
            }
        }
    }

    /// Stores `state`, which stands for everything up to `place`; false if `lease` is lost or another owner has stored
    /// one since.
    ///
    /// # Errors
    /// Class Transient: the bus does not answer.
    pub async fn store(&mut self, place: &Place, state: &[u8], lease: &Lease) -> Result<bool, BusError> {
        let packed = Bytes::from(lz4_flex::block::compress(state));
        let set = self.head.as_ref().map_or(0, |stored| 1 - stored.set.min(1));
        let (stream_created, _) = stream_now(&self.bus, place.stream).await?;
        let chunks = packed.len().div_ceil(CHUNK);
        let head = Head {
            schema: self.schema,
            stream: place.stream.as_str().to_owned(),
            stream_created,
            seq: place.seq,
            epoch: lease.epoch(),
            set,
            chunks: chunks as u32,
            bytes: state.len(),
            sha256: checksum(&packed),
        };
        for index in 0..chunks {
            if !lease.is_held() {
                return Ok(false);
            }
            let part = packed.slice(index * CHUNK..packed.len().min((index + 1) * CHUNK));
            let subject = self.chunk_subject(set, index as u32);
            self.bus.publisher().publish_raw(Outgoing::plain(subject, part)).await?;
        }
        let expected = self.head.as_ref().map_or(0, |stored| stored.revision);
        let payload = serde_json::to_vec(&head).map_err(|e| BusError::request("writing a snapshot", e))?;
        let message = Outgoing::plain(self.head_subject(), payload.into());
        match self.bus.publisher().after_subject_sequence(message.clone(), expected).await? {
            SequencedOutcome::Stored { seq, .. } => self.head = Some(Stored { revision: seq, set }),
            SequencedOutcome::WrongSequence => {
                let found = self.bus.publisher().last_on(STREAM, message.subject()).await?;
                match found.filter(|m| m.payload == *message.payload()) {
                    Some(own) => self.head = Some(Stored { revision: own.sequence, set }),
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    fn head_subject(&self) -> String {
        format!("snap.{}.head", self.key)
    }

    fn chunk_subject(&self, set: u8, index: u32) -> String {
        format!("snap.{}.{set}.{index}", self.key)
    }
}

/// When `stream` was made, ns since the epoch, and its last sequence.
async fn stream_now(bus: &Bus, stream: StreamName) -> Result<(i128, u64), BusError> {
    use jetstream::context::GetStreamErrorKind;
    let name = stream.as_str();
    let handle = bus.context().get_stream(name).await.map_err(|error| match error.kind() {
        GetStreamErrorKind::JetStream(e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            BusError::Missing { what: format!("stream {name}") }
        }
        _ => BusError::request(format!("reading stream {name}"), error),
    })?;
    let info = handle.cached_info();
    Ok((info.created.unix_timestamp_nanos(), info.state.last_sequence))
}

fn checksum(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}
