//! Reads a recipe's TOML, key by key.
//!
//! Every problem is recorded and reading continues, so that one check shows them all. Invariant: a recipe that is
//! returned compiles without an error, unless it names recipes that do not exist.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::place::File;
use super::{Lead, Problem, Recipe};
use crate::extract::fault::Fault;
use crate::extract::selection::{Expression, check_name};
use crate::extract::selector::Selector;
use crate::extract::source::PageFormat;
use crate::pattern::Pattern;
use crate::text::nearest::nearest;

/// The longest recipe, in bytes.
const LONGEST: usize = 1 << 20;

const TOP: [&str; 6] = ["name", "match", "source", "each", "follow", "fields"];
const LEAD: [&str; 2] = ["select", "recipe"];
const SOURCES: [&str; 3] = ["html", "json", "text"];

/// A TOML value with its position.
pub(super) type Entry<'t> = toml::Spanned<DeValue<'t>>;

impl Recipe {
    /// Reads a recipe, and reports everything that is wrong with it.
    ///
    /// `file` is named in problems, and without its suffix it is the recipe's name if the text has none.
    ///
    /// # Errors
    /// All problems, in the order of the file. Whether the recipes named by its links exist is only checked when
    /// all recipes are [compiled](crate::extract::Extractor::compile).
    pub fn check(text: &str, file: &str) -> Result<Self, Vec<Problem>> {
        recipe(text, file)
    }
}

/// Reads a recipe.
fn recipe(text: &str, name: &str) -> Result<Recipe, Vec<Problem>> {
    let mut file = File::new(name, text);
    if text.len() > LONGEST {
        file.problem_at(0, format!("longer than {LONGEST} bytes"));
        return Err(file.into_problems());
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        file.problem_at(at, error.message().trim());
    }
    if !errors.is_empty() {
        return Err(file.into_problems());
    }
    let recipe = Reader { file: &mut file }.recipe(document.get_ref(), name);
    let problems = file.into_problems();
    if problems.is_empty() {
        Ok(recipe)
    } else {
        Err(problems)
    }
}

/// Reads a recipe's tables, and records what is wrong.
pub(super) struct Reader<'f, 't> {
    pub(super) file: &'f mut File<'t>,
}

impl Reader<'_, '_> {
    fn recipe(&mut self, table: &DeTable<'_>, file: &str) -> Recipe {
        self.report_unknown_keys(table, &TOP, "a recipe");
        let source = match table.get("source") {
            Some(value) => self.one_of(value, &SOURCES, "source").map(source),
            None => None,
        }
        .unwrap_or_default();
        let name = match table.get("name") {
            Some(value) => self.name(value),
            None => stem(file),
        };
        if let Err(fault) = check_name(&name) {
            let at = table.get("name").map_or(0, |value| value.span().start);
            self.file
                .problem_at(at, format!("name {name:?}: {}", fault.problem));
        }
        let matches = table.get("match").map(|value| self.patterns(value));
        let each = table.get("each").map(|value| self.each(value, source));
        let follow = table.get("follow").map(|value| self.follow(value, source));
        let rules = match table.get("fields") {
            Some(value) => self.rules(value, source, 1),
            None => {
                self.file.problem_at(0, "there are no [fields]");
                Vec::new()
            }
        };
        Recipe {
            name,
            matches,
            source,
            each: each.unwrap_or_default(),
            rules,
            follow: follow.unwrap_or_default(),
        }
    }

