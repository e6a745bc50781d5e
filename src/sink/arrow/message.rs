//! The messages of Arrow's IPC formats, and the footer of a file.
//!
//! A stream is a message with the schema, one for each batch, and an end. A file is the same between a magic number and a
//! footer that says where the batches are. Source: "Serialization and Interprocess Communication", Arrow Columnar Format
//! 1.5. Invariant: of a file that a kill left without a footer, every whole batch is found again.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::convert::IpcSchemaEncoder;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_ipc::{Block, FooterBuilder, MessageHeader, MetadataVersion, root_as_message};
use arrow_schema::{ArrowError, Schema};
use flatbuffers::FlatBufferBuilder;

/// What a file begins with; the footer ends with its first six bytes.
pub(super) const MAGIC: &[u8; 8] = b"ARROW1\0\0";
/// The end of a stream.
const END: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
/// What every message begins with.
const CONTINUATION: [u8; 4] = [0xFF; 4];
/// Messages and their parts begin at multiples of this many bytes.
const ALIGNMENT: usize = 8;
/// The longest description of a message that is read, in bytes; ours have a few thousand.
const LONGEST: u32 = 64 << 20;

/// Writes messages of one schema.
pub(super) struct Messages {
    writer: StreamWriter<Vec<u8>>,
    /// The message with the schema.
    pub(super) schema: Vec<u8>,
}

/// The messages at the beginning of a file.
pub(super) struct Found {
    /// The message with the schema.
    pub(super) schema: Vec<u8>,
    /// Where each batch is.
    pub(super) batches: Vec<Block>,
    /// The end of the last whole batch.
    pub(super) end: u64,
    /// Whether what follows is the end of a stream, or nothing.
    pub(super) is_whole: bool,
}

impl Messages {
    /// The messages of a schema.
    ///
    /// # Errors
    /// When Arrow cannot express it.
    pub(super) fn of(schema: &Schema) -> Result<Self, ArrowError> {
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?;
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), schema, options)?;
        let schema = std::mem::take(writer.get_mut());
        Ok(Self { writer, schema })
    }

    /// Appends the message of a batch to a buffer.
    ///
    /// # Errors
    /// When the batch has another schema.
    pub(super) fn batch(
        &mut self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
    ) -> Result<(), ArrowError> {
        std::mem::swap(self.writer.get_mut(), out);
        let written = self.writer.write(batch);
        std::mem::swap(self.writer.get_mut(), out);
        written
    }
}

/// The end of a stream, and in a file the footer.
pub(super) fn end(schema: &Schema, batches: Option<&[Block]>) -> Vec<u8> {
    let mut bytes = END.to_vec();
    if let Some(batches) = batches {
        let mut builder = FlatBufferBuilder::new();
        let batches = builder.create_vector(batches);
        let dictionaries = builder.create_vector::<Block>(&[]);
        let schema = IpcSchemaEncoder::new().schema_to_fb_offset(&mut builder, schema);
        let mut footer = FooterBuilder::new(&mut builder);
        footer.add_version(MetadataVersion::V5);
        footer.add_schema(schema);
        footer.add_dictionaries(dictionaries);
        footer.add_recordBatches(batches);
        let root = footer.finish();
        builder.finish(root, None);
        let footer = builder.finished_data();
        bytes.extend_from_slice(footer);
        bytes.extend_from_slice(&(footer.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&MAGIC[..6]);
    }
    bytes
}

/// Finds the messages of a file up to a position, by their descriptions alone; the batches are not read.
///
/// # Errors
/// When it is no Arrow file, or cannot be read.
pub(super) fn find(path: &Path, until: u64) -> io::Result<Found> {
    let mut file = File::open(path)?;
    let until = until.min(file.metadata()?.len());
    let mut magic = [0; MAGIC.len()];
    if until < MAGIC.len() as u64 || file.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Err(io::Error::other("it is not an Arrow file of haul"));
    }
    let mut found = Found {
        schema: Vec::new(),
        batches: Vec::new(),
        end: MAGIC.len() as u64,
        is_whole: true,
    };
    loop {
        match next(&mut file, found.end, until)? {
            Next::End => return Ok(found),
            Next::Torn => {
                found.is_whole = false;
                return Ok(found);
            }
            Next::Schema(bytes) if found.schema.is_empty() => {
                found.end += bytes.len() as u64;
                found.schema = bytes;
            }
            Next::Batch(block) if !found.schema.is_empty() => {
                found.end += block.metaDataLength() as u64 + block.bodyLength() as u64;
                found.batches.push(block);
            }
            Next::Schema(_) | Next::Batch(_) => {
                return Err(io::Error::other("it is not an Arrow file of haul"));
            }
        }
    }
}

/// What is at a position.
enum Next {
    Schema(Vec<u8>),
    Batch(Block),
    /// The end of the stream, or of the file.
    End,
    /// Half a message, or anything else.
    Torn,
}

fn next(file: &mut File, at: u64, until: u64) -> io::Result<Next> {
    if at == until {
        return Ok(Next::End);
    }
    let mut prefix = [0; 8];
    if until - at < prefix.len() as u64 {
        return Ok(Next::Torn);
    }
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut prefix)?;
    if prefix == END {
        return Ok(Next::End);
    }
    let length = u32::from_le_bytes([prefix[4], prefix[5], prefix[6], prefix[7]]);
    let head = u64::from(length) + prefix.len() as u64;
    if prefix[..4] != CONTINUATION || length > LONGEST || at + head > until {
        return Ok(Next::Torn);
    }
    let mut bytes = vec![0; head as usize];
    bytes[..prefix.len()].copy_from_slice(&prefix);
    file.read_exact(&mut bytes[prefix.len()..])?;
    let Ok(message) = root_as_message(&bytes[prefix.len()..]) else {
        return Ok(Next::Torn);
    };
    let body = u64::try_from(message.bodyLength()).unwrap_or(u64::MAX);
    if body > until - at - head {
        return Ok(Next::Torn);
    }
    Ok(match message.header_type() {
        MessageHeader::Schema if body == 0 => Next::Schema(bytes),
        MessageHeader::RecordBatch => Next::Batch(Block::new(at as i64, head as i32, body as i64)),
        _ => Next::Torn,
    })
}
