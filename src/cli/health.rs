//! How often each field was there: for the summary, and for the exit code.

use std::fmt::Write;

use haul::extract::{ExtractSettings, Health, Table};
use haul::{Event, clean};

/// Characters of a miss that are shown.
const SHOWN: usize = 100;

/// Counts fields while a run goes on.
#[derive(Debug)]
pub(crate) struct FieldCounts {
    tables: Vec<Table>,
    health: Health,
}

impl FieldCounts {
    /// For what is read; `None` where nothing is.
    ///
    /// # Errors
    /// The first selection or recipe that cannot be, and why.
    pub(crate) fn begin(settings: &ExtractSettings) -> haul::Result<Option<Self>> {
        if settings.is_empty() {
            return Ok(None);
        }
        let tables = settings.tables()?;
        Ok(Some(Self {
            health: Health::new(&tables),
            tables,
        }))
    }

    /// Takes an event in.
    pub(crate) fn hear(&mut self, event: &Event<'_>) {
        if let Event::Visited(visit) = event
            && let Some(found) = &visit.parsed.fields
        {
            let url = visit.job.url.as_str();
            self.health.count(url, &found.fields, &self.tables);
        }
    }

    /// Whether a field was there less often than its recipe wants.
    pub(crate) fn fall_short(&self) -> bool {
        !self.health.below_min_rate().is_empty()
    }

    /// A line a table and field, for people.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for table in &self.health.tables {
            let _ = writeln!(
                text,
                "  {:<9} {} items on {} of {} pages",
                table.name, table.items, table.with_items, table.pages
            );
            for field in &table.fields {
                let rate = field
                    .rate()
                    .map_or("-".to_owned(), |rate| format!("{:.1}%", rate * 100.0));
                let _ = write!(text, "    {:<16} {rate:>6}", field.name);
                if let Some(miss) = &field.first_miss {
                    let told = format!("{}  {}", miss.url, miss.why);
                    let short: String = clean(&told).chars().take(SHOWN).collect();
                    let _ = write!(text, "  first missed: {short}");
                }
                text.push('\n');
            }
        }
        for short in self.health.below_min_rate() {
            let _ = writeln!(
                text,
                "  below its min_rate: {} of {}, {:.1}% instead of {:.1}%",
                short.field,
                short.table,
                short.rate * 100.0,
                short.wanted * 100.0
            );
        }
        text
    }
}
