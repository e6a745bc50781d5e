//! The selector language: the supported pseudo-classes, and the messages for all others.

use std::fmt;

use cssparser::{CowRcStr, ParseError, ToCss};
use html5ever::Namespace;
use scraper::selector::{CssLocalName, CssString};
use selectors::parser::{SelectorImpl, SelectorParseErrorKind};

use crate::text::nearest::nearest;

/// The most language tags in one `:lang()`.
const LANGUAGES: usize = 32;

/// Pseudo-classes without arguments that depend on the page alone.
const SUPPORTED: [(&str, PseudoClass); 12] = [
    ("any-link", PseudoClass::Link),
    ("link", PseudoClass::Link),
    ("checked", PseudoClass::Checked),
    ("disabled", PseudoClass::Disabled),
    ("enabled", PseudoClass::Enabled),
    ("required", PseudoClass::Required),
    ("optional", PseudoClass::Optional),
    ("read-only", PseudoClass::ReadOnly),
    ("read-write", PseudoClass::ReadWrite),
    ("placeholder-shown", PseudoClass::PlaceholderShown),
    ("open", PseudoClass::Open),
    ("defined", PseudoClass::Defined),
];

/// Other pseudo-classes, for suggestions: handled by the crate, or with arguments.
const OTHERS: [&str; 18] = [
    "empty",
    "first-child",
    "first-of-type",
    "has",
    "is",
    "lang",
    "last-child",
    "last-of-type",
    "not",
    "nth-child",
    "nth-last-child",
    "nth-last-of-type",
    "nth-of-type",
    "only-child",
    "only-of-type",
    "root",
    "scope",
    "where",
];

/// Pseudo-classes that depend on a user, a window or a script.
const BROWSER_STATES: [&str; 33] = [
    "active",
    "autofill",
    "blank",
    "buffering",
    "current",
    "focus",
    "focus-visible",
    "focus-within",
    "fullscreen",
    "future",
    "host",
    "host-context",
    "hover",
    "local-link",
    "modal",
    "muted",
    "past",
    "paused",
    "picture-in-picture",
    "playing",
    "popover-open",
    "seeking",
    "stalled",
    "state",
    "target",
    "target-current",
    "target-within",
    "user-invalid",
    "user-valid",
    "visited",
    "volume-locked",
    "invalid",
    "valid",
];

/// Pseudo-classes that could be decided from the page, but at too high a price.
const UNSUPPORTED: [&str; 5] = [
    "default",
    "dir",
    "in-range",
    "indeterminate",
    "out-of-range",
];

/// The language, as configured for the `selectors` crate.
#[derive(Debug, Clone)]
pub(super) struct Language;

/// A pseudo-class that is not about an element's position in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PseudoClass {
    /// `:link` and `:any-link`: no link counts as visited.
    Link,
    Checked,
    Disabled,
    Enabled,
    Required,
    Optional,
    ReadOnly,
    ReadWrite,
    PlaceholderShown,
    Open,
    Defined,
    /// Language ranges of RFC 4647, in lower case.
    Lang(Vec<String>),
}

/// No pseudo-elements: what to read from an element is not part of its selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PseudoElement {}

/// Why a text is not a selector.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The `selectors` crate's reason.
    Syntax(SelectorParseErrorKind),
    /// A pseudo-class, and what is wrong with it.
    PseudoClass(String),
}

impl Refusal {
    fn unknown(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        if BROWSER_STATES.contains(&lower.as_str()) {
            return Self::PseudoClass(format!(
                ":{lower} is a state of a browser, which cannot be seen from the page alone"
            ));
        }
        if UNSUPPORTED.contains(&lower.as_str()) {
            return Self::PseudoClass(format!(":{lower} is not supported"));
        }
        let known: Vec<&str> = SUPPORTED
            .iter()
            .map(|(name, _)| *name)
            .chain(OTHERS)
            .collect();
        Self::PseudoClass(match nearest(&lower, &known) {
            Some(meant) => {
                format!("unknown pseudo-class :{name}; did you mean :{meant}?")
            }
            None => format!("unknown pseudo-class :{name}"),
        })
    }
}

impl From<SelectorParseErrorKind> for Refusal {
    fn from(kind: SelectorParseErrorKind) -> Self {
        Self::Syntax(kind)
    }
}

impl SelectorImpl for Language {
    type ExtraMatchingData<'a> = ();
    type AttrValue = CssString;
    type Identifier = CssLocalName;
    type LocalName = CssLocalName;
    type NamespaceUrl = Namespace;
    type NamespacePrefix = CssLocalName;
    type BorrowedNamespaceUrl = Namespace;
    type BorrowedLocalName = CssLocalName;
    type NonTSPseudoClass = PseudoClass;
    type PseudoElement = PseudoElement;
}

impl<'i> selectors::Parser<'i> for Language {
    type Impl = Self;
    type Error = Refusal;

    fn parse_is_and_where(&self) -> bool {
        true
    }

    fn parse_has(&self) -> bool {
        true
    }

    fn parse_nth_child_of(&self) -> bool {
        true
    }

    // A browser ignores unknown parts of `:is()`, for the sake of older style sheets. Here, an unknown part is a
    // typo.
    fn allow_forgiving_selectors(&self) -> bool {
        false
    }

    fn parse_non_ts_pseudo_class(
        &self,
        name: CowRcStr<'i>,
    ) -> Result<PseudoClass, ParseError<Refusal>> {
        SUPPORTED
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, class)| class.clone())
            .ok_or_else(|| ParseError::custom(Refusal::unknown(&name)))
    }

    fn parse_non_ts_functional_pseudo_class(
        &self,
        name: CowRcStr<'i>,
        arguments: &mut cssparser::Parser<'i>,
        _after_part: bool,
    ) -> Result<PseudoClass, ParseError<Refusal>> {
        if !name.eq_ignore_ascii_case("lang") {
            return Err(ParseError::custom(Refusal::unknown(&name)));
        }
        let ranges = arguments
            .parse_comma_separated::<_, _, Refusal>(|arguments| {
                Ok(arguments.expect_ident_or_string()?.to_ascii_lowercase())
            })
            .map_err(|_| {
                let usage = ":lang() takes languages, as in :lang(en, \"*-CH\")";
                ParseError::custom(Refusal::PseudoClass(usage.to_owned()))
            })?;
        if ranges.len() > LANGUAGES {
            let many = format!(":lang() with more than {LANGUAGES} languages");
            return Err(ParseError::custom(Refusal::PseudoClass(many)));
        }
        Ok(PseudoClass::Lang(ranges))
    }
}

impl selectors::parser::NonTSPseudoClass for PseudoClass {
    fn is_active_or_hover(&self) -> bool {
        false
    }

    fn is_user_action_state(&self) -> bool {
        false
    }
}

impl ToCss for PseudoClass {
    fn to_css<W: fmt::Write>(&self, to: &mut W) -> fmt::Result {
        match self {
            PseudoClass::Lang(ranges) => {
                to.write_str(":lang(")?;
                for (index, range) in ranges.iter().enumerate() {
                    to.write_str(if index > 0 { ", " } else { "" })?;
                    cssparser::serialize_string(range, to)?;
                }
                to.write_str(")")
            }
            class => {
                let named = SUPPORTED.iter().find(|(_, known)| known == class);
                write!(to, ":{}", named.map_or("", |(name, _)| name))
            }
        }
    }
}

impl selectors::parser::PseudoElement for PseudoElement {}

impl ToCss for PseudoElement {
    fn to_css<W: fmt::Write>(&self, _: &mut W) -> fmt::Result {
        match *self {}
    }
}
