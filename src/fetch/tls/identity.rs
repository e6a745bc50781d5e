//! A client certificate and its key, read and checked before the first request.
//!
//! Messages name the file and say what to do, and never contain any of it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::public_key::public_key;
use crate::error::{Error, Result, Setting};
use crate::fetch::settings::ClientIdentity;

/// The largest file of certificates or keys, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// The first byte of a DER file, as a `.p12` file is.
const DER: u8 = 0x30;

/// Reads the certificate and its key.
///
/// # Errors
/// When a file cannot be read, or does not have what it should, or the two do not fit each other.
pub(super) fn load(
    identity: &ClientIdentity,
    provider: &CryptoProvider,
) -> Result<Arc<SingleCertAndKey>> {
    let path = identity.certificate.as_path();
    let file = read(path, Setting::ClientCertificate)?;
    let chain = chain(path, &file)?;
    let (key_path, key_file) = match &identity.key {
        Some(path) => (path.as_path(), read(path, Setting::ClientKey)?),
        None => (path, file),
    };
    let key = key(key_path, &key_file)?;
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|error| {
        wrong_key(format!(
            "the key in {} cannot be used: {error}",
            key_path.display()
        ))
    })?;
    if let Some(known) = key.public_key() {
        let fits = |certificate: &CertificateDer<'_>| public_key(certificate) == Some(&known);
        match chain.iter().position(fits) {
            Some(0) => {}
            Some(_) => {
                return Err(wrong_certificate(format!(
                    "the first certificate in {} is not that of the key; certificates of authorities follow it",
                    path.display()
                )));
            }
            None => {
                return Err(wrong_key(format!(
                    "the key in {} does not belong to the certificate in {}",
                    key_path.display(),
                    path.display()
                )));
            }
        }
    }
    Ok(Arc::new(CertifiedKey::new(chain, key).into()))
}

fn chain(path: &Path, file: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(file)
        .collect::<Result<_, _>>()
        .map_err(|_| wrong_certificate(format!("{} is not a valid PEM file", path.display())))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    let hint = match file.first() {
        Some(&DER) => "; openssl pkcs12 converts a .p12 or .pfx file to PEM",
        _ => "",
    };
    Err(wrong_certificate(format!(
        "no certificate is in {}; a PEM file with BEGIN CERTIFICATE is needed{hint}",
        path.display()
    )))
}

fn key(path: &Path, file: &[u8]) -> Result<PrivateKeyDer<'static>> {
    if is_encrypted(file) {
        return Err(wrong_key(format!(
            "the key in {path} is encrypted; this command decrypts it: openssl pkey -in {path} -out FILE",
            path = path.display()
        )));
    }
    match PrivateKeyDer::pem_slice_iter(file).next() {
        Some(Ok(key)) => Ok(key),
        Some(Err(_)) => Err(wrong_key(format!(
            "{} is not a valid PEM file",
            path.display()
        ))),
        None => Err(wrong_key(format!(
            "no private key is in {}; a PEM file with BEGIN PRIVATE KEY is needed",
            path.display()
        ))),
    }
}

/// Whether a file has a key that only a password opens: PKCS #8 (RFC 5958 3), or the older form of RFC 1421 4.6.1.1.
fn is_encrypted(file: &[u8]) -> bool {
    let mut lines = file.split(|byte| matches!(byte, b'\n' | b'\r'));
    lines.any(|line| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || line.starts_with(b"Proc-Type:") && line.trim_ascii_end().ends_with(b"ENCRYPTED")
    })
}

fn read(path: &Path, setting: Setting) -> Result<Vec<u8>> {
    let unreadable = |problem: &dyn std::fmt::Display| {
        Error::invalid(
            setting,
            format!("cannot read {}: {problem}", path.display()),
        )
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error: io::Error| unreadable(&error))?;
    match bytes.len() as u64 > MAX_FILE {
        true => Err(unreadable(&"it is larger than 1 MiB")),
        false => Ok(bytes),
    }
}

fn wrong_certificate(problem: String) -> Error {
    Error::invalid(Setting::ClientCertificate, problem)
}

fn wrong_key(problem: String) -> Error {
    Error::invalid(Setting::ClientKey, problem)
}
