//! How often each field was found, for the summary and the exit code.

use std::fmt::Write;

use haul::clean;
use haul::sink::Counts;

/// Characters shown of a miss.
const SHOWN: usize = 100;

/// Whether a field was found less often than its recipe requires.
pub(crate) fn fall_short(counts: &Counts) -> bool {
    !counts.now.below_min_rate().is_empty()
}

/// One line per table and field. Fields found less often than required, or than in an earlier job, come last.
pub(crate) fn fields_summary(counts: &Counts) -> String {
    let mut text = String::new();
    for table in &counts.now.tables {
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
                let line = format!("{}  {}", miss.url, miss.why);
                let short: String = clean(&line).chars().take(SHOWN).collect();
                let _ = write!(text, "  first miss: {short}");
            }
            text.push('\n');
        }
    }
    for short in counts.now.below_min_rate() {
        let _ = writeln!(
            text,
            "  below min_rate: {} of {}, {:.1}% instead of {:.1}%",
            short.field,
            short.table,
            short.rate * 100.0,
            short.wanted * 100.0
        );
    }
    let drift = counts
        .before
        .as_ref()
        .map(|before| counts.now.drift(before));
    for short in drift.unwrap_or_default() {
        let what = match short.field.as_str() {
            "" => "pages with items",
            field => field,
        };
        let _ = writeln!(
            text,
            "  less than in the previous job: {what} of {}, {:.1}% instead of {:.1}%",
            short.table,
            short.rate * 100.0,
            short.wanted * 100.0
        );
    }
    text
}
