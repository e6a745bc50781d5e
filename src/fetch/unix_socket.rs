//! A Unix socket in place of every host.
//!
//! Such a connection has no address, so the guard of addresses does not apply: no page can lead anywhere else.
//! Connecting never waits: a socket that cannot take a connection at once refuses it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as connect_to, socket_with,
};

/// Why a socket cannot be reached.
#[derive(Debug)]
pub(super) struct Unreachable(String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

/// A connection to a socket, in non-blocking mode.
///
/// # Errors
/// Why there is none.
pub(super) fn connect(path: &Path) -> Result<UnixStream, Unreachable> {
    open(path).map_err(|error| {
        let problem = match error.kind() {
            ErrorKind::NotFound => "it does not exist".to_owned(),
            ErrorKind::ConnectionRefused => "nobody listens on it".to_owned(),
            ErrorKind::PermissionDenied => "access is denied".to_owned(),
            ErrorKind::WouldBlock => "too many connections wait for it".to_owned(),
            _ => error.to_string(),
        };
        Unreachable(format!("the Unix socket {}: {problem}", path.display()))
    })
}

fn open(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect_to(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}
