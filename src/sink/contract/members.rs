//! Every kind of sink, and the readers that know nothing of us.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::samples::{self, tree, unpacked};
use super::super::warc::strict;
use super::super::*;

/// Records that are there before the job, where it writes after them.
pub(super) const BEFORE: usize = 3;

/// A kind of sink, and where it writes.
pub(super) struct Member {
    pub(super) settings: SinkSettings,
    opens: Opens,
    folder: tempfile::TempDir,
}

/// How a sink is opened.
type Opens = fn(&SinkSettings, Start<'_>) -> Result<Box<dyn Sink>>;

/// A sink that is open, and where its folder is.
pub(super) struct Session {
    open: Open,
    folder: PathBuf,
}

enum Open {
    Records(Box<dyn Sink>),
    /// One that holds locks, which only the end of a process or its own lets go.
    Database(Box<dyn Sink>),
    Files(Box<Files>),
}

/// Every kind of sink.
pub(super) fn every() -> Vec<Member> {
    let plain = SinkSettings::default;
    let format = |format, body| SinkSettings {
        format,
        body,
        ..plain()
    };
    let template = Some(Template::parse("%{row} %{url}").unwrap());
    let records = [
        format(Format::Text, false),
        format(Format::Jsonl, false),
        format(Format::Jsonl, true),
        format(Format::Csv, false),
        format(Format::Csv, true),
        SinkSettings {
            template,
            ..plain()
        },
    ];
    let mut members = Vec::new();
    for settings in records {
        for append in [false, true] {
            members.push(Member::at("records", append, settings.clone()));
        }
    }
    for name in ["a.jsonl.gz", "a.jsonl.zst", "a.csv.gz", "a.csv.zst"] {
        let settings = format_only(Format::of_path(Path::new(name)).unwrap());
        for append in [false, true] {
            members.push(Member::at(name, append, settings.clone()));
        }
    }
    for format in [Format::Edges, Format::Dot, Format::Index] {
        members.push(Member::at("edges", false, format_only(format)));
    }
    for (name, append) in [
        ("pages.warc", false),
        ("pages.warc", true),
        ("pages.warc.gz", false),
        ("pages.warc.gz", true),
        ("pages.wacz", false),
    ] {
        members.push(Member::at(name, append, format_only(Format::Warc)));
    }
    for append in [false, true] {
        let settings = SinkSettings {
            tables: vec![samples::table()],
            ..format_only(Format::Sqlite)
        };
        members.push(Member::at("pages.sqlite", append, settings));
    }
    for (opens, append) in parquet::suite::MEMBERS {
        let settings = SinkSettings {
            tables: vec![samples::things()],
            ..format_only(Format::Parquet)
        };
        members.push(Member {
            opens,
            ..Member::at("pages.parquet", append, settings)
        });
    }
    let folder = tempfile::tempdir().unwrap();
    let files = Some(folder.path().join("files"));
    let settings = SinkSettings {
        folder: files,
        ..plain()
    };
    members.push(Member {
        settings,
        opens: open,
        folder,
    });
    members
}

/// Those that write one file, at its end alone.
pub(super) fn growing() -> impl Iterator<Item = Member> {
    every().into_iter().filter(Member::grows)
}

fn format_only(format: Format) -> SinkSettings {
    SinkSettings {
        format,
        ..SinkSettings::default()
    }
}

impl Member {
    /// One that writes to a file of this name.
    fn at(name: &str, append: bool, settings: SinkSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        Self {
            settings: SinkSettings {
                destination: Destination::File { path, append },
                ..settings
            },
            opens: open,
            folder,
        }
    }

    /// Whether it writes one file, at its end alone.
    pub(super) fn grows(&self) -> bool {
        !matches!(self.settings.format, Format::Sqlite | Format::Parquet)
    }

    /// The file that its mark is of.
    pub(super) fn file(&self) -> PathBuf {
        match &self.settings.destination {
            Destination::File { path, .. } => path.clone(),
            Destination::Stdout => self.folder.path().join("journal"),
        }
    }

    pub(super) fn keeps_what_was_there(&self) -> bool {
        matches!(
            self.settings.destination,
            Destination::File { append: true, .. }
        )
    }

    pub(super) fn open(&self, start: Start<'_>) -> Result<Session> {
        let open = match open_files(&self.settings, start, Some(&self.file()))? {
            Some(files) => Open::Files(Box::new(files)),
            None if self.settings.format == Format::Sqlite => {
                Open::Database((self.opens)(&self.settings, start)?)
            }
            None => Open::Records((self.opens)(&self.settings, start)?),
        };
        let folder = self.folder.path().to_owned();
        Ok(Session { open, folder })
    }

    /// Its name for messages.
    pub(super) fn name(&self) -> String {
        files_name(&self.settings).unwrap_or_else(|| name(&self.settings))
    }

    /// Puts there what a job does not own, and answers how many records that is.
    pub(super) fn prepare(&self) -> usize {
        if !self.keeps_what_was_there() {
            return 0;
        }
        let mut session = self.open(Start::Fresh).unwrap();
        (0..BEFORE).for_each(|number| session.write(number));
        session.finish();
        BEFORE
    }

    /// What a write that was cut in the middle leaves.
    pub(super) fn tear(&self) {
        if self.settings.format == Format::Sqlite {
            return; // what it did not finish is in its log, and is its own to find
        }
        let mut file = self.file();
        if self.settings.format == Format::Parquet {
            file = file.with_file_name(".pages.parquet").join("journal");
        }
        let mut file = OpenOptions::new().append(true).open(file).unwrap();
        file.write_all(b"{\"row\": 9, \"url\": \"http").unwrap();
    }

    /// The numbers of the records that a reader who knows nothing of us finds.
    pub(super) fn read(&self) -> Vec<usize> {
        if let Some(folder) = &self.settings.folder {
            return files(folder);
        }
        if self.settings.format == Format::Warc {
            return strict::numbers(&self.file());
        }
        if self.settings.format == Format::Sqlite {
            return rows(&self.file());
        }
        if self.settings.format == Format::Parquet {
            return parquet::suite::numbers(&self.file());
        }
        let text = unpacked(&self.file());
        let number = |text: &str| text.parse().unwrap();
        match (&self.settings.template, self.settings.format) {
            (Some(_), _) => text
                .lines()
                .map(|line| number(line.split_once(' ').unwrap().0))
                .collect(),
            (None, Format::Text) => text
                .lines()
                .map(|line| number(line.rsplit_once('/').unwrap().1))
                .collect(),
            (None, Format::Index) => text
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
                .map(|line| number(line["file"].as_str().unwrap()))
                .collect(),
            (None, Format::Jsonl) => serde_json::Deserializer::from_str(&text)
                .into_iter::<serde_json::Value>()
                .map(|line| line.unwrap()["row"].as_u64().unwrap() as usize)
                .collect(),
            (None, Format::Warc | Format::Sqlite | Format::Parquet) => {
                unreachable!("it is read above")
            }
            (None, Format::Edges) => ::csv::Reader::from_reader(text.as_bytes())
                .records()
                .map(|edge| number(edge.unwrap()[1].rsplit_once('/').unwrap().1))
                .collect(),
            (None, Format::Dot) => text
                .strip_prefix("digraph site {\n  node [shape=box];\n")
                .and_then(|edges| edges.strip_suffix("}\n"))
                .unwrap()
                .lines()
                .map(|edge| number(edge.split('"').nth(3).unwrap().rsplit_once('/').unwrap().1))
                .collect(),
            // A header in the middle is no number.
            (None, Format::Csv) => ::csv::Reader::from_reader(text.as_bytes())
                .records()
                .map(|record| number(&record.unwrap()[0]))
                .collect(),
        }
    }
}

/// The numbers of the files below a folder, each of which must hold its own.
fn files(folder: &Path) -> Vec<usize> {
    let number = |(name, text): (String, String)| {
        assert_eq!(name, format!("h.example+80/{text}~.html"));
        text.parse().unwrap()
    };
    tree(folder).into_iter().map(number).collect()
}

/// The rows of the pages of a database, each of which must have its item, and that its children.
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
            Open::Records(_) => {
                let saved = self.folder.join(format!("{number:05}"));
                visit.parsed.saved = Some(saved);
            }
            Open::Database(_) => {
                visit.parsed.fields = Some(Box::new(samples::product(number)));
            }
            Open::Files(_) => {}
        }
        match &mut self.open {
            Open::Records(sink) | Open::Database(sink) => sink.write(&visit).unwrap(),
            Open::Files(files) => files.save(&mut visit).unwrap(),
        }
    }

    pub(super) fn flush(&mut self) {
        match &mut self.open {
            Open::Records(sink) | Open::Database(sink) => sink.flush().unwrap(),
            Open::Files(files) => files.flush().unwrap(),
        }
    }

    pub(super) fn checkpoint(&mut self) -> Mark {
        match &mut self.open {
            Open::Records(sink) | Open::Database(sink) => sink.checkpoint().unwrap(),
            Open::Files(files) => files.checkpoint().unwrap(),
        }
    }

    pub(super) fn finish(self) -> Mark {
        match self.open {
            Open::Records(sink) | Open::Database(sink) => sink.finish().unwrap().unwrap(),
            Open::Files(files) => files.finish().unwrap().unwrap(),
        }
    }

    /// What was handed to the system is there, what was not is gone: nothing of ours runs when a process is killed.
    pub(super) fn kill(self) {
        match self.open {
            Open::Records(sink) => std::mem::forget(sink),
            Open::Database(sink) => drop(sink),
            Open::Files(files) => files.abandon(),
        }
    }
}
