//! Whether the engines got the same answers; until that is known, their times mean nothing.
//!
//! An answer is a status, a media type, and a digest of the body and of the work on it. A failure is not an answer: it
//! proves nothing about a page, and it is never mistaken for a page that changes. Failures are compared as rates
//! instead, with an exact test over all rounds. A page whose bytes change between requests is compared by what does
//! not change: its status, its media type, and how similar its text is. Invariant: what was not compared is not
//! counted as equal.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::{Agreement, Difference, FailureRate};
use super::round::RoundReply;
use super::statistics::exact_test;

/// The most differences that are listed one by one.
const LISTED: usize = 20;
/// The accepted probability of calling equal failure rates different, shared by all tests of a comparison.
const SIGNIFICANT: f64 = 0.01;
/// Bits by which the simhashes of two texts may differ: a changed counter, nonce or time on a page makes fewer.
const NEAR: u32 = 6;

/// The answers that the engines got.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// By the index of the URL in the list.
    seen: BTreeMap<u32, Vec<EngineAnswers>>,
}

/// The answers that one engine got for one URL.
#[derive(Debug)]
struct EngineAnswers {
    engine: usize,
    asked: u64,
    failed: u64,
    /// The class of the last failure.
    class: Option<String>,
    /// The first answer that was not a failure.
    first: Option<RoundReply>,
    /// Whether a later answer had different bytes.
    changes: bool,
    /// Whether a later answer had a different status or media type.
    varies: bool,
    /// The simhashes of its text, if the bytes change.
    texts: Vec<u64>,
}

/// What the answers for one URL show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Similarity {
    /// Fewer than two engines got an answer.
    NotCompared,
    /// The same bytes for every engine.
    Equal,
    /// The bytes change between requests; status, media type and text agree.
    Near,
    /// The bytes change between requests, and nothing else shows that it is the same page.
    Changing,
    Different,
}

impl Answers {
    /// Records the answers that an engine got in a round.
    pub(super) fn add(&mut self, engine: usize, answers: Vec<RoundReply>) {
        for answer in answers {
            let known = self.seen.entry(answer.url).or_default();
            let seen = match known.iter().position(|seen| seen.engine == engine) {
                Some(index) => &mut known[index],
                None => {
                    known.push(EngineAnswers::new(engine));
                    let last = known.len() - 1;
                    &mut known[last]
                }
            };
            seen.add(answer);
        }
    }

    /// At most `most` URLs whose bytes change between requests, and which have to be compared by their text.
    pub(super) fn changing(&self, most: usize) -> Vec<u32> {
        let changing = self
            .seen
            .iter()
            .filter(|(_, seen)| similarity(seen) == Similarity::Changing);
        changing.map(|(url, _)| *url).take(most).collect()
    }

    /// Compares the answers of all engines, and their failure rates.
    pub(super) fn agreement(&self, names: &[String], urls: &[String]) -> Agreement {
        let mut agreement = Agreement {
            agree: false,
            compared: 0,
            proved: 0,
            by_text: 0,
            changing: 0,
            different: 0,
            differences: Vec::new(),
            failure_rates: self.failure_rates(names),
        };
        let uneven = self.uneven();
        for (url, seen) in &self.seen {
            let similarity = match uneven.contains(url) {
                true => Similarity::Different,
                false => similarity(seen),
            };
            agreement.compared += usize::from(seen.len() > 1);
            match similarity {
                Similarity::NotCompared => {}
                Similarity::Equal => agreement.proved += 1,
                Similarity::Near => {
                    agreement.proved += 1;
                    agreement.by_text += 1;
                }
                Similarity::Changing => agreement.changing += 1,
                Similarity::Different => {
                    agreement.different += 1;
                    if agreement.differences.len() < LISTED {
                        agreement.differences.push(Difference {
                            url: urls.get(*url as usize).cloned().unwrap_or_default(),
                            answers: seen
                                .iter()
                                .map(|seen| (names[seen.engine].clone(), seen.summary()))
                                .collect(),
                        });
                    }
                }
            }
        }
        agreement.agree =
            agreement.different == 0 && !agreement.failure_rates.iter().any(|rate| rate.differs);
        agreement
    }

