//! Typed values extracted from a page, in the order of their table's columns.
//!
//! A table has a name, a list of columns, and rows aligned with it; nothing else is repeated in each row, so a
//! thousand rows do not carry a thousand copies of a name. Invariant: an [`Item`] has as many values as its table
//! has columns, and each value is missing or of its column's kind. Whatever could not be read is a [`Miss`], never
//! a silent gap.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

/// One value.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Value {
    /// Nothing was found, or the text could not be converted.
    #[default]
    Missing,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Number(f64),
    /// Text. A date is ISO 8601 text, a URL is the text of an absolute URL.
    Text(String),
    /// A JSON object or array, as JSON text.
    Json(String),
    /// The values of a list, none of them missing.
    List(Vec<Value>),
    /// The values of a nested table, in the order of its columns.
    Item(Vec<Value>),
}

/// The kind of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    /// [`Value::Text`].
    Text,
    /// [`Value::Bool`].
    Bool,
    /// [`Value::Integer`].
    Integer,
    /// [`Value::Number`].
    Number,
    /// [`Value::Text`] in ISO 8601: a date or a date and time, with the page's offset if any.
    Date,
    /// [`Value::Integer`]: milliseconds since 1970, in UTC. Recipes cannot ask for it.
    Timestamp,
    /// [`Value::Text`]: an absolute URL.
    Url,
    /// Any JSON: [`Value::Json`] for objects and arrays, plain values for everything else.
    Json,
    /// [`Value::Item`] with the column's own columns.
    Item,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Column {
    /// The column's name: letters, digits, `_` and `-`.
    pub name: String,
    /// The kind of its values, or of the values in its lists.
    pub kind: Kind,
    /// Whether each value is a [`Value::List`].
    pub list: bool,
    /// Whether an item without a value here is incomplete.
    pub required: bool,
    /// The columns of a nested table, if the kind is [`Kind::Item`].
    pub columns: Vec<Column>,
    /// The share of items, from 0 to 1, that must have a value here.
    pub min_rate: Option<f64>,
}

impl Column {
    /// An optional column of single values.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            list: false,
            required: false,
            columns: Vec::new(),
            min_rate: None,
        }
    }

    /// An optional column of lists of values.
    pub fn list_of(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            list: true,
            ..Self::new(name, kind)
        }
    }

    /// The same column with the columns of its nested table.
    #[must_use]
    pub fn with_columns(self, columns: Vec<Column>) -> Self {
        Self { columns, ..self }
    }
}

/// The columns of one recipe's items.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Table {
    /// The recipe's name; `fields` for what was selected on the command line.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Item {
    /// The index of the table it belongs to.
    pub table: u16,
    /// Whether all required values are present.
    pub whole: bool,
    /// The values, aligned with the table's columns.
    pub values: Vec<Value>,
}

/// A value that could not be read, or a required one that was missing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Miss {
    /// The index of the table it belongs to, or the highest number if it belongs to none.
    ///
    /// Then it concerns the article or the Markdown, or counts further misses.
    pub table: u16,
    /// The number of the item on this page within its table, from 0.
    pub item: u32,
    /// The column's name, prefixed with those of nested tables around it: `reviews.stars`.
    ///
    /// Empty for the table as a whole.
    pub column: String,
    /// The reason, with the beginning of the text that was found, if any.
    pub why: String,
}

impl Miss {
    /// A missing article or Markdown text, which belongs to no table.
    pub(crate) fn of_text(why: String) -> Self {
        Self {
            table: u16::MAX,
            item: 0,
            column: "article".to_owned(),
            why,
        }
    }

    /// A count of further misses, which belongs to no table and no column.
    pub(crate) fn of_more(count: u32) -> Self {
        Self {
            table: u16::MAX,
            item: 0,
            column: String::new(),
            why: format!("{count} more misses on this page"),
        }
    }
}

/// Everything that was extracted from one page by tables.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Fields {
    /// The tables that the page was read with, including those without items.
    pub tables: Vec<u16>,
    /// The rows, table by table, in page order.
    pub items: Vec<Item>,
    /// The misses.
    pub misses: Vec<Miss>,
    /// The number of further misses that are not listed.
    pub more_misses: u32,
    /// Why nothing could be read from the page.
    pub refused: Option<String>,
}

