//! Detects the layout of a table: its delimiter, header line, and the column with the URLs.
//!
//! It is detected from the first rows. If that fails, the message names the columns and the flag that helps.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::kind::TableKind;
use crate::input::LONGEST;
use crate::input::encoding;
use crate::input::framing::{Dialect, Record, Records};
use crate::input::lines::Lines;
use crate::recorded;
use crate::seeds::words;
use crate::url::PageUrl;

/// The number of rows that are examined, besides the header.
const ROWS: usize = 20;
/// The possible delimiters, most likely first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Names of columns that usually contain URLs, most likely first, in lower-case letters.
const NAMES: [&str; 22] = [
    "url",
    "urls",
    "uri",
    "link",
    "links",
    "href",
    "website",
    "web",
    "webpage",
    "websiteurl",
    "page",
    "pageurl",
    "site",
    "siteurl",
    "homepage",
    "permalink",
    "loc",
    "finalurl",
    "address",
    "domain",
    "host",
    "hostname",
];

/// The layout of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) dialect: Dialect,
    /// The names of the columns, or their numbers if there is no header.
    pub(super) names: Vec<Arc<str>>,
    /// The index of the column with the URLs.
    pub(super) column: usize,
    /// The last line before the first row (header or `sep=`); 0 if there is none.
    pub(super) before: u64,
    /// Whether the table was written by haul.
    pub(super) of_records: bool,
}

/// The layout that results from one delimiter.
struct Candidate {
    layout: Result<Layout, String>,
    /// How certain the column is: 3 by name, 2 by content, 1 by a weak name, 0 not at all.
    rank: u8,
    /// The number of cells per row if all rows have the same number, otherwise 0.
    width: usize,
}

/// Detects the layout of a table from its beginning; `None` if it is empty.
///
/// # Errors
/// Which column was not found, and which columns there are.
pub(super) fn detect(
    sample: &[u8],
    kind: TableKind,
    wanted: Option<&str>,
) -> Result<Option<Layout>, String> {
    let (declared, lines) = declared_delimiter(sample);
    let delimiters = match (kind, declared) {
        (TableKind::Tsv, _) => vec![b'\t'],
        (TableKind::Csv, Some(delimiter)) => vec![delimiter],
        (TableKind::Csv, None) => DELIMITERS.to_vec(),
    };
    let mut best: Option<Candidate> = None;
    for delimiter in delimiters {
        let dialect = Dialect {
            delimiter,
            quotes: kind == TableKind::Csv,
            strict: false,
            longest: LONGEST,
        };
        let rows = rows(sample, dialect, lines);
        let Some(candidate) = Candidate::of(&rows, dialect, wanted, lines) else {
            return Ok(None);
        };
        let score = |candidate: &Candidate| (candidate.rank, candidate.width);
        if best
            .as_ref()
            .is_none_or(|best| score(&candidate) > score(best))
        {
            best = Some(candidate);
        }
    }
    best.map(|best| best.layout).transpose()
}

/// Whether a list is a table in spite of its name: its first line has a `url` cell.
pub(in crate::seeds) fn has_url_header(sample: &[u8]) -> bool {
    DELIMITERS[..3].iter().any(|delimiter| {
        let dialect = Dialect {
            delimiter: *delimiter,
            quotes: true,
            strict: false,
            longest: LONGEST,
        };
        let rows = rows(sample, dialect, 0);
        rows.first().is_some_and(|first| {
            let is_url = |cell: &[u8]| words::trimmed_bytes(cell).eq_ignore_ascii_case(b"url");
            first.cells.len() > 1 && first.cells.iter().any(is_url)
        })
    })
}

/// The delimiter set by a first line `sep=;` (as in Excel), and how many lines that takes.
fn declared_delimiter(sample: &[u8]) -> (Option<u8>, u64) {
    let end = sample.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    let first = sample[..end.unwrap_or(sample.len())].trim_ascii_end();
    let first = first
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(first);
    match *first {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] if delimiter.is_ascii() => {
            (Some(delimiter), 1)
        }
        // The line's end was trimmed, and the tab with it.
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] => (Some(b'\t'), 1),
        _ => (None, 0),
    }
}

/// The first records after line `after`.
fn rows(sample: &[u8], dialect: Dialect, after: u64) -> Vec<Record> {
    let mut records = Records::new(Lines::new(sample, LONGEST), dialect);
    let (mut record, mut rows) = (Record::default(), Vec::new());
    while rows.len() <= ROWS && matches!(records.next(&mut record, &mut ()), Ok(true)) {
        if record.line > after {
            rows.push(record.clone());
        }
    }
    rows
}

