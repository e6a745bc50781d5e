//! How well selectors still fit their pages: counts of present and missing fields.
//!
//! For each field, it counts how often the field was present, and records where it was first missing.
//!
//! The counts are taken page by page from the extracted fields ([`Fields`](crate::Fields)), in any order: the
//! counts of two halves of a run, or of two runs, can be added. Invariant: a field is never counted as present more
//! often than it was looked for. Edge: an item is a place that `each` matched, so a page without any match counts
//! for the table, but not for its fields.

use serde::{Deserialize, Serialize};

use crate::visit::fields::{Column, Fields, Table, Value};

/// Fewer items than this say too little about whether a rate has changed.
const ENOUGH: u64 = 20;

/// The counts of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// The counts of each table, in the order of the tables.
    pub tables: Vec<TableHealth>,
}

/// The counts of one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableHealth {
    /// The table's name.
    pub name: String,
    /// Pages that this table was read from.
    pub pages: u64,
    /// Pages that yielded at least one item.
    pub with_items: u64,
    /// The number of items.
    pub items: u64,
    /// The first page without an item.
    pub first_miss: Option<FirstMiss>,
    /// The counts of its fields; the fields of a nested table follow the table itself.
    pub fields: Vec<FieldHealth>,
}

/// The counts of one field.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FieldHealth {
    /// The field's name, prefixed with those of the tables around it: `reviews.stars`.
    pub name: String,
    /// Items in which the field was looked for.
    pub seen: u64,
    /// Items in which it was present: neither missing nor blank nor an empty list.
    pub hits: u64,
    /// The share of items that must have it, if the recipe sets one.
    pub min_rate: Option<f64>,
    /// Where it was first missing.
    pub first_miss: Option<FirstMiss>,
}

/// Where something was missing for the first time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FirstMiss {
    /// The page's URL.
    pub url: String,
    /// The reason.
    pub why: String,
}

/// A field that is present less often than it used to be, or than it must be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Shortfall {
    /// The table.
    pub table: String,
    /// The field; empty for the share of pages with items.
    pub field: String,
    /// The current share.
    pub rate: f64,
    /// The required share, or the earlier one.
    pub wanted: f64,
    /// Where it was first missing.
    pub first_miss: Option<FirstMiss>,
}

impl Health {
    /// Zero counts for these tables.
    pub fn new(tables: &[Table]) -> Self {
        let tables = tables.iter().map(|table| TableHealth {
            name: table.name.clone(),
            fields: fields(&table.columns, ""),
            ..TableHealth::default()
        });
        Self {
            tables: tables.collect(),
        }
    }

    /// Counts a page. `tables` must be those that the counts were created for.
    pub fn count(&mut self, url: &str, fields: &Fields, tables: &[Table]) {
        let first = |why: &str| FirstMiss {
            url: url.to_owned(),
            why: why.to_owned(),
        };
        for index in &fields.tables {
            let Some(health) = self.tables.get_mut(usize::from(*index)) else {
                continue;
            };
            health.pages += 1;
            if fields.items.iter().any(|item| item.table == *index) {
                health.with_items += 1;
            } else if health.first_miss.is_none() {
                let refused = fields.refused.as_deref();
                let miss = fields.misses.iter().find(|miss| miss.table == *index);
                let why = refused.or(miss.map(|miss| miss.why.as_str()));
                health.first_miss = Some(first(why.unwrap_or("no item was found")));
            }
        }
        // The index of an item within its table, which is what misses refer to.
        let mut numbers = vec![0_u32; self.tables.len()];
        for item in &fields.items {
            let index = usize::from(item.table);
            let (Some(health), Some(table)) = (self.tables.get_mut(index), tables.get(index))
            else {
                continue;
            };
            health.items += 1;
            let number = numbers[index];
            numbers[index] += 1;
            let why = |path: &str| {
                let mut misses = fields.misses.iter();
                let miss = misses.find(|miss| {
                    miss.table == item.table && miss.item == number && miss.column == path
                });
                first(miss.map_or("nothing was found", |miss| miss.why.as_str()))
            };
            count(&item.values, &table.columns, &mut health.fields, &why);
        }
    }

    /// Adds the counts of another run, or of another part of this run, over the same tables.
    pub fn add(&mut self, other: &Health) {
        for theirs in &other.tables {
            let Some(ours) = self.table_mut(&theirs.name) else {
                self.tables.push(theirs.clone());
                continue;
            };
            ours.pages += theirs.pages;
            ours.with_items += theirs.with_items;
            ours.items += theirs.items;
            keep_first(&mut ours.first_miss, &theirs.first_miss);
            for field in &theirs.fields {
                match ours.fields.iter_mut().find(|own| own.name == field.name) {
                    Some(own) => {
                        own.seen += field.seen;
                        own.hits += field.hits;
                        keep_first(&mut own.first_miss, &field.first_miss);
                    }
                    None => ours.fields.push(field.clone()),
                }
            }
        }
    }

