//! Compiled settings, and the pass over each page with every table that applies to it.

use std::collections::HashSet;
use std::sync::Arc;

use super::article::{self, Markdown};
use super::base::Base;
use super::css::Caches;
use super::filter::Chain;
use super::limits::{Account, Limits};
use super::metadata::{self, Metadata};
use super::recipe::{Lead, Recipe};
use super::rule::{self, Field, Reading, Rule};
use super::selection::Expression;
use super::selector::{Node, Selector};
use super::source::PageFormat;
use super::take::Take;
use super::tree::{self, Tree};
use super::watched_tree::Notes;
use super::{ExtractSettings, Extracted, FollowRule, Page};
use crate::error::{Error, Result};
use crate::pattern::Pattern;
use crate::text::nearest::nearest;
use crate::url::PageUrl;
use crate::visit::fields::{Fields, Item, Miss, SELECTED, Table, Value};
use crate::visit::found::FoundLinks;

/// Reads typed fields out of pages.
///
/// ```
/// use haul::PageUrl;
/// use haul::extract::{ExtractSettings, Extractor, Page, PageFormat};
///
/// let settings = ExtractSettings {
///     fields: vec!["title=h1|trim".parse()?, "price=.price|number".parse()?],
///     ..ExtractSettings::default()
/// };
/// let extractor = Extractor::compile(&settings)?;
/// let page = Page {
///     url: &PageUrl::parse("https://shop.example/p/1")?,
///     text: "<h1> A plane </h1><b class=price>1.234,50 €</b>",
///     source: PageFormat::Html,
///     encoding: encoding_rs::UTF_8,
///     recipes: &[],
/// };
/// let item = &extractor.extract(&page).fields.items[0];
/// assert_eq!(
///     serde_json::to_string(&item.json(&extractor.tables()[0]))?,
///     r#"{"title":"A plane","price":1234.5}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Extractor {
    tables: Vec<Table>,
    readers: Vec<TableReader>,
    /// Whether to read what a page says about itself.
    metadata: bool,
    article: bool,
    markdown: Option<Markdown>,
    limits: Limits,
    /// What to record about a page in addition to its tree.
    notes: Notes,
}

/// Reads the items of one table.
#[derive(Debug)]
struct TableReader {
    matches: Option<Vec<Pattern>>,
    source: PageFormat,
    each: Selector,
    fields: Vec<Field>,
    leads: Vec<CompiledLead>,
}

/// A compiled [`Lead`].
#[derive(Debug)]
struct CompiledLead {
    selector: Selector,
    take: Take,
    chain: Chain,
    recipe: Option<String>,
}

/// A page in the forms that its tables asked for, each parsed at most once.
struct Views {
    notes: Notes,
    tree: Option<std::result::Result<Tree, String>>,
    json: Option<std::result::Result<serde_json::Value, String>>,
}

impl ExtractSettings {
    /// The tables of the items, which [`Item::table`](crate::visit::fields::Item::table) refers to.
    ///
    /// # Errors
    /// The same as those of [`Extractor::compile`].
    pub fn tables(&self) -> Result<Vec<Table>> {
        Extractor::compile(self).map(|extractor| extractor.tables().to_vec())
    }
}

impl Extractor {
    /// Compiles the settings.
    ///
    /// # Errors
    /// The first selection or recipe that does not compile, and why.
    pub fn compile(settings: &ExtractSettings) -> Result<Self> {
        let mut extractor = Self {
            tables: Vec::new(),
            readers: Vec::new(),
            metadata: settings.metadata,
            article: settings.article,
            markdown: settings.markdown,
            limits: settings.limits,
            notes: Notes::default(),
        };
        if !settings.fields.is_empty() {
            extractor.add(&Recipe {
                name: SELECTED.to_owned(),
                matches: None,
                source: PageFormat::Html,
                each: String::new(),
                rules: settings.fields.iter().cloned().map(Rule::from).collect(),
                follow: Vec::new(),
            })?;
        }
        for recipe in &settings.recipes {
            extractor.add(recipe)?;
        }
        extractor.check_leads()?;
        Ok(extractor)
    }

    /// The tables of its items; [`Item::table`] is an index into them.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Whether anything is extracted from such a page, so that its text is needed.
    ///
    /// `recipes` are as in [`Page`].
    pub fn wants(&self, url: &PageUrl, source: PageFormat, recipes: &[Arc<str>]) -> bool {
        if self.wants_texts(source) || self.metadata && source.is_page() {
            return true;
        }
        let mut tables = self.readers.iter().zip(&self.tables);
        tables.any(|(reader, table)| reader.is_for(&table.name, url, source, recipes))
    }

