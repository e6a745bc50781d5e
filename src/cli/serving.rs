//! What is served during a run: a folder of files, or an archive as the site that it was.
//!
//! A folder is every name below localhost. An archive is all of its hosts: it is reached as a proxy, so that no request of
//! the run can lead anywhere else.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use haul::fetch::{FetchSettings, NoProxy, Override, Private, TlsSettings, Versions};
use haul::frontier::is_job;
use haul::origin::{LogLevel, Origin, OriginError, OriginSettings, Seal};
use haul::replay::{self, Misses, Replay, Waits};
use haul::{Error, PageUrl, ShareSettings};

use super::fetch::stored;

/// The names of the hosts in a folder.
const LOCALHOST: &str = "*.localhost";
/// The most misses that are listed for people.
const LISTED: usize = 10;

/// What is to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Serving {
    /// The files of a folder.
    Files(PathBuf),
    /// An archive, or the one that a job wrote.
    Archive(PathBuf),
}

/// What is served.
pub(crate) enum Served {
    /// The files of a folder.
    Files(Origin),
    /// An archive.
    Archive(ServedArchive),
}

/// An archive that is served.
pub(crate) struct ServedArchive {
    pub(crate) replay: Replay,
    origin: Origin,
    /// The certificate that its clients have to trust.
    authority: tempfile::TempPath,
}

impl Serving {
    /// What a path is: a file, a job, and a folder with WARC files or a list of saved pages are archives.
    ///
    /// # Errors
    /// When it is a job that cannot be read, or stored no pages.
    pub(crate) fn of(path: PathBuf) -> haul::Result<Self> {
        match is_job(&path) || replay::is_archive(&path) {
            true => Self::archive(path),
            false => Ok(Self::Files(path)),
        }
    }

    /// A path that is an archive because the user says so.
    ///
    /// # Errors
    /// When it is a job that cannot be read, or stored no pages.
    pub(crate) fn archive(path: PathBuf) -> haul::Result<Self> {
        let places = stored::places(&[path])?.into_iter();
        Ok(places
            .map(Self::Archive)
            .next()
            .unwrap_or(Self::Files(PathBuf::new())))
    }

    /// The folder or the file.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Serving::Files(path) | Serving::Archive(path) => path,
        }
    }

    /// Starts to serve it on a free port of this machine, for the duration of a run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn start(self) -> haul::Result<Served> {
        let settings = OriginSettings {
            log: LogLevel::Counts,
            ..OriginSettings::default()
        };
        self.start_with(settings, Waits::AsTold)
    }

    /// The same at another pace; that of recorded responses is for archives.
    ///
    /// # Errors
    /// As [`start`](Self::start), and when a setting is out of bounds.
    pub(crate) fn start_with(self, settings: OriginSettings, waits: Waits) -> haul::Result<Served> {
        match self {
            Serving::Files(folder) => {
                let folder = Some(folder);
                let origin = Origin::start(OriginSettings { folder, ..settings });
                origin.map(Served::Files).map_err(unserved)
            }
            Serving::Archive(path) => {
                ServedArchive::start(&path, settings, waits).map(Served::Archive)
            }
        }
    }
}

impl Served {
    /// Adapts the settings of a run, so that its requests arrive here.
    ///
    /// # Errors
    /// When a setting leads them elsewhere.
    pub(crate) fn lead(&self, fetch: &mut FetchSettings) -> haul::Result<()> {
        match self {
            Served::Files(origin) => {
                fetch.resolve.push(Override {
                    name: LOCALHOST.to_owned(),
                    addresses: vec![origin.address()],
                });
                Ok(())
            }
            Served::Archive(archive) => archive.lead(fetch),
        }
    }

    /// How the run shares the pace of hosts with others, to whom the hosts that it serves itself mean nothing.
    pub(crate) fn unshared(&self, share: Option<ShareSettings>) -> Option<ShareSettings> {
        match self {
            Served::Files(_) => share.map(|share| ShareSettings {
                except: LOCALHOST.parse().ok(),
                ..share
            }),
            Served::Archive(_) => None,
        }
    }

    /// What the run asked for and did not find, for people; `None` if it found everything.
    pub(crate) fn misses(&self) -> Option<String> {
        match self {
            Served::Files(_) => None,
            Served::Archive(archive) => misses(&archive.replay.misses()),
        }
    }
}

impl ServedArchive {
    /// Starts to serve an archive on a free port of this machine.
    ///
    /// # Errors
    /// When it cannot be read, or a setting is out of bounds.
    pub(crate) fn start(path: &Path, settings: OriginSettings, waits: Waits) -> haul::Result<Self> {
        let replay = Replay::open(path)?;
        let authority = tempfile::Builder::new()
            .prefix("haul-authority-")
            .suffix(".pem")
            .tempfile()
            .map_err(without_certificates)?
            .into_temp_path();
        let site = replay.site(settings, waits).sealed(seal(Some(&authority))?);
        Ok(Self {
            origin: site.start().map_err(unserved)?,
            authority,
            replay,
        })
    }

