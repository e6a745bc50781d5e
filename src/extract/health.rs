//! How well selectors still fit their pages: for each field how often it was there, and where first it was not.
//!
//! Counted page by page from what the pages gave ([`Fields`](crate::Fields)), in any order: the counts of two halves of a run, or of two runs, add
//! up. Invariant: a field is never there more often than it was looked for. Edge: an item is a place that `each` found, so
//! that a page on which it found none counts for the table, and for no field.

use serde::{Deserialize, Serialize};

use crate::fields::{Column, Fields, Table, Value};

/// Items that a share is drawn from before it can have changed: fewer say little.
const ENOUGH: u64 = 20;

/// The counts of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// Those of each table, in the order of the tables.
    pub tables: Vec<TableHealth>,
}

/// The counts of one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableHealth {
    /// Its name.
    pub name: String,
    /// Pages that were read for it.
    pub pages: u64,
    /// Pages that gave at least one item.
    pub with_items: u64,
    /// Items.
    pub items: u64,
    /// The first page without an item.
    pub first_miss: Option<FirstMiss>,
    /// The counts of its fields, those of nested tables behind their table.
    pub fields: Vec<FieldHealth>,
}

/// The counts of one field.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FieldHealth {
    /// Its name, behind those of the tables around it: `reviews.stars`.
    pub name: String,
    /// Items that it was looked for in.
    pub seen: u64,
    /// Items that it was there in: neither missing nor blank, and no empty list.
    pub hits: u64,
    /// The share that it has to be there in, where the recipe says so.
    pub min_rate: Option<f64>,
    /// Where it was not there first.
    pub first_miss: Option<FirstMiss>,
}

/// Where something was not there first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FirstMiss {
    /// The page.
    pub url: String,
    /// Why.
    pub why: String,
}

/// A field that is not there as often as it was, or as it has to be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Shortfall {
    /// The table.
    pub table: String,
    /// The field; empty: pages with items.
    pub field: String,
    /// The share now.
    pub rate: f64,
    /// The share that was wanted, or that was before.
    pub wanted: f64,
    /// Where it was not there first.
    pub first_miss: Option<FirstMiss>,
}

impl Health {
    /// No counts yet, for these tables.
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

    /// Counts a page. `tables` are those that the counts were made for.
    pub fn count(&mut self, url: &str, fields: &Fields, tables: &[Table]) {
        let first = |why: &str| FirstMiss {
            url: url.to_owned(),
            why: why.to_owned(),
        };
        for place in &fields.tables {
            let Some(health) = self.tables.get_mut(usize::from(*place)) else {
                continue;
            };
            health.pages += 1;
            if fields.items.iter().any(|item| item.table == *place) {
                health.with_items += 1;
            } else if health.first_miss.is_none() {
                let refused = fields.refused.as_deref();
                let told = fields.misses.iter().find(|miss| miss.table == *place);
                let why = refused.or(told.map(|miss| miss.why.as_str()));
                health.first_miss = Some(first(why.unwrap_or("no item was found")));
            }
        }
        // The place of an item among those of its table, as misses count.
        let mut numbers = vec![0_u32; self.tables.len()];
        for item in &fields.items {
            let place = usize::from(item.table);
            let (Some(health), Some(table)) = (self.tables.get_mut(place), tables.get(place))
            else {
                continue;
            };
            health.items += 1;
            let number = numbers[place];
            numbers[place] += 1;
            let why = |path: &str| {
                let mut misses = fields.misses.iter();
                let told = misses.find(|miss| {
                    miss.table == item.table && miss.item == number && miss.column == path
                });
                first(told.map_or("nothing was found", |miss| miss.why.as_str()))
            };
            count(&item.values, &table.columns, &mut health.fields, &why);
        }
    }

    /// Adds the counts of another run, or of another part of this one, over the same tables.
    pub fn add(&mut self, other: &Health) {
        for theirs in &other.tables {
            let Some(ours) = self.table_mut(&theirs.name) else {
                self.tables.push(theirs.clone());
                continue;
            };
            ours.pages += theirs.pages;
            ours.with_items += theirs.with_items;
            ours.items += theirs.items;
            keep(&mut ours.first_miss, &theirs.first_miss);
            for field in &theirs.fields {
                match ours.fields.iter_mut().find(|own| own.name == field.name) {
                    Some(own) => {
                        own.seen += field.seen;
                        own.hits += field.hits;
                        keep(&mut own.first_miss, &field.first_miss);
                    }
                    None => ours.fields.push(field.clone()),
                }
            }
        }
    }

