//! What a single expression matches on a page: for trying out selectors.

use super::base::Base;
use super::css::Caches;
use super::extractor;
use super::filter::Chain;
use super::selection::{Expression, SelectionError, column};
use super::selector::{Node, Selector};
use super::source::PageFormat;
use super::take::Take;
use super::tree;
use super::watched_tree::Notes;
use super::{Limits, Page};
use crate::visit::fields::Value;

/// One match of the expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The line, from 1, on which the element's start tag ends. `None` in JSON and text.
    pub line: Option<u64>,
    /// The element as HTML, the JSON value, or the matched text.
    pub source: String,
    /// What the expression makes of it; missing if it does not have the attribute.
    pub value: Value,
    /// Why the value could not be converted.
    pub why: Option<String>,
}

/// Tries an expression, written as after the `=` of `--select`, on a page of its kind.
///
/// # Errors
/// What is wrong with the expression, with its column; or with the page, at column 1.
pub fn matches(text: &str, page: &Page<'_>, limits: &Limits) -> Result<Vec<Match>, SelectionError> {
    let wrong = |at, problem| SelectionError {
        text: text.to_owned(),
        column: column(text, at),
        problem,
    };
    // HTML and XHTML share one selector language.
    let language = match page.source {
        PageFormat::Xhtml => PageFormat::Html,
        other => other,
    };
    // Here it does not matter whether the expression yields a list or a single value.
    let (expression, list) = match Expression::read(text, language, true) {
        Ok(expression) => (expression, true),
        Err(fault) => match Expression::read(text, language, false) {
            Ok(expression) => (expression, false),
            Err(_) => return Err(wrong(fault.at, fault.problem)),
        },
    };
    let selector = Selector::compile(language, &expression.selector)
        .map_err(|fault| wrong(fault.at, fault.problem))?;
    let chain = Chain::compile(&expression.filters, language.kind(), list)
        .map_err(|(_, problem)| wrong(0, problem))?;
    let refused = |why| wrong(0, why);
    let (tree, json);
    let notes = Notes {
        lines: true,
        orders: true,
    };
    let root = match page.source {
        PageFormat::Html | PageFormat::Xhtml => {
            tree = tree::build(page.text, page.source, limits, notes).map_err(refused)?;
            Node::Page(&tree)
        }
        PageFormat::Json => {
            json = extractor::parse_json(page.text, limits).map_err(refused)?;
            Node::Json(&json)
        }
        PageFormat::Text => Node::Text(page.text),
    };
    let (base, lines) = match &root {
        Node::Page(tree) => (tree.base.as_deref(), Some(&tree.lines)),
        _ => (None, None),
    };
    let base = Base::new(page.url, base, page.encoding);
    let nodes = selector
        .nodes(&root, &mut Caches::default(), limits.items)
        .map_err(refused)?;
    let mut left = limits.total_bytes;
    let mut matches = Vec::new();
    for node in &nodes {
        let line = match node {
            Node::Element(element, _) => lines.and_then(|lines| lines.get(&element.id()).copied()),
            _ => None,
        };
        let source = match node {
            Node::Json(value) => value.to_string(),
            node => match node.value(&Take::Html, true) {
                Some(Value::Text(text)) => text,
                _ => String::new(),
            },
        };
        // Elements nest, and each match is returned whole: stop at the page's total limit.
        let Some(rest) = left.checked_sub(source.len()) else {
            break;
        };
        left = rest;
        let input = node.value(&expression.take, false);
        let mut outcome = chain.run(input.into_iter().collect(), &base, limits);
        let value = match outcome.value {
            Value::List(mut values) if values.len() < 2 => values.pop().unwrap_or_default(),
            value => value,
        };
        matches.push(Match {
            line,
            source,
            value,
            why: outcome.whys.drain(..).next(),
        });
    }
    Ok(matches)
}