    /// Extracts everything that was requested from a page.
    pub fn extract(&self, page: &Page<'_>) -> Extracted {
        let mut extracted = Extracted::default();
        let mut views = Views {
            notes: self.notes,
            tree: None,
            json: None,
        };
        let mut account = Account::new(self.limits);
        let mut followed = HashSet::new();
        for (index, (reader, table)) in self.readers.iter().zip(&self.tables).enumerate() {
            if !reader.is_for(&table.name, page.url, page.source, page.recipes) {
                continue;
            }
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            extracted.fields.tables.push(index);
            let root = match views.root(reader.source, page, &self.limits) {
                Ok(root) => root,
                Err(why) => {
                    extracted.fields.refused.get_or_insert(why);
                    continue;
                }
            };
            let base = match &root {
                Node::Page(tree) => Base::new(page.url, tree.base.as_deref(), page.encoding),
                _ => Base::new(page.url, None, page.encoding),
            };
            let mut reading = Reading {
                base: &base,
                caches: Caches::default(),
                account,
                misses: Vec::new(),
            };
            reader.items(index, &root, &mut reading, &mut extracted.fields);
            for url in reader
                .leads
                .iter()
                .flat_map(|lead| lead.links(&root, &mut reading))
            {
                if followed.len() < self.limits.items && followed.insert(url.clone()) {
                    extracted.follow.push(url);
                }
            }
            account = reading.account;
        }
        if self.metadata && page.source.is_page() {
            extracted.metadata = Some(views.metadata(page, &self.limits));
        }
        if self.wants_texts(page.source) {
            self.texts(page, &mut views, &mut extracted);
        }
        extracted
    }

    fn wants_texts(&self, source: PageFormat) -> bool {
        source.is_page() && (self.article || self.markdown.is_some())
    }

    fn texts(&self, page: &Page<'_>, views: &mut Views, extracted: &mut Extracted) {
        match views.tree(page, &self.limits) {
            Ok(tree) => {
                let base = Base::new(page.url, tree.base.as_deref(), page.encoding);
                let texts = article::read(self.article, self.markdown, tree, &base, &self.limits);
                extracted.article = texts.article;
                extracted.markdown = texts.markdown;
                extracted.refused = texts.refused;
            }
            Err(why) => extracted.refused = Some(why),
        }
    }

    fn add(&mut self, recipe: &Recipe) -> Result<()> {
        let name = &recipe.name;
        let setting_error = |what: &str, why: &str| {
            let what = if what.is_empty() {
                String::new()
            } else {
                format!(" {what}:")
            };
            Error::Setting(format!("{name}:{what} {why}"))
        };
        if self.tables.iter().any(|table| table.name == *name) {
            return Err(setting_error("", "a second recipe of this name"));
        }
        if self.tables.len() >= usize::from(u16::MAX) {
            return Err(setting_error("", "too many recipes"));
        }
        let leads = recipe.follow.iter().map(|lead| &lead.expression);
        self.notes.orders |= leads.into_iter().any(Expression::takes_html)
            || recipe.rules.iter().any(Rule::takes_html);
        let each = Selector::compile(recipe.source, &recipe.each)
            .map_err(|fault| setting_error("each", &fault.problem))?;
        let (fields, columns) = rule::compile(&recipe.rules, recipe.source, &[])
            .map_err(|(path, fault)| setting_error(&path, &fault.problem))?;
        let leads = recipe
            .follow
            .iter()
            .map(|lead| {
                CompiledLead::compile(lead, recipe.source)
                    .map_err(|why| setting_error("follow", &why))
            })
            .collect::<Result<_>>()?;
        self.tables.push(Table {
            name: name.clone(),
            columns,
        });
        self.readers.push(TableReader {
            matches: recipe.matches.clone(),
            source: recipe.source,
            each,
            fields,
            leads,
        });
        Ok(())
    }

    /// Checks that the recipes named by links exist, and that links can carry that many.
    fn check_leads(&self) -> Result<()> {
        let leads = self.readers.iter().flat_map(|reader| &reader.leads);
        let wanted: HashSet<&str> = leads.filter_map(|lead| lead.recipe.as_deref()).collect();
        if wanted.len() > FoundLinks::RECIPES {
            let problem = format!(
                "follow: {} recipes are named, but at most {} can be",
                wanted.len(),
                FoundLinks::RECIPES
            );
            return Err(Error::Setting(problem));
        }
        let names: Vec<&str> = self
            .tables
            .iter()
            .map(|table| table.name.as_str())
            .collect();
        for (reader, table) in self.readers.iter().zip(&self.tables) {
            for wanted in reader
                .leads
                .iter()
                .filter_map(|lead| lead.recipe.as_deref())
            {
                if !names.contains(&wanted) {
                    let meant = match nearest(wanted, &names) {
                        Some(meant) => format!("; did you mean {meant:?}?"),
                        None => String::new(),
                    };
                    return Err(Error::Setting(format!(
                        "{}: follow: there is no recipe {wanted:?}{meant}",
                        table.name
                    )));
                }
            }
        }
        Ok(())
    }
}