    /// The fields that are there less often than their recipe wants, of those that were looked for at all.
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

    /// The fields, and the tables, that are there less often than in an earlier run, by more than chance explains: the
    /// difference is more than three standard errors, and more than a twentieth. Too few items say nothing.
    pub fn drift(&self, earlier: &Health) -> Vec<Shortfall> {
        let mut short = Vec::new();
        for table in &self.tables {
            let Some(before) = earlier.table(&table.name) else {
                continue;
            };
            if let Some((rate, wanted)) = fell(
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
                let fallen = before.and_then(|b| fell((field.hits, field.seen), (b.hits, b.seen)));
                if let Some((rate, wanted)) = fallen {
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
    /// The share of pages with items; none before the first page.
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
    /// The share of items that it was there in; none before the first item.
    pub fn rate(&self) -> Option<f64> {
        rate(self.hits, self.seen)
    }
}

fn rate(hits: u64, seen: u64) -> Option<f64> {
    (seen > 0).then(|| hits as f64 / seen as f64)
}

/// Both shares, where the first is lower than the second by more than chance explains.
fn fell(now: (u64, u64), before: (u64, u64)) -> Option<(f64, f64)> {
    if now.1 < ENOUGH || before.1 < ENOUGH {
        return None;
    }
    let (is, was) = (rate(now.0, now.1)?, rate(before.0, before.1)?);
    // Two proportions, pooled.
    let pooled = (now.0 + before.0) as f64 / (now.1 + before.1) as f64;
    let spread = pooled * (1.0 - pooled) * (1.0 / now.1 as f64 + 1.0 / before.1 as f64);
    (was - is > (3.0 * spread.sqrt()).max(0.05)).then_some((is, was))
}

/// The earlier of two is kept: where both parts have one, ours.
fn keep(ours: &mut Option<FirstMiss>, theirs: &Option<FirstMiss>) {
    if ours.is_none() {
        ours.clone_from(theirs);
    }
}

/// No counts yet for these columns, nested ones behind their own.
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
        let behind = size(&column.columns);
        let Some((field, after)) = rest.split_first_mut() else {
            return;
        };
        let (nested, after) = after.split_at_mut(behind.min(after.len()));
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
        // Every nested item is counted on the same fields.
        for item in items {
            if let Value::Item(values) = item {
                count(values, &column.columns, nested, why);
            }
        }
    }
}

/// How many fields these columns are, with those of nested tables.
fn size(columns: &[Column]) -> usize {
    columns.iter().map(|column| 1 + size(&column.columns)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::{ExtractSettings, Extracted, Extractor, Page, Recipe, Source};
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
                source: Source::Html,
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
    fn a_field_below_its_rate_is_told_with_its_first_miss() {
        let health = counted(&[("http://a.example/2", BAD)]);
        let [short] = &health.below_min_rate()[..] else {
            panic!("{health:?}");
        };
        assert_eq!(
            (short.field.as_str(), short.rate, short.wanted),
            ("name", 0.5, 0.75)
        );
        assert_eq!(short.first_miss.as_ref().unwrap().url, "http://a.example/2");
        // Never looked for is not missed.
        assert_eq!(counted(&[("http://a.example/3", "")]).below_min_rate(), []);
    }

    #[test]
    fn what_is_there_less_often_than_before_has_drifted_and_chance_has_not() {
        let times = |text: &'static str, count: usize| vec![("http://a.example/", text); count];
        let earlier = counted(&times(GOOD, 100));
        let mut half = times(GOOD, 50);
        half.extend(times(BAD, 50));
        let drift = counted(&half).drift(&earlier);
        let names: Vec<_> = drift.iter().map(|short| short.field.as_str()).collect();
        assert_eq!(names, ["name", "price", "parts.size"]);
        assert_eq!((drift[0].rate, drift[0].wanted), (0.75, 1.0));
        // Pages without an item are told for the table.
        let mut empty = times(GOOD, 50);
        empty.extend(times("", 50));
        assert_eq!(counted(&empty).drift(&earlier)[0].field, "");
        // One in two hundred, and ten items of which half are gone, are chance.
        let mut one = times(GOOD, 99);
        one.extend(times(BAD, 1));
        assert_eq!(counted(&one).drift(&earlier), []);
        assert_eq!(counted(&times(BAD, 5)).drift(&earlier), []);
        assert_eq!(earlier.drift(&Health::default()), []);
    }
}
