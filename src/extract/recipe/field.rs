//! The `[fields]` table of a recipe, including nested tables.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::read::{Entry, Reader};
use crate::extract::fault::Fault;
use crate::extract::filter::{self, Chain, Filter};
use crate::extract::rule::{DEPTH, Reads, Rule};
use crate::extract::selection::{Expression, check_name};
use crate::extract::source::PageFormat;
use crate::extract::take::Take;
use crate::visit::fields::Kind;

const FIELD: [&str; 8] = [
    "select", "attr", "type", "list", "required", "filters", "min_rate", "default",
];
const NESTED: [&str; 5] = ["each", "fields", "list", "required", "min_rate"];
const TYPES: [&str; 7] = ["text", "bool", "integer", "number", "date", "url", "json"];

type Key<'t> = Spanned<Cow<'t, str>>;

impl Reader<'_, '_> {
    pub(super) fn rules(
        &mut self,
        value: &Entry<'_>,
        source: PageFormat,
        depth: usize,
    ) -> Vec<Rule> {
        let DeValue::Table(table) = value.get_ref() else {
            self.file
                .problem_at(value.span().start, "fields must be a table");
            return Vec::new();
        };
        if table.is_empty() {
            self.file
                .problem_at(value.span().start, "there are no fields");
        }
        let mut entries: Vec<_> = table.iter().collect();
        // The columns are in the order of the file.
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut rules: Vec<Rule> = Vec::new();
        for (key, value) in entries {
            let Some(rule) = self.rule(key, value, source, depth) else {
                continue;
            };
            if rules.iter().any(|other| other.name == rule.name) {
                let text = format!("there is already a field {:?}", rule.name);
                self.file.problem_at(key.span().start, text);
            }
            rules.push(rule);
        }
        rules
    }

    fn rule(
        &mut self,
        key: &Key<'_>,
        value: &Entry<'_>,
        source: PageFormat,
        depth: usize,
    ) -> Option<Rule> {
        let (name, list) = match key.get_ref().strip_suffix("[]") {
            Some(name) => (name, true),
            None => (key.get_ref().as_ref(), false),
        };
        if let Err(fault) = check_name(name) {
            self.fault(key.span(), fault);
        }
        let mut rule = Rule {
            name: name.to_owned(),
            list,
            required: false,
            min_rate: None,
            reads: Reads::Value(Expression {
                selector: String::new(),
                take: Take::Text,
                filters: Vec::new(),
            }),
        };
        let DeValue::Table(table) = value.get_ref() else {
            rule.reads = Reads::Value(self.expression(value, source, list)?);
            return Some(rule);
        };
        let nested = table.get("fields").is_some() || table.get("each").is_some();
        rule.list = self.switch(table, "list", list || nested);
        rule.required = self.switch(table, "required", false);
        rule.min_rate = self.rate(table);
        rule.reads = if nested {
            self.report_unknown_keys(table, &NESTED, "a nested table");
            self.nested(key, table, source, depth)?
        } else {
            self.report_unknown_keys(table, &FIELD, "a field");
            Reads::Value(self.value(key, table, source, rule.list)?)
        };
        Some(rule)
    }

    fn nested(
        &mut self,
        key: &Key<'_>,
        table: &DeTable<'_>,
        source: PageFormat,
        depth: usize,
    ) -> Option<Reads> {
        let each = table.get("each").map(|value| self.each(value, source));
        let Some(fields) = table.get("fields") else {
            let at = key.span().start;
            self.file.problem_at(at, "a nested table needs fields");
            return None;
        };
        if depth >= DEPTH {
            self.file
                .problem_at(key.span().start, "tables are nested too deeply");
            return None;
        }
        Some(Reads::Items {
            each: each.unwrap_or_default(),
            rules: self.rules(fields, source, depth + 1),
        })
    }

