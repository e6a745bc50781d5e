//! The walk at the end: first what is broken, then who links there.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::entry::{Entry, What, read};
use crate::broken::{Broken, BrokenUrl, HOLDERS, NAMED};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprints;

/// Redirects that lead to each other further than this are not followed.
const CHAIN: usize = 32;
/// Bits of the sieve: most links lead nowhere broken, and are told by one look.
const SIEVE: usize = 1 << 16;

/// What is known to be broken.
struct Dead {
    urls: Vec<BrokenUrl>,
    /// The place in `urls` of each fingerprint that leads there.
    by_fingerprint: HashMap<u64, usize>,
}

/// Walks through the entries of a file and says what is broken, and who links there.
///
/// # Errors
/// When the file cannot be read, or the CSV not be written.
pub(super) fn report(
    file: File,
    path: &Path,
    fingerprints: Fingerprints,
    csv: Option<&Path>,
) -> Result<Broken> {
    let unread = |source| Error::output(path, source);
    let mut file = BufReader::with_capacity(1 << 18, file);
    let mut dead = Dead::find(&mut file, fingerprints).map_err(unread)?;
    let mut table = csv.map(Table::begin).transpose()?;
    if !dead.urls.is_empty() {
        dead.hold(&mut file, table.as_mut(), path)?;
    }
    if let Some(mut table) = table {
        for url in dead.urls.iter().filter(|url| url.held == 0) {
            table.row(url, "")?;
        }
        table.end()?;
    }
    let count = dead.urls.len() as u64;
    dead.urls.truncate(NAMED);
    Ok(Broken {
        count,
        urls: dead.urls,
        complete: true,
    })
}

impl Dead {
    fn find(file: &mut BufReader<File>, fingerprints: Fingerprints) -> io::Result<Self> {
        let mut found = HashMap::<u64, (usize, BrokenUrl, Vec<u64>)>::new();
        let mut redirects = Vec::new();
        let mut order = 0;
        each(file, |entry| {
            order += 1;
            let own = fingerprints.of(&entry.url);
            match entry.what {
                // What failed once and was asked again later is well.
                What::Page => drop(found.remove(&own)),
                What::Broken => {
                    found.insert(own, (order, broken(entry), entry.fingerprints.clone()));
                }
                What::Redirect => redirects.push((
                    order,
                    own,
                    std::mem::take(&mut entry.fingerprints),
                    std::mem::take(&mut entry.url),
                )),
            }
            Ok(())
        })?;
        let mut dead: Vec<_> = found
            .into_iter()
            .map(|(own, (order, url, chain))| (order, own, url, chain))
            .collect();
        let mut by_fingerprint = HashMap::new();
        for (at, (_, own, _, chain)) in dead.iter().enumerate() {
            chain.iter().for_each(|link| {
                by_fingerprint.entry(*link).or_insert(at);
            });
            by_fingerprint.insert(*own, at);
        }
        // A redirect to what is broken is broken, and so is one to that.
        for _ in 0..CHAIN {
            let before = redirects.len();
            redirects.retain_mut(|(order, own, leads, url)| {
                let to = leads.first().and_then(|target| by_fingerprint.get(target));
                let Some(to) = to.map(|at| &dead[*at].2) else {
                    return true;
                };
                let url = BrokenUrl {
                    url: std::mem::take(url),
                    ..to.clone()
                };
                if by_fingerprint.contains_key(own) {
                    return false;
                }
                leads[1..].iter().for_each(|link| {
                    by_fingerprint.entry(*link).or_insert(dead.len());
                });
                by_fingerprint.insert(*own, dead.len());
                dead.push((*order, *own, url, Vec::new()));
                false
            });
            if redirects.len() == before {
                break;
            }
        }
        // In the order in which they failed.
        let mut places: Vec<usize> = (0..dead.len()).collect();
        places.sort_by_key(|at| dead[*at].0);
        let mut moved = vec![0; dead.len()];
        places
            .iter()
            .enumerate()
            .for_each(|(to, from)| moved[*from] = to);
        by_fingerprint.values_mut().for_each(|at| *at = moved[*at]);
        dead.sort_by_key(|(order, ..)| *order);
        Ok(Self {
            urls: dead.into_iter().map(|(_, _, url, _)| url).collect(),
            by_fingerprint,
        })
    }

