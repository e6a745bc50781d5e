//! The JSON of a comparison: its figures and the sentences about them.

use haul::compare::{
    Agreement, Comparison, EngineResult, Machine, Map, Shares, Sweep, Waits, Workload,
};
use serde::Serialize;

use super::words::Words;

/// The version of this JSON layout.
const FORMAT: u32 = 1;

/// The JSON document that `--json` writes and the report page draws.
#[derive(Serialize)]
pub(super) struct Json<'a> {
    kind: &'static str,
    format: u32,
    haul: &'static str,
    command: &'a str,
    started: &'a str,
    took_s: f64,
    seed: u64,
    machine: &'a Machine,
    settings: &'a [(String, String)],
    workload: &'a Workload,
    engines: &'a [EngineResult],
    answers: &'a Agreement,
    verdict: Option<Verdict<'a>>,
    interrupted: bool,
    warnings: &'a [String],
    diagnosis: Option<Diagnosis<'a>>,
    recommendation: Option<Recommendation<'a>>,
    sweep: Option<&'a Sweep>,
    map: Option<&'a Map>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    sentence: &'a str,
    best: &'a str,
    tied: &'a [String],
}

#[derive(Serialize)]
struct Diagnosis<'a> {
    bound: &'a str,
    sentences: &'a [String],
    waits: Waits,
    shares: Option<Shares>,
    unknown: &'a [&'static str],
}

#[derive(Serialize)]
struct Recommendation<'a> {
    command: &'a str,
    because: &'a str,
}

impl<'a> Json<'a> {
    pub(super) fn of(comparison: &'a Comparison, words: &'a Words) -> Self {
        let verdict = comparison.verdict.as_ref().zip(words.verdict.as_ref());
        let diagnosis = comparison.diagnosis.as_ref().zip(words.why.as_ref());
        Self {
            kind: "comparison",
            format: FORMAT,
            haul: env!("CARGO_PKG_VERSION"),
            command: &comparison.command,
            started: &comparison.started,
            took_s: comparison.took_s,
            seed: comparison.seed,
            machine: &comparison.machine,
            settings: &comparison.settings,
            workload: &comparison.workload,
            engines: &comparison.engines,
            answers: &comparison.answers,
            verdict: verdict.map(|(verdict, sentence)| Verdict {
                sentence,
                best: &verdict.best,
                tied: &verdict.tied,
            }),
            interrupted: comparison.interrupted,
            warnings: &words.warnings,
            diagnosis: diagnosis.map(|(diagnosis, why)| Diagnosis {
                bound: why.bound,
                sentences: &why.sentences,
                waits: diagnosis.waits,
                shares: diagnosis.shares,
                unknown: &why.unknown,
            }),
            recommendation: words.next.as_ref().map(|next| Recommendation {
                command: &next.command,
                because: &next.because,
            }),
            sweep: comparison.sweep.as_ref(),
            map: comparison.map.as_ref(),
        }
    }
}