    /// The expression of a field that has a table of its own.
    fn value(
        &mut self,
        key: &Key<'_>,
        table: &DeTable<'_>,
        source: PageFormat,
        list: bool,
    ) -> Option<Expression> {
        let select = table.get("select");
        let mut expression = match select {
            // Whether a list comes out is checked once all filters are known.
            Some(value) => {
                let text = self.text(value, "select")?;
                let read = Expression::read(text, source, list)
                    .or_else(|fault| Expression::read(text, source, !list).map_err(|_| fault));
                match read {
                    Ok(expression) => expression,
                    Err(fault) => {
                        self.fault(value.span(), fault);
                        return None;
                    }
                }
            }
            None => Expression {
                selector: String::new(),
                take: Take::Text,
                filters: Vec::new(),
            },
        };
        if let Some(value) = table.get("attr") {
            let name = self.text(value, "attr")?;
            if source == PageFormat::Json || expression.take != Take::Text {
                let text = "attr cannot be combined with another @attribute, ::part or JSONPath";
                self.file.problem_at(value.span().start, text);
            }
            expression.take = Take::Attribute(name.to_owned());
        }
        // For each filter, the span of the string it is in, and the byte within it.
        let whole = select.map_or_else(|| key.span(), Spanned::span);
        let mut positions = vec![(whole, 0); expression.filters.len()];
        if let Some(value) = table.get("filters") {
            self.filters(value, &mut expression.filters, &mut positions);
        }
        if let Some(value) = table.get("type") {
            let wanted = self.one_of(value, &TYPES, "type")?;
            let chain = Chain::compile(&expression.filters, source.kind(), list);
            if let Some(filter) = chain
                .ok()
                .and_then(|chain| conversion(wanted, chain.kind()))
            {
                expression.filters.push(filter);
                positions.push((value.span(), 0));
            }
        }
        if let Some(value) = table.get("default") {
            match scalar(value.get_ref()) {
                Some(text) => {
                    expression.filters.push(Filter::Default(text));
                    positions.push((value.span(), 0));
                }
                None => {
                    let at = value.span().start;
                    self.file
                        .problem_at(at, "default must be a string, a number, true or false");
                }
            }
        }
        if let Err((index, problem)) = Chain::compile(&expression.filters, source.kind(), list) {
            let end = || (select.map_or_else(|| key.span(), Spanned::span), 0);
            let (span, at) = positions.get(index).cloned().unwrap_or_else(end);
            self.file.problem_in_string(
                span,
                at,
                problem.replace("write [] after the name", "set list = true"),
            );
            return None;
        }
        Some(expression)
    }

    fn filters(
        &mut self,
        value: &Entry<'_>,
        filters: &mut Vec<Filter>,
        positions: &mut Vec<(Range<usize>, usize)>,
    ) {
        let one = std::slice::from_ref(value);
        let list = value.get_ref().as_array().map_or(one, |list| list.as_ref());
        for value in list {
            let Some(text) = self.text(value, "a filter") else {
                continue;
            };
            match filter::read(&format!("|{text}"), 0) {
                Ok(read) => {
                    for (at, filter) in read {
                        filters.push(filter);
                        positions.push((value.span(), at.saturating_sub(1)));
                    }
                }
                Err(Fault { at, problem }) => {
                    let at = at.saturating_sub(1);
                    self.fault(value.span(), Fault { at, problem });
                }
            }
        }
    }
}

/// The filter that converts from one kind to another, if they differ.
fn conversion(wanted: &str, actual: Kind) -> Option<Filter> {
    if wanted == actual.as_str() {
        return None;
    }
    Some(match wanted {
        "bool" => Filter::Bool,
        "integer" => Filter::Integer(None),
        "number" => Filter::Number(None),
        "date" => Filter::Date(None),
        "url" => Filter::Url,
        "json" => Filter::Json,
        _ => Filter::Text,
    })
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(date) => Some(date.to_string()),
        _ => None,
    }
}
