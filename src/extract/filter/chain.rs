//! A sequence of filters, checked to fit together before the first page is read.
//!
//! Invariant: a compiled chain yields values of its [`kind`](Chain::kind) and no others, and a list exactly if it
//! says so; the content of a page can only make a value missing, with a reason.

use std::borrow::Cow;

use regex::Regex;

use super::{Filter, date, number};
use crate::extract::base::Base;
use crate::extract::limits::Limits;
use crate::extract::regular_expression::expression;
use crate::visit::fields::{Kind, Value};

/// The number of characters of a matched text that a reason quotes.
const QUOTED: usize = 60;

/// A compiled sequence of filters.
#[derive(Debug)]
pub(in crate::extract) struct Chain {
    steps: Vec<Step>,
    kind: Kind,
    list: bool,
    all: bool,
}

/// The result of running a chain.
#[derive(Debug, Default, PartialEq)]
pub(in crate::extract) struct Outcome {
    pub(in crate::extract) value: Value,
    /// The reasons why parts of the input are not in the value.
    pub(in crate::extract) whys: Vec<String>,
}

#[derive(Debug)]
enum Step {
    Text,
    Trim,
    Collapse,
    Lower,
    Upper,
    Regex(Regex),
    Replace(Regex, String),
    Split(String),
    Number(Option<char>),
    Integer(Option<char>),
    Bool,
    Date(Option<String>),
    Url,
    Json,
    First,
    Last,
    Join(String),
    Exists,
    Default(Value),
}

impl Chain {
    /// Fits filters together.
    ///
    /// `from` is the kind of the input; `list` is whether a list must come out.
    ///
    /// # Errors
    /// The index of the first filter that does not fit, and why; the number of filters if the result does not fit.
    pub(in crate::extract) fn compile(
        filters: &[Filter],
        from: Kind,
        list: bool,
    ) -> Result<Self, (usize, String)> {
        let all = list || filters.iter().any(Filter::reduces);
        let (mut kind, mut many) = (from, all);
        let mut steps = Vec::with_capacity(filters.len());
        for (index, filter) in filters.iter().enumerate() {
            let fitted = compile_step(filter, kind, many).map_err(|problem| (index, problem))?;
            steps.push(fitted.0);
            (kind, many) = (fitted.1, fitted.2);
        }
        let end = filters.len();
        if many && !list {
            let problem =
                "a list comes out: write [] after the name, or end with first, last or join";
            return Err((end, problem.to_owned()));
        }
        if list && !many {
            let reduced = filters.iter().position(Filter::reduces).unwrap_or(end);
            let name = filters.get(reduced).map_or("it", Filter::name);
            let problem = format!("{name} makes one value of the list: leave [] out");
            return Err((reduced, problem));
        }
        Ok(Self {
            steps,
            kind,
            list,
            all,
        })
    }

    /// The kind of the values.
    pub(in crate::extract) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it uses all matches rather than only the first.
    pub(in crate::extract) fn takes_all(&self) -> bool {
        self.all
    }

    /// Runs the filters over what was matched on a page whose links are resolved against `base`.
    pub(in crate::extract) fn run(
        &self,
        matches: Vec<Value>,
        base: &Base,
        limits: &Limits,
    ) -> Outcome {
        let mut whys = Vec::new();
        let mut values = matches;
        // Until the end, a single value is a list of at most one.
        for step in &self.steps {
            values = step.apply(values, base, limits, &mut whys);
        }
        let value = if self.list {
            Value::List(values)
        } else {
            values.into_iter().next().unwrap_or_default()
        };
        Outcome { value, whys }
    }
}