/// The extracted values of one page, also as JSON text.
///
/// The JSON is made where pages are parsed, because there are cores to spare there, but not where records are
/// written.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Extraction {
    /// The typed values.
    pub fields: Fields,
    /// The values of `--select`, a JSON object; `None` if nothing was selected.
    pub selected: Option<String>,
    /// The items of recipes, a JSON object of lists by recipe name.
    ///
    /// `None` if no recipe applies to the page.
    pub items: Option<String>,
    /// The misses, a JSON list; `None` if there were none.
    pub missed: Option<String>,
    /// What the page says about itself, a JSON object; `None` if not requested or empty.
    pub metadata: Option<String>,
    /// The text of the page's article; `None` if not requested or not found.
    pub article: Option<String>,
    /// The page or its article as Markdown; `None` if not requested or not found.
    pub markdown: Option<String>,
}

/// The name of the table for selections on the command line.
pub(crate) const SELECTED: &str = "fields";

impl Extraction {
    /// Roughly the number of bytes it takes: the values, and the same as JSON.
    pub(crate) fn size(&self) -> u64 {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len) as u64;
        let values = length(&self.selected) + length(&self.items);
        let texts = [&self.missed, &self.metadata, &self.article, &self.markdown];
        2 * values + texts.into_iter().map(length).sum::<u64>()
    }

    /// Builds it from what was read with these tables.
    pub(crate) fn of(fields: Fields, tables: &[Table]) -> Self {
        let table = |number: u16| tables.get(usize::from(number));
        let rows = |number: u16| {
            let of = fields.items.iter().filter(move |item| item.table == number);
            of.filter_map(move |item| Some(item.json(table(number)?)))
        };
        let (mut selected, mut items) = (None, std::collections::BTreeMap::new());
        for number in &fields.tables {
            let Some(table) = table(*number) else {
                continue;
            };
            if table.name == SELECTED {
                selected = rows(*number).next().map(|row| text(&row));
            } else {
                items.insert(table.name.as_str(), rows(*number).collect::<Vec<_>>());
            }
        }
        let items = (!items.is_empty()).then(|| text(&items));
        let missed: Vec<_> = fields
            .misses
            .iter()
            .map(|miss| Missed {
                miss,
                table: table(miss.table),
            })
            .collect();
        let missed = match (missed.is_empty(), &fields.refused) {
            (_, Some(why)) => Some(text(&[std::collections::BTreeMap::from([("why", why)])])),
            (true, None) => None,
            (false, None) => Some(text(&missed)),
        };
        Self {
            selected,
            items,
            missed,
            fields,
            ..Self::default()
        }
    }
}

impl Value {
    /// Whether there is a value: not missing, not blank text, not an empty list.
    pub fn is_there(&self) -> bool {
        match self {
            Value::Missing => false,
            Value::Text(text) => !text.trim().is_empty(),
            Value::List(values) => !values.is_empty(),
            Value::Item(values) => values.iter().any(Value::is_there),
            Value::Bool(_) | Value::Integer(_) | Value::Number(_) | Value::Json(_) => true,
        }
    }

    /// Appends the value as the text of a table cell.
    ///
    /// Text stays as it is, lists and items become JSON without names, and a missing value is empty.
    pub(crate) fn cell(&self, out: &mut Vec<u8>) {
        match self {
            Value::Missing => {}
            Value::Text(text) | Value::Json(text) => out.extend_from_slice(text.as_bytes()),
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Number(_)
            | Value::List(_)
            | Value::Item(_) => {
                let json = Json {
                    value: self,
                    columns: &[],
                };
                out.extend_from_slice(text(&json).as_bytes());
            }
        }
    }

    /// The value as JSON, for any serde serializer.
    ///
    /// For example: `serde_json::to_string(&value.json(&column))`.
    pub fn json<'v>(&'v self, column: &'v Column) -> Json<'v> {
        Json {
            value: self,
            columns: &column.columns,
        }
    }
}

impl Kind {
    /// The kind in one word, as recipes spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Bool => "bool",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Date => "date",
            Kind::Timestamp => "timestamp",
            Kind::Url => "url",
            Kind::Json => "json",
            Kind::Item => "item",
        }
    }
}

impl Item {
    /// The item as a JSON object by column names, with missing values as `null`.
    pub fn json<'v>(&'v self, table: &'v Table) -> Row<'v> {
        Row {
            values: &self.values,
            columns: &table.columns,
        }
    }
}

