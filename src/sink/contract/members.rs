//! Every kind of sink, with independent readers of its output.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::samples::{self, Case, format, tree, unpacked};
use super::super::warc::strict;
use super::super::*;
use crate::visit::fields::Table;

/// The number of records before the job, for sinks that append.
pub(super) const BEFORE: usize = 3;

/// A kind of sink, and its folder.
pub(super) struct Member {
    kind: MemberKind,
    folder: tempfile::TempDir,
}

/// The kind of a member.
enum MemberKind {
    /// A record sink, and the function that opens it.
    Records(Box<Case>, OpenFunction),
    /// The list of saved files.
    Index(Destination),
    /// The folder that bodies are saved to.
    Files(FilesSettings),
}

/// A function that opens a sink.
type OpenFunction = fn(&Case, Start<'_>) -> Result<Box<dyn Sink>>;

/// An open sink, and its folder.
pub(super) struct Session {
    open: OpenSink,
    folder: PathBuf,
}

enum OpenSink {
    Records(Box<dyn Sink>),
    /// A sink with locks that are released only when it is dropped or the process ends.
    Database(Box<dyn Sink>),
    Files(Box<Files>),
}

/// Returns every kind of sink.
pub(super) fn every() -> Vec<Member> {
    let template = Format::Template(TemplateSettings {
        template: Template::parse("%{row} %{url}").unwrap(),
        headers: Vec::new(),
    });
    let records = [
        format("text", false),
        format("jsonl", false),
        format("jsonl", true),
        format("csv", false),
        format("csv", true),
        template,
    ];
    let mut members = Vec::new();
    for format in records {
        for append in [false, true] {
            members.push(Member::writing_to("records", append, format.clone()));
        }
    }
    for name in ["a.jsonl.gz", "a.jsonl.zst", "a.csv.gz", "a.csv.zst"] {
        let format = Format::of_path(Path::new(name)).unwrap();
        for append in [false, true] {
            members.push(Member::writing_to(name, append, format.clone()));
        }
    }
    for format in [Format::Edges, Format::Dot] {
        members.push(Member::writing_to("edges", false, format));
    }
    for (name, append) in [
        ("pages.warc", false),
        ("pages.warc", true),
        ("pages.warc.gz", false),
        ("pages.warc.gz", true),
        ("pages.wacz", false),
    ] {
        members.push(Member::writing_to(name, append, format("warc", false)));
    }
    for append in [false, true] {
        let tables = vec![samples::table()];
        let format = format("sqlite", false);
        members.push(Member::extracting(
            "pages.sqlite",
            append,
            format,
            tables,
            Case::open,
        ));
    }
    for (opens, append) in parquet::suite::MEMBERS {
        let tables = vec![samples::things()];
        let format = format("parquet", false);
        members.push(Member::extracting(
            "pages.parquet",
            append,
            format,
            tables,
            opens,
        ));
    }
    for append in arrow::suite::MEMBERS {
        let tables = vec![samples::things()];
        let format = format("arrow", false);
        members.push(Member::extracting(
            "pages.arrow",
            append,
            format,
            tables,
            Case::open,
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    let list = Destination::file(folder.path().join("index"));
    let kind = MemberKind::Index(list);
    members.push(Member { kind, folder });
    let folder = tempfile::tempdir().unwrap();
    let kind = MemberKind::Files(FilesSettings::folder(folder.path().join("files")));
    members.push(Member { kind, folder });
    members
}

/// Returns the sinks that write a single append-only file.
pub(super) fn growing() -> impl Iterator<Item = Member> {
    every().into_iter().filter(Member::grows)
}

impl Member {
    /// Returns a sink that writes to a file with this name.
    fn writing_to(name: &str, append: bool, format: Format) -> Self {
        Self::extracting(name, append, format, Vec::new(), Case::open)
    }

    /// Returns a sink that writes to a file with this name, in a run that extracts these tables.
    fn extracting(
        name: &str,
        append: bool,
        format: Format,
        tables: Vec<Table>,
        opens: OpenFunction,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let case = Case::new(&folder.path().join(name), append, format, tables);
        let kind = MemberKind::Records(Box::new(case), opens);
        Self { kind, folder }
    }

    /// The format of its records, if it writes records.
    fn format(&self) -> Option<&Format> {
        match &self.kind {
            MemberKind::Records(case, _) => Some(&case.settings.format),
            MemberKind::Index(_) | MemberKind::Files(_) => None,
        }
    }

    fn is_sqlite(&self) -> bool {
        matches!(self.format(), Some(Format::Sqlite(_)))
    }

    fn is_parquet(&self) -> bool {
        matches!(self.format(), Some(Format::Parquet(_)))
    }

    /// Whether it writes a single append-only file.
    pub(super) fn grows(&self) -> bool {
        !self.is_sqlite() && !self.is_parquet()
    }

    pub(super) fn is_rewindable(&self) -> bool {
        match &self.kind {
            MemberKind::Records(case, _) => case.settings.is_rewindable(),
            MemberKind::Index(list) => list.is_rewindable(),
            MemberKind::Files(_) => true,
        }
    }

    /// The file that its mark refers to.
    pub(super) fn file(&self) -> PathBuf {
        match &self.kind {
            MemberKind::Records(case, _) => case.settings.destination.path().unwrap().to_owned(),
            MemberKind::Index(list) => list.path().unwrap().to_owned(),
            MemberKind::Files(_) => self.folder.path().join("journal"),
        }
    }

    pub(super) fn appends(&self) -> bool {
        let MemberKind::Records(case, _) = &self.kind else {
            return false;
        };
        matches!(
            case.settings.destination,
            Destination::File { append: true, .. }
        )
    }

    pub(super) fn open(&self, start: Start<'_>) -> Result<Session> {
        let open = match &self.kind {
            MemberKind::Records(case, opens) if self.is_sqlite() => {
                OpenSink::Database(opens(case, start)?)
            }
            MemberKind::Records(case, opens) => OpenSink::Records(opens(case, start)?),
            MemberKind::Index(list) => OpenSink::Records(opener::open_index(list, start)?),
            MemberKind::Files(files) => {
                let files = opener::open_files(files, start, Some(&self.file()))?;
                OpenSink::Files(Box::new(files))
            }
        };
        let folder = self.folder.path().to_owned();
        Ok(Session { open, folder })
    }

    /// Its name for messages.
    pub(super) fn name(&self) -> String {
        match &self.kind {
            MemberKind::Records(case, _) => name(&case.settings),
            MemberKind::Index(list) => index_name(list),
            MemberKind::Files(files) => files_name(files),
        }
    }

    /// Writes records that the job does not own, if the sink appends, and returns their number.
    pub(super) fn prepare(&self) -> usize {
        if !self.appends() {
            return 0;
        }
        let mut session = self.open(Start::Fresh).unwrap();
        (0..BEFORE).for_each(|number| session.write(number));
        session.finish();
        BEFORE
    }

    /// Leaves the file as an interrupted write would.
    pub(super) fn tear(&self) {
        if self.is_sqlite() {
            return; // SQLite recovers unfinished writes from its own log
        }
        let mut file = self.file();
        if self.is_parquet() {
            file = file.with_file_name(".pages.parquet").join("journal");
        }
        let mut file = OpenOptions::new().append(true).open(file).unwrap();
        file.write_all(b"{\"row\": 9, \"url\": \"http").unwrap();
    }

    /// Returns the numbers of the records that an independent reader finds.
    pub(super) fn read(&self) -> Vec<usize> {
        let number = |text: &str| text.parse().unwrap();
        let format = match &self.kind {
            MemberKind::Files(settings) => return files(&settings.folder),
            MemberKind::Index(list) => {
                let list = list.path().map(unpacked).unwrap();
                let lines = list
                    .lines()
                    .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
                return lines
                    .map(|line| number(line["file"].as_str().unwrap()))
                    .collect();
            }
            MemberKind::Records(case, _) => &case.settings.format,
        };
        let file = self.file();
        let text = || unpacked(&file);
        match format {
            Format::Warc(_) => strict::numbers(&file),
            Format::Sqlite(_) => rows(&file),
            Format::Parquet(_) => parquet::suite::numbers(&file),
            Format::Arrow(_) => arrow::suite::numbers(&file),
            Format::Template(_) => text()
                .lines()
                .map(|line| number(line.split_once(' ').unwrap().0))
                .collect(),
            Format::Text(_) => text()
                .lines()
                .map(|line| number(line.rsplit_once('/').unwrap().1))
                .collect(),
            Format::Jsonl(_) => serde_json::Deserializer::from_str(&text())
                .into_iter::<serde_json::Value>()
                .map(|line| line.unwrap()["row"].as_u64().unwrap() as usize)
                .collect(),
            Format::Edges => ::csv::Reader::from_reader(text().as_bytes())
                .records()
                .map(|edge| number(edge.unwrap()[1].rsplit_once('/').unwrap().1))
                .collect(),
            Format::Dot => text()
                .strip_prefix("digraph site {\n  node [shape=box];\n")
                .and_then(|edges| edges.strip_suffix("}\n"))
                .unwrap()
                .lines()
                .map(|edge| number(edge.split('"').nth(3).unwrap().rsplit_once('/').unwrap().1))
                .collect(),
            // A header in the middle would fail to parse as a number.
            Format::Csv(_) => ::csv::Reader::from_reader(text().as_bytes())
                .records()
                .map(|record| number(&record.unwrap()[0]))
                .collect(),
        }
    }
}

/// Returns the numbers of the files below a folder, each of which must contain its number.
fn files(folder: &Path) -> Vec<usize> {
    let number = |(name, text): (String, String)| {
        assert_eq!(name, format!("h.example+80/{text}~.html"));
        text.parse().unwrap()
    };
    tree(folder).into_iter().map(number).collect()
}

/// Returns the rows of the pages of a database, checking the item of each and its children.
fn rows(file: &Path) -> Vec<usize> {
    let database = rusqlite::Connection::open(file).unwrap();
    let query = "SELECT pages.row, product.number, tags.value FROM pages
                 JOIN product USING (page_id) JOIN product_tags AS tags ON tags.parent_id = product.item_id
                 ORDER BY page_id";
    let counts: (isize, isize) = database
        .query_row(
            "SELECT (SELECT count(*) FROM pages), (SELECT count(*) FROM product_tags)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let mut select = database.prepare(query).unwrap();
    let numbers: Vec<usize> = select
        .query_map([], |row| {
            let number: isize = row.get(0)?;
            assert_eq!(row.get::<_, isize>(1)?, number);
            assert_eq!(row.get::<_, String>(2)?, number.to_string());
            Ok(number.unsigned_abs())
        })
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    let all = numbers.len().cast_signed();
    assert_eq!(counts, (all, all));
    numbers
}

impl Session {
    pub(super) fn write(&mut self, number: usize) {
        let mut visit = samples::numbered(number);
        match &self.open {
            OpenSink::Records(_) => {
                let saved = self.folder.join(format!("{number:05}"));
                visit.parsed.saved = Some(saved);
            }
            OpenSink::Database(_) => {
                visit.parsed.fields = Some(Box::new(samples::product(number)));
            }
            OpenSink::Files(_) => {}
        }
        match &mut self.open {
            OpenSink::Records(sink) | OpenSink::Database(sink) => sink.write(&visit).unwrap(),
            OpenSink::Files(files) => files.save(&mut visit).unwrap(),
        }
    }

    pub(super) fn flush(&mut self) {
        match &mut self.open {
            OpenSink::Records(sink) | OpenSink::Database(sink) => sink.flush().unwrap(),
            OpenSink::Files(files) => files.flush().unwrap(),
        }
    }

    pub(super) fn checkpoint(&mut self) -> Mark {
        match &mut self.open {
            OpenSink::Records(sink) | OpenSink::Database(sink) => sink.checkpoint().unwrap(),
            OpenSink::Files(files) => files.checkpoint().unwrap(),
        }
    }

    pub(super) fn finish(self) -> Mark {
        match self.open {
            OpenSink::Records(sink) | OpenSink::Database(sink) => sink.finish().unwrap().unwrap(),
            OpenSink::Files(files) => files.finish().unwrap().unwrap(),
        }
    }

    /// Ends the session as a kill would: bytes passed to the system stay, buffered ones are lost.
    pub(super) fn kill(self) {
        match self.open {
            OpenSink::Records(sink) => std::mem::forget(sink),
            OpenSink::Database(sink) => drop(sink),
            OpenSink::Files(files) => files.abandon(),
        }
    }
}
