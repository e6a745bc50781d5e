//! The same files judged by others: `robotstxt`, a port of Google's parser of 2019, and `texting_robots`.
//!
//! [Files](Case) are made of pieces of which it is known what else they could have been written as. Where a peer judges otherwise,
//! the file is written again without what is in dispute, one [`Reading`] for each thing that is: rewritten it must mean the same to
//! us, and then the peer has to agree. A difference that is left fails the test.

use std::collections::BTreeMap;

use ::robotstxt::DefaultMatcher;
use ::robotstxt::matcher::{RobotsMatchStrategy, RobotsMatcher};
use fastrand::Rng;

use super::case::{Case, Reading};
use super::matching::reference;
use crate::robots::Rules;

const AGENT: &str = "haul";

/// Those of one peer first: they are the first to be found not needed.
const READINGS: [Reading; 11] = [
    Reading::NoGroup,
    Reading::EmptyRule,
    Reading::Prose,
    Reading::LongerNames,
    Reading::IndexPage,
    Reading::RobotsTxt,
    Reading::LostPlaces,
    Reading::Octets,
    Reading::OtherRecords,
    Reading::Misspelling,
    Reading::AgentNames,
];

/// A file, a target, and two answers.
struct Difference<'c> {
    case: &'c Case,
    ours: bool,
    peer: Peer,
}

/// Whether a peer allows a target, by this file, without what these readings are about. None where it does not say.
type Peer = fn(&str, &str, &[Reading]) -> Option<bool>;

fn ours(text: &str, target: &str) -> bool {
    Rules::parse(text.as_bytes(), AGENT).allows(target)
}

fn robotstxt(text: &str, target: &str, without: &[Reading]) -> Option<bool> {
    let url = format!("http://example.org{target}");
    let agents = vec![AGENT];
    Some(if without.contains(&Reading::LostPlaces) {
        RobotsMatcher::<Repaired>::default().allowed_by_robots(text, agents, &url)
    } else {
        DefaultMatcher::default().allowed_by_robots(text, agents, &url)
    })
}

/// The port's strategy, less its mistake.
#[derive(Default)]
struct Repaired;

impl RobotsMatchStrategy for Repaired {
    fn match_allow(&self, target: &str, pattern: &str) -> i32 {
        let matches = reference(pattern.as_bytes(), target.as_bytes());
        if matches { pattern.len() as i32 } else { -1 }
    }

    fn match_disallow(&self, target: &str, pattern: &str) -> i32 {
        self.match_allow(target, pattern)
    }
}

/// None where it gives the file up: its regular expressions are bounded.
fn texting_robots(text: &str, target: &str, _: &[Reading]) -> Option<bool> {
    let robot = ::texting_robots::Robot::new(AGENT, text.as_bytes()).ok()?;
    Some(robot.allowed(target))
}

/// The readings that make the difference: the file without any of them means the same to us and to the peer, and every one of
/// them is needed for that.
fn explained(difference: &Difference<'_>) -> Option<Vec<Reading>> {
    let Difference { case, ours, peer } = *difference;
    let agrees = |without: &[Reading]| {
        let (text, target) = case.written(without);
        assert_eq!(
            self::ours(&text, &target),
            ours,
            "{without:?} changed the meaning: {text}{target}\nfrom {:?}",
            case.written(&[])
        );
        peer(&text, &target, without).is_none_or(|answer| answer == ours)
    };
    let mut needed = READINGS.to_vec();
    if !agrees(&needed) {
        return None;
    }
    for reading in READINGS {
        let fewer: Vec<_> = needed
            .iter()
            .copied()
            .filter(|kept| *kept != reading)
            .collect();
        if agrees(&fewer) {
            needed = fewer;
        }
    }
    Some(needed)
}

/// How often each reading makes a difference, over so many random cases.
fn differences(cases: usize, peer: Peer) -> BTreeMap<Reading, usize> {
    let mut rng = Rng::with_seed(9309);
    let mut counts = BTreeMap::new();
    let (mut same, mut forbidden) = (0, 0);
    for _ in 0..cases {
        let case = Case::random(&mut rng);
        let (text, target) = case.written(&[]);
        let answer = ours(&text, &target);
        forbidden += usize::from(!answer);
        if peer(&text, &target, &[]) == Some(answer) {
            same += 1;
            continue;
        }
        let readings = explained(&Difference {
            case: &case,
            ours: answer,
            peer,
        });
        let readings =
            readings.unwrap_or_else(|| panic!("we say {answer} of {target:?} by:\n{text}"));
        for reading in readings {
            *counts.entry(reading).or_default() += 1;
        }
    }
    assert!(
        same > cases / 2 && forbidden > cases / 10,
        "cases that show little: {same} the same, {forbidden} forbidden, {counts:?}"
    );
    counts
}

#[test]
fn what_the_port_of_googles_parser_says_otherwise_is_explained() {
    let counts = differences(40_000, robotstxt);
    for reading in [
        Reading::Octets,
        Reading::OtherRecords,
        Reading::LongerNames,
        Reading::Misspelling,
        Reading::AgentNames,
        Reading::IndexPage,
        Reading::RobotsTxt,
        Reading::LostPlaces,
    ] {
        assert!(
            counts.contains_key(&reading),
            "{reading:?} explains nothing"
        );
    }
    assert_eq!(counts.len(), 8);
}

#[test]
fn what_texting_robots_says_otherwise_is_explained() {
    let counts = differences(40_000, texting_robots);
    for reading in [
        Reading::Octets,
        Reading::OtherRecords,
        Reading::Misspelling,
        Reading::Prose,
        Reading::AgentNames,
        Reading::NoGroup,
        Reading::EmptyRule,
    ] {
        assert!(
            counts.contains_key(&reading),
            "{reading:?} explains nothing"
        );
    }
    assert_eq!(counts.len(), 7);
}
