//! The flags about cookies that servers set.

use std::path::PathBuf;

use clap::Args;
use haul::cookies::Cookies;
use haul::{Config, Error, Hsts};

/// How long cookies are kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
pub(super) struct CookieFlags {
    /// Keep the cookies that servers set for the whole run, as a browser does; a crawl does so anyway
    ///
    /// Otherwise a list keeps them only within each chain of redirects.
    #[arg(long)]
    cookies: bool,

    /// Ignore the cookies that servers set
    #[arg(long, conflicts_with = "cookies")]
    no_cookies: bool,

    /// Write the cookies to FILE when the run ends, as curl does; implies --cookies
    ///
    /// Only you can read the file. -b FILE reads it again; both may name the same file. An interrupted run writes it too.
    #[arg(long, value_name = "FILE", conflicts_with = "no_cookies")]
    cookie_jar: Option<PathBuf>,

    /// Do not switch to https for hosts that ask for it
    ///
    /// If cookies are kept for the whole run, Strict-Transport-Security is obeyed in it: once a host has sent it over
    /// https, its http URLs are requested over https. With --insecure it is ignored.
    #[arg(long)]
    no_hsts: bool,
}

impl CookieFlags {
    /// Applies these flags to a run; `given` are the values of -b that are files, and an empty one means none.
    ///
    /// # Errors
    /// When a file is not there, or would not be used.
    pub(super) fn apply(&self, given: Vec<PathBuf>, config: &mut Config) -> haul::Result<()> {
        if self.no_cookies && !given.is_empty() {
            return Err(Error::Setting(
                "--cookie FILE and --no-cookies cannot be combined: cookies are either kept or not"
                    .into(),
            ));
        }
        let implied = !given.is_empty() || self.cookie_jar.is_some();
        config.cookies.keep = match config.crawl {
            _ if self.no_cookies => Cookies::Ignore,
            None if !self.cookies && !implied => Cookies::Chain,
            _ => Cookies::Run,
        };
        config.hsts = match config.cookies.keep {
            Cookies::Run if !self.no_hsts => Hsts::Obey,
            _ => Hsts::Ignore,
        };
        let files = given
            .into_iter()
            .filter(|path| !path.as_os_str().is_empty());
        config.cookies.files = files.collect();
        config.cookies.jar.clone_from(&self.cookie_jar);
        let jar = self.cookie_jar.as_ref();
        if let Some(path) = jar.filter(|path| path.as_os_str() == "-") {
            return Err(Error::Setting(format!(
                "--cookie-jar {}: cookies are written to files only",
                path.display()
            )));
        }
        let is_there = |path: &PathBuf| path.exists() || Some(path) == jar;
        match config.cookies.files.iter().all(is_there) {
            true => Ok(()),
            // What it says may be a secret that was given without its name.
            false => Err(Error::Setting(
                "--cookie has a value that is neither name=value nor a file that exists".into(),
            )),
        }
    }
}
