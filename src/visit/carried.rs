//! What was read out of a page, packed to be kept until a later run.
//!
//! If the page did not change, it is unpacked in place of parsing. Invariant: unpacking is bounded in bytes.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::Parsed;
use super::fields::Extraction;
use super::found::FoundLinks;
use crate::url::fingerprint::Fingerprints;

/// The most bytes that are unpacked.
const MOST: u64 = 64 << 20;

/// What a page has that does not change as long as its body does not, borrowed from what was parsed.
#[derive(Serialize)]
struct Packed<'p> {
    media_type: &'p Option<String>,
    charset: &'p Option<String>,
    decoded_bytes: Option<u64>,
    title: &'p Option<String>,
    found: Option<FoundLinks>,
    fields: &'p Option<Box<Extraction>>,
}

/// The same, as it is read back.
#[derive(Deserialize)]
struct Unpacked {
    media_type: Option<String>,
    charset: Option<String>,
    decoded_bytes: Option<u64>,
    title: Option<String>,
    found: Option<Box<FoundLinks>>,
    fields: Option<Box<Extraction>>,
}

impl Parsed {
    /// Packs what a later run needs of a page that did not change; `None` if that is too much.
    ///
    /// `links` says whether the links are needed too.
    pub(crate) fn pack(&self, links: bool) -> Option<Box<[u8]>> {
        let found = self.found.as_deref().filter(|_| links);
        let packed = Packed {
            media_type: &self.media_type,
            charset: &self.charset,
            decoded_bytes: self.decoded_bytes,
            title: &self.title,
            found: found.map(FoundLinks::unmarked),
            fields: &self.fields,
        };
        let bytes = postcard::to_stdvec(&packed).ok()?;
        let bytes = (bytes.len() as u64 <= MOST).then_some(bytes)?;
        zstd::bulk::compress(&bytes, 1)
            .ok()
            .map(Vec::into_boxed_slice)
    }

    /// Reads back what [`pack`](Self::pack) packed; `None` if it is something else. The links get the fingerprints of
    /// this run.
    pub(crate) fn unpack(bytes: &[u8], fingerprints: Fingerprints) -> Option<Self> {
        let mut text = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(bytes).ok()?;
        decoder.take(MOST + 1).read_to_end(&mut text).ok()?;
        if text.len() as u64 > MOST {
            return None;
        }
        let mut unpacked: Unpacked = postcard::from_bytes(&text).ok()?;
        if let Some(found) = &mut unpacked.found {
            found.mark_by(fingerprints);
        }
        Some(Self {
            media_type: unpacked.media_type,
            charset: unpacked.charset,
            decoded_bytes: unpacked.decoded_bytes,
            title: unpacked.title,
            found: unpacked.found,
            fields: unpacked.fields,
            ..Self::default()
        })
    }
}