    /// How often each engine failed, and whether that rate differs from that of all the others.
    fn failure_rates(&self, names: &[String]) -> Vec<FailureRate> {
        let mut counts = vec![(0, 0); names.len()];
        for seen in self.seen.values().flatten() {
            counts[seen.engine].0 += seen.failed;
            counts[seen.engine].1 += seen.asked;
        }
        let level = SIGNIFICANT / names.len().max(1) as f64;
        let rates = names.iter().zip(&counts).enumerate();
        rates
            .map(|(index, (name, count))| {
                let others = counts
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != index);
                let p = exact_test(*count, sum(others.map(|(_, count)| *count)));
                FailureRate {
                    engine: name.clone(),
                    failed: count.0,
                    asked: count.1,
                    p,
                    differs: p < level,
                }
            })
            .collect()
    }

    /// URLs that fail for one engine far more often than for the others.
    ///
    /// Among many URLs with failures some look uneven by chance, so they share the significance level. (Each engine is
    /// tested against all others; with two engines that is one test, done from both sides.)
    fn uneven(&self) -> BTreeSet<u32> {
        let failing = |seen: &&Vec<EngineAnswers>| seen.iter().any(|seen| seen.failed > 0);
        let tests: usize = self.seen.values().filter(failing).map(Vec::len).sum();
        let level = SIGNIFICANT / tests.max(1) as f64 * 2.0;
        let is_uneven = |seen: &[EngineAnswers]| {
            seen.iter().any(|one| {
                let others = seen.iter().filter(|other| other.engine != one.engine);
                exact_test(one.count(), sum(others.map(EngineAnswers::count))) < level
            })
        };
        let uneven = self.seen.iter().filter(|(_, seen)| is_uneven(seen));
        uneven.map(|(url, _)| *url).collect()
    }
}

fn sum(counts: impl Iterator<Item = (u64, u64)>) -> (u64, u64) {
    counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
}

fn similarity(seen: &[EngineAnswers]) -> Similarity {
    let answered: Vec<(&EngineAnswers, &RoundReply)> = seen
        .iter()
        .filter_map(|seen| Some((seen, seen.first.as_ref()?)))
        .collect();
    let [(_, first), others @ ..] = answered.as_slice() else {
        return Similarity::NotCompared;
    };
    if others.is_empty() {
        return Similarity::NotCompared;
    }
    let all = || answered.iter().map(|(seen, _)| *seen);
    let kind = |answer: &RoundReply| (answer.status, answer.media);
    if others.iter().any(|(_, answer)| kind(answer) != kind(first)) {
        // If any engine saw the status or media type change, the mismatch may be chance; if none did, it is a
        // difference.
        return match all().any(|seen| seen.varies) {
            true => Similarity::Changing,
            false => Similarity::Different,
        };
    }
    if !all().any(|seen| seen.changes || seen.varies) {
        let same = others
            .iter()
            .all(|(_, answer)| answer.digest == first.digest);
        return if same {
            Similarity::Equal
        } else {
            Similarity::Different
        };
    }
    let texts: Vec<u64> = all().flat_map(|seen| &seen.texts).copied().collect();
    let every_engine = all().all(|seen| !seen.texts.is_empty());
    let near = |one: &u64| texts.iter().all(|other| (one ^ other).count_ones() <= NEAR);
    match every_engine && !all().any(|seen| seen.varies) && texts.iter().all(near) {
        true => Similarity::Near,
        false => Similarity::Changing,
    }
}

impl EngineAnswers {
    fn new(engine: usize) -> Self {
        Self {
            engine,
            asked: 0,
            failed: 0,
            class: None,
            first: None,
            changes: false,
            varies: false,
            texts: Vec::new(),
        }
    }

    fn add(&mut self, answer: RoundReply) {
        self.asked += 1;
        if let Some(class) = answer.failure {
            self.failed += 1;
            self.class = Some(class);
            return;
        }
        self.texts.extend(answer.text);
        match &self.first {
            None => self.first = Some(answer),
            Some(first) => {
                self.changes |= first.digest != answer.digest;
                self.varies |= (first.status, first.media) != (answer.status, answer.media);
            }
        }
    }

    fn count(&self) -> (u64, u64) {
        (self.failed, self.asked)
    }

