//! Which servers are trusted besides by their certificate: pins, versions of TLS; and the file with the keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use haul::Config;
use haul::fetch::{ClientIdentity, Pin, TlsSettings, TlsVersion};

use crate::cli::{haul, run as haul_to_the_end, split_output};
use crate::folder::Folder;
use crate::nginx::Nginx;
use crate::relay::relay;
use crate::run::{config, on_every_engine, outcome, run};
use crate::tools;

const PAGE: &str = "location / { return 200 'a page'; }";

fn server() -> Option<Nginx> {
    Nginx::start("$uri $ssl_protocol", &[PAGE])
}

fn url(nginx: &Nginx, index: usize) -> String {
    format!("https://nginx.localhost:{}/", nginx.ports[index])
}

fn insecure(engine: &str, url: String) -> Config {
    let mut settings = config(engine, [url]);
    settings.fetch.tls = TlsSettings::Insecure;
    settings.frontier.retries = 0;
    settings
}

/// The output of openssl in a folder, for a line of arguments separated by spaces.
fn openssl(folder: &Path, line: &str) -> Option<Vec<u8>> {
    let mut command = Command::new(tools::program("openssl")?);
    let output = command.args(line.split(' ')).current_dir(folder).output();
    let output = output.unwrap();
    assert!(output.status.success(), "openssl {line}");
    Some(output.stdout)
}

/// The pin of a server as people compute it, and files with its key in PEM and DER.
fn pin(folder: &Path, nginx: &Nginx) -> Option<String> {
    let certificate = nginx.certificate();
    let line = format!("x509 -in {} -noout -pubkey", certificate.display());
    fs::write(folder.join("key.pem"), openssl(folder, &line)?).unwrap();
    openssl(folder, "pkey -pubin -in key.pem -outform der -out key.der")?;
    openssl(folder, "dgst -sha256 -binary -out hash key.der")?;
    let hash = openssl(folder, "base64 -in hash")?;
    Some(format!(
        "sha256//{}",
        String::from_utf8(hash).unwrap().trim()
    ))
}

#[test]
fn a_server_needs_a_pinned_key_even_if_certificates_are_not_checked() {
    let folder = Folder::new();
    let Some(nginx) = server() else { return };
    let Some(pin) = pin(folder.path(), &nginx) else {
        return;
    };
    let other = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let both = format!("{other};{pin}");
    on_every_engine(|engine| {
        for tls in [
            TlsSettings::Insecure,
            TlsSettings::Verify {
                roots: Some(nginx.certificate()),
            },
        ] {
            let end = |pins: &str| {
                let mut settings = insecure(engine, url(&nginx, 0));
                settings.fetch.tls = tls.clone();
                settings.fetch.pins = Pin::parse(pins).unwrap();
                let report = run(settings);
                let record = report.only();
                (record.end(), record.message.clone())
            };
            assert_eq!(end(&both).0, "200", "{engine}");
            let (class, words) = end(other);
            assert_eq!(class, "tls-pin", "{engine}: {words}");
            let expected = format!("TLS: the key of the server is not pinned: it is {pin}");
            assert_eq!(words, expected);
        }
    });
}

#[test]
fn a_pin_is_given_as_curl_takes_it_or_as_a_file() {
    let folder = Folder::new();
    let path = folder.path();
    let Some(nginx) = server() else { return };
    let Some(pin) = pin(path, &nginx) else { return };
    let Some(curl) = tools::program("curl") else {
        return;
    };
    fs::copy(nginx.certificate(), path.join("certificate.pem")).unwrap();
    fs::write(path.join("nothing.pem"), "nothing\n").unwrap();
    let url = url(&nginx, 0);
    let wrong = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let both = format!("{wrong};{pin}");
    for (value, passes) in [
        (pin.as_str(), true),
        (&both, true),
        ("key.pem", true),
        ("key.der", true),
        (wrong, false),
    ] {
        let by_curl = Command::new(&curl)
            .args(["-sk", "--pinnedpubkey", value, &url])
            .current_dir(path)
            .output();
        assert_eq!(by_curl.unwrap().status.success(), passes, "{value}");
        let line = [
            "fetch",
            "-k",
            "--pinned-pubkey",
            value,
            "--retries",
            "0",
            &url,
        ];
        let (code, _, stderr) = haul_to_the_end(path, &line);
        assert_eq!(code, Some(if passes { 0 } else { 4 }), "{value}: {stderr}");
    }
    let line = ["fetch", "-k", "--pinned-pubkey", "certificate.pem", &url];
    assert_eq!(haul_to_the_end(path, &line).0, Some(0));
    for (value, words) in [
        ("sha256//AAAA", "is not sha256//"),
        (
            "nothing.pem",
            "nothing.pem: it is neither a public key nor a certificate",
        ),
        ("gone.pem", "cannot read gone.pem"),
    ] {
        let line = ["fetch", "-k", "--pinned-pubkey", value, &url];
        let (code, _, stderr) = haul_to_the_end(path, &line);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(
            stderr.contains("--pinned-pubkey") && stderr.contains(words),
            "{stderr}"
        );
    }
}

