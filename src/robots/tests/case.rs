//! Random files, and the same files without the parts that other parsers read differently.

use std::fmt::Write as _;

use fastrand::Rng;

/// Something that another parser reads differently, and how a file avoids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Divergence {
    /// RFC 9309 2.2.2: octets are normalized before they are compared. Others compare them as written. Avoided by:
    /// writing only the normalized form.
    Octets,
    /// RFC 9309 2.2.4: other records do not end a list of agents. Others let some end it. Avoided by: leaving those
    /// out.
    OtherRecords,
    /// A longer name is another record. `robotstxt` reads only its start. Avoided by: leaving it out.
    LongerNames,
    /// Misspelt names that `robotstxt` or `texting_robots` does not know, or does not see after white space or a byte
    /// order mark. Avoided by: the standard's names.
    Misspelling,
    /// Words without a colon are only a record if there are two. `texting_robots` accepts more. Avoided by: leaving
    /// those out.
    Prose,
    /// Whatever follows an agent's name is ignored, and a digit is part of the name. `texting_robots` compares the
    /// whole value, `robotstxt` ends the name before a digit. Avoided by: bare names.
    AgentNames,
    /// RFC 9309 2.2.2: rules outside of groups are ignored. `texting_robots` obeys them if there is no group. Avoided
    /// by: leaving them out.
    NoGroup,
    /// An empty `Disallow` has no effect. `texting_robots` takes it as `Allow: /`. Avoided by: a rule that matches
    /// nothing.
    EmptyRule,
    /// `Allow: /index.html` allows only that. For `robotstxt`, as for Google, it also allows `/`. Avoided by: another
    /// name.
    IndexPage,
    /// RFC 9309 2.2.2: `/robots.txt` is always allowed. `robotstxt` obeys rules about it. Avoided by: no rules.
    RobotsTxt,
    /// RFC 9309 2.2.3: `*` matches any octets. After one, `robotstxt` continues only from the first position of the
    /// next octet: its list of positions is shifted while it is read. Nothing is rewritten, but the port gets a
    /// matcher without this bug.
    LostPlaces,
}

/// A text as written, and normalized.
#[derive(Clone, Debug, Default)]
struct Spelling {
    written: String,
    normalized: String,
}

