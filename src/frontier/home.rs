//! The address of a host, as far as it is known.

use std::net::IpAddr;

use crate::url::{HostKey, PageUrl};

/// The address of a host, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum Home {
    /// Unknown, and no other name gives a hint.
    #[default]
    Unknown,
    /// The same address as the other names below this one, whichever that is.
    Below(Box<str>),
    /// This address.
    At(IpAddr),
}

impl Home {
    pub(super) fn of(key: &HostKey) -> Self {
        let Ok(url) = PageUrl::parse(key.as_str()) else {
            return Home::Unknown; // cannot happen: a host's key is the beginning of a URL
        };
        if let Some(address) = url.literal_address() {
            return Home::At(address.to_canonical());
        }
        let name = url.as_url().domain().unwrap_or_default();
        match name.split_once('.') {
            Some((_, parent)) if parent == "localhost" || !is_public_suffix(parent) => {
                Home::Below(parent.into())
            }
            _ => Home::Unknown,
        }
    }
}

/// Whether anybody may register a name below this one.
fn is_public_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_none_or(|suffix| suffix.as_bytes() == name.as_bytes())
}
