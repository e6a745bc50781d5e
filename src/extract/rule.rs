//! Fields as they were requested, and their compiled form.

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::css::Caches;
use super::fault::Fault;
use super::filter::Chain;
use super::limits::Account;
use super::selection::{Expression, Selection, check_name};
use super::selector::{Node, Selector};
use super::source::PageFormat;
use super::take::Take;
use crate::visit::fields::{Column, Kind, Value};

/// Nesting depth of tables.
pub(super) const DEPTH: usize = 4;

/// One field of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The field's name.
    pub name: String,
    /// Whether all matches go into a list.
    pub list: bool,
    /// Whether an item without this field is incomplete.
    pub required: bool,
    /// The share of items, from 0 to 1, that must have this field.
    pub min_rate: Option<f64>,
    /// Its content.
    pub reads: Reads,
}

/// The content of a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reads {
    /// A single value, or a list of values.
    Value(Expression),
    /// The items of a nested table.
    Items {
        /// The selector of an item; empty: the enclosing item itself.
        each: String,
        /// The fields of an item.
        rules: Vec<Rule>,
    },
}

impl Rule {
    /// Whether the HTML of an element is requested.
    pub(super) fn takes_html(&self) -> bool {
        match &self.reads {
            Reads::Value(expression) => expression.takes_html(),
            Reads::Items { rules, .. } => rules.iter().any(Self::takes_html),
        }
    }
}

impl From<Selection> for Rule {
    fn from(selection: Selection) -> Self {
        Self {
            name: selection.name,
            list: selection.list,
            required: false,
            min_rate: None,
            reads: Reads::Value(selection.expression),
        }
    }
}

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Field {
    /// The dotted path of names that leads to it: `reviews.stars`.
    path: String,
    list: bool,
    required: bool,
    selector: Selector,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Value { take: Take, chain: Chain },
    Items(Vec<Field>),
}

/// The state of reading one page.
#[derive(Debug)]
pub(super) struct Reading<'r> {
    pub(super) base: &'r Base,
    pub(super) caches: Caches,
    pub(super) account: Account,
    /// The misses of the current item: column and reason.
    pub(super) misses: Vec<(String, String)>,
}

/// Compiles the rules of a table; returns the compiled fields and the table's columns.
///
/// # Errors
/// The first rule that does not compile, by its path, and why.
pub(super) fn compile(
    rules: &[Rule],
    source: PageFormat,
    above: &[&str],
) -> Result<(Vec<Field>, Vec<Column>), (String, Fault)> {
    let mut fields = Vec::with_capacity(rules.len());
    let mut columns: Vec<Column> = Vec::with_capacity(rules.len());
    for rule in rules {
        let names = [above, &[rule.name.as_str()]].concat();
        let path = names.join(".");
        let fault = |fault: Fault| (path.clone(), fault);
        let problem = |problem: &str| {
            let problem = problem.to_owned();
            (path.clone(), Fault { at: 0, problem })
        };
        check_name(&rule.name).map_err(fault)?;
        if columns.iter().any(|column| column.name == rule.name) {
            return Err(problem("there is already a field of this name"));
        }
        if names.len() > DEPTH {
            return Err(problem("tables are nested too deeply"));
        }
        let (selector, content, kind, inner) = match &rule.reads {
            Reads::Value(expression) => {
                let selector = Selector::compile(source, &expression.selector).map_err(fault)?;
                let chain = Chain::compile(&expression.filters, source.kind(), rule.list)
                    .map_err(|(_, text)| problem(&text))?;
                let (take, kind) = (expression.take.clone(), chain.kind());
                (selector, Content::Value { take, chain }, kind, Vec::new())
            }
            Reads::Items { each, rules } => {
                let selector = Selector::compile(source, each).map_err(fault)?;
                let (fields, columns) = compile(rules, source, &names)?;
                (selector, Content::Items(fields), Kind::Item, columns)
            }
        };
        fields.push(Field {
            path,
            list: rule.list,
            required: rule.required,
            selector,
            content,
        });
        columns.push(Column {
            name: rule.name.clone(),
            kind,
            list: rule.list,
            required: rule.required,
            columns: inner,
            min_rate: rule.min_rate,
        });
    }
    Ok((fields, columns))
}

