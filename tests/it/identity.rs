//! Client certificates: shown to the origins that the user named, and to nobody else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use haul::fetch::{ClientIdentity, Private, TlsSettings};
use haul::origin::{Origin, Response, Site};
use haul::{Config, HostPattern, ScopeReach};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::cli::run as haul;
use crate::folder::Folder;
use crate::leaks;
use crate::nginx::Nginx;
use crate::relay::relay;
use crate::run::{config, on, on_every_engine, run};
use crate::tools;

/// What nginx logs about each request: its path, and the name in the client certificate.
const LOGGED: &str = "$uri $ssl_client_s_dn";
/// A server that asks for a certificate of anybody, and answers without one too.
const ASKS: &str = "ssl_verify_client optional_no_ca; location / { return 200 'a page'; }";

/// Writes a self-signed certificate for a client of this name, and its key, to files.
fn client(folder: &Path, name: &str) -> ClientIdentity {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let path = |end: &str| folder.join(format!("{name}.{end}"));
    fs::write(path("pem"), certificate.pem()).unwrap();
    leaks::note_key(&key.serialize_pem());
    fs::write(path("key"), key.serialize_pem()).unwrap();
    ClientIdentity {
        hosts: HostPattern::all(),
        certificate: path("pem"),
        key: Some(path("key")),
    }
}

fn as_client(mut settings: Config, identity: ClientIdentity) -> Config {
    settings.fetch.tls = TlsSettings::Insecure;
    settings.fetch.identities = vec![identity];
    settings.frontier.retries = 0;
    settings
}

/// Runs openssl in a folder, with its arguments separated by spaces.
fn openssl(program: &Path, folder: &Path, line: &str) {
    let mut command = Command::new(program);
    let output = command.args(line.split(' ')).current_dir(folder).output();
    let output = output.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {line}: {stderr}");
}

#[test]
fn a_client_certificate_is_shown_to_named_origins_and_never_after_a_redirect_to_another() {
    let folder = Folder::with_secrets_in(&["*.key"]);
    let ann = client(folder.path(), "ann");
    let check = |engine: &str| {
        let home = format!(
            "{ASKS} location /away {{ return 302 https://b.nginx.localhost:$arg_port$arg_path; }}"
        );
        let back = format!(
            "{ASKS} location /back {{ return 302 https://a.nginx.localhost:$arg_port/returned; }}"
        );
        let Some(nginx) = Nginx::start(LOGGED, &[&home, &back]) else {
            return;
        };
        let [a, b] = nginx.ports[..] else { panic!() };
        let urls = [
            format!("https://a.nginx.localhost:{a}/first"),
            format!("https://a.nginx.localhost:{a}/away?port={b}&path=/stranger"),
            format!("https://a.nginx.localhost:{a}/away?port={b}&path=/back?port={a}"),
            format!("https://a.nginx.localhost:{a}/last"),
        ];
        let mut settings = as_client(config(engine, urls), ann.clone());
        settings.frontier.per_host = 1;
        let report = run(settings);
        assert_eq!(report.ends(), ["200"; 4], "{:?}", report.records);
        let mut log = nginx.log();
        log.sort();
        assert_eq!(
            log,
            [
                "/away CN=ann",
                "/away CN=ann",
                "/back -",
                "/first CN=ann",
                "/last CN=ann",
                "/returned -",
                "/stranger -",
            ],
            "{engine}"
        );
    };
    on_every_engine(check);
    // With one thread, each request finds the connection of the one before.
    check("blocking:1");
}

#[test]
fn a_page_of_a_crawl_leads_to_no_host_that_sees_the_certificate() {
    let folder = Folder::with_secrets_in(&["*.key"]);
    let ann = client(folder.path(), "ann");
    let home = format!(
        "{ASKS} location =/ {{ default_type text/html; return 200 '<a href=/inside>1</a><a href=\"https://b.nginx.localhost:$arg_port/outside\">2</a>'; }}"
    );
    for engine in ["async:4", "blocking:2", "processes:1x2"] {
        let Some(nginx) = Nginx::start(LOGGED, &[&home, ASKS]) else {
            return;
        };
        let [a, b] = nginx.ports[..] else { panic!() };
        let seed = format!("https://a.nginx.localhost:{a}/?port={b}");
        let mut settings = as_client(on(engine, Config::crawl([seed])), ann.clone());
        settings.fetch.private = Private::Allow;
        settings.crawl.as_mut().unwrap().scope.reach = ScopeReach::Any;
        run(settings);
        let log = nginx.log();
        let has = |line: &str| log.iter().any(|logged| logged == line);
        assert!(has("/inside CN=ann") && has("/outside -"), "{log:?}");
        let shown = |path: &str| log.iter().filter(|line| line.starts_with(path)).count();
        assert_eq!(shown("/robots.txt CN=ann"), 1, "{log:?}");
    }
}

