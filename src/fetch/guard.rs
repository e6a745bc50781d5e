//! Which addresses a job may connect to.

use std::net::{IpAddr, SocketAddr};

use super::proxy::{self, Proxy};
use crate::job::{Job, Reach};
use crate::page::failure::FetchError;
use crate::url::address;

/// Whether a job may connect to an address.
///
/// A public address always, a private one only if it redirected to itself. With a proxy the address that redirected is
/// the proxy's, so it proves nothing.
pub(super) fn admits(job: &Job, address: IpAddr, proxy: Option<&Proxy>) -> bool {
    let itself = matches!(job.reach, Reach::PublicOr(Some(same)) if same == address);
    address::is_public(address) || itself && proxy.is_none()
}

/// Checks the URL itself, before anything is resolved.
///
/// Returns whether the host has to be resolved here and checked.
pub(super) fn check_url(job: &Job, proxy: Option<&Proxy>) -> Result<bool, FetchError> {
    if let Some(address) = job.url.literal_address() {
        return match admits(job, address, proxy) {
            true => Ok(false),
            false => Err(FetchError::Private { address }),
        };
    }
    match proxy {
        Some(proxy) if !proxy.is_given_addresses() => match proxy::is_private_name(&job.url) {
            true => Err(FetchError::PrivateName {
                name: job.url.as_url().host_str().unwrap_or_default().to_owned(),
            }),
            false => Ok(false), // the proxy resolves the name
        },
        _ => Ok(true),
    }
}

/// Checks the addresses of a name. Returns whether the client must guard later lookups too.
///
/// DNS rebinding starts with a private address among public ones, so a single one rejects the whole answer.
pub(super) fn check_answer(
    job: &Job,
    addresses: &[SocketAddr],
    proxy: Option<&Proxy>,
) -> Result<bool, FetchError> {
    match addresses
        .iter()
        .find(|address| !address::is_public(address.ip()))
    {
        None => Ok(true),
        Some(_)
            if proxy.is_none()
                && addresses.iter().any(|address| {
                    matches!(job.reach, Reach::PublicOr(Some(same)) if same == address.ip())
                }) =>
        {
            Ok(false)
        }
        Some(private) => Err(FetchError::Private {
            address: private.ip(),
        }),
    }
}
