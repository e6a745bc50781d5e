//! The proxies that environment variables name, read as curl reads them.
//!
//! Invariant: a variable that does not name a proxy is an error, and never a reason to connect directly.

use std::ffi::OsString;

use haul::Error;
use haul::fetch::{Proxy, ProxyUrls};

/// What the environment says about proxies.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// The proxies, each for the URLs that it is meant for.
    pub(super) proxies: Vec<Proxy>,
    /// The list of hosts to which connections are direct.
    pub(super) no_proxy: Option<String>,
    /// What the user should know.
    pub(super) notices: Vec<String>,
}

impl Environment {
    /// Reads the variables. An empty one counts as not set.
    ///
    /// `http_proxy` is read in lower case only: a CGI program gets the header `Proxy` of a request as `HTTP_PROXY`.
    ///
    /// # Errors
    /// When one is not valid; the message names it, and hides passwords.
    pub(super) fn read(variable: impl Fn(&str) -> Option<OsString>) -> haul::Result<Self> {
        let first = |names: &[&'static str]| -> haul::Result<Option<(&'static str, String)>> {
            for name in names {
                if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                    let value = value
                        .into_string()
                        .map_err(|_| Error::Setting(format!("{name} is not UTF-8")))?;
                    return Ok(Some((name, value)));
                }
            }
            Ok(None)
        };
        let read = |named: Option<(&str, String)>| match named {
            Some((name, value)) => match value.parse::<Proxy>() {
                Ok(proxy) => Ok(Some(proxy)),
                Err(problem) => Err(Error::Setting(format!("{name}: {problem}"))),
            },
            None => Ok(None),
        };
        let http = read(first(&["http_proxy"])?)?;
        let https = read(first(&["https_proxy", "HTTPS_PROXY"])?)?;
        let any = read(first(&["all_proxy", "ALL_PROXY"])?)?;
        let mut notices = Vec::new();
        if http.is_none() && first(&["HTTP_PROXY"])?.is_some() {
            notices.push("HTTP_PROXY is ignored, as in curl: set http_proxy".to_owned());
        }
        let http = http.or_else(|| any.clone());
        let https = https.or(any);
        if http.is_none() && https.is_none() {
            notices.push("no variable names a proxy: connections are direct".to_owned());
        }
        let only = |proxy: Option<Proxy>, urls| proxy.map(|proxy| proxy.only_for(urls));
        let proxies = [only(http, ProxyUrls::Http), only(https, ProxyUrls::Https)];
        Ok(Self {
            proxies: proxies.into_iter().flatten().collect(),
            no_proxy: first(&["no_proxy", "NO_PROXY"])?.map(|(_, list)| list),
            notices,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> haul::Result<Environment> {
        Environment::read(|name| {
            let set = variables.iter().find(|(known, _)| *known == name)?;
            Some(set.1.into())
        })
    }

    #[test]
    fn each_kind_of_url_has_the_variable_that_curl_reads_for_it() {
        for (variables, http, https) in [
            (
                &[("http_proxy", "h:1"), ("https_proxy", "s:2")][..],
                "http://h:1",
                "http://s:2",
            ),
            (&[("http_proxy", "h:1")], "http://h:1", ""),
            (
                &[("HTTP_PROXY", "h:1"), ("HTTPS_PROXY", "s:2")],
                "",
                "http://s:2",
            ),
            (
                &[("https_proxy", "s:2"), ("HTTPS_PROXY", "t:2")],
                "",
                "http://s:2",
            ),
            (
                &[("all_proxy", "socks5h://a:3")],
                "socks5h://a:3",
                "socks5h://a:3",
            ),
            (
                &[("ALL_PROXY", "a:3"), ("http_proxy", "h:1")],
                "http://h:1",
                "http://a:3",
            ),
            (
                &[("http_proxy", ""), ("all_proxy", "a:3")],
                "http://a:3",
                "http://a:3",
            ),
            (&[], "", ""),
        ] {
            let proxies = read(variables).unwrap().proxies;
            let of = |urls| {
                let proxy = proxies.iter().find(|proxy| proxy.urls() == urls);
                proxy.map(ToString::to_string).unwrap_or_default()
            };
            let both = (of(ProxyUrls::Http), of(ProxyUrls::Https));
            assert_eq!(both, (http.to_owned(), https.to_owned()), "{variables:?}");
        }
    }

    #[test]
    fn the_user_learns_what_is_ignored_and_that_there_is_no_proxy() {
        let notices = read(&[("HTTP_PROXY", "h:1")]).unwrap().notices;
        assert!(notices[0].contains("http_proxy"), "{notices:?}");
        assert!(notices[1].contains("direct"), "{notices:?}");
        let both = read(&[("HTTP_PROXY", "h:1"), ("http_proxy", "h:1")]).unwrap();
        assert!(both.notices.is_empty());
    }

    #[test]
    fn a_mistyped_variable_is_an_error_that_names_it_and_hides_the_password() {
        for name in ["http_proxy", "HTTPS_PROXY", "all_proxy"] {
            let error = read(&[(name, "sock5://ann:s3cret@h:1")]).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with(name) && !text.contains("s3cret"), "{text}");
        }
    }
}