impl Candidate {
    fn of(rows: &[Record], dialect: Dialect, wanted: Option<&str>, declared: u64) -> Option<Self> {
        let first = &rows.first()?.cells;
        let header: Vec<String> = first.iter().map(cell).collect();
        let has_header = has_header(&header, &rows[1..], wanted);
        let data = &rows[usize::from(has_header)..];
        let mut names: Vec<Arc<str>> = Vec::new();
        for (index, name) in header.iter().enumerate() {
            let number = (index + 1).to_string();
            let name = match has_header && !name.is_empty() {
                true => name.as_str(),
                false => &number,
            };
            names.push(unique(name, &names));
        }
        let (rank, column) = match wanted {
            Some(wanted) => match column_named(wanted, &names, has_header) {
                Some(column) => (3, Ok(column)),
                None => (0, Err(format!("no column {wanted:?}"))),
            },
            None => match find_url_column(&names, data, has_header) {
                Some((rank, column)) => (rank, Ok(column)),
                None => (0, Err("no column contains URLs".to_owned())),
            },
        };
        let known = || match has_header {
            true => format!("the columns are {}", names.join(", ")),
            false => format!("it has no header line, and {} columns", names.len()),
        };
        let of_records = header
            .iter()
            .take(recorded::HEADER.len())
            .eq(&recorded::HEADER);
        let layout = match column {
            Ok(column) => Ok(Layout {
                dialect: Dialect {
                    strict: of_records,
                    longest: if of_records {
                        recorded::LONGEST
                    } else {
                        dialect.longest
                    },
                    ..dialect
                },
                names,
                column,
                before: if has_header { rows[0].line } else { declared },
                of_records,
            }),
            Err(problem) => Err(format!("{problem}: {}", known())),
        };
        let is_even = rows.iter().all(|row| row.cells.len() == first.len());
        // http://a.example/p;id=1 is a single URL.
        let is_parameter = |cell: &[u8]| {
            let name = cell.split(|byte| *byte == b'=').next().unwrap_or_default();
            name.len() < cell.len() && name.iter().all(u8::is_ascii_alphanumeric)
        };
        let all_parameters = dialect.delimiter == b';'
            && !has_header
            && data
                .iter()
                .all(|row| row.cells.iter().skip(1).any(is_parameter));
        Some(Self {
            layout,
            rank,
            width: if is_even && !all_parameters {
                first.len()
            } else {
                0
            },
        })
    }
}

/// Whether the first row is a header: it has no URL, while the other rows have some.
fn has_header(first: &[String], rows: &[Record], wanted: Option<&str>) -> bool {
    if wanted.is_some_and(|wanted| first.iter().any(|name| name.eq_ignore_ascii_case(wanted))) {
        return true;
    }
    if first.iter().any(|cell| is_url(cell)) {
        return false;
    }
    let is_named = first.iter().any(|name| rank_of_name(name).is_some());
    let any = |test: fn(&str) -> bool| {
        rows.iter()
            .any(|row| row.cells.iter().any(|bytes| test(&cell(bytes))))
    };
    if is_named || any(is_url) {
        return true;
    }
    // A single column may contain anything: values that are not URLs are reported row by row.
    let is_row = match (
        first,
        wanted.and_then(|wanted| wanted.parse::<usize>().ok()),
    ) {
        ([_], _) => true,
        (_, Some(number)) => number
            .checked_sub(1)
            .and_then(|column| first.get(column))
            .is_some_and(|cell| PageUrl::parse(cell).is_ok()),
        _ => first.iter().any(|cell| is_host(cell)),
    };
    !is_row
}

/// The index of a column by its name, or by its number from 1.
fn column_named(wanted: &str, names: &[Arc<str>], has_header: bool) -> Option<usize> {
    let by_name = || {
        names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(wanted))
    };
    let by_number = || {
        let number = wanted.parse::<usize>().ok()?;
        (1..=names.len()).contains(&number).then(|| number - 1)
    };
    match has_header {
        true => by_name().or_else(by_number),
        false => by_number(),
    }
}

/// The column that contains URLs, and how certain that is.
fn find_url_column(names: &[Arc<str>], rows: &[Record], has_header: bool) -> Option<(u8, usize)> {
    let by_name = |columns: &[usize]| {
        let ranked = columns.iter().filter(|_| has_header);
        let ranked = ranked.filter_map(|column| Some((rank_of_name(&names[*column])?, *column)));
        ranked.min().map(|(_, column)| column)
    };
    let all: Vec<usize> = (0..names.len()).collect();
    let exact = |column: &usize| has_header && names[*column].eq_ignore_ascii_case("url");
    if let Some(column) = all.iter().find(|column| exact(column)) {
        return Some((3, *column));
    }
    for test in [is_url as fn(&str) -> bool, is_host] {
        let holds = |column: &usize| {
            let cells = rows.iter().filter_map(|row| row.cells.get(*column));
            let cells: Vec<String> = cells.map(cell).filter(|cell| !cell.is_empty()).collect();
            let count = cells.iter().filter(|cell| test(cell)).count();
            count > 0 && count * 2 >= cells.len()
        };
        let columns: Vec<usize> = all.iter().copied().filter(holds).collect();
        // If there are several, the name decides; in a table without names, it is the first one.
        let only = match columns[..] {
            [only] => Some(only),
            [first, ..] if !has_header => Some(first),
            _ => None,
        };
        match by_name(&columns).or(only) {
            Some(column) => return Some((2, column)),
            None if columns.is_empty() => {}
            None => return None,
        }
    }
    // The content does not help: values that are not URLs are reported in their records.
    let named = by_name(&all).map(|column| (1, column));
    named.or((names.len() == 1).then_some((0, 0)))
}

