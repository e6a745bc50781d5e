//! reqwest in a bare loop, on tokio's default runtime: a contestant that is this program itself.

use std::path::Path;

use futures::StreamExt;
use reqwest::{Certificate, Client};

use crate::workload::{BODY, IN_FLIGHT};

/// The argument with which the benchmark starts itself as this contestant.
pub(crate) const BARE: &str = "bare";

/// Fetches the URLs of a list; whether each has its body.
pub(crate) fn fetch(list: &Path, authority: &Path) -> bool {
    let provider = rustls::crypto::ring::default_provider();
    provider.install_default().unwrap();
    let authority = Certificate::from_pem(&std::fs::read(authority).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = Client::builder()
            .no_proxy()
            .tls_certs_merge([authority])
            .build()
            .unwrap();
        let list = std::fs::read_to_string(list).unwrap();
        let fetches = list.lines().map(|url| {
            let (client, url) = (client.clone(), url.to_owned());
            tokio::spawn(async move { client.get(url).send().await?.bytes().await })
        });
        let bodies = futures::stream::iter(fetches).buffer_unordered(IN_FLIGHT);
        bodies
            .all(async |body| body.unwrap().is_ok_and(|body| body.len() == BODY))
            .await
    })
}
