//! A comparison with other parsers: `robotstxt`, a port of Google's parser of 2019, and `texting_robots`.
//!
//! [Files](Case) are made of pieces that have known alternative spellings. If a peer decides differently, the file is
//! written again without the disputed parts, one [`Divergence`] for each: rewritten, it must mean the same to us, and
//! then the peer must agree. Any difference that remains fails the test.

use std::collections::BTreeMap;

use ::robotstxt::DefaultMatcher;
use ::robotstxt::matcher::{RobotsMatchStrategy, RobotsMatcher};
use fastrand::Rng;

use super::case::{Case, Divergence};
use super::matching::reference;
use crate::robots::Rules;

const AGENT: &str = "haul";

/// All divergences.
///
/// Those of one peer come first, so that they are the first to be dropped if not needed.
const DIVERGENCES: [Divergence; 11] = [
    Divergence::NoGroup,
    Divergence::EmptyRule,
    Divergence::Prose,
    Divergence::LongerNames,
    Divergence::IndexPage,
    Divergence::RobotsTxt,
    Divergence::LostPlaces,
    Divergence::Octets,
    Divergence::OtherRecords,
    Divergence::Misspelling,
    Divergence::AgentNames,
];

/// A file, a target, and two different decisions.
struct Difference<'c> {
    case: &'c Case,
    ours: bool,
    peer: Peer,
}

/// Whether a peer allows a target in this file, without these divergences.
///
/// `None` if it does not decide.
type Peer = fn(&str, &str, &[Divergence]) -> Option<bool>;

fn ours(text: &str, target: &str) -> bool {
    Rules::parse(text.as_bytes(), AGENT).allows(target)
}

fn robotstxt(text: &str, target: &str, without: &[Divergence]) -> Option<bool> {
    let url = format!("http://example.org{target}");
    let agents = vec![AGENT];
    Some(if without.contains(&Divergence::LostPlaces) {
        RobotsMatcher::<FixedStrategy>::default().allowed_by_robots(text, agents, &url)
    } else {
        DefaultMatcher::default().allowed_by_robots(text, agents, &url)
    })
}

/// The port's strategy, without its bug.
#[derive(Default)]
struct FixedStrategy;

impl RobotsMatchStrategy for FixedStrategy {
    fn match_allow(&self, target: &str, pattern: &str) -> i32 {
        let matches = reference(pattern.as_bytes(), target.as_bytes());
        if matches { pattern.len() as i32 } else { -1 }
    }

    fn match_disallow(&self, target: &str, pattern: &str) -> i32 {
        self.match_allow(target, pattern)
    }
}

/// `None` if it rejects the file: the size of its regular expressions is limited.
fn texting_robots(text: &str, target: &str, _: &[Divergence]) -> Option<bool> {
    let robot = ::texting_robots::Robot::new(AGENT, text.as_bytes()).ok()?;
    Some(robot.allowed(target))
}

/// The divergences that cause a difference.
///
/// Without any of them, the file means the same to us and to the peer, and each of them is needed for that.
fn explain(difference: &Difference<'_>) -> Option<Vec<Divergence>> {
    let Difference { case, ours, peer } = *difference;
    let agrees = |without: &[Divergence]| {
        let (text, target) = case.written(without);
        assert_eq!(
            self::ours(&text, &target),
            ours,
            "{without:?} changed the meaning: {text}{target}\nfrom {:?}",
            case.written(&[])
        );
        peer(&text, &target, without).is_none_or(|allows| allows == ours)
    };
    let mut needed = DIVERGENCES.to_vec();
    if !agrees(&needed) {
        return None;
    }
    for divergence in DIVERGENCES {
        let fewer: Vec<_> = needed
            .iter()
            .copied()
            .filter(|other| *other != divergence)
            .collect();
        if agrees(&fewer) {
            needed = fewer;
        }
    }
    Some(needed)
}

/// How often each divergence causes a difference, in this number of random cases.
fn differences(cases: usize, peer: Peer) -> BTreeMap<Divergence, usize> {
    let mut rng = Rng::with_seed(9309);
    let mut counts = BTreeMap::new();
    let (mut same, mut forbidden) = (0, 0);
    for _ in 0..cases {
        let case = Case::random(&mut rng);
        let (text, target) = case.written(&[]);
        let allows = ours(&text, &target);
        forbidden += usize::from(!allows);
        if peer(&text, &target, &[]) == Some(allows) {
            same += 1;
            continue;
        }
        let divergences = explain(&Difference {
            case: &case,
            ours: allows,
            peer,
        });
        let divergences =
            divergences.unwrap_or_else(|| panic!("we decide {allows} for {target:?} in:\n{text}"));
        for divergence in divergences {
            *counts.entry(divergence).or_default() += 1;
        }
    }
    assert!(
        same > cases / 2 && forbidden > cases / 10,
        "the cases show too little: {same} the same, {forbidden} forbidden, {counts:?}"
    );
    counts
}

#[test]
fn differences_from_the_port_of_googles_parser_are_explained() {
    let counts = differences(40_000, robotstxt);
    for divergence in [
        Divergence::Octets,
        Divergence::OtherRecords,
        Divergence::LongerNames,
        Divergence::Misspelling,
        Divergence::AgentNames,
        Divergence::IndexPage,
        Divergence::RobotsTxt,
        Divergence::LostPlaces,
    ] {
        assert!(
            counts.contains_key(&divergence),
            "{divergence:?} explains nothing"
        );
    }
    assert_eq!(counts.len(), 8);
}

#[test]
fn differences_from_texting_robots_are_explained() {
    let counts = differences(40_000, texting_robots);
    for divergence in [
        Divergence::Octets,
        Divergence::OtherRecords,
        Divergence::Misspelling,
        Divergence::Prose,
        Divergence::AgentNames,
        Divergence::NoGroup,
        Divergence::EmptyRule,
    ] {
        assert!(
            counts.contains_key(&divergence),
            "{divergence:?} explains nothing"
        );
    }
    assert_eq!(counts.len(), 7);
}
