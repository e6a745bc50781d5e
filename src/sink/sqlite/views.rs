//! Views for the usual questions about a run.

use rusqlite::Connection;

use super::name::{literal, quoted};
use super::relation::Relation;
use crate::visit::fields::Table;

/// The views of how the pages went, overall and by host.
///
/// `superseded` are the pages for which a later pass wrote another record; all other views exclude them.
const PAGES: &str = "
CREATE INDEX IF NOT EXISTS pages_of_later_passes ON pages(url) WHERE pass > 0;
DROP VIEW IF EXISTS superseded;
CREATE VIEW superseded AS
SELECT * FROM pages WHERE EXISTS (
    SELECT 1 FROM pages AS later
    WHERE later.pass > 0 AND later.url = pages.url AND later.row IS pages.row AND later.page_id > pages.page_id
      AND later.pass > coalesce(pages.pass, 0));
DROP VIEW IF EXISTS latest;
CREATE VIEW latest AS SELECT * FROM pages WHERE page_id NOT IN (SELECT page_id FROM superseded);
DROP VIEW IF EXISTS summary;
CREATE VIEW summary AS
SELECT coalesce(error, iif(duplicate_of IS NULL, 'ok', 'duplicate')) AS outcome, count(*) AS pages,
       sum(wire_bytes) AS bytes, round(avg(total_ms), 3) AS mean_ms, max(total_ms) AS longest_ms
FROM latest GROUP BY 1 ORDER BY pages DESC, outcome;
DROP VIEW IF EXISTS hosts;
CREATE VIEW hosts AS
SELECT substr(rest, 1, instr(rest || '/', '/') - 1) AS host, count(*) AS pages, count(error) AS failed,
       sum(wire_bytes) AS bytes, round(avg(total_ms), 3) AS mean_ms
FROM (SELECT substr(url, instr(url, '://') + 3) AS rest, * FROM latest) GROUP BY 1 ORDER BY pages DESC, host;
";

/// The most fields in the view of field rates: SQLite limits the SELECTs of a UNION.
const FIELDS: usize = 400;

/// Recreates the views.
pub(super) fn create(
    database: &Connection,
    tables: &[Table],
    relations: &[Relation],
) -> rusqlite::Result<()> {
    database.execute_batch(PAGES)?;
    let rates: Vec<_> = tables
        .iter()
        .zip(relations)
        .flat_map(|(table, relation)| rates(&table.name, relation))
        .take(FIELDS)
        .collect();
    if rates.is_empty() {
        return Ok(());
    }
    database.execute_batch(&format!(
        "DROP VIEW IF EXISTS field_rates;
         CREATE VIEW field_rates AS SELECT *, round(1.0 * found / items, 4) AS rate FROM ({})",
        rates.join(" UNION ALL ")
    ))
}

/// The queries for how many items have each of their fields.
fn rates(recipe: &str, relation: &Relation) -> Vec<String> {
    let table = quoted(&relation.name);
    let row = |field: &str, found: String| {
        format!(
            "SELECT {} AS recipe, {} AS field, (SELECT count(*) FROM {table}) AS items, ({found}) AS found",
            literal(recipe),
            literal(field),
        )
    };
    let values = relation.columns.iter().map(|(name, _)| {
        // Blank text counts as missing.
        let count_query = format!(
            "SELECT count(nullif(trim({}), '')) FROM {table}",
            quoted(name)
        );
        row(name, count_query)
    });
    let lists = relation.lists.iter().map(|(name, list)| {
        let list = quoted(&list.name);
        row(
            name,
            format!("SELECT count(DISTINCT parent_id) FROM {list}"),
        )
    });
    values.chain(lists).collect()
}
