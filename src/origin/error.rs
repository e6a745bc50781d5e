//! Why the server cannot start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use super::rules::RulesError;

/// Why the server cannot start.
#[derive(Debug, Error)]
pub enum OriginError {
    /// A setting is out of bounds.
    #[error("{setting} is out of bounds: {why}")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// The allowed values.
        why: &'static str,
    },
    /// The folder, or one of its `hosts/`, cannot be read or is outside.
    #[error("cannot serve the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error from the system.
        #[source]
        source: io::Error,
    },
    /// The folder's `serve.toml` is wrong.
    #[error("cannot apply the rules in {path}")]
    Rules {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: RulesError,
    },
    /// The address cannot be listened on, or no thread could be started.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error from the system.
        #[source]
        source: io::Error,
    },
}