#[test]
fn each_host_is_shown_the_certificate_that_is_for_it() {
    let folder = Folder::with_secrets_in(&["*.key"]);
    let [ann, bob] = ["ann", "bob"].map(|name| client(folder.path(), name));
    on_every_engine(|engine| {
        let Some(nginx) = Nginx::start(LOGGED, &[ASKS]) else {
            return;
        };
        let port = nginx.ports[0];
        let names = ["a.nginx.localhost", "b.nginx.localhost", "nginx.localhost"];
        let urls = names.map(|name| format!("https://{name}:{port}/{name}"));
        let mut settings = as_client(config(engine, urls), ann.clone());
        settings.fetch.identities = vec![
            ClientIdentity {
                hosts: "*.nginx.localhost".parse().unwrap(),
                ..bob.clone()
            },
            ClientIdentity {
                hosts: "A.nginx.localhost".parse().unwrap(),
                ..ann.clone()
            },
        ];
        assert_eq!(run(settings).ends(), ["200"; 3]);
        let mut log = nginx.log();
        log.sort();
        let expected = [
            "/a.nginx.localhost CN=ann",
            "/b.nginx.localhost CN=bob",
            "/nginx.localhost -",
        ];
        assert_eq!(log, expected, "{engine}");
    });
}

#[test]
fn a_proxy_forwards_the_certificate_and_one_that_would_see_it_is_refused() {
    let folder = Folder::with_secrets_in(&["*.key"]);
    let ann = client(folder.path(), "ann");
    on_every_engine(|engine| {
        let Some(nginx) = Nginx::start(LOGGED, &[ASKS]) else {
            return;
        };
        let port = nginx.ports[0];
        let proxy = relay(([127, 0, 0, 1], port).into());
        let urls = [format!("https://nginx.localhost:{port}/")];
        let mut settings = as_client(config(engine, urls), ann.clone());
        settings.fetch.proxies = vec![format!("http://{proxy}").parse().unwrap()];
        assert_eq!(run(settings.clone()).ends(), ["200"]);
        assert_eq!(nginx.log(), ["/ CN=ann"]);
        settings.fetch.proxies = vec![format!("https://{proxy}").parse().unwrap()];
        let error = crate::run::outcome(settings).unwrap_err().to_string();
        assert!(error.contains("would be shown it too"), "{error}");
    });
}

/// A server that only talks to clients with a certificate of this authority.
fn strict(authority: &rcgen::Certificate) -> Origin {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let site = Site::builder().fallback(Response::page("sealed"));
    Origin::dressed(site.encrypted().build().unwrap(), move |stream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream).await }
    })
    .unwrap()
}

#[test]
fn a_server_that_wants_or_refuses_a_certificate_is_told_apart_from_other_failures() {
    let folder = Folder::with_secrets_in(&["*.key"]);
    let ann = client(folder.path(), "ann");
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let server = strict(&authority);
    on_every_engine(|engine| {
        let mut settings = as_client(config(engine, [server.url("/")]), ann.clone());
        let refused = run(settings.clone());
        let words = &refused.only().message;
        assert_eq!(refused.ends(), ["tls-client"], "{engine}: {words}");
        assert!(words.contains("refuses the client certificate"), "{words}");
        settings.fetch.identities.clear();
        let wanted = run(settings);
        let words = &wanted.only().message;
        assert_eq!(wanted.ends(), ["tls-client"], "{engine}: {words}");
        assert!(words.contains("wants a client certificate"), "{words}");
    });
}

#[test]
fn keys_of_every_usual_form_are_read_as_curl_reads_them() {
    let (Some(program), Some(curl)) = (tools::program("openssl"), tools::program("curl")) else {
        return;
    };
    let folder = Folder::with_secrets_in(&["*.key", "both.pem"]);
    let path = folder.path();
    for (name, lines) in [
        (
            "pkcs8",
            &["genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.key"][..],
        ),
        ("pkcs1", &["genrsa -traditional -out pkcs1.key 2048"]),
        ("sec1", &["ecparam -name prime256v1 -genkey -out sec1.key"]),
        ("ed25519", &["genpkey -algorithm ED25519 -out ed25519.key"]),
    ] {
        lines.iter().for_each(|line| openssl(&program, path, line));
        openssl(
            &program,
            path,
            &format!("req -x509 -key {name}.key -subj /CN={name} -days 2 -out {name}.pem"),
        );
    }
    // A certificate of version 1, as `openssl x509 -req` without extensions makes them.
    openssl(
        &program,
        path,
        "req -new -key sec1.key -subj /CN=one -out one.csr",
    );
    openssl(
        &program,
        path,
        "x509 -req -in one.csr -signkey sec1.key -days 2 -out one.pem",
    );
    for name in ["pkcs8", "pkcs1", "sec1", "ed25519"] {
        let key = fs::read_to_string(path.join(format!("{name}.key"))).unwrap();
        leaks::note_key(&key);
    }
    fs::copy(path.join("sec1.key"), path.join("one.key")).unwrap();
    // The key in the file of the certificate, in front of it.
    let both = fs::read_to_string(path.join("pkcs8.key")).unwrap()
        + &fs::read_to_string(path.join("pkcs8.pem")).unwrap();
    fs::write(path.join("both.pem"), both).unwrap();
    let Some(nginx) = Nginx::start(LOGGED, &[ASKS]) else {
        return;
    };
    let port = nginx.ports[0];
    for name in ["pkcs8", "pkcs1", "sec1", "ed25519", "one", "both"] {
        let url = format!("https://nginx.localhost:{port}/{name}");
        let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
        let mut line = vec!["--cert", &cert];
        if name != "both" {
            line.extend(["--key", &key]);
        }
        let resolve = format!("nginx.localhost:{port}:127.0.0.1");
        let by_curl = Command::new(&curl)
            .args(["-sk", "--resolve", &resolve, &url])
            .args(&line)
            .current_dir(path)
            .output();
        assert!(by_curl.unwrap().status.success(), "{name}");
        line.extend(["fetch", "-k", "--retries", "0", &url]);
        line.rotate_right(5);
        let (code, _, stderr) = haul(path, &line);
        assert_eq!(code, Some(0), "{name}: {stderr}");
    }
    let log = nginx.log();
    let expected = [
        "/pkcs8 CN=pkcs8",
        "/pkcs1 CN=pkcs1",
        "/sec1 CN=sec1",
        "/ed25519 CN=ed25519",
        "/one CN=one",
        "/both CN=pkcs8",
    ];
    let twice: Vec<_> = expected.iter().flat_map(|line| [line, line]).collect();
    assert_eq!(log.iter().collect::<Vec<_>>(), twice);
}