/// One step, and the kind and shape of its result.
fn compile_step(filter: &Filter, kind: Kind, many: bool) -> Result<(Step, Kind, bool), String> {
    let name = filter.name();
    let wants = |kinds: &[Kind]| {
        // Any filter can be tried on text of any form, and on whatever JSON contains.
        let textual = matches!(kind, Kind::Text | Kind::Url | Kind::Date | Kind::Json);
        if textual || kinds.contains(&kind) {
            Ok(())
        } else {
            Err(format!(
                "{name} works on text, not on {}",
                with_article(kind)
            ))
        }
    };
    let on_list = |compile_step: Step, kind: Kind| match many {
        true => Ok((compile_step, kind, false)),
        false => Err(format!(
            "{name} works on a list, but its input is a single value"
        )),
    };
    let works_on = |compile_step: Step, kinds: &[Kind], kind: Kind| {
        wants(kinds)?;
        Ok((compile_step, kind, many))
    };
    match filter {
        Filter::Text => Ok((Step::Text, Kind::Text, many)),
        Filter::Trim => works_on(Step::Trim, &[], Kind::Text),
        Filter::Collapse => works_on(Step::Collapse, &[], Kind::Text),
        Filter::Lower => works_on(Step::Lower, &[], Kind::Text),
        Filter::Upper => works_on(Step::Upper, &[], Kind::Text),
        Filter::Regex(text) => works_on(Step::Regex(expression(text)?), &[], Kind::Text),
        Filter::Replace(from, to) => works_on(
            Step::Replace(expression(from)?, to.clone()),
            &[],
            Kind::Text,
        ),
        Filter::Split(at) => {
            wants(&[])?;
            Ok((Step::Split(at.clone()), Kind::Text, true))
        }
        Filter::Number(mark) => works_on(
            Step::Number(*mark),
            &[Kind::Number, Kind::Integer],
            Kind::Number,
        ),
        Filter::Integer(mark) => works_on(
            Step::Integer(*mark),
            &[Kind::Number, Kind::Integer],
            Kind::Integer,
        ),
        Filter::Bool => works_on(Step::Bool, &[Kind::Bool], Kind::Bool),
        Filter::Date(format) => {
            if let Some(format) = format {
                date::check(format)?;
            }
            works_on(Step::Date(format.clone()), &[Kind::Integer], Kind::Date)
        }
        Filter::Url => works_on(Step::Url, &[], Kind::Url),
        Filter::Json => works_on(Step::Json, &[], Kind::Json),
        Filter::First => on_list(Step::First, kind),
        Filter::Last => on_list(Step::Last, kind),
        Filter::Join(separator) => on_list(Step::Join(separator.clone()), Kind::Text),
        Filter::Exists => on_list(Step::Exists, Kind::Bool),
        Filter::Default(text) => {
            let value = default(text, kind)
                .map_err(|why| format!("{text:?} is not a valid {} here: {why}", kind.as_str()))?;
            Ok((Step::Default(value), kind, many))
        }
    }
}

/// The value that a default stands for, in the given kind.
pub(super) fn default(text: &str, kind: Kind) -> Result<Value, String> {
    let text = || text.to_owned();
    match kind {
        Kind::Text | Kind::Json | Kind::Item => Ok(Value::Text(text())),
        Kind::Bool => parse_bool(&text()).map(Value::Bool),
        Kind::Integer | Kind::Timestamp => number::integer(&text(), Some('.')).map(Value::Integer),
        Kind::Number => number::number(&text(), Some('.')).map(Value::Number),
        Kind::Date => date::date(&text(), None).map(Value::Text),
        Kind::Url => url::Url::parse(&text())
            .map(|url| Value::Text(url.into()))
            .map_err(|error| error.to_string()),
    }
}

fn with_article(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "a whole number",
        Kind::Number => "a number",
        Kind::Bool => "a bool",
        Kind::Item => "an item",
        Kind::Text | Kind::Date | Kind::Timestamp | Kind::Url | Kind::Json => "text",
    }
}