#[derive(Clone, Debug)]
enum Line {
    /// A rule: its name as written, the standard's name, and its path.
    Rule {
        name: &'static str,
        standard: &'static str,
        path: Spelling,
    },
    /// An agent: the name and value as written, and the bare value.
    Agent {
        name: &'static str,
        value: &'static str,
        bare: &'static str,
    },
    Other(&'static str),
    LongerName(&'static str),
    Prose(&'static str),
    Blank(&'static str),
}

/// A file and a target.
pub(super) struct Case {
    lines: Vec<Line>,
    target: Spelling,
    mark: bool,
}

impl Case {
    /// The file and the target, without these divergences.
    pub(super) fn written(&self, without: &[Divergence]) -> (String, String) {
        let avoids = |divergence| without.contains(&divergence);
        let text_of = |text: &Spelling| {
            let text = if avoids(Divergence::Octets) {
                &text.normalized
            } else {
                &text.written
            };
            if avoids(Divergence::IndexPage) {
                text.replace("index.htm", "index-htm")
            } else {
                text.clone()
            }
        };
        let target = text_of(&self.target);
        if avoids(Divergence::RobotsTxt) && self.target.normalized == "/robots.txt" {
            return (String::new(), target);
        }
        let mut text = String::from(if self.mark && !avoids(Divergence::Misspelling) {
            "\u{feff}"
        } else {
            ""
        });
        let mut has_group = false;
        for line in &self.lines {
            let name = |name: &'static str, standard| {
                if avoids(Divergence::Misspelling) {
                    standard
                } else {
                    name
                }
            };
            let _ = match line {
                Line::Rule { .. } if avoids(Divergence::NoGroup) && !has_group => Ok(()),
                Line::Rule { path, .. }
                    if avoids(Divergence::EmptyRule) && path.normalized.is_empty() =>
                {
                    writeln!(text, "Disallow: /never")
                }
                Line::Rule {
                    name: written,
                    standard,
                    path,
                } => {
                    writeln!(text, "{}{}", name(written, standard), text_of(path))
                }
                Line::Agent {
                    name: written,
                    value,
                    bare,
                } => {
                    has_group = true;
                    let value = if avoids(Divergence::AgentNames) {
                        bare
                    } else {
                        value
                    };
                    writeln!(text, "{}{value}", name(written, "User-agent: "))
                }
                Line::Other(_) if avoids(Divergence::OtherRecords) => Ok(()),
                Line::LongerName(_) if avoids(Divergence::LongerNames) => Ok(()),
                Line::Prose(_) if avoids(Divergence::Prose) => Ok(()),
                Line::Other(line)
                | Line::LongerName(line)
                | Line::Prose(line)
                | Line::Blank(line) => {
                    writeln!(text, "{line}")
                }
            };
        }
        (text, target)
    }

    pub(super) fn random(rng: &mut Rng) -> Self {
        let mut lines = Vec::new();
        if rng.u8(0..8) > 0 {
            lines.push(agent(rng));
        }
        for _ in 0..rng.usize(0..14) {
            lines.push(match rng.u8(0..20) {
                0..10 => rule(rng),
                10..16 => agent(rng),
                16 => Line::Other(pick(
                    rng,
                    &[
                        "Sitemap: http://a/",
                        "Crawl-delay: 3",
                        "Host: a",
                        "Noindex: /a",
                        "Clean-param: a /b",
                    ],
                )),
                17 => Line::LongerName(pick(
                    rng,
                    &[
                        "Disallow-all: /",
                        "Allowance: /a",
                        "User-agent-class: haul",
                        "user-agentx: *",
                    ],
                )),
                18 => Line::Prose(pick(
                    rng,
                    &[
                        "Disallow /a /b",
                        "allow /a and more",
                        "user-agent haul too",
                        "nothing",
                        "<html>",
                    ],
                )),
                _ => Line::Blank(pick(rng, &["", " ", "# Disallow: /", "#", "\r"])),
            });
        }
        let target = match rng.u8(0..30) {
            0 => Spelling {
                written: "/robots.txt".to_owned(),
                normalized: "/robots.txt".to_owned(),
            },
            _ => path(rng, false),
        };
        Self {
            lines,
            target,
            mark: rng.u8(0..20) == 0,
        }
    }
}

fn pick(rng: &mut Rng, choices: &[&'static str]) -> &'static str {
    choices[rng.usize(0..choices.len())]
}

fn rule(rng: &mut Rng) -> Line {
    let (standard, others) = if rng.u8(0..3) == 0 {
        (
            "Allow: ",
            ["allow:", "ALLOW\t: ", " Allow ", "allowed: ", "Allow :"],
        )
    } else {
        (
            "Disallow: ",
            [
                "disallow:",
                "dissallow: ",
                "Dis-allow: ",
                "Disallowed:",
                " Disallow ",
            ],
        )
    };
    let path = match rng.u8(0..12) {
        0 => Spelling::default(),
        _ => path(rng, true),
    };
    let is_standard = rng.u8(0..4) > 0 || path.normalized.is_empty() || path.written.contains(' ');
    let name = if is_standard {
        standard
    } else {
        pick(rng, &others)
    };
    Line::Rule {
        name,
        standard,
        path,
    }
}

fn agent(rng: &mut Rng) -> Line {
    let (value, bare) = match rng.u8(0..12) {
        0..4 => ("haul", "haul"),
        4..7 => ("*", "*"),
        7 => ("HAUL/1.0", "haul"),
        8 => ("haul2", "other"),
        9 => ("haul bot", "haul"),
        10 => ("* all", "*"),
        _ => ("other", "other"),
    };
    let is_standard = rng.u8(0..4) > 0 || value.contains(' ');
    let names = [
        "user agent:",
        "useragent: ",
        "User_Agent: ",
        " User-agent ",
        "USER-AGENT:\t",
    ];
    let name = if is_standard {
        "User-agent: "
    } else {
        pick(rng, &names)
    };
    Line::Agent { name, value, bare }
}

/// A random path made of few pieces, so that rules and targets often match.
///
/// The first spelling of each piece is the normalized one.
fn path(rng: &mut Rng, is_rule: bool) -> Spelling {
    const PIECES: [&[&str]; 13] = [
        &["a", "a", "a", "%61"],
        &["b", "b", "b", "%62"],
        &["/"],
        &["/"],
        &["a/"],
        &["~", "~", "%7e"],
        &["!", "%21"],
        &["%C3%A9", "%c3%a9"],
        &["%7B", "%7b"],
        &["%24", "$"],
        &["index.html"],
        &["%zz"],
        &["="],
    ];
    let mut path = Spelling {
        written: "/".to_owned(),
        normalized: "/".to_owned(),
    };
    let has_stars = is_rule && rng.bool();
    let mut in_query = false;
    for _ in 0..rng.usize(0..6) {
        let spellings: &[&str] = match rng.u8(0..20) {
            0 if in_query => &["/", "%2F", "%2f"],
            0 if !has_stars => &["%2F", "%2f"],
            1 => {
                in_query = true;
                &["?"]
            }
            2 if is_rule => &["%C3%A9", "é"],
            3 if is_rule => &["%20", " "],
            4 => &["%20"],
            5..8 if has_stars => &["*"],
            _ => PIECES[rng.usize(0..PIECES.len())],
        };
        // A final "$" would be special.
        path.normalized.push_str(spellings[0]);
        path.written
            .push_str(spellings[rng.usize(0..spellings.len())]);
    }
    if path.written.ends_with(['$', ' ']) {
        path.written.push('b');
        path.normalized.push('b');
    }
    if is_rule && rng.u8(0..6) == 0 {
        path.written.push('$');
        path.normalized.push('$');
    }
    path
}