/// How likely a column of this name is to contain URLs; lower is likelier.
fn rank_of_name(name: &str) -> Option<usize> {
    let letters: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let known = NAMES.iter().position(|known| *known == letters);
    known.or_else(|| letters.ends_with("url").then_some(NAMES.len()))
}

/// A name that no previous column has: `note`, `note.1`.
fn unique(name: &str, before: &[Arc<str>]) -> Arc<str> {
    let is_taken = |name: &str| before.iter().any(|other| **other == *name);
    if !is_taken(name) {
        return Arc::from(name);
    }
    let mut numbered = (1..).map(|number| format!("{name}.{number}"));
    let free = numbered.find(|name| !is_taken(name)).unwrap_or_default();
    Arc::from(free)
}

fn cell(bytes: &[u8]) -> String {
    words::trimmed(&encoding::text(bytes)).to_owned()
}

/// Whether a text is an absolute URL.
pub(super) fn is_url(text: &str) -> bool {
    words::has_scheme(text) && PageUrl::parse(text).is_ok()
}

/// Whether a text is a host without a scheme, possibly with a path.
///
/// It must have a known public suffix, because many words contain a dot.
fn is_host(text: &str) -> bool {
    let name = text.split(['/', ':']).next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let has_suffix = || {
        let suffix = psl::suffix(name.as_bytes());
        suffix.is_some_and(|suffix| suffix.is_known() && suffix.as_bytes().len() < name.len())
    };
    !text.contains(|c: char| c.is_whitespace() || c == '@')
        && (name.parse::<Ipv4Addr>().is_ok() || has_suffix())
        && PageUrl::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(text: &str) -> Result<(char, usize, u64), String> {
        let layout = detect(text.as_bytes(), TableKind::Csv, None)?.unwrap();
        let delimiter = char::from(layout.dialect.delimiter);
        Ok((delimiter, layout.column + 1, layout.before))
    }

    #[test]
    fn delimiter_header_and_column_are_detected_from_the_first_rows() {
        for (text, layout) in [
            ("url,note\nx,http://a.example/\n", (',', 1, 1)),
            ("id,name,website\n1,Ann,http://a.example/\n", (',', 3, 1)),
            ("id,name,website\n1,Ann,a.com\n", (',', 3, 1)),
            ("id,seite\n1,http://a.example/\n", (',', 2, 1)),
            ("id;Preis;URL\n1;3,50;http://a.example/\n", (';', 3, 1)),
            (
                "name, first;link\nSmith, J;http://a.example/\n",
                (';', 2, 1),
            ),
            ("sep=;\nname;url\nx;http://a.example/\n", (';', 2, 2)),
            ("\"sep=|\"\r\nx|http://a.example/\r\n", ('|', 2, 1)),
            ("id\turl\n1\thttp://a.example/\n", ('\t', 2, 1)),
            ("http://a.example/1,x\nhttp://a.example/2,y\n", (',', 1, 0)),
            ("http://a.example/1;x\nhttp://a.example/2;y\n", (';', 1, 0)),
            (
                "http://a.example/p;id=1\nhttp://a.example/p;id=2\n",
                (',', 1, 0),
            ),
            ("1,google.com\n2,facebook.com\n", (',', 2, 0)),
            ("google.com\nfacebook.com\n", (',', 1, 0)),
            ("shop.internal/1\nshop.internal/2\n", (',', 1, 0)),
            (
                "image,page\nhttp://a.example/1,http://a.example/2\n",
                (',', 2, 1),
            ),
            ("data.link\nhttp://a.example/\n", (',', 1, 1)),
            ("url\n", (',', 1, 1)),
            ("website,name\n", (',', 1, 1)),
        ] {
            assert_eq!(detected(text), Ok(layout), "{text:?}");
        }
    }

    #[test]
    fn a_failed_detection_names_the_columns() {
        for text in [
            "id,name,city\n1,Ann,Rome\n",
            "id,first,second\n1,http://a.example/1,http://a.example/2\n",
        ] {
            let problem = detected(text).unwrap_err();
            assert!(problem.contains("id, "), "{problem}");
        }
        let second = detect(b"1,shop.internal/1\n", TableKind::Csv, Some("2"));
        assert_eq!(second.unwrap().unwrap().before, 0);
        let wanted = detect(b"http://a.example/,x\n", TableKind::Csv, Some("url"));
        assert!(wanted.unwrap_err().contains("no header line"));
        assert_eq!(detect(b"\n\n", TableKind::Csv, None), Ok(None));
    }
}