/// Serializes to JSON, which cannot fail for values, names and lists of them.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A miss, in the form of its JSON.
struct Missed<'m> {
    miss: &'m Miss,
    table: Option<&'m Table>,
}

impl Serialize for Missed<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_map(None)?;
        if let Some(table) = self.table.filter(|table| table.name != SELECTED) {
            object.serialize_entry("recipe", &table.name)?;
            object.serialize_entry("item", &self.miss.item)?;
        }
        object.serialize_entry("field", &self.miss.column)?;
        object.serialize_entry("why", &self.miss.why)?;
        object.end()
    }
}

/// A value, in the form of its JSON.
#[derive(Debug, Clone, Copy)]
pub struct Json<'v> {
    value: &'v Value,
    columns: &'v [Column],
}

/// An item, in the form of its JSON.
#[derive(Debug, Clone, Copy)]
pub struct Row<'v> {
    values: &'v [Value],
    columns: &'v [Column],
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Missing => to.serialize_unit(),
            Value::Bool(value) => to.serialize_bool(*value),
            Value::Integer(value) => to.serialize_i64(*value),
            Value::Number(value) => to.serialize_f64(*value),
            Value::Text(text) => to.serialize_str(text),
            // It was JSON when it was created; should it not be any more, it is written as text.
            Value::Json(text) => match serde_json::from_str::<&RawValue>(text) {
                Ok(raw) => raw.serialize(to),
                Err(_) => to.serialize_str(text),
            },
            Value::List(values) => {
                let mut list = to.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(&Json {
                        value,
                        columns: self.columns,
                    })?;
                }
                list.end()
            }
            Value::Item(values) => Row {
                values,
                columns: self.columns,
            }
            .serialize(to),
        }
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_map(Some(self.values.len()))?;
        for (value, column) in self.values.iter().zip(self.columns) {
            object.serialize_entry(&column.name, &value.json(column))?;
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let stars = Column::new("stars", Kind::Integer);
        let by = Column::new("by", Kind::Text);
        Table {
            name: "product".to_owned(),
            columns: vec![
                Column::new("title", Kind::Text),
                Column::new("price", Kind::Number),
                Column::list_of("tags", Kind::Text),
                Column::new("raw", Kind::Json),
                Column::list_of("reviews", Kind::Item).with_columns(vec![stars, by]),
            ],
        }
    }

    fn item() -> Item {
        let review = |stars, by: Value| Value::Item(vec![Value::Integer(stars), by]);
        Item {
            table: 0,
            whole: true,
            values: vec![
                Value::Text("A \"plane\"".to_owned()),
                Value::Missing,
                Value::List(vec![Value::Text("a".to_owned())]),
                Value::Json("{\"b\":[1,null]}".to_owned()),
                Value::List(vec![
                    review(5, Value::Text("Ann".to_owned())),
                    review(1, Value::Missing),
                ]),
            ],
        }
    }

    #[test]
    fn an_item_is_json_under_the_names_of_its_columns() {
        assert_eq!(
            serde_json::to_string(&item().json(&table())).unwrap(),
            r#"{"title":"A \"plane\"","price":null,"tags":["a"],"raw":{"b":[1,null]},"reviews":[{"stars":5,"by":"Ann"},{"stars":1,"by":null}]}"#
        );
        let broken = Value::Json("{".to_owned());
        let column = Column::new("raw", Kind::Json);
        assert_eq!(
            serde_json::to_string(&broken.json(&column)).unwrap(),
            r#""{""#
        );
    }

    #[test]
    fn fields_can_be_sent_to_another_process() {
        let fields = Fields {
            tables: vec![0],
            items: vec![item()],
            misses: vec![Miss {
                table: 0,
                item: 0,
                column: "price".to_owned(),
                why: "nothing found".to_owned(),
            }],
            more_misses: 3,
            refused: None,
        };
        let frame = postcard::to_stdvec(&(&fields, table())).unwrap();
        let back: (Fields, Table) = postcard::from_bytes(&frame).unwrap();
        assert_eq!(back, (fields, table()));
    }

    #[test]
    fn blank_text_and_empty_lists_count_as_missing() {
        for value in [
            Value::Missing,
            Value::Text(" \n".to_owned()),
            Value::List(Vec::new()),
            Value::Item(vec![Value::Missing]),
        ] {
            assert!(!value.is_there(), "{value:?}");
        }
        assert!(Value::Bool(false).is_there());
    }
}