impl Step {
    fn apply(
        &self,
        values: Vec<Value>,
        base: &Base,
        limits: &Limits,
        whys: &mut Vec<String>,
    ) -> Vec<Value> {
        match self {
            Step::First => values.into_iter().take(1).collect(),
            Step::Last => values.into_iter().last().into_iter().collect(),
            Step::Join(_) if values.is_empty() => values,
            Step::Join(separator) => {
                let mut joined = String::new();
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        joined.push_str(separator);
                    }
                    joined.push_str(&text(value));
                    if joined.len() > limits.value_bytes {
                        whys.push(too_long(limits));
                        return Vec::new();
                    }
                }
                vec![Value::Text(joined)]
            }
            Step::Exists => vec![Value::Bool(values.iter().any(Value::is_there))],
            Step::Default(value) => {
                let mut values = values;
                if values.is_empty() && whys.is_empty() {
                    values.push(Value::Missing);
                }
                for missing in values.iter_mut().filter(|value| !value.is_there()) {
                    *missing = value.clone();
                }
                values
            }
            Step::Split(at) => {
                let limit = limits.items;
                let cut = values.iter().flat_map(|value| {
                    let text = text(value).into_owned();
                    let parts: Vec<_> = text
                        .split(at.as_str())
                        .take(limit + 1)
                        .map(|part| Value::Text(part.to_owned()))
                        .collect();
                    parts
                });
                let mut parts: Vec<_> = cut.take(limit + 1).collect();
                if parts.len() > limit {
                    parts.truncate(limit);
                    whys.push(format!("more than {limit} values"));
                }
                parts
            }
            each => values
                .into_iter()
                .filter_map(|value| match each.convert(&value, base, limits) {
                    Ok(value) => Some(value),
                    Err(why) => {
                        whys.push(format!("{:?} {why}", short(&text(&value))));
                        None
                    }
                })
                .collect(),
        }
    }

    /// Applies the step to a single value.
    fn convert(&self, value: &Value, base: &Base, limits: &Limits) -> Result<Value, String> {
        let refusal = |problem: &str, why: String| format!("is no {problem}: {why}");
        let text = text(value);
        let new = match self {
            Step::Text => text.into_owned(),
            Step::Trim => text.trim().to_owned(),
            Step::Collapse => collapsed(&text),
            Step::Lower => text.to_lowercase(),
            Step::Upper => text.to_uppercase(),
            Step::Regex(expression) => {
                let captures = expression
                    .captures(&text)
                    .ok_or_else(|| format!("is not matched by {expression}"))?;
                let group = captures.get(1).or_else(|| captures.get(0));
                group.map_or("", |group| group.as_str()).to_owned()
            }
            Step::Replace(expression, to) => replaced(&text, expression, to, limits)?,
            Step::Url => {
                let url = base.join(&text);
                url.map_err(|why| refusal("URL", why))?.into()
            }
            Step::Date(format) => match value {
                Value::Integer(number) if format.is_none() => date::from_unix(*number),
                _ => date::date(&text, format.as_deref()),
            }
            .map_err(|why| refusal("date", why))?,
            Step::Number(mark) => {
                return match value {
                    Value::Number(number) => Ok(*number),
                    Value::Integer(number) => Ok(*number as f64),
                    _ => number::number(&text, *mark),
                }
                .map(Value::Number)
                .map_err(|why| refusal("number", why));
            }
            Step::Integer(mark) => {
                return match value {
                    Value::Integer(number) => Ok(*number),
                    Value::Number(number) => number::from_float(*number),
                    _ => number::integer(&text, *mark),
                }
                .map(Value::Integer)
                .map_err(|why| refusal("whole number", why));
            }
            Step::Bool => {
                return match value {
                    Value::Bool(_) => Ok(value.clone()),
                    _ => parse_bool(&text)
                        .map(Value::Bool)
                        .map_err(|why| refusal("bool", why)),
                };
            }
            Step::Json => {
                return match value {
                    Value::Text(text) => json(text).map_err(|why| refusal("JSON", why)),
                    _ => Ok(value.clone()),
                };
            }
            // These work on all values at once.
            Step::First
            | Step::Last
            | Step::Join(_)
            | Step::Exists
            | Step::Split(_)
            | Step::Default(_) => return Ok(value.clone()),
        };
        Ok(Value::Text(new))
    }
}

/// Replaces all matches, but gives up once the result exceeds the limit.
fn replaced(text: &str, expression: &Regex, to: &str, limits: &Limits) -> Result<String, String> {
    let mut new = String::with_capacity(text.len());
    let mut end = 0;
    for captures in expression.captures_iter(text) {
        let Some(all) = captures.get(0) else { continue };
        new.push_str(&text[end..all.start()]);
        captures.expand(to, &mut new);
        end = all.end();
        if new.len() > limits.value_bytes {
            return Err(format!("is {}", too_long(limits)));
        }
    }
    new.push_str(&text[end..]);
    Ok(new)
}

fn too_long(limits: &Limits) -> String {
    format!("longer than the {} bytes of a value", limits.value_bytes)
}

/// A value as the text that filters work on.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) | Value::Json(text) => Cow::Borrowed(text),
        Value::Bool(value) => Cow::Owned(value.to_string()),
        Value::Integer(number) => Cow::Owned(number.to_string()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Missing | Value::List(_) | Value::Item(_) => Cow::Borrowed(""),
    }
}

/// Parses JSON text into a value.
fn json(text: &str) -> Result<Value, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(of_json(&value))
}

/// A JSON value: as a plain value, or as JSON text if it is an object or an array.
pub(in crate::extract) fn of_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Missing,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Value::Integer(number),
            (_, Some(number)) => Value::Number(number),
            _ => Value::Text(number.to_string()),
        },
        serde_json::Value::String(text) => Value::Text(text.clone()),
        other => Value::Json(other.to_string()),
    }
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "y" | "on" | "1" => Ok(true),
        "false" | "no" | "n" | "off" | "0" => Ok(false),
        _ => Err("neither true, yes, on, 1 nor false, no, off, 0".to_owned()),
    }
}

/// The text trimmed, with each run of white space collapsed into one space.
fn collapsed(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

/// The start of a text, for quoting in a reason.
pub(in crate::extract) fn short(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