/// Reads the values of one item; returns whether the item is complete.
pub(super) fn read(
    fields: &[Field],
    node: &Node<'_>,
    reading: &mut Reading<'_>,
) -> (Vec<Value>, bool) {
    let mut complete = true;
    let values = fields
        .iter()
        .map(|field| {
            let misses_before = reading.misses.len();
            let (value, inner_complete) = field.read(node, reading);
            if field.required && !value.is_there() {
                complete = false;
                if reading.misses.len() == misses_before {
                    let why = match value {
                        Value::Text(_) => "only blank text was found",
                        _ => "nothing was found",
                    };
                    reading.miss(&field.path, why.to_owned());
                }
            }
            complete &= inner_complete;
            value
        })
        .collect();
    (values, complete)
}

impl Reading<'_> {
    fn miss(&mut self, path: &str, why: String) {
        self.misses.push((path.to_owned(), why));
    }
}

impl Field {
    /// The field's value in an item, and whether all its required nested fields are present.
    fn read(&self, node: &Node<'_>, reading: &mut Reading<'_>) -> (Value, bool) {
        match &self.content {
            Content::Value { take, chain } => (self.value(take, chain, node, reading), true),
            Content::Items(fields) => self.items(fields, node, reading),
        }
    }

    fn value(
        &self,
        take: &Take,
        chain: &Chain,
        node: &Node<'_>,
        reading: &mut Reading<'_>,
    ) -> Value {
        let limits = reading.account.limits;
        // The first element may not have the attribute; text is always there.
        let by_attribute = matches!(take, Take::Attribute(_));
        let limit = if chain.takes_all() || by_attribute {
            limits.items.saturating_add(1)
        } else {
            1
        };
        let nodes = match self.selector.nodes(node, &mut reading.caches, limit) {
            Ok(nodes) => nodes,
            Err(why) => {
                reading.miss(&self.path, why);
                return Value::Missing;
            }
        };
        let inside = matches!(self.selector, Selector::Itself);
        let wanted = if chain.takes_all() { limits.items } else { 1 };
        let mut values = Vec::new();
        for node in &nodes {
            let Some(value) = node.value(take, inside) else {
                continue;
            };
            if values.len() >= wanted {
                if chain.takes_all() {
                    reading.miss(&self.path, format!("more than {wanted} values"));
                }
                break;
            }
            if let Err(why) = reading.account.bytes(text_bytes(&value)) {
                reading.miss(&self.path, why);
                if chain.takes_all() {
                    continue;
                }
                return Value::Missing;
            }
            values.push(value);
        }
        let outcome = chain.run(values, reading.base, &limits);
        let more = outcome.whys.len().saturating_sub(1);
        if let Some(first) = outcome.whys.into_iter().next() {
            let why = match more {
                0 => first,
                _ => format!("{first}; and {more} more values of the list"),
            };
            reading.miss(&self.path, why);
        }
        // Filters can make a text longer: a replacement can repeat what it matched.
        match reading.account.bytes(longest_text(&outcome.value)) {
            Ok(()) => outcome.value,
            Err(why) => {
                reading.miss(&self.path, why);
                Value::Missing
            }
        }
    }

    fn items(&self, fields: &[Field], node: &Node<'_>, reading: &mut Reading<'_>) -> (Value, bool) {
        let limit = if self.list {
            reading.account.limits.items
        } else {
            1
        };
        let nodes = match self.selector.nodes(node, &mut reading.caches, limit) {
            Ok(nodes) => nodes,
            Err(why) => {
                reading.miss(&self.path, why);
                return (Value::Missing, true);
            }
        };
        let mut complete = true;
        let mut items = Vec::new();
        for node in &nodes {
            if let Err(why) = reading.account.item() {
                reading.miss(&self.path, why);
                break;
            }
            let (values, is_complete) = read(fields, node, reading);
            complete &= is_complete;
            items.push(Value::Item(values));
        }
        let value = if self.list {
            Value::List(items)
        } else {
            items.into_iter().next().unwrap_or_default()
        };
        (value, complete)
    }
}

/// The number of bytes of a value's text.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Json(text) => text.len(),
        _ => 0,
    }
}

/// The number of bytes of the longest text in a value.
fn longest_text(value: &Value) -> usize {
    match value {
        Value::List(values) => values.iter().map(text_bytes).max().unwrap_or(0),
        value => text_bytes(value),
    }
}