    /// Records a problem for each unknown key.
    pub(super) fn report_unknown_keys(&mut self, table: &DeTable<'_>, known: &[&str], of: &str) {
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let text = match nearest(&name.replace('-', "_"), known) {
                Some(meant) => format!("unknown key {name:?}; did you mean {meant:?}?"),
                None => format!("unknown key {name:?}; {of} has {}", known.join(", ")),
            };
            self.file.problem_at(key.span().start, text);
        }
    }

    fn name(&mut self, value: &Entry<'_>) -> String {
        self.text(value, "name").unwrap_or("x").to_owned()
    }

    pub(super) fn text<'v>(&mut self, value: &'v Entry<'_>, key: &str) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            let actual = value.get_ref().type_str();
            self.file.problem_at(
                value.span().start,
                format!("{key} must be a string, not {actual}"),
            );
        }
        text
    }

    pub(super) fn switch(&mut self, table: &DeTable<'_>, key: &str, default: bool) -> bool {
        let Some(value) = table.get(key) else {
            return default;
        };
        value.get_ref().as_bool().unwrap_or_else(|| {
            let at = value.span().start;
            self.file
                .problem_at(at, format!("{key} must be true or false"));
            default
        })
    }

    pub(super) fn one_of(
        &mut self,
        value: &Entry<'_>,
        known: &[&'static str],
        key: &str,
    ) -> Option<&'static str> {
        let text = self.text(value, key)?;
        let choice = known.iter().find(|known| **known == text).copied();
        if choice.is_none() {
            let meant = match nearest(text, known) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("there are {}", known.join(", ")),
            };
            self.file.problem_at(
                value.span().start,
                format!("unknown {key} {text:?}; {meant}"),
            );
        }
        choice
    }

    pub(super) fn rate(&mut self, table: &DeTable<'_>) -> Option<f64> {
        let value = table.get("min_rate")?;
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().replace('_', "").parse::<f64>().ok(),
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let rate = number.filter(|rate| (0.0..=1.0).contains(rate));
        if rate.is_none() {
            self.file
                .problem_at(value.span().start, "min_rate must be a number from 0 to 1");
        }
        rate
    }

    fn patterns(&mut self, value: &Entry<'_>) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        let one = std::slice::from_ref(value);
        let list = value.get_ref().as_array().map_or(one, |list| list.as_ref());
        for value in list {
            let Some(text) = self.text(value, "a pattern of match") else {
                continue;
            };
            match text.parse::<Pattern>() {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.file.problem_at(value.span().start, error.to_string()),
            }
        }
        patterns
    }

    pub(super) fn each(&mut self, value: &Entry<'_>, source: PageFormat) -> String {
        let text = self.text(value, "each").unwrap_or_default();
        if let Err(fault) = Selector::compile(source, text.trim()) {
            self.fault(value.span(), fault);
        }
        text.trim().to_owned()
    }

    pub(super) fn fault(&mut self, span: Range<usize>, fault: Fault) {
        self.file.problem_in_string(span, fault.at, fault.problem);
    }

    pub(super) fn expression(
        &mut self,
        value: &Entry<'_>,
        source: PageFormat,
        list: bool,
    ) -> Option<Expression> {
        let text = self.text(value, "select")?;
        match Expression::read(text, source, list) {
            Ok(expression) => Some(expression),
            Err(fault) => {
                self.fault(value.span(), fault);
                None
            }
        }
    }

    fn follow(&mut self, value: &Entry<'_>, source: PageFormat) -> Vec<Lead> {
        let one = std::slice::from_ref(value);
        let list = value.get_ref().as_array().map_or(one, |list| list.as_ref());
        list.iter()
            .filter_map(|value| self.lead(value, source))
            .collect()
    }

    fn lead(&mut self, value: &Entry<'_>, source: PageFormat) -> Option<Lead> {
        let (select, recipe) = match value.get_ref() {
            DeValue::Table(table) => {
                self.report_unknown_keys(table, &LEAD, "a link to follow");
                let recipe = match table.get("recipe") {
                    Some(value) => Some(self.text(value, "recipe")?.to_owned()),
                    None => None,
                };
                let Some(select) = table.get("select") else {
                    let at = value.span().start;
                    self.file.problem_at(at, "a link to follow needs a select");
                    return None;
                };
                (select, recipe)
            }
            _ => (value, None),
        };
        let expression = self.link_expression(select, source)?;
        Some(Lead { expression, recipe })
    }

    /// Reads the expression of a link: whether it yields one or many, each is followed.
    fn link_expression(&mut self, value: &Entry<'_>, source: PageFormat) -> Option<Expression> {
        let text = self.text(value, "select")?;
        let read = Expression::read(text, source, true)
            .or_else(|fault| Expression::read(text, source, false).map_err(|_| fault));
        let fault = match read {
            Ok(expression) => {
                let lead = Lead {
                    expression,
                    recipe: None,
                };
                match lead.chain(source) {
                    Ok(_) => return Some(lead.expression),
                    Err(problem) => Fault {
                        at: text.len(),
                        problem,
                    },
                }
            }
            Err(fault) => fault,
        };
        self.fault(value.span(), fault);
        None
    }
}

fn source(name: &str) -> PageFormat {
    match name {
        "json" => PageFormat::Json,
        "text" => PageFormat::Text,
        _ => PageFormat::Html,
    }
}

/// The name of a file without folders and suffix.
fn stem(file: &str) -> String {
    let path = std::path::Path::new(file);
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}