    /// The fields, among those looked for, that are present less often than required.
    pub fn below_min_rate(&self) -> Vec<Shortfall> {
        let mut short = Vec::new();
        for table in &self.tables {
            for field in &table.fields {
                if let (Some(rate), Some(wanted)) = (field.rate(), field.min_rate)
                    && rate < wanted
                {
                    short.push(table.shortfall(field, rate, wanted));
                }
            }
        }
        short
    }

    /// The fields and tables that are present significantly less often than in an earlier run.
    ///
    /// The difference has to exceed three standard errors and five percentage points. With too few items, nothing
    /// is reported.
    pub fn drift(&self, earlier: &Health) -> Vec<Shortfall> {
        let mut short = Vec::new();
        for table in &self.tables {
            let Some(before) = earlier.table(&table.name) else {
                continue;
            };
            if let Some((rate, wanted)) = significant_drop(
                (table.with_items, table.pages),
                (before.with_items, before.pages),
            ) {
                short.push(Shortfall {
                    table: table.name.clone(),
                    field: String::new(),
                    rate,
                    wanted,
                    first_miss: table.first_miss.clone(),
                });
            }
            for field in &table.fields {
                let before = before.fields.iter().find(|own| own.name == field.name);
                let drop = before
                    .and_then(|b| significant_drop((field.hits, field.seen), (b.hits, b.seen)));
                if let Some((rate, wanted)) = drop {
                    short.push(table.shortfall(field, rate, wanted));
                }
            }
        }
        short
    }

    fn table(&self, name: &str) -> Option<&TableHealth> {
        self.tables.iter().find(|table| table.name == name)
    }

    fn table_mut(&mut self, name: &str) -> Option<&mut TableHealth> {
        self.tables.iter_mut().find(|table| table.name == name)
    }
}

impl TableHealth {
    /// The share of pages with items; `None` before the first page.
    pub fn rate(&self) -> Option<f64> {
        rate(self.with_items, self.pages)
    }

    fn shortfall(&self, field: &FieldHealth, rate: f64, wanted: f64) -> Shortfall {
        Shortfall {
            table: self.name.clone(),
            field: field.name.clone(),
            rate,
            wanted,
            first_miss: field.first_miss.clone(),
        }
    }
}

impl FieldHealth {
    /// The share of items that have the field; `None` before the first item.
    pub fn rate(&self) -> Option<f64> {
        rate(self.hits, self.seen)
    }
}

fn rate(hits: u64, seen: u64) -> Option<f64> {
    (seen > 0).then(|| hits as f64 / seen as f64)
}

/// Both rates, if the current one is lower by more than chance explains.
fn significant_drop(now: (u64, u64), before: (u64, u64)) -> Option<(f64, f64)> {
    if now.1 < ENOUGH || before.1 < ENOUGH {
        return None;
    }
    let (is, was) = (rate(now.0, now.1)?, rate(before.0, before.1)?);
    // A two-proportion z-test with the pooled proportion.
    let pooled = (now.0 + before.0) as f64 / (now.1 + before.1) as f64;
    let spread = pooled * (1.0 - pooled) * (1.0 / now.1 as f64 + 1.0 / before.1 as f64);
    (was - is > (3.0 * spread.sqrt()).max(0.05)).then_some((is, was))
}

/// Keeps our first miss if there is one, otherwise theirs.
fn keep_first(ours: &mut Option<FirstMiss>, theirs: &Option<FirstMiss>) {
    if ours.is_none() {
        ours.clone_from(theirs);
    }
}

/// Zero counts for these columns, each followed by its nested ones.
fn fields(columns: &[Column], above: &str) -> Vec<FieldHealth> {
    let mut fields = Vec::new();
    for column in columns {
        let name = format!("{above}{}", column.name);
        let nested = self::fields(&column.columns, &format!("{name}."));
        fields.push(FieldHealth {
            name,
            min_rate: column.min_rate,
            ..FieldHealth::default()
        });
        fields.extend(nested);
    }
    fields
}

