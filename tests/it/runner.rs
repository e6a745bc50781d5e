//! Programs that embed haul, with visits as a stream, custom sinks and custom extractors.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::{env, fs, thread};

use futures::StreamExt;
use haul::origin::{Origin, Response, Site};
use haul::parse::Wants;
use haul::sink::{Mark, Sink, Start};
use haul::{Config, Error, JobSettings, Runner, Visit};

use crate::folder::Folder;
use crate::program::Program;
use crate::resume::{Running, generated};
use crate::run::{on, on_every_engine, wait};

/// The variables that pass a folder and the seed of a crawl to the inner process of a test.
const FOLDER: &str = "TEST_OF_A_PROGRAM_FOLDER";
const SEED: &str = "TEST_OF_A_PROGRAM_SEED";

fn pages(count: usize) -> (Origin, Vec<String>) {
    let site = Site::builder().fallback(Response::page("<title>A page</title>"));
    let origin = site.start().unwrap();
    let urls = (0..count)
        .map(|page| origin.url(&format!("/{page}")))
        .collect();
    (origin, urls)
}

#[test]
fn the_visits_of_a_run_are_a_stream_and_each_comes_once() {
    on_every_engine(|engine| {
        let (_origin, urls) = pages(700);
        let mut config = on(engine, Config::urls(urls.clone()));
        config.parse.wants.title = true;
        let mut visits = Runner::new(config).visits();
        assert!(visits.outcome().is_none());
        // Keeping all visits does not block the run.
        let taken: Vec<_> = wait(visits.by_ref().map(Result::unwrap).collect());
        let mut rows: Vec<_> = taken
            .iter()
            .map(|visit| visit.job.url.to_string())
            .collect();
        rows.sort();
        let mut urls = urls;
        urls.sort();
        assert_eq!(rows, urls);
        let titled = taken
            .iter()
            .all(|visit| visit.parsed.title.as_deref() == Some("A page"));
        assert!(titled);
        assert_eq!(visits.outcome().unwrap().tally.visited, 700);
    });
}

#[test]
fn a_run_waits_for_the_receiver_of_its_visits_and_ends_with_it() {
    on_every_engine(|engine| {
        let (origin, urls) = pages(5000);
        let mut visits = Runner::new(on(engine, Config::urls(urls))).visits();
        assert!(wait(visits.next()).unwrap().is_ok());
        drop(visits);
        let requests = origin.log().requests();
        assert!(requests < 2000, "{requests}");
    });
}

/// A sink that writes one URL per line, and depends on nothing but its own file.
struct Urls {
    file: File,
    fails: bool,
}

impl Urls {
    fn open(path: &Path, start: Start<'_>) -> haul::Result<Self> {
        let open = || -> std::io::Result<File> {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            let length = match start {
                Start::At(mark) => mark.0.as_u64().unwrap_or_default(),
                Start::Fresh | Start::Over => 0,
            };
            file.set_len(length)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(|error| Error::output(path, error))?;
        Ok(Self { file, fails: false })
    }
}

impl Sink for Urls {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }

    fn write(&mut self, visit: &Visit) -> haul::Result<()> {
        if self.fails {
            return Err(Error::output(
                "urls.txt",
                std::io::Error::other("it is full"),
            ));
        }
        writeln!(self.file, "{}", visit.job.url).map_err(|error| Error::output("urls.txt", error))
    }

    fn flush(&mut self) -> haul::Result<()> {
        Ok(())
    }

    fn checkpoint(&mut self) -> haul::Result<Mark> {
        let durable = self
            .file
            .sync_data()
            .and_then(|()| self.file.stream_position());
        Ok(Mark(
            durable
                .map_err(|error| Error::output("urls.txt", error))?
                .into(),
        ))
    }

    fn finish(mut self: Box<Self>) -> haul::Result<Option<Mark>> {
        self.checkpoint().map(Some)
    }
}

