//! Whether the engines gave the same answers: before that is known, no time of theirs means anything.
//!
//! An answer is a status and what stands for the body and the work on it. A URL that one and the same engine answered in two ways changes by
//! itself and proves nothing; any other URL on which two engines differ is a difference.

use std::collections::BTreeMap;

use super::comparison::{Agreement, Difference};
use super::round::Answer;

/// Differences that are told one by one.
const TOLD: usize = 20;

/// The answers that were seen.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// By the place of the URL: of each engine the first answer.
    seen: BTreeMap<u32, Vec<(usize, Answer)>>,
    changing: BTreeMap<u32, ()>,
}

impl Answers {
    /// Takes in what an engine answered in a round.
    pub(super) fn take(&mut self, engine: usize, answers: Vec<Answer>) {
        for answer in answers {
            let known = self.seen.entry(answer.url).or_default();
            match known.iter().find(|(other, _)| *other == engine) {
                Some((_, first)) if *first == answer => {}
                Some(_) => {
                    self.changing.insert(answer.url, ());
                }
                None => known.push((engine, answer)),
            }
        }
    }

    /// What they come to.
    pub(super) fn agreement(&self, names: &[String], urls: &[String]) -> Agreement {
        let compared = self.seen.iter().filter(|(_, answers)| answers.len() > 1);
        let differ =
            |answers: &[(usize, Answer)]| answers.iter().any(|(_, answer)| *answer != answers[0].1);
        let different: Vec<_> = compared
            .clone()
            .filter(|(url, answers)| !self.changing.contains_key(url) && differ(answers))
            .collect();
        let differences = different
            .iter()
            .take(TOLD)
            .map(|(url, answers)| Difference {
                url: urls.get(**url as usize).cloned().unwrap_or_default(),
                answers: answers
                    .iter()
                    .map(|(engine, answer)| (names[*engine].clone(), told(answer)))
                    .collect(),
            });
        Agreement {
            agree: different.is_empty(),
            compared: compared.count(),
            changing: self.changing.len(),
            different: different.len(),
            differences: differences.collect(),
        }
    }
}

fn told(answer: &Answer) -> String {
    match &answer.failure {
        Some(class) => class.clone(),
        None => format!("{} {:08x}", answer.status, answer.digest >> 32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(url: u32, digest: u64) -> Answer {
        Answer {
            url,
            status: 200,
            digest,
            failure: None,
        }
    }

    fn names() -> Vec<String> {
        ["async", "threads"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_difference_is_told_with_the_url_and_both_answers() {
        let mut answers = Answers::default();
        answers.take(0, vec![answer(0, 1), answer(1, 5 << 32)]);
        answers.take(1, vec![answer(1, 6 << 32), answer(0, 1)]);
        let urls = ["http://h/0", "http://h/1"].map(str::to_owned);
        let agreement = answers.agreement(&names(), &urls);
        assert!(!agreement.agree);
        assert_eq!((agreement.compared, agreement.different), (2, 1));
        let difference = &agreement.differences[0];
        assert_eq!(difference.url, "http://h/1");
        assert_eq!(
            difference.answers[1],
            ("threads".to_owned(), "200 00000006".to_owned())
        );
    }

    #[test]
    fn a_page_that_changes_by_itself_proves_nothing() {
        let mut answers = Answers::default();
        answers.take(0, vec![answer(0, 1)]);
        answers.take(0, vec![answer(0, 2)]);
        answers.take(1, vec![answer(0, 3)]);
        let agreement = answers.agreement(&names(), &["http://h/".to_owned()]);
        assert!(agreement.agree);
        assert_eq!(agreement.changing, 1);
    }
}