/// Counts the values of one item, in the order of [`fields`].
fn count(
    values: &[Value],
    columns: &[Column],
    counts: &mut [FieldHealth],
    why: &dyn Fn(&str) -> FirstMiss,
) {
    let mut rest = counts;
    for (value, column) in values.iter().zip(columns) {
        let nested_count = field_count(&column.columns);
        let Some((field, after)) = rest.split_first_mut() else {
            return;
        };
        let (nested, after) = after.split_at_mut(nested_count.min(after.len()));
        rest = after;
        field.seen += 1;
        if value.is_there() {
            field.hits += 1;
        } else if field.first_miss.is_none() {
            field.first_miss = Some(why(&field.name));
        }
        let items = match value {
            Value::List(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        // All nested items are counted in the same fields.
        for item in items {
            if let Value::Item(values) = item {
                count(values, &column.columns, nested, why);
            }
        }
    }
}

/// The number of fields that these columns make, including those of nested tables.
fn field_count(columns: &[Column]) -> usize {
    columns
        .iter()
        .map(|column| 1 + field_count(&column.columns))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::{ExtractSettings, Extracted, Extractor, Page, PageFormat, Recipe};
    use crate::url::PageUrl;

    const RECIPE: &str = "name = 'product'\neach = 'li'\n[fields]\nname = { select = 'b', min_rate = 0.75 }\n\
        price = 'i|number'\n[fields.parts]\neach = 'u'\n[fields.parts.fields]\nsize = '@size|integer'";

    fn extractor() -> Extractor {
        let settings = ExtractSettings {
            recipes: vec![Recipe::check(RECIPE, "r.toml").unwrap()],
            ..ExtractSettings::default()
        };
        Extractor::compile(&settings).unwrap()
    }

    fn counted(pages: &[(&str, &str)]) -> Health {
        let extractor = extractor();
        let mut health = Health::new(extractor.tables());
        for (url, text) in pages {
            let Extracted { fields, .. } = extractor.extract(&Page {
                url: &PageUrl::parse(url).unwrap(),
                text,
                source: PageFormat::Html,
                encoding: encoding_rs::UTF_8,
                recipes: &[],
            });
            health.count(url, &fields, extractor.tables());
        }
        health
    }

    const GOOD: &str = "<li><b>x</b><i>1</i><u size=1></u><u size=2></u><li><b>y</b><i>2</i>";
    const BAD: &str = "<li><b> </b><i>1</i><li><b>y</b><i>two</i><u size=x></u>";

    #[test]
    fn hits_and_the_first_miss_are_counted_for_each_field() {
        let health = counted(&[
            ("http://a.example/1", GOOD),
            ("http://a.example/2", BAD),
            ("http://a.example/3", "<p>none"),
        ]);
        let table = &health.tables[0];
        assert_eq!((table.pages, table.with_items, table.items), (3, 2, 4));
        let first = table.first_miss.as_ref().unwrap();
        assert_eq!(
            (first.url.as_str(), first.why.as_str()),
            ("http://a.example/3", "no item was found")
        );
        let fields: Vec<_> = table
            .fields
            .iter()
            .map(|field| {
                let why = field.first_miss.as_ref().map(|first| first.why.as_str());
                (field.name.as_str(), field.seen, field.hits, why)
            })
            .collect();
        let no_number = "\"two\" is no number: without a digit";
        let no_integer = "\"x\" is no whole number: without a digit";
        assert_eq!(
            fields,
            [
                ("name", 4, 3, Some("nothing was found")),
                ("price", 4, 3, Some(no_number)),
                ("parts", 4, 2, Some("nothing was found")),
                ("parts.size", 3, 2, Some(no_integer)),
            ]
        );
        assert_eq!(health.below_min_rate(), []);
    }

    #[test]
    fn counts_of_parts_add_up_to_those_of_the_whole() {
        let pages = [
            ("http://a.example/1", GOOD),
            ("http://a.example/2", BAD),
            ("http://a.example/3", "<p>none"),
            ("http://a.example/4", BAD),
        ];
        let mut added = counted(&pages[..2]);
        added.add(&counted(&pages[2..]));
        assert_eq!(added, counted(&pages));
        let frame = postcard::to_stdvec(&added).unwrap();
        assert_eq!(postcard::from_bytes::<Health>(&frame).unwrap(), added);
    }

    #[test]
    fn a_field_below_its_rate_is_reported_with_its_first_miss() {
        let health = counted(&[("http://a.example/2", BAD)]);
        let [short] = &health.below_min_rate()[..] else {
            panic!("{health:?}");
        };
        assert_eq!(
            (short.field.as_str(), short.rate, short.wanted),
            ("name", 0.5, 0.75)
        );
        assert_eq!(short.first_miss.as_ref().unwrap().url, "http://a.example/2");
        // A field that was never looked for is not missing.
        assert_eq!(counted(&[("http://a.example/3", "")]).below_min_rate(), []);
    }

    #[test]
    fn a_significant_drop_is_drift_and_chance_is_not() {
        let times = |text: &'static str, count: usize| vec![("http://a.example/", text); count];
        let earlier = counted(&times(GOOD, 100));
        let mut half = times(GOOD, 50);
        half.extend(times(BAD, 50));
        let drift = counted(&half).drift(&earlier);
        let names: Vec<_> = drift.iter().map(|short| short.field.as_str()).collect();
        assert_eq!(names, ["name", "price", "parts.size"]);
        assert_eq!((drift[0].rate, drift[0].wanted), (0.75, 1.0));
        // Pages without an item are reported for the table.
        let mut empty = times(GOOD, 50);
        empty.extend(times("", 50));
        assert_eq!(counted(&empty).drift(&earlier)[0].field, "");
        // One in two hundred, and half of only ten items, can be chance.
        let mut one = times(GOOD, 99);
        one.extend(times(BAD, 1));
        assert_eq!(counted(&one).drift(&earlier), []);
        assert_eq!(counted(&times(BAD, 5)).drift(&earlier), []);
        assert_eq!(earlier.drift(&Health::default()), []);
    }
}
