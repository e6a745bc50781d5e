//! A decoder for one coding, and a chain of them.
//!
//! A stage takes the available input and produces the output it can; it does not know where bytes come from. The chain
//! pulls: the outermost stage asks the one below it, and the lowest asks the source. All output of a stage is counted
//! here, in one place, against the limits, so no decoder has to be trusted with them. Invariant: memory is the windows
//! of the stages plus one fixed buffer between each two, whatever the body contains.

use std::io::{self, BufRead};

use ::zstd::stream::raw::Decoder as ZstdDecoder;
use flate2::Decompress;

use super::brotli::Brotli;
use super::deflate::Deflate;
use super::gzip::Gzip;
use super::step::{Fault, Step};
use super::zstd::Zstd;
use super::{Coding, Codings, DecodeError, DecodeLimits};

/// Size of the buffer between two stages.
const BETWEEN: usize = 16 << 10;

/// The largest zstd window that is reused for another body.
///
/// Without this limit, each thread could keep up to 8 MiB.
const REUSED_WINDOW: u64 = 1 << 20;

/// Decoders that a finished body leaves for the next one: their windows are expensive to allocate.
#[derive(Default)]
pub(super) struct Spares {
    inflate: Option<Decompress>,
    zstd: Option<ZstdDecoder<'static>>,
}

/// The codings of one body, stacked: the first is closest to the wire.
pub(super) struct Chain {
    stages: Vec<Stage>,
    limits: DecodeLimits,
    encoded: u64,
}

impl Chain {
    pub(super) fn new(
        codings: Codings,
        limits: DecodeLimits,
        spares: &mut Spares,
    ) -> Result<Self, DecodeError> {
        if codings.len() > limits.codings {
            return Err(DecodeError::TooManyCodings {
                limit: limits.codings,
            });
        }
        // RFC 9110 8.4: codings are listed in the order applied, so the last one is decoded first.
        let stages = codings.iter().rev().enumerate();
        let stages = stages
            .map(|(below, coding)| Stage::new(coding, below > 0, spares))
            .collect::<io::Result<_>>();
        Ok(Self {
            stages: stages.map_err(DecodeError::Read)?,
            limits,
            encoded: 0,
        })
    }

    /// Decodes into `output`, which must not be empty. Returns 0 at the end of the body.
    pub(super) fn pull(
        &mut self,
        source: &mut impl BufRead,
        output: &mut [u8],
    ) -> Result<usize, DecodeError> {
        let Some((last, below)) = self.stages.split_last_mut() else {
            let read = source.read(output).map_err(DecodeError::Read)?;
            self.encoded += read as u64;
            self.limits.check(self.encoded, self.encoded)?;
            return Ok(read);
        };
        last.pull(below, source, &self.limits, &mut self.encoded, output)
    }

    /// The number of bytes after complete streams.
    pub(super) fn trailing(&self) -> u64 {
        self.stages
            .iter()
            .map(|stage| stage.machine.trailing())
            .sum()
    }

    /// Leaves the decoders for the next body.
    pub(super) fn retire(self, spares: &mut Spares) {
        for stage in self.stages {
            match stage.machine {
                Machine::Gzip(gzip) => spares.inflate = Some(gzip.into_inflate()),
                Machine::Deflate(deflate) => spares.inflate = Some(deflate.into_inflate()),
                Machine::Zstd(zstd) if stage.decoded <= REUSED_WINDOW => {
                    spares.zstd = Some(zstd.into_decoder())
                }
                Machine::Zstd(_) | Machine::Brotli(_) => {}
            }
        }
    }
}

/// A decoder for one coding, with its input buffer.
struct Stage {
    coding: Coding,
    machine: Machine,
    /// Output of the stage below; empty if the source is below.
    buffer: Box<[u8]>,
    from: usize,
    to: usize,
    started: bool,
    decoded: u64,
}

