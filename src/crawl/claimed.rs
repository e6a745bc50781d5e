//! The files that the settings of a run name for reading and writing.

use std::path::Path;

use crate::archive::series;
use crate::config::Config;
use crate::frontier::JOB_FILES;
use crate::run::claims::Claims;
use crate::seeds::SeedSource;
use crate::sink::{Destination, FilesSettings, Format, Holders, Mirror, SinkSettings};

impl Config {
    /// Returns the files and folders that the run reads and writes.
    ///
    /// To be [checked](Claims::check) before it starts.
    #[doc(hidden)]
    pub fn claims(&self) -> Claims {
        let mut claims = Claims::default();
        for source in &self.seeds.sources {
            match source {
                SeedSource::File(path) => claims.read(named("the list", path), path),
                SeedSource::Archive(path) => claims.read(named("the archive", path), path),
                SeedSource::Stdin => claims.read_open("standard input", std::io::stdin()),
                // An output whose failures are retried is appended to; it is read only up to its earlier end.
                SeedSource::Urls(_) | SeedSource::Failures(_) => {}
            }
        }
        for path in self.crawl.iter().flat_map(|crawl| &crawl.archives) {
            claims.read(named("the archive", path), path);
        }
        if let Some(path) = self.fetch.tls.roots() {
            claims.read(named("the certificates", path), path);
        }
        for identity in &self.fetch.identities {
            let path = &identity.certificate;
            claims.read(named("the client certificate", path), path);
            if let Some(path) = &identity.key {
                claims.read(named("the key", path), path);
            }
        }
        let jar = self.cookies.jar.as_ref();
        // The same file may be read and written: it is replaced at the end.
        for path in self.cookies.files.iter().filter(|path| Some(*path) != jar) {
            claims.read(named("the cookie file", path), path);
        }
        if let Some(path) = jar {
            claims.write(named("the cookie file", path), path);
        }
        for sink in &self.sinks {
            outputs(sink, &mut claims);
        }
        if let Some(files) = &self.files {
            saved(files, &mut claims);
        }
        let broken = self.broken.iter();
        for path in broken.clone().filter_map(|broken| broken.report.as_ref()) {
            claims.write(named("the list of broken links", path), path);
        }
        for path in broken.filter_map(|broken| broken.redirects.as_ref()) {
            claims.write(named("the list of links that redirect", path), path);
        }
        if let Some(job) = &self.job {
            claims.fill(named("the job", &job.folder), &job.folder);
            let own = JOB_FILES.iter().copied();
            for name in own.chain(["files", "mirrored", Holders::NAME, Mirror::NAME]) {
                let path = job.folder.join(name);
                claims.write(named("the job's own file", &path), &path);
            }
        }
        claims
    }
}

fn outputs(sink: &SinkSettings, claims: &mut Claims) {
    match &sink.destination {
        Destination::Stdout => claims.write_open("standard output", std::io::stdout()),
        Destination::File { path, .. } if matches!(sink.format, Format::Parquet(_)) => {
            claims.fill(named("the output", path), path);
        }
        Destination::File { path, .. } => {
            claims.write(named("the output", path), path);
            // Files that an earlier run left are removed.
            let volumes = match &sink.format {
                Format::Warc(archive) if archive.rotate.0 > 0 => series::last(path, 0),
                _ => 0,
            };
            for number in 1..=volumes {
                let path = series::numbered(path, number);
                claims.write(named("the output", &path), &path);
            }
        }
    }
}

fn saved(files: &FilesSettings, claims: &mut Claims) {
    let folder = &files.folder;
    claims.fill(named("the folder of saved pages", folder), folder);
    let index = files.index();
    if let Some(path) = index.as_ref().and_then(Destination::path) {
        claims.write(named("the list of saved pages", path), path);
    }
}

/// Describes a path and its purpose, for errors.
fn named(what: &str, path: &Path) -> String {
    format!("{what} {}", path.display())
}