/// Each mistake with certificates and keys, the arguments that make it, and what is said about it.
const MISTAKES: [(&str, &str); 11] = [
    ("--cert gone.pem", "--cert: cannot read gone.pem"),
    ("--cert ann.pem", "--key: no private key is in ann.pem"),
    ("--cert ann.key", "--cert: no certificate is in ann.key"),
    (
        "--cert ann.pem --key gone.key",
        "--key: cannot read gone.key",
    ),
    (
        "--cert ann.pem --key bob.key",
        "--key: the key in bob.key does not belong to the certificate in ann.pem",
    ),
    (
        "--cert chain.pem --key bob.key",
        "--cert: the first certificate in chain.pem is not that of the key",
    ),
    (
        "--cert ann.pem --key new.key",
        "openssl pkey -in new.key -out FILE",
    ),
    (
        "--cert ann.pem --key old.key",
        "--key: the key in old.key is encrypted",
    ),
    (
        "--cert ann.p12",
        "openssl pkcs12 converts a .p12 or .pfx file to PEM",
    ),
    (
        "--cert ann.pem --key torn.key",
        "--key: torn.key is not a valid PEM file",
    ),
    ("--key ann.key", "--cert"),
];

#[test]
fn each_mistake_with_certificates_has_its_own_message_before_anything_is_sent() {
    let Some(program) = tools::program("openssl") else {
        return;
    };
    let folder = Folder::with_secrets_in(&["*.key"]);
    let path = folder.path();
    client(path, "ann");
    client(path, "bob");
    let text = |name: &str| fs::read_to_string(path.join(name)).unwrap();
    fs::write(path.join("chain.pem"), text("ann.pem") + &text("bob.pem")).unwrap();
    let torn = text("ann.key").replacen("MIG", "M!G", 1);
    assert_ne!(torn, text("ann.key"));
    fs::write(path.join("torn.key"), torn).unwrap();
    openssl(
        &program,
        path,
        "pkcs8 -topk8 -in ann.key -passout pass:x -out new.key",
    );
    openssl(
        &program,
        path,
        "genrsa -traditional -aes128 -passout pass:x -out old.key 2048",
    );
    openssl(
        &program,
        path,
        "pkcs12 -export -in ann.pem -inkey ann.key -passout pass:x -out ann.p12",
    );
    let site = Site::builder().start().unwrap();
    let url = site.url("/");
    for (line, words) in MISTAKES {
        let mut arguments = vec!["fetch", &url];
        arguments.extend(line.split(' '));
        let (code, stdout, stderr) = haul(path, &arguments);
        assert_eq!(code, Some(2), "{line}: {stderr}");
        assert!(stderr.contains(words), "{line}: {stderr}");
        assert_eq!(stdout, "");
    }
    assert_eq!(site.log().requests(), 0);
}

#[test]
fn a_job_is_not_resumed_with_another_client_certificate() {
    let folder = Folder::with_secrets_in(&["*.key"]);
    let path = folder.path();
    for name in ["ann", "bob"] {
        client(path, name);
    }
    let site = Site::builder()
        .fallback(Response::page("x"))
        .start()
        .unwrap();
    let url = site.url("/");
    let line = |name: &str| -> Vec<String> {
        let words = format!("fetch {url} --job job -q --cert {name}.pem --key {name}.key");
        words.split(' ').map(str::to_owned).collect()
    };
    let run = |name: &str| {
        let line = line(name);
        haul(path, &line.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(run("ann").0, Some(0));
    let (code, _, stderr) = run("bob");
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.contains("cert: ann.pem then, bob.pem now"),
        "{stderr}"
    );
}