    fn summary(&self) -> String {
        let failures = match (&self.class, self.failed) {
            (Some(class), failed) => format!("{class} {failed} of {} times", self.asked),
            (None, _) => String::new(),
        };
        match &self.first {
            Some(first) if failures.is_empty() => {
                format!("{} {:08x}", first.status, first.digest >> 32)
            }
            Some(first) => format!("{}, {failures}", first.status),
            None => failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(url: u32, digest: u64) -> RoundReply {
        RoundReply {
            url,
            status: 200,
            digest,
            ..RoundReply::default()
        }
    }

    fn failure(url: u32) -> RoundReply {
        RoundReply {
            failure: Some("http-5xx".to_owned()),
            ..answer(url, 0)
        }
    }

    fn agreement(answers: &Answers) -> Agreement {
        let names = ["async", "threads"].map(str::to_owned);
        let urls: Vec<String> = (0..100).map(|page| format!("http://h/{page}")).collect();
        answers.agreement(&names, &urls)
    }

    #[test]
    fn a_difference_names_the_url_and_both_answers() {
        let mut answers = Answers::default();
        answers.add(0, vec![answer(0, 1), answer(1, 5 << 32)]);
        answers.add(1, vec![answer(1, 6 << 32), answer(0, 1)]);
        let agreement = agreement(&answers);
        assert!(!agreement.agree);
        assert_eq!(
            (agreement.compared, agreement.proved, agreement.different),
            (2, 1, 1)
        );
        let difference = &agreement.differences[0];
        assert_eq!(difference.url, "http://h/1");
        assert_eq!(
            difference.answers[1],
            ("threads".to_owned(), "200 00000006".to_owned())
        );
    }

    #[test]
    fn a_page_that_changes_between_requests_is_neither_a_difference_nor_a_proof() {
        let mut answers = Answers::default();
        answers.add(0, vec![answer(0, 1)]);
        answers.add(0, vec![answer(0, 2)]);
        answers.add(1, vec![answer(0, 3)]);
        let agreement = agreement(&answers);
        assert!(agreement.agree);
        assert_eq!((agreement.changing, agreement.proved), (1, 0));
        assert_eq!(answers.changing(9), [0]);
    }

    #[test]
    fn a_page_with_a_counter_is_proved_by_its_text_and_another_page_is_not() {
        for (text, proved) in [(0b111, 1), (u64::MAX, 0)] {
            let mut answers = Answers::default();
            let with = |digest, text| RoundReply {
                text: Some(text),
                ..answer(0, digest)
            };
            answers.add(0, vec![answer(0, 1)]);
            answers.add(0, vec![with(2, 0)]);
            answers.add(1, vec![with(3, text)]);
            let agreement = agreement(&answers);
            assert_eq!((agreement.proved, agreement.by_text), (proved, proved));
            assert_eq!(agreement.changing, 1 - proved);
        }
    }

    #[test]
    fn an_engine_that_fails_half_of_the_time_did_not_get_the_same_answers() {
        let mut answers = Answers::default();
        for round in 0..7 {
            let half = |url| match (url + round) % 2 {
                0 => failure(url),
                _ => answer(url, u64::from(url)),
            };
            answers.add(0, (0..20).map(half).collect());
            let all = (0..20).map(|url| answer(url, u64::from(url)));
            answers.add(1, all.collect());
        }
        let agreement = agreement(&answers);
        assert!(!agreement.agree);
        assert_eq!(agreement.changing, 0, "a failure is not a change");
        assert!(agreement.failure_rates.iter().all(|rate| rate.differs));
        assert_eq!(agreement.failure_rates[0].failed, 70);
    }

    #[test]
    fn random_failures_at_the_same_rate_are_not_a_difference() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut wrong = 0;
        for _ in 0..100 {
            let mut answers = Answers::default();
            for _ in 0..7 {
                for engine in 0..2 {
                    let one = |url| match random.u8(..100) < 5 {
                        true => failure(url),
                        false => answer(url, u64::from(url)),
                    };
                    answers.add(engine, (0..50).map(one).collect());
                }
            }
            wrong += u32::from(!agreement(&answers).agree);
        }
        assert!(wrong <= 3, "{wrong} of 100");
    }

    #[test]
    fn a_page_that_fails_for_one_engine_in_every_round_is_a_difference() {
        let mut answers = Answers::default();
        for _ in 0..7 {
            let mut one: Vec<RoundReply> = (0..99).map(|url| answer(url, 1)).collect();
            answers.add(0, one.clone());
            one[5] = failure(5);
            answers.add(1, one);
        }
        let agreement = agreement(&answers);
        assert!(!agreement.agree);
        assert_eq!((agreement.different, agreement.proved), (1, 98));
        assert_eq!(
            agreement.differences[0].answers[1].1,
            "http-5xx 7 of 7 times"
        );
    }
}