    /// Sends every request of a run here: as to a proxy, so that this is so whatever the URL.
    ///
    /// # Errors
    /// When a setting leads requests elsewhere, or expects what an archive does not have.
    pub(crate) fn lead(&self, fetch: &mut FetchSettings) -> haul::Result<()> {
        let has_way = fetch.hosts.iter().any(|host| host.way.is_some());
        for (is_given, flag) in [
            (!fetch.proxies.is_empty() || has_way, "--proxy"),
            (fetch.no_proxy != NoProxy::default(), "--noproxy"),
            (!fetch.resolve.is_empty(), "--resolve"),
            (fetch.unix_socket.is_some(), "--unix-socket"),
            (!fetch.pins.is_empty(), "--pinned-pubkey"),
            (!fetch.identities.is_empty(), "--cert"),
            (fetch.versions == Versions::Http2, "--http2-prior-knowledge"),
        ] {
            if is_given {
                return Err(Error::Setting(format!(
                    "{flag} is about the servers of the archive's hosts, and this run asks none of them: leave it out"
                )));
            }
        }
        let proxy = format!("http://{}", self.origin.host());
        fetch.proxies = vec![proxy.parse().map_err(Error::Setting)?];
        fetch.private = Private::Allow; // no address of a page is connected to
        // Roots of the user's are for servers that are not asked; every certificate here is from this authority.
        if fetch.tls != TlsSettings::Insecure {
            let roots = Some(self.authority.to_path_buf());
            fetch.tls = TlsSettings::Verify { roots };
        }
        Ok(())
    }
}

/// Certificates for all hosts; the one that their clients have to trust is written to this file.
///
/// # Errors
/// When there is no key for them, or the file cannot be written.
pub(super) fn seal(authority: Option<&Path>) -> haul::Result<Arc<Seal>> {
    let seal = Seal::new().map_err(without_certificates)?;
    if let Some(path) = authority {
        let written = std::fs::write(path, seal.certificate());
        written.map_err(|source| Error::output(path, source))?;
    }
    Ok(Arc::new(seal))
}

fn without_certificates(source: std::io::Error) -> Error {
    Error::Setup {
        what: "the certificates of the archive's hosts",
        source: source.into(),
    }
}

/// What an archive has, for people.
pub(crate) fn contents(replay: &Replay) -> String {
    let hosts = replay.hosts();
    let mut text = format!(
        "{}: {} of {}\n",
        replay.path().display(),
        counted(hosts.responses, "response"),
        counted(hosts.count, "host")
    );
    let widest = hosts
        .most
        .first()
        .map_or(0, |(_, count)| count.to_string().len());
    for (host, count) in &hosts.most {
        text.push_str(&format!("  {count:>widest$}  {}\n", haul::clean(host)));
    }
    if hosts.count > hosts.most.len() as u64 {
        text.push_str(&format!(
            "  and {} more\n",
            hosts.count - hosts.most.len() as u64
        ));
    }
    for damage in replay.damage() {
        text.push_str(&format!(
            "haul: the archive is damaged, and responses behind the damage are missing: {damage}\n"
        ));
    }
    text
}

/// How to reach an archive, for people.
pub(crate) fn ways(address: &str, replay: &Replay) -> String {
    let Some((host, _)) = replay.hosts().most.first() else {
        return String::new();
    };
    let name = PageUrl::parse(host).ok();
    let name = name
        .as_ref()
        .and_then(|url| url.as_url().host_str())
        .unwrap_or("example.org");
    format!(
        "  as a proxy    curl -k -x http://{address} {host}/\n  by a name     curl -H 'Host: {name}' http://{address}/\n"
    )
}

/// Misses, for people; `None` if there are none.
pub(crate) fn misses(misses: &Misses) -> Option<String> {
    if misses.count == 0 {
        return None;
    }
    let mut text = match misses.count {
        1 => "1 request was for what the archive does not have:\n".to_owned(),
        count => format!("{count} requests were for what the archive does not have:\n"),
    };
    let mut listed: Vec<_> = misses.listed.iter().collect();
    listed.sort_by_key(|(request, count)| (std::cmp::Reverse(**count), *request));
    let more = listed.len().saturating_sub(LISTED);
    listed.truncate(LISTED);
    let widest = listed
        .first()
        .map_or(0, |(_, count)| count.to_string().len());
    for (request, count) in listed {
        text.push_str(&format!("  {count:>widest$}  {}\n", haul::clean(request)));
    }
    if more > 0 {
        text.push_str(&format!("  and {more} others\n"));
    }
    Some(text)
}

fn counted(count: u64, name: &str) -> String {
    match count {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

/// Turns a server error into a message with the flag and all causes on one line.
pub(super) fn unserved(error: OriginError) -> Error {
    if let OriginError::Setting { setting, why } = &error {
        let flag = setting.replace("page_bytes", "size").replace('_', "-");
        return Error::Setting(format!("--{flag} is out of bounds: {why}"));
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(because) = cause {
        text.push_str(&format!(": {because}"));
        cause = because.source();
    }
    Error::Setting(text)
}
