//! The cookies of a run: which go with each request, and what each response sets.
//!
//! The loop sees every response in order and sends every request, so it owns the jar, and the engines know nothing of
//! cookies. A request gets its cookies at the moment when it is sent: a retry or a redirect has what was set since.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::header::{COOKIE, HeaderValue, SET_COOKIE};

use crate::cookies::{
    self, CookieFile, CookieSettings, Cookies, Jar, OwnCookies, check_writable, seconds,
};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::url::PageUrl;
use crate::visit::Visit;

/// The cookies of a run.
pub(super) struct RunCookies {
    kept: Kept,
    own: OwnCookies,
    /// Whether the settings have a `Cookie` header.
    has_own: bool,
    /// Files that were read and are not in the jar yet.
    files: Vec<CookieFile>,
    /// The file to write at the end.
    file: Option<PathBuf>,
}

/// Where cookies are kept.
enum Kept {
    /// Nowhere.
    Nowhere,
    /// With the job whose redirects set them.
    WithJob,
    /// In the jar of the run.
    InJar(Box<Jar>),
}

impl RunCookies {
    /// The cookies of a run with these settings; `has_own` says whether the user has set a `Cookie` header.
    ///
    /// # Errors
    /// When a file of cookies cannot be read, or will not be writable, or the settings contradict each other.
    pub(super) fn new(settings: &CookieSettings, has_own: bool) -> Result<Self> {
        let has_files = !settings.files.is_empty() || settings.jar.is_some();
        if has_files && settings.keep != Cookies::Run {
            return Err(Error::Setting(
                "files of cookies need cookies that are kept for the whole run".into(),
            ));
        }
        settings.jar.as_deref().map_or(Ok(()), check_writable)?;
        let files = settings.files.iter();
        let files = files.filter(|path| path.exists() || settings.jar.as_ref() != Some(*path));
        Ok(Self {
            files: files
                .map(|path| CookieFile::read(path))
                .collect::<Result<_>>()?,
            file: settings.jar.clone(),
            kept: match settings.keep {
                Cookies::Ignore => Kept::Nowhere,
                Cookies::Chain => Kept::WithJob,
                Cookies::Run => Kept::InJar(Box::new(Jar::for_run())),
            },
            own: settings.own,
            has_own,
        })
    }

    /// The cookies of a run that sends no requests: none.
    ///
    /// # Errors
    /// When the settings name files of cookies.
    pub(super) fn none(settings: &CookieSettings) -> Result<Self> {
        if !settings.files.is_empty() || settings.jar.is_some() {
            return Err(Error::Setting(
                "files of cookies cannot be used with archives: nothing is requested".into(),
            ));
        }
        Self::new(&CookieSettings::keep(Cookies::Ignore), false)
    }

    /// Whether cookies are kept for the whole run.
    pub(super) fn are_for_run(&self) -> bool {
        matches!(self.kept, Kept::InJar(_))
    }

    /// Fills the jar: with the cookies of an earlier session of the job, and with those of files.
    ///
    /// The job's are newer, except than those of files that were written after its last commit. Returns messages about
    /// cookies that were left out.
    pub(super) fn fill(
        &mut self,
        stored: Option<serde_json::Value>,
        last_commit: Option<u64>,
    ) -> Vec<String> {
        let Kept::InJar(jar) = &mut self.kept else {
            return Vec::new();
        };
        let committed = last_commit.map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at));
        let files = std::mem::take(&mut self.files).into_iter();
        let (older, newer): (Vec<_>, Vec<_>) = files.partition(|file| file.changed < committed);
        let mut notices: Vec<_> = older
            .into_iter()
            .filter_map(|file| file.pour(jar, now()))
            .collect();
        if let Some(stored) = stored {
            jar.restore(stored, now());
        }
        notices.extend(newer.into_iter().filter_map(|file| file.pour(jar, now())));
        notices
    }

    /// Writes the cookies to the file for them, if there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self) -> Result<()> {
        match (&self.kept, &self.file) {
            (Kept::InJar(jar), Some(path)) => cookies::write(jar, path, now()),
            _ => Ok(()),
        }
    }

    /// The cookies as they are stored in a job, if they changed since the last call.
    pub(super) fn changes(&mut self) -> Option<serde_json::Value> {
        match &mut self.kept {
            Kept::InJar(jar) => jar.changes(now()),
            Kept::Nowhere | Kept::WithJob => None,
        }
    }

    /// Adds cookies to a job that is about to be sent.
    pub(super) fn attach(&mut self, job: &mut Job) {
        let jar = match &mut self.kept {
            Kept::Nowhere => return,
            Kept::WithJob => job.jar.as_deref_mut(),
            Kept::InJar(jar) => Some(&mut **jar),
        };
        let cookie = jar.and_then(|jar| jar.header(&job.url, now()));
        job.cookie = cookie.filter(|_| !self.is_replaced(job)).map(Box::new);
    }

    /// Whether a job has a `Cookie` header of the user's that replaces other cookies.
    fn is_replaced(&self, job: &Job) -> bool {
        let of_run = self.has_own && self.own == OwnCookies::Replace;
        let request = job.request.as_deref();
        let of_line = request.is_some_and(|request| request.headers.contains_key(COOKIE));
        (of_run || of_line) && job.is_own()
    }

    /// Takes the cookies that a response sets.
    pub(super) fn take(&mut self, visit: &mut Visit) {
        let Ok(page) = &visit.outcome else {
            return;
        };
        let fields = &page.headers.0;
        if !fields.contains_key(SET_COOKIE) {
            return;
        }
        let job = &mut visit.job;
        match &mut self.kept {
            Kept::Nowhere => {}
            Kept::InJar(jar) => jar.take(&job.url, fields, now()),
            // Only a redirect or a retry sends them back.
            Kept::WithJob if page.target().is_some() || page.status >= 400 => {
                let jar = job.jar.get_or_insert_with(|| Box::new(Jar::for_chain()));
                jar.take(&job.url, fields, now());
            }
            Kept::WithJob => {}
        }
    }

    /// A hash of the cookies that a request for a URL would have; 0 for none.
    pub(super) fn hash(&mut self, url: &PageUrl) -> u64 {
        match &mut self.kept {
            Kept::InJar(jar) => jar.header(url, now()).as_ref().map_or(0, hash),
            Kept::Nowhere | Kept::WithJob => 0,
        }
    }
}

fn now() -> i64 {
    seconds(SystemTime::now())
}

/// A hash of the cookies of a request, never 0.
pub(super) fn hash(cookie: &HeaderValue) -> u64 {
    let mut hash = DefaultHasher::new();
    cookie.as_bytes().hash(&mut hash);
    hash.finish().max(1)
}
