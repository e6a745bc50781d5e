//! CSS selectors, compiled once and matched in page order.
//!
//! The `selectors` crate parses and matches them: Selectors level 4 with `:is`, `:where`, `:not`, `:has`, `:nth-*`
//! and `:scope`, and the pseudo-classes that depend on the page alone (`:link`, `:checked`, `:lang()`), but not
//! those that depend on a browser (`:hover`). Inside an item, `:scope` is the item, and other parts of a selector
//! may match outside of it, as in `querySelectorAll`. Edge: a selector with `~` takes time quadratic in the number
//! of siblings, and is not tried if there are too many.

mod element;
mod language;
mod page_element;
mod state;
mod taken;

use cssparser::{BasicParseErrorKind, ParseErrorKind, ToCss};
use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use scraper::{ElementRef, Node};
use selectors::Element as _;
use selectors::matching::{
    MatchingContext, MatchingForInvalidation, MatchingMode, NeedsSelectorFlags, QuirksMode,
    SelectorCaches, matches_selector,
};
use selectors::parser::{ParseRelative, SelectorList, SelectorParseErrorKind};

use super::fault::Fault;
use language::{Language, Refusal};
use page_element::PageElement;
pub(super) use taken::take_from;

/// The longest selector, in bytes.
const LONGEST: usize = 4 << 10;
/// Nesting depth of parentheses: the selector compiler recurses.
const DEPTH: usize = 16;
/// The largest number of siblings for which `~` is tried: ten million steps.
const SIBLINGS: usize = 4_000;

/// A compiled selector.
#[derive(Debug)]
pub(super) struct Css {
    list: SelectorList<Language>,
    /// Whether it has a `~`.
    siblings: bool,
    /// Whether it names `:scope`, so that what was cached for one scope is wrong for the next.
    scoped: bool,
}

/// Match caches of one page, shared by all selectors.
///
/// The keys are the addresses of selectors and elements, so it must not outlive the page, and selectors must
/// outlive it.
#[derive(Default)]
pub(super) struct Caches(SelectorCaches);

impl Css {
    /// Compiles a selector.
    ///
    /// # Errors
    /// Where and why it is not a valid selector.
    pub(super) fn compile(text: &str) -> Result<Self, Fault> {
        let fault = |at, problem: &str| Fault {
            at,
            problem: problem.to_owned(),
        };
        if text.len() > LONGEST {
            return Err(fault(LONGEST, "a selector longer than 4096 bytes"));
        }
        let mut depth = 0_usize;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > DEPTH {
                return Err(fault(at, "parentheses are nested too deeply"));
            }
        }
        let list = parse(text).map_err(|why| Fault {
            at: end_of_valid_prefix(text),
            problem: format!("not a CSS selector: {why}"),
        })?;
        // In the form that the crate serializes, names are in lower case and escapes are resolved.
        let written = list.to_css_string();
        Ok(Self {
            list,
            siblings: written.contains(" ~ ") || written.contains("(~ "),
            scoped: written.contains(":scope"),
        })
    }

    /// The elements below a node that it matches, at most `limit`.
    ///
    /// `siblings` is the page's longest list of siblings.
    ///
    /// # Errors
    /// Why it was not tried.
    pub(super) fn select<'p>(
        &self,
        scope: NodeRef<'p, Node>,
        siblings: usize,
        caches: &mut Caches,
        limit: usize,
    ) -> Result<Vec<NodeRef<'p, Node>>, String> {
        if self.siblings && siblings > SIBLINGS {
            return Err(format!(
                "a selector with ~ is not tried where more than {SIBLINGS} elements are siblings"
            ));
        }
        let mut own = SelectorCaches::default();
        let caches = if self.scoped { &mut own } else { &mut caches.0 };
        let mut context = MatchingContext::new(
            MatchingMode::Normal,
            None,
            caches,
            QuirksMode::NoQuirks,
            NeedsSelectorFlags::No,
            MatchingForInvalidation::No,
        );
        context.scope_element =
            ElementRef::wrap(scope).map(|element| PageElement(element).opaque());
        let selectors = self.list.slice();
        let mut matches = Vec::new();
        for edge in scope.traverse().skip(1) {
            let Edge::Open(node) = edge else { continue };
            let Some(element) = ElementRef::wrap(node).map(PageElement) else {
                continue;
            };
            if selectors
                .iter()
                .any(|selector| matches_selector(selector, 0, None, &element, &mut context))
            {
                matches.push(node);
                if matches.len() >= limit {
                    break;
                }
            }
        }
        Ok(matches)
    }
}

impl std::fmt::Debug for Caches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Caches")
    }
}

fn parse(text: &str) -> Result<SelectorList<Language>, String> {
    let mut parser = cssparser::Parser::new(text);
    SelectorList::parse(&Language, &mut parser, ParseRelative::No)
        .map_err(|error| explain(error.kind))
}

/// The end of the longest prefix that is a valid selector.
///
/// The parser does not report where it failed.
fn end_of_valid_prefix(text: &str) -> usize {
    let starts = text.char_indices().rev().map(|(at, _)| at);
    let valid = starts
        .take_while(|at| *at > 0)
        .find(|at| parse(&text[..*at]).is_ok())
        .unwrap_or(0);
    valid + (text[valid..].len() - text[valid..].trim_start().len())
}

/// The parser's reason in words.
fn explain(kind: ParseErrorKind<Refusal>) -> String {
    use SelectorParseErrorKind as Why;
    let why = match kind {
        ParseErrorKind::Custom(Refusal::PseudoClass(why)) => return why,
        ParseErrorKind::Custom(Refusal::Syntax(why)) => why,
        ParseErrorKind::Basic(BasicParseErrorKind::EndOfInput) => {
            return "it ends too early".to_owned();
        }
        ParseErrorKind::Basic(_) => return "something unexpected".to_owned(),
    };
    let words = match why {
        Why::EmptySelector => "a selector is missing",
        Why::DanglingCombinator => "there is nothing after the combinator",
        Why::ExpectedNamespace => {
            "a namespace prefix, but none is declared; *| is any namespace, | is none"
        }
        Why::ClassNeedsIdent => "a class without a name",
        Why::NoIdentForPseudo => "a pseudo-class without a name",
        Why::UnsupportedPseudoClassOrElement
        | Why::PseudoElementExpectedColon
        | Why::PseudoElementExpectedIdent
        | Why::NonPseudoElementAfterSlotted
        | Why::InvalidPseudoElementAfterSlotted
        | Why::InvalidPseudoElementInsideWhere => "an unknown pseudo-element",
        Why::NoQualifiedNameInAttributeSelector
        | Why::UnexpectedTokenInAttributeSelector
        | Why::ExpectedBarInAttr
        | Why::BadValueInAttr
        | Why::InvalidQualNameInAttr => "a malformed attribute",
        Why::NonCompoundSelector
        | Why::InvalidState
        | Why::UnexpectedIdent
        | Why::ExplicitNamespaceUnexpectedToken => "something unexpected",
    };
    words.to_owned()
}