    /// Finds the pages that link there.
    fn hold(
        &mut self,
        file: &mut BufReader<File>,
        mut table: Option<&mut Table>,
        path: &Path,
    ) -> Result<()> {
        let mut sieve = vec![false; SIEVE];
        for link in self.by_fingerprint.keys() {
            sieve[*link as usize % SIEVE] = true;
        }
        let mut failure = None;
        let walked = each(file, |entry| {
            let links: &[u64] = match entry.what {
                What::Page => &entry.fingerprints,
                What::Redirect => &entry.fingerprints[..entry.fingerprints.len().min(1)],
                What::Broken => &[],
            };
            for link in links.iter().filter(|link| sieve[**link as usize % SIEVE]) {
                let Some(at) = self.by_fingerprint.get(link) else {
                    continue;
                };
                let url = &mut self.urls[*at];
                url.held += 1;
                if *at < NAMED && url.holders.len() < HOLDERS {
                    url.holders.push(entry.url.clone());
                }
                if let Some(table) = &mut table
                    && let Err(error) = table.row(url, &entry.url)
                {
                    failure = Some(error);
                    return Err(io::ErrorKind::Other.into());
                }
            }
            Ok(())
        });
        match failure {
            Some(error) => Err(error),
            None => walked.map_err(|source| Error::output(path, source)),
        }
    }
}

fn broken(entry: &Entry) -> BrokenUrl {
    BrokenUrl {
        url: entry.url.clone(),
        class: entry.class.clone(),
        status: (entry.status > 0).then_some(entry.status),
        holders: Vec::new(),
        held: 0,
    }
}

/// Hands every entry over, from the first.
fn each(
    file: &mut BufReader<File>,
    mut take: impl FnMut(&mut Entry) -> io::Result<()>,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut entry = Entry::default();
    let mut bytes = Vec::new();
    while read(file, &mut entry, &mut bytes)? {
        take(&mut entry)?;
    }
    Ok(())
}

/// The CSV of what is broken; it has its name when it is whole.
struct Table {
    file: csv::Writer<BufWriter<tempfile::NamedTempFile>>,
    path: std::path::PathBuf,
}

impl Table {
    fn begin(path: &Path) -> Result<Self> {
        let failed = |source| Error::output(path, source);
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(crate::body::SPOOL_PREFIX).suffix(".tmp");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .map_err(failed)?;
        let mut table = Self {
            file: csv::Writer::from_writer(BufWriter::new(file)),
            path: path.to_owned(),
        };
        table.write(&["url", "class", "status", "holder"])?;
        Ok(table)
    }

    fn row(&mut self, url: &BrokenUrl, holder: &str) -> Result<()> {
        let status = url
            .status
            .map(|status| status.to_string())
            .unwrap_or_default();
        self.write(&[&url.url, &url.class, &status, holder])
    }

    fn write(&mut self, row: &[&str]) -> Result<()> {
        let written = self.file.write_record(row);
        written.map_err(|source| Error::output(&self.path, io::Error::other(source)))
    }

