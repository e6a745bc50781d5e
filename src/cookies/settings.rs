//! Settings of cookies.

use std::path::PathBuf;

/// What a run does with cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CookieSettings {
    /// How long cookies that servers set are kept.
    pub keep: Cookies,
    /// What becomes of a `Cookie` header in the settings or in a line of the list.
    pub own: OwnCookies,
    /// Files of cookies in Netscape form, as curl writes them, that are read before the first request.
    ///
    /// They need [`Cookies::Run`]. In a job that is resumed, the cookies of the job win, unless a file was written later.
    pub files: Vec<PathBuf>,
    /// The file to which the cookies of the run are written at its end, in the same form; needs [`Cookies::Run`].
    ///
    /// It may be one of `files`, and then need not exist.
    pub jar: Option<PathBuf>,
}

/// How long cookies that servers set are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cookies {
    /// They are ignored.
    Ignore,
    /// Within a chain of redirects, its retries included; each row of a list starts without cookies.
    #[default]
    Chain,
    /// For the whole run, as in a browser; in a [job](crate::JobSettings) also when it is resumed.
    Run,
}

/// What becomes of a `Cookie` header that the user has set, where it may be sent and there are other cookies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OwnCookies {
    /// The header of the settings is sent together with cookies that servers set; that of a line replaces them.
    #[default]
    Add,
    /// It replaces them.
    Replace,
}

impl CookieSettings {
    /// Settings that keep cookies for this long.
    pub fn keep(keep: Cookies) -> Self {
        Self {
            keep,
            own: OwnCookies::default(),
            files: Vec::new(),
            jar: None,
        }
    }
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self::keep(Cookies::default())
    }
}