impl Stage {
    fn new(coding: Coding, buffered: bool, spares: &mut Spares) -> io::Result<Self> {
        let mut inflate = || {
            spares
                .inflate
                .take()
                .unwrap_or_else(|| Decompress::new(false))
        };
        let machine = match coding {
            Coding::Gzip => Machine::Gzip(Gzip::new(inflate())),
            Coding::Deflate => Machine::Deflate(Deflate::new(inflate())),
            Coding::Brotli => Machine::Brotli(Brotli::new()),
            Coding::Zstd => Machine::Zstd(Zstd::new(match spares.zstd.take() {
                Some(decoder) => decoder,
                None => Zstd::decoder()?,
            })?),
        };
        let buffer = if buffered {
            vec![0; BETWEEN].into()
        } else {
            Box::default()
        };
        Ok(Self {
            coding,
            machine,
            buffer,
            from: 0,
            to: 0,
            started: false,
            decoded: 0,
        })
    }

    fn pull(
        &mut self,
        below: &mut [Self],
        source: &mut impl BufRead,
        limits: &DecodeLimits,
        encoded: &mut u64,
        output: &mut [u8],
    ) -> Result<usize, DecodeError> {
        loop {
            let (step, at_end);
            if let Some((next, below)) = below.split_last_mut() {
                if self.from == self.to {
                    self.from = 0;
                    self.to = next.pull(below, source, limits, encoded, &mut self.buffer)?;
                }
                let input = &self.buffer[self.from..self.to];
                at_end = input.is_empty();
                step = self
                    .machine
                    .step(input, output, limits.members)
                    .map_err(|fault| self.error(fault, limits))?;
                self.from += step.read;
            } else {
                let input = source.fill_buf().map_err(DecodeError::Read)?;
                at_end = input.is_empty();
                step = self
                    .machine
                    .step(input, output, limits.members)
                    .map_err(|fault| self.error(fault, limits))?;
                source.consume(step.read);
                *encoded += step.read as u64;
            }
            self.started |= step.read > 0;
            if step.wrote > 0 {
                self.decoded += step.wrote as u64;
                limits.check(self.decoded, *encoded)?;
                return Ok(step.wrote);
            }
            if at_end {
                // A body of zero bytes is an empty body, whatever its header says: HEAD, 304 and sloppy servers.
                return if self.machine.is_complete() || !self.started {
                    Ok(0)
                } else {
                    Err(DecodeError::Truncated {
                        coding: self.coding,
                        decoded: self.decoded,
                    })
                };
            }
            if step.read == 0 {
                return Err(self.error(Fault::corrupt("the decoder makes no progress"), limits));
            }
        }
    }

    fn error(&self, fault: Fault, limits: &DecodeLimits) -> DecodeError {
        let coding = self.coding;
        match fault {
            Fault::Corrupt(source) => DecodeError::Corrupt { coding, source },
            Fault::Members => DecodeError::TooManyMembers {
                coding,
                limit: limits.members,
            },
        }
    }
}

enum Machine {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Brotli),
    Zstd(Zstd),
}

impl Machine {
    fn step(&mut self, input: &[u8], output: &mut [u8], members: u32) -> Result<Step, Fault> {
        match self {
            Self::Gzip(gzip) => gzip.step(input, output, members),
            Self::Deflate(deflate) => deflate.step(input, output),
            Self::Brotli(brotli) => brotli.step(input, output),
            Self::Zstd(zstd) => zstd.step(input, output, members),
        }
    }

    fn is_complete(&self) -> bool {
        match self {
            Self::Gzip(gzip) => gzip.is_complete(),
            Self::Deflate(deflate) => deflate.is_complete(),
            Self::Brotli(brotli) => brotli.is_complete(),
            Self::Zstd(zstd) => zstd.is_complete(),
        }
    }

    fn trailing(&self) -> u64 {
        match self {
            Self::Gzip(gzip) => gzip.trailing(),
            Self::Deflate(deflate) => deflate.trailing(),
            Self::Brotli(brotli) => brotli.trailing(),
            Self::Zstd(zstd) => zstd.trailing(),
        }
    }
}