impl TableReader {
    fn is_for(&self, name: &str, url: &PageUrl, source: PageFormat, wanted: &[Arc<str>]) -> bool {
        let readable = match self.source {
            PageFormat::Html | PageFormat::Xhtml => source.is_page(),
            // Servers often label their JSON as something else: if the recipe matches the URL, it is tried as JSON.
            PageFormat::Json => source == PageFormat::Json || self.matches.is_some(),
            PageFormat::Text => true,
        };
        let matches = match &self.matches {
            Some(patterns) => patterns.iter().any(|pattern| pattern.matches(url)),
            None => true,
        };
        readable && (matches || wanted.iter().any(|wanted| **wanted == *name))
    }

    fn items(&self, table: u16, root: &Node<'_>, reading: &mut Reading<'_>, fields: &mut Fields) {
        let limit = reading.account.limits.items.saturating_add(1);
        let nodes = match self.each.nodes(root, &mut reading.caches, limit) {
            Ok(nodes) => nodes,
            Err(why) => {
                fields.miss(reading, table, 0, String::new(), why);
                return;
            }
        };
        for (item, node) in (0_u32..).zip(&nodes) {
            if let Err(why) = reading.account.item() {
                fields.miss(reading, table, item, String::new(), why);
                break;
            }
            let (values, whole) = rule::read(&self.fields, node, reading);
            for (column, why) in std::mem::take(&mut reading.misses) {
                fields.miss(reading, table, item, column, why);
            }
            fields.items.push(Item {
                table,
                whole,
                values,
            });
        }
    }
}

impl Fields {
    fn miss(&mut self, reading: &Reading<'_>, table: u16, item: u32, column: String, why: String) {
        if self.misses.len() >= reading.account.limits.misses {
            self.more_misses = self.more_misses.saturating_add(1);
            return;
        }
        self.misses.push(Miss {
            table,
            item,
            column,
            why,
        });
    }
}

impl CompiledLead {
    fn compile(lead: &Lead, source: PageFormat) -> std::result::Result<Self, String> {
        let selector =
            Selector::compile(source, &lead.expression.selector).map_err(|fault| fault.problem)?;
        let chain = lead.chain(source)?;
        let take = match (&lead.expression.take, source) {
            (Take::Text, PageFormat::Html | PageFormat::Xhtml) => {
                Take::Attribute("href".to_owned())
            }
            (take, _) => take.clone(),
        };
        Ok(Self {
            selector,
            take,
            chain,
            recipe: lead.recipe.clone(),
        })
    }

    /// The links to follow from a page. Anything that is not an http(s) URL is dropped.
    fn links(&self, root: &Node<'_>, reading: &mut Reading<'_>) -> Vec<FollowRule> {
        let limits = reading.account.limits;
        let nodes = self
            .selector
            .nodes(root, &mut reading.caches, limits.items)
            .unwrap_or_default();
        let values = nodes
            .iter()
            .filter_map(|node| node.value(&self.take, false))
            .collect();
        let values = match self.chain.run(values, reading.base, &limits).value {
            Value::List(values) => values,
            value => vec![value],
        };
        values
            .iter()
            .filter_map(|value| match value {
                Value::Text(text) => PageUrl::parse(text).ok(),
                _ => None,
            })
            .map(|url| FollowRule {
                url,
                recipe: self.recipe.clone(),
            })
            .collect()
    }
}

impl Views {
    /// What an HTML page says about itself, or why it could not be read as the only fault.
    fn metadata(&mut self, page: &Page<'_>, limits: &Limits) -> Metadata {
        match self.tree(page, limits) {
            Ok(tree) => {
                let base = Base::new(page.url, tree.base.as_deref(), page.encoding);
                metadata::read(tree, &base)
            }
            Err(why) => Metadata::refused(why),
        }
    }

    fn tree(&mut self, page: &Page<'_>, limits: &Limits) -> std::result::Result<&Tree, String> {
        let notes = self.notes;
        let tree = self
            .tree
            .get_or_insert_with(|| tree::build(page.text, page.source, limits, notes));
        tree.as_ref().map_err(Clone::clone)
    }

    fn root<'p>(
        &'p mut self,
        source: PageFormat,
        page: &Page<'p>,
        limits: &Limits,
    ) -> std::result::Result<Node<'p>, String> {
        match source {
            PageFormat::Html | PageFormat::Xhtml => self.tree(page, limits).map(Node::Page),
            PageFormat::Json => {
                let json = self
                    .json
                    .get_or_insert_with(|| parse_json(page.text, limits));
                json.as_ref().map(Node::Json).map_err(Clone::clone)
            }
            PageFormat::Text if page.text.len() > limits.page_bytes => Err(format!(
                "the page has {} bytes, and at most {} are searched",
                page.text.len(),
                limits.page_bytes
            )),
            PageFormat::Text => Ok(Node::Text(page.text)),
        }
    }
}

pub(super) fn parse_json(
    text: &str,
    limits: &Limits,
) -> std::result::Result<serde_json::Value, String> {
    if text.len() > limits.page_bytes {
        return Err(format!(
            "the page has {} bytes, and at most {} are read as JSON",
            text.len(),
            limits.page_bytes
        ));
    }
    serde_json::from_str(text).map_err(|error| format!("the page is not JSON: {error}"))
}
