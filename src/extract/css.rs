//! CSS selectors, compiled once and matched in the order of the page.
//!
//! Understood is what the `selectors` crate does: Selectors level 4 with `:is`, `:where`, `:not`, `:has`, `:nth-*` and `:scope`,
//! without the states of a browser (`:hover`, `:link`). Inside an item, `:scope` is the item, and other parts of a selector may
//! match outside of it, as in `querySelectorAll`.
//! Edge: a selector with `~` takes time with the square of the siblings, and is not tried where there are too many.

use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use scraper::selector::Simple;
use scraper::{ElementRef, Node};
use selectors::Element as _;
use selectors::matching::{
    MatchingContext, MatchingForInvalidation, MatchingMode, NeedsSelectorFlags, QuirksMode,
    SelectorCaches, matches_selector,
};
use selectors::parser::{ParseRelative, SelectorList, SelectorParseErrorKind};

use super::selection::{Fault, Take};

/// The longest selector, in bytes.
const LONGEST: usize = 4 << 10;
/// Parentheses inside each other: the compiler of selectors recurses.
const DEPTH: usize = 16;
/// Siblings up to which `~` is tried: ten million steps.
const SIBLINGS: usize = 4_000;

/// Which parts of the language are understood.
struct Language;

impl selectors::Parser<'_> for Language {
    type Impl = Simple;
    type Error = SelectorParseErrorKind;

    fn parse_is_and_where(&self) -> bool {
        true
    }

    fn parse_has(&self) -> bool {
        true
    }

    fn parse_nth_child_of(&self) -> bool {
        true
    }
}

/// A compiled selector.
#[derive(Debug)]
pub(super) struct Css {
    list: SelectorList<Simple>,
    /// Whether it has a `~`.
    siblings: bool,
    /// Whether it names `:scope`, so that what was cached for one scope is wrong in the next.
    scoped: bool,
}

/// What was counted on one page, for all selectors.
///
/// The addresses of selectors and elements are its keys: it lives no longer than the page, and selectors outlive it.
#[derive(Default)]
pub(super) struct Caches(SelectorCaches);

impl Css {
    /// Compiles a selector.
    ///
    /// # Errors
    /// Where and why it is none.
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
                return Err(fault(at, "too many parentheses inside each other"));
            }
        }
        let list = parsed(text).map_err(|why| Fault {
            at: behind_what_is_right(text),
            problem: format!("no CSS selector: {why}"),
        })?;
        let mut rest = text.as_bytes().windows(2);
        let siblings = rest.any(|pair| pair[0] == b'~' && pair[1] != b'=');
        Ok(Self {
            list,
            siblings,
            scoped: text.contains(":scope"),
        })
    }

    /// The elements below a node that it matches, at most so many. `siblings` is the longest list of them in the page.
    ///
    /// # Errors
    /// Why it was not tried.
    pub(super) fn select<'p>(
        &self,
        scope: NodeRef<'p, Node>,
        siblings: usize,
        caches: &mut Caches,
        most: usize,
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
        context.scope_element = ElementRef::wrap(scope).map(|element| element.opaque());
        let selectors = self.list.slice();
        let mut found = Vec::new();
        for edge in scope.traverse().skip(1) {
            let Edge::Open(node) = edge else { continue };
            let Some(element) = ElementRef::wrap(node) else {
                continue;
            };
            if selectors
                .iter()
                .any(|selector| matches_selector(selector, 0, None, &element, &mut context))
            {
                found.push(node);
                if found.len() >= most {
                    break;
                }
            }
        }
        Ok(found)
    }
}

impl std::fmt::Debug for Caches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Caches")
    }
}

fn parsed(text: &str) -> Result<SelectorList<Simple>, String> {
    let mut parser = cssparser::Parser::new(text);
    SelectorList::parse(&Language, &mut parser, ParseRelative::No)
        .map_err(|error| told(&error.kind))
}

/// Where the longest start of a text ends that is a selector: the parser does not say where it failed.
fn behind_what_is_right(text: &str) -> usize {
    let starts = text.char_indices().rev().map(|(at, _)| at);
    let right = starts
        .take_while(|at| *at > 0)
        .find(|at| parsed(&text[..*at]).is_ok())
        .unwrap_or(0);
    right + (text[right..].len() - text[right..].trim_start().len())
}

/// The parser's reason in words.
fn told(kind: &impl std::fmt::Debug) -> String {
    let debug = format!("{kind:?}");
    for (part, words) in [
        ("EndOfInput", "it ends too early"),
        ("EmptySelector", "a selector is missing"),
        ("DanglingCombinator", "nothing stands behind the combinator"),
        (
            "UnsupportedPseudoClassOrElement",
            "a pseudo-class that is not known",
        ),
        ("ExpectedNamespace", "a namespace; there are none"),
        ("ClassNeedsIdent", "a class without a name"),
        ("PseudoElement", "a pseudo-element that is not known"),
        ("NoIdentForPseudo", "a pseudo-class without a name"),
        ("InAttr", "an attribute that is not written as one"),
    ] {
        if debug.contains(part) {
            return words.to_owned();
        }
    }
    "something that is not expected here".to_owned()
}

/// What is taken of an element, or of the page where the node is its root.
pub(super) fn taken(node: NodeRef<'_, Node>, take: &Take) -> Option<String> {
    match take {
        Take::Text => Some(text(node)),
        Take::OwnText => Some(
            node.children()
                .filter_map(|child| child.value().as_text().map(|text| &**text))
                .collect(),
        ),
        Take::Html => Some(match ElementRef::wrap(node) {
            Some(element) => element.html(),
            None => node
                .children()
                .filter_map(ElementRef::wrap)
                .map(|e| e.html())
                .collect(),
        }),
        Take::InnerHtml => Some(match ElementRef::wrap(node) {
            Some(element) => element.inner_html(),
            None => node
                .children()
                .filter_map(ElementRef::wrap)
                .map(|e| e.inner_html())
                .collect(),
        }),
        Take::Attribute(name) => {
            let element = node.value().as_element()?;
            let exact = element.attr(name);
            let found = exact.or_else(|| {
                let mut attributes = element.attrs();
                attributes
                    .find(|(other, _)| other.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value)
            });
            found.map(str::to_owned)
        }
    }
}

/// The text below a node, without that of scripts, styles and templates in it.
fn text(node: NodeRef<'_, Node>) -> String {
    let mut text = String::new();
    let mut hidden = None;
    for edge in node.traverse() {
        match edge {
            Edge::Open(inner) if hidden.is_none() => match inner.value() {
                Node::Text(piece) => text.push_str(piece),
                Node::Element(element)
                    if inner != node
                        && matches!(element.name(), "script" | "style" | "template") =>
                {
                    hidden = Some(inner.id());
                }
                _ => {}
            },
            Edge::Close(inner) if hidden == Some(inner.id()) => hidden = None,
            _ => {}
        }
    }
    text
}
