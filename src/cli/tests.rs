//! Tests of the whole command line: words in, settings out.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use haul::engine::Engine;
use haul::fetch::FetchSettings;
use haul::frontier::{FrontierSettings, RetryOn};
use haul::seeds::SeedSource;
use layers::Settings;

const NOBODY: Terminals = Terminals {
    stdin: true,
    stdout: false,
    stderr: false,
    color: false,
};

/// A command line, its environment and its file.
struct Shell {
    environment: HashMap<String, String>,
    folder: tempfile::TempDir,
}

impl Shell {
    fn new() -> Self {
        Self {
            environment: HashMap::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    fn file(self, text: &str) -> Self {
        std::fs::write(self.path(), text).unwrap();
        let path = self.path().display().to_string();
        self.with("HAUL_CONFIG", &path)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("haul.toml")
    }

    fn layered(&self, line: &str) -> Result<(clap::ArgMatches, Settings), Failure> {
        let words = ["haul".to_owned(), "fetch".to_owned()].into_iter();
        let words: Vec<OsString> = words
            .chain(line.split_whitespace().map(|word| word.replace('~', " ")))
            .map(OsString::from)
            .collect();
        let mut command = CommandLine::command();
        command.build();
        layers::matches(&command, &words, &|name| {
            self.environment.get(name).map(OsString::from)
        })
    }

    fn plan(&self, line: &str) -> Result<Plan, String> {
        let message = |failure| match failure {
            Failure::Usage(error) => error.to_string(),
            Failure::Run(error) => error.to_string(),
        };
        let (matches, settings) = self.layered(line).map_err(message)?;
        let arguments = FetchArguments::from_arg_matches(&matches).unwrap();
        arguments
            .plan(settings, NOBODY)
            .map_err(|error| error.to_string())
    }

    fn config(&self, line: &str) -> String {
        config::text(&self.layered(line).map_err(|_| "refused").unwrap().1)
    }
}

fn plan(line: &str) -> Result<Plan, String> {
    Shell::new().plan(line)
}

fn words(line: &str) -> Vec<String> {
    let words = line.split_whitespace().map(OsString::from).collect();
    with_fetch(words)
        .into_iter()
        .map(|word| word.into_string().unwrap())
        .collect()
}

#[test]
fn no_two_flags_of_a_command_share_a_name() {
    // clap looks for this too, but only in a build with debug assertions.
    for command in CommandLine::command().get_subcommands() {
        let mut names = BTreeSet::new();
        for flag in command.get_arguments() {
            let id = flag.get_id().to_string();
            let long = flag.get_long_and_visible_aliases().unwrap_or_default();
            let short = flag.get_short_and_visible_aliases().unwrap_or_default();
            let hidden = flag.get_all_aliases().unwrap_or_default();
            let long = long
                .into_iter()
                .chain(hidden)
                .map(|name| format!("--{name}"));
            let short = short.into_iter().map(|name| format!("-{name}"));
            let own: BTreeSet<_> = long.chain(short).chain([id]).collect();
            for name in own {
                assert!(names.insert(name.clone()), "{}: {name}", command.get_name());
            }
        }
    }
    CommandLine::command().debug_assert();
}

#[test]
fn every_subcommand_is_known_to_the_rule_of_bare_urls() {
    let mut known: Vec<_> = CommandLine::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    known.sort();
    let mut named = super::subcommands::SUBCOMMANDS.map(str::to_owned).to_vec();
    named.sort();
    assert_eq!(known, named);
}

#[test]
fn a_bare_url_means_fetch() {
    for line in [
        "haul example.org",
        "haul -i list.txt",
        "haul -",
        "haul -q http://a -n 3",
        "haul example.org --help",
    ] {
        assert_eq!(words(line)[1], "fetch", "{line}");
    }
    for line in [
        "haul",
        "haul --help",
        "haul -V",
        "haul help",
        "haul fetch x",
        "haul config",
        "haul man",
    ] {
        assert_eq!(words(line).join(" "), line);
    }
}

#[test]
fn without_flags_the_settings_are_the_librarys_own() {
    let config = plan("http://a.example/").unwrap().config;
    assert_eq!(config.frontier, FrontierSettings::default());
    let (ours, own) = (&config.fetch, FetchSettings::default());
    assert_eq!(format!("{ours:?}"), format!("{own:?}"));
    assert_eq!(config.engine, Engine::Async(NonZeroUsize::new(64).unwrap()));
    assert_eq!(
        (config.max_time, config.seeds.limit, config.seeds.rows),
        (None, None, None)
    );
}

#[test]
fn politeness_that_adapts_has_its_flags() {
    let frontier = plan("http://a --adaptive --per-ip 2")
        .unwrap()
        .config
        .frontier;
    assert_eq!(
        (frontier.adaptive, frontier.per_ip, frontier.per_host),
        (true, 2, 8)
    );
}

#[test]
fn a_flag_is_known_by_the_name_that_it_had_before_in_every_layer() {
    for shell in [
        Shell::new().file("retry-max-wait = \"7s\"\n"),
        Shell::new().with("HAUL_RETRY_MAX_WAIT", "7s"),
    ] {
        let message = shell.config("");
        let line = message
            .lines()
            .find(|line| line.starts_with("max-retry-after"));
        assert!(line.is_some_and(|line| line.contains("7s")), "{message}");
    }
    let message = Shell::new().config("--give-up-after 9");
    assert!(message.contains("pause-after = 9"), "{message}");
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let shell = Shell::new()
        .file("concurrency = 1\nper-host = 1\nretries = 1\ninsecure = true\n")
        .with("HAUL_CONCURRENCY", "2")
        .with("HAUL_PER_HOST", "2")
        .with("HAUL_INSECURE", "no")
        .with("HAUL_DELAY", "");
    let plan = shell.plan("http://a -c 3").unwrap();
    assert_eq!(plan.config.engine.in_flight(), 3);
    assert_eq!(plan.config.frontier.per_host, 2);
    assert_eq!(plan.config.frontier.retries, 1);
    assert_eq!(
        plan.config.fetch.tls,
        haul::fetch::TlsSettings::Verify { roots: None }
    );
    let shown = shell.config("-c 3");
    let line = |name: &str| {
        shown
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    assert!(line("concurrency = 3").ends_with("# flag"));
    assert!(line("per-host = 2").ends_with("# HAUL_PER_HOST"));
    assert!(line("retries = 1").ends_with("haul.toml:3"));
    assert!(line("insecure = false").ends_with("# HAUL_INSECURE"));
    assert!(line("delay = 0").ends_with("# default"));
}

#[test]
fn a_repeatable_flag_of_a_higher_layer_replaces_the_list_below() {
    let shell =
        Shell::new().file("retry-on = [\"500\", \"timeout\"]\nheader = [\"A: 1\", \"B: 2\"]");
    let both = shell.plan("http://a").unwrap().config;
    assert!(both.frontier.retry_on.status(500) && !both.frontier.retry_on.status(503));
    assert_eq!(both.fetch.headers.text("b"), Some("2"));
    let own = shell
        .plan("http://a -H C:3 --retry-on 404,5xx")
        .unwrap()
        .config;
    assert!(own.frontier.retry_on.status(404) && own.frontier.retry_on.status(599));
    assert_eq!(
        (own.fetch.headers.text("a"), own.fetch.headers.text("c")),
        (None, Some("3"))
    );
}

#[test]
fn a_rival_on_a_higher_layer_silences_the_one_below() {
    let shell = Shell::new().file("data = \"a=b\"\nengine = \"threads:4\"");
    let config = shell.plan("http://a --json {} -c 9").unwrap().config;
    assert_eq!(config.fetch.body.as_deref(), Some(b"{}".as_slice()));
    assert_eq!(config.engine.to_string(), "threads:9");
}

#[test]
fn a_profile_comes_on_top_of_its_file() {
    let shell =
        Shell::new().file("rate = \"1/s\"\ndelay = \"1s\"\n[profile.fast]\nrate = \"100/s\"\n");
    let config = shell.plan("http://a --profile fast").unwrap().config;
    assert_eq!(config.frontier.rate.unwrap().count.get(), 100);
    assert_eq!(config.frontier.delay, Duration::from_secs(1));
    let shell = shell.with("HAUL_PROFILE", "fst");
    assert!(shell.plan("http://a").unwrap_err().contains("fst"));
    assert!(
        plan("http://a --profile x")
            .unwrap_err()
            .contains("--config")
    );
}

#[test]
fn a_key_of_another_command_says_nothing_here_and_a_mistake_is_one_everywhere() {
    let shell = Shell::new().file("depth = 3\nrounds = 9\nretries = 1\n");
    assert_eq!(shell.plan("http://a").unwrap().config.frontier.retries, 1);
    let message = Shell::new().file("dpth = 3").plan("http://a").unwrap_err();
    assert!(message.contains("did you mean \"depth\"?"), "{message}");
}

#[test]
fn a_suffix_says_the_format_and_one_that_says_nothing_is_an_error() {
    let formats = |line: &str| -> Vec<&str> {
        let sinks = plan(line).unwrap().config.sinks;
        sinks.iter().map(|sink| sink.format.name()).collect()
    };
    assert_eq!(formats("http://a -o out"), ["text"]);
    assert_eq!(formats("http://a -o out.xyz -f csv"), ["csv"]);
    assert_eq!(
        formats("http://a -o a.jsonl.gz -o b.csv.zst -o c.db -o - -o d.warc.gz"),
        ["jsonl", "csv", "sqlite", "text", "warc"]
    );
    for (line, problem) in [
        (
            "http://a -o out.xyz",
            "--output out.xyz: its suffix names no format",
        ),
        ("http://a -o out.gz", "names no format"),
        ("http://a -o a.sqlite.gz", "names no format"),
        (
            "http://a -o a.jsonl -o a.jsonl",
            "--output a.jsonl is given twice",
        ),
        (
            "http://a -o a.jsonl -o b.csv -f csv",
            "work with a single --output",
        ),
        ("http://a -o a.jsonl -o - --append", "--append needs a file"),
        (
            "http://a -o a.txt --body",
            "--body needs records that hold text",
        ),
    ] {
        let message = plan(line).unwrap_err();
        assert!(message.contains(problem), "{line}: {message}");
    }
}

#[test]
fn a_bad_value_is_blamed_on_whoever_set_it() {
    let shell = Shell::new().file("\n\nrate = \"often\"");
    let message = shell.plan("http://a").unwrap_err();
    assert!(
        message.contains("haul.toml:3: rate: ") && message.contains("10/s"),
        "{message}"
    );
    let message = Shell::new()
        .with("HAUL_FORMAT", "xml")
        .plan("http://a")
        .unwrap_err();
    assert!(
        message.starts_with("HAUL_FORMAT: format: \"xml\"") && message.contains("jsonl"),
        "{message}"
    );
    let message = Shell::new()
        .with("HAUL_INSECURE", "perhaps")
        .plan("http://a")
        .unwrap_err();
    assert!(message.contains("HAUL_INSECURE=perhaps"), "{message}");
    let message = Shell::new()
        .file("insecure = \"x\"")
        .plan("http://a")
        .unwrap_err();
    assert!(message.contains("haul.toml:1: insecure"), "{message}");
    assert!(shell.plan("http://a --no-config").is_ok());
}

#[test]
fn what_config_prints_is_a_configuration_without_secrets() {
    let shell = Shell::new().file("rate = \"5/2s\"\nheader = [\"Accept: a\"]\nverbose = 2");
    let shown = shell.config("-u ann:s3cret --retry-on 404");
    assert!(!shown.contains("s3cret"), "{shown}");
    let without_secret = shown.replace("user = \"…\"", "");
    let again = Shell::new().file(&without_secret);
    assert_eq!(
        again.plan("http://a").unwrap().config.frontier,
        shell
            .plan("http://a --retry-on 404")
            .unwrap()
            .config
            .frontier
    );
}

#[test]
fn bodies_headers_and_credentials_become_a_request() {
    let fetch = plan(
        "http://a --data a=b --data c=d -A me -u ann:x -b p=q -b r=s -H Accept: -H X-A:1 -H X-A:2",
    )
    .unwrap()
    .config
    .fetch;
    assert_eq!(
        (fetch.method.as_str(), fetch.body.as_deref()),
        ("POST", Some(b"a=b&c=d".as_slice()))
    );
    let text = |name: &str| fetch.headers.text(name);
    assert_eq!(
        text("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(
        (text("user-agent"), text("cookie")),
        (Some("me"), Some("p=q; r=s"))
    );
    assert_eq!(
        (text("authorization"), text("accept")),
        (Some("Basic YW5uOng="), None)
    );
    assert!(fetch.headers.0["authorization"].is_sensitive());
    assert_eq!(fetch.headers.0.get_all("x-a").iter().count(), 2);

    let fetch = plan("http://a --json {} -X PUT -H Content-Type:x/y")
        .unwrap()
        .config
        .fetch;
    assert_eq!(
        (fetch.method.as_str(), fetch.headers.text("content-type")),
        ("PUT", Some("x/y"))
    );
    assert_eq!(fetch.headers.text("accept"), Some("application/json"));
}

#[test]
fn contradictions_are_told_with_their_flags() {
    for (line, message) in [
        ("http://a --data x --json {}", "--data and --json"),
        ("http://a -u a:b --bearer-file x", "--bearer-file"),
        ("http://a -k --cacert x.pem", "--cacert"),
        ("http://a -w x -f csv", "--write-out"),
        ("http://a --append", "--output FILE"),
        ("http://a --body", "jsonl"),
        ("http://a --engine threads:4 -c 5", "--engine threads:4"),
        ("http://a --engine sequential -c 5", "sequential means 1"),
        (
            "http://a -t 5s --connect-timeout 10s",
            "--connect-timeout 10s",
        ),
        ("http://a -u ann", "ann:secret"),
        ("http://a -b jar.txt", "name=value"),
        ("http://a -H Content-Length:3", "content-length"),
        ("http://a -H nonsense", "Name: value"),
        ("http://a --retry-on soon", "--retry-on"),
        ("- -i -", "once"),
        ("- --json @-", "standard input"),
        ("", "nothing to fetch"),
        ("http://a -c 0", "at least 1"),
        ("http://a -t 5", "5s"),
        ("http://a --max-size 5", "5M"),
        ("http://a -d 3", "unexpected"),
        ("fetsh", "did you mean haul fetch?"),
        ("no-such-list.txt", "no file"),
        ("/", "is a folder"),
    ] {
        let error = plan(line).unwrap_err();
        assert!(error.contains(message), "{line}: {error}");
    }
    assert!(plan("http://a --engine threads:4 -c 4").is_ok());
}

#[test]
fn a_word_is_a_list_where_a_file_has_its_name() {
    let shell = Shell::new().file("# a list");
    let path = shell.path();
    let sources = plan(&format!(
        "http://a b.example {} c.example -i more.csv",
        path.display()
    ))
    .unwrap()
    .config
    .seeds
    .sources;
    assert_eq!(
        sources,
        [
            SeedSource::Urls(vec!["http://a".into(), "b.example".into()]),
            SeedSource::File(path),
            SeedSource::Urls(vec!["c.example".into()]),
            SeedSource::File("more.csv".into()),
        ]
    );
}

#[test]
fn the_format_is_the_flags_or_the_suffixs_or_text() {
    let format = |line: &str| plan(line).unwrap().config.sinks[0].format.name();
    assert_eq!(format("http://a"), "text");
    assert_eq!(format("http://a -o x.csv"), "csv");
    assert_eq!(format("http://a -o x.csv -f jsonl"), "jsonl");
    assert_eq!(format("http://a -o - -f jsonl --body"), "jsonl");
}

#[test]
fn the_help_lists_what_is_tried_again_by_default() {
    let mut command = CommandLine::command();
    let fetch = command.find_subcommand_mut("fetch").unwrap();
    let flag = fetch
        .get_arguments()
        .find(|flag| flag.get_long() == Some("retry-on"));
    let help = flag.unwrap().get_long_help().unwrap().to_string();
    let listed = help.split_once("which is").unwrap().1;
    let mut message = RetryOn::nothing();
    for item in listed.split('.').next().unwrap().trim().split(',') {
        message.add(item).unwrap();
    }
    assert_eq!(message, RetryOn::default());
}

#[test]
fn what_curl_users_type_gets_a_hint() {
    let refused = CommandLine::command()
        .try_get_matches_from(["haul", "fetch", "-L", "http://a"])
        .unwrap_err();
    let Failure::Usage(error) = hints::for_curl_users(refused) else {
        panic!("it is about the command line")
    };
    assert!(error.to_string().contains("--max-redirs 0"), "{error}");
}