#[test]
fn a_server_without_an_accepted_version_of_tls_has_its_own_class() {
    let at = |versions: &str| {
        format!("ssl_protocols {versions}; ssl_ciphers DEFAULT@SECLEVEL=0; {PAGE}")
    };
    let servers = ["TLSv1.1", "TLSv1.2", "TLSv1.3"].map(at);
    let servers: Vec<_> = servers.iter().map(String::as_str).collect();
    let Some(nginx) = Nginx::start("$ssl_protocol", &servers) else {
        return;
    };
    on_every_engine(|engine| {
        let ends = |least| {
            let urls = (0..servers.len()).map(|index| url(&nginx, index));
            let mut settings = insecure(engine, String::new());
            settings.seeds = config(engine, urls).seeds;
            settings.fetch.tls_min = least;
            run(settings).ends()
        };
        assert_eq!(
            ends(TlsVersion::Tls12),
            ["tls-version", "200", "200"],
            "{engine}"
        );
        assert_eq!(
            ends(TlsVersion::Tls13),
            ["tls-version", "tls-version", "200"],
            "{engine}"
        );
    });
}

#[test]
fn pins_and_client_certificates_are_not_used_with_a_proxy_that_they_would_reach() {
    let folder = Folder::new();
    let Some(nginx) = server() else { return };
    let Some(pin) = pin(folder.path(), &nginx) else {
        return;
    };
    let proxy = relay(([127, 0, 0, 1], nginx.ports[0]).into());
    on_every_engine(|engine| {
        let mut settings = insecure(engine, url(&nginx, 0));
        settings.fetch.pins = Pin::parse(&pin).unwrap();
        settings.fetch.proxies = vec![format!("http://{proxy}").parse().unwrap()];
        assert_eq!(run(settings.clone()).ends(), ["200"]);
        settings.fetch.proxies = vec![format!("https://{proxy}").parse().unwrap()];
        let error = outcome(settings.clone()).unwrap_err().to_string();
        assert!(error.contains("whose key would be checked too"), "{error}");
        settings.fetch.identities = vec![ClientIdentity {
            hosts: haul::HostPattern::all(),
            certificate: "gone.pem".into(),
            key: None,
        }];
        let error = outcome(settings).unwrap_err().to_string();
        assert!(error.contains("which would be shown it too"), "{error}");
    });
}

#[test]
fn the_keys_of_connections_are_written_where_the_environment_says_with_a_warning() {
    let folder = Folder::new();
    let path = folder.path();
    let versions = ["TLSv1.2", "TLSv1.3"].map(|version| format!("ssl_protocols {version}; {PAGE}"));
    let Some(nginx) = Nginx::start("$uri", &versions.each_ref().map(String::as_str)) else {
        return;
    };
    let [old, new] = [0, 1].map(|index| url(&nginx, index));
    for engine in ["async", "blocking:1", "processes:1x1"] {
        let file = path.join(engine);
        let line = ["fetch", "-k", "-q", "--engine", engine, &old, &new];
        let mut command = haul(path, &line);
        let (code, _, stderr) = split_output(command.env("SSLKEYLOGFILE", &file).output().unwrap());
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(stderr.matches("SSLKEYLOGFILE").count(), 1, "{stderr}");
        let text = fs::read_to_string(&file).unwrap();
        let label = |line: &str| line.split(' ').next().unwrap().to_owned();
        let labels: Vec<_> = text.lines().map(label).collect();
        assert!(
            labels.contains(&"CLIENT_TRAFFIC_SECRET_0".to_owned()),
            "{text}"
        );
        assert!(
            text.lines().all(|line| line.split(' ').count() == 3),
            "{text}"
        );
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o77, 0);
    }
    let mut command = haul(path, &["fetch", "-k", &new]);
    let output = command
        .env("SSLKEYLOGFILE", path.join("no/such/folder"))
        .output();
    let (code, _, stderr) = split_output(output.unwrap());
    assert_eq!(code, Some(5), "{stderr}");
    assert!(stderr.contains("cannot write"), "{stderr}");
}