    fn end(self) -> Result<()> {
        let whole = || {
            let mut file = self.file.into_inner().map_err(|error| error.into_error())?;
            file.flush()?;
            let file = file.into_inner().map_err(|error| error.into_error())?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        whole().map_err(|source: io::Error| Error::output(&self.path, source))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::super::samples::saved_from;
    use super::super::super::{Mark, Start};
    use super::super::Holders;
    use crate::broken::Broken;
    use crate::fingerprint::Fingerprints;
    use crate::found::{Found, FoundKind, FoundLink};
    use crate::url::PageUrl;
    use crate::visit::Visit;

    const SEED: u64 = 7;

    fn at(path: &str) -> String {
        format!("http://h.example{path}")
    }

    fn page(path: &str, links: &[&str]) -> Visit {
        let mut visit = saved_from(&at(path), 200, "");
        let mut found = Found::default();
        for link in links {
            found.push(FoundLink {
                url: &at(link),
                fingerprint: Fingerprints::seeded(SEED).of(&at(link)),
                kind: FoundKind::Page,
                is_part: false,
                nofollow: false,
                led: false,
                recipe: None,
            });
        }
        visit.parsed.found = Some(Box::new(found));
        visit
    }

    fn dead(path: &str, status: u16) -> Visit {
        saved_from(&at(path), status, "")
    }

    fn moved(path: &str, to: &str) -> Visit {
        let mut visit = saved_from(&at(path), 302, "");
        let headers = &mut visit.outcome.as_mut().unwrap().headers;
        headers.0.insert(
            http::header::LOCATION,
            http::HeaderValue::from_str(to).unwrap(),
        );
        visit
    }

    /// Each broken path with its class and who links there.
    fn told(broken: &Broken) -> Vec<(String, String, Vec<String>)> {
        let path = |url: &String| url.trim_start_matches("http://h.example").to_owned();
        broken
            .urls
            .iter()
            .map(|url| {
                (
                    path(&url.url),
                    url.class.clone(),
                    url.holders.iter().map(path).collect(),
                )
            })
            .collect()
    }

    fn of(visits: &[Visit]) -> Broken {
        let (mut sink, holders) =
            Holders::open(None, Start::Fresh, Fingerprints::seeded(SEED)).unwrap();
        visits.iter().for_each(|visit| sink.write(visit).unwrap());
        sink.finish().unwrap();
        holders.report(None).unwrap()
    }

    #[test]
    fn a_page_holds_a_broken_link_whether_it_came_before_the_failure_or_after() {
        let broken = of(&[
            page("/a", &["/x", "/b"]),
            dead("/x", 404),
            page("/b", &["/x", "/a"]),
            dead("/y", 500),
        ]);
        assert!(broken.complete && broken.count == 2);
        let expected = [
            ("/x", "http-4xx", vec!["/a", "/b"]),
            ("/y", "http-5xx", vec![]),
        ];
        let expected = expected.map(|(url, class, holders)| {
            (
                url.into(),
                class.into(),
                holders.into_iter().map(str::to_owned).collect(),
            )
        });
        assert_eq!(told(&broken), expected);
        assert_eq!(broken.urls[0].status, Some(404));
    }

    #[test]
    fn a_redirect_to_what_is_broken_is_broken_however_long_the_chain() {
        let broken = of(&[
            moved("/one", "/two"),
            page("/a", &["/one"]),
            moved("/two", "/x"),
            dead("/x", 410),
            moved("/fine", "/a"),
        ]);
        let all: Vec<_> = told(&broken)
            .into_iter()
            .map(|(url, _, holders)| (url, holders))
            .collect();
        let held = |holder: &str| vec![holder.to_owned()];
        assert_eq!(
            all,
            [
                ("/one".to_owned(), held("/a")),
                ("/two".to_owned(), held("/one")),
                ("/x".to_owned(), held("/two"))
            ]
        );
        let mut chain = dead("/end", 404);
        chain.job.hops = ["/first", "/second"]
            .map(|path| crate::job::Hop {
                url: PageUrl::parse(&at(path)).unwrap(),
                status: 301,
                answer: None,
            })
            .to_vec();
        let broken = of(&[
            page("/a", &["/first"]),
            page("/b", &["/second"]),
            page("/c", &["/end"]),
            chain,
        ]);
        assert_eq!((broken.count, broken.urls[0].held), (1, 3));
        assert_eq!(broken.urls[0].url, at("/first"));
    }

    #[test]
    fn what_failed_and_was_fetched_later_is_not_broken() {
        assert_eq!(
            of(&[dead("/x", 503), page("/a", &["/x"]), page("/x", &[])]).count,
            0
        );
        assert_eq!(of(&[page("/x", &["/x"]), dead("/x", 503)]).count, 1);
    }

    #[test]
    fn five_holders_are_named_and_all_are_counted_and_in_the_csv() {
        let mut visits: Vec<Visit> = (0..12).map(|n| page(&format!("/{n}"), &["/x,1"])).collect();
        visits.push(dead("/x,1", 404));
        visits.extend((0..60).map(|n| dead(&format!("/dead/{n}"), 404)));
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("broken.csv");
        let (mut sink, holders) =
            Holders::open(None, Start::Fresh, Fingerprints::seeded(SEED)).unwrap();
        visits.iter().for_each(|visit| sink.write(visit).unwrap());
        sink.finish().unwrap();
        let broken = holders.report(Some(&csv)).unwrap();
        assert_eq!((broken.count, broken.urls.len()), (61, 50));
        assert_eq!((broken.urls[0].holders.len(), broken.urls[0].held), (5, 12));
        let rows: Vec<Vec<String>> = csv::Reader::from_path(&csv)
            .unwrap()
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        assert_eq!(rows.len(), 12 + 60);
        assert_eq!(rows[3], [&at("/x,1"), "http-4xx", "404", &at("/3")]);
        assert_eq!(rows[71], [&at("/dead/59"), "http-4xx", "404", ""]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_job_that_is_killed_knows_the_links_before_its_mark_and_none_twice() {
        let folder = tempfile::tempdir().unwrap();
        let open =
            |start| Holders::open(Some(folder.path()), start, Fingerprints::seeded(SEED)).unwrap();
        let (mut sink, _) = open(Start::Over);
        sink.write(&page("/a", &["/x"])).unwrap();
        let mark = sink.checkpoint().unwrap();
        sink.write(&page("/b", &["/x"])).unwrap();
        drop(sink.checkpoint().unwrap());
        std::mem::forget(sink);
        let torn: PathBuf = folder.path().join(Holders::NAME);
        let mut file = std::fs::OpenOptions::new().append(true).open(torn).unwrap();
        std::io::Write::write_all(&mut file, b"p\0").unwrap();
        let mark: Mark = serde_json::from_str(&serde_json::to_string(&mark).unwrap()).unwrap();
        let (mut sink, holders) = open(Start::At(&mark));
        sink.write(&page("/b", &["/x"])).unwrap();
        sink.write(&dead("/x", 404)).unwrap();
        sink.finish().unwrap();
        let broken = holders.report(None).unwrap();
        assert_eq!(told(&broken)[0].2, ["/a", "/b"]);
    }
}