#[test]
fn an_error_of_a_custom_sink_ends_the_run_and_its_stream() {
    let (_origin, urls) = pages(300);
    let folder = Folder::new();
    let path = folder.path().join("urls.txt");
    let failing = move |start: Start<'_>| {
        let sink = Urls::open(&path, start)?;
        Ok(Urls {
            fails: true,
            ..sink
        })
    };
    let runner = Runner::new(on("async", Config::urls(urls)));
    let visits = runner.sink("urls", Wants::NOTHING, failing).visits();
    let taken: Vec<_> = wait(visits.collect());
    let [Err(error)] = &taken[..] else {
        panic!("{} visits", taken.len());
    };
    assert!(error.to_string().contains("urls.txt"), "{error}");
}

/// Crawls a site in a job into a custom sink, in a process that may be killed.
fn crawl_in_a_job(folder: &Path, seed: String) {
    let mut config = on("async:16", Config::crawl([seed]));
    config.job = Some(JobSettings {
        folder: folder.join("job"),
        fresh: false,
        settings: [("what".to_owned(), "a test".to_owned())].into(),
        may_change: Vec::new(),
    });
    let path = folder.join("urls.txt");
    let runner = Runner::new(config);
    let runner = runner.sink("urls", Wants::NOTHING, move |start| {
        Urls::open(&path, start)
    });
    wait(runner.run(|_| ())).unwrap();
}

#[test]
fn a_custom_sink_has_each_record_once_however_often_the_program_is_killed() {
    if let Some(folder) = env::var_os(FOLDER) {
        return crawl_in_a_job(folder.as_ref(), env::var(SEED).unwrap());
    }
    let pages = 3000;
    let (origin, folder) = (generated(pages), Folder::new());
    let mut random = fastrand::Rng::with_seed(7);
    let mut kills = 0;
    loop {
        let test = thread::current();
        let line = ["--exact", test.name().unwrap()];
        let mut program = Program::at(&env::current_exe().unwrap(), folder.path(), &line);
        program
            .env(FOLDER, folder.path())
            .env(SEED, origin.url("/"));
        let mut program = Running::start(program);
        let patience = crate::run::ms(random.u64(100..900) + 40 * kills);
        if let Some((code, output)) = program.ends_within(patience) {
            assert_eq!(code, Some(0), "{output}");
            break;
        }
        program.kill();
        kills += 1;
    }
    assert!(kills > 0, "it was never killed");
    let text = fs::read_to_string(folder.path().join("urls.txt")).unwrap();
    let urls: BTreeSet<_> = text.lines().collect();
    assert_eq!(
        (urls.len(), text.lines().count()),
        (3001, 3001),
        "after {kills} kills"
    );
}

#[test]
fn a_custom_extractor_reads_a_value_of_its_own_type_from_each_page() {
    on_every_engine(|engine| {
        let (origin, mut urls) = pages(300);
        urls.push(origin.url("/poison"));
        let runner = Runner::new(on(engine, Config::urls(urls)));
        let visits = runner.extractor(|page| {
            assert!(
                !page.url.as_str().ends_with("/poison"),
                "a page that it cannot read"
            );
            (page.url.as_str().len(), page.text.len())
        });
        let taken: Vec<_> = wait(visits.visits().collect());
        if engine.starts_with("processes") {
            let [Err(error)] = &taken[..] else {
                panic!("{} visits", taken.len())
            };
            assert!(error.to_string().contains("child processes"), "{error}");
            assert_eq!(origin.log().requests(), 0);
            return;
        }
        for visit in taken.into_iter().map(Result::unwrap) {
            let url = visit.job.url.as_str();
            let expected = (url.len(), "<title>A page</title>".len());
            match url.ends_with("/poison") {
                true => assert_eq!(visit.failure(), Some("lost")),
                false => assert_eq!(visit.parsed.custom.get(), Some(&expected)),
            }
            // Content that only the extractor wanted is not passed on.
            assert_eq!(visit.parsed.text, None);
        }
    });
}
