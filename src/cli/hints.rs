//! Hints for people who are used to curl.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::exit::Failure;

/// Flags of curl that haul spells differently, with what to use instead.
const CURL: [(&str, &str); 22] = [
    ("--retry", "the number of retries is --retries N"),
    ("-d", "send a body with --data (-d is the depth of a crawl)"),
    ("--data-binary", "send a body with --data or --json"),
    ("--data-raw", "send a body with --data or --json"),
    (
        "-L",
        "redirects are followed by default; --max-redirs 0 turns that off",
    ),
    (
        "--location",
        "redirects are followed by default; --max-redirs 0 turns that off",
    ),
    ("-s", "--silent is -q here"),
    ("-S", "errors are always shown"),
    ("-I", "use -X HEAD for a HEAD request"),
    ("--head", "use -X HEAD for a HEAD request"),
    (
        "-m",
        "limit a request with --timeout 30s, and the whole run with --max-time 10m",
    ),
    ("-O", "save bodies with --output-dir DIR"),
    ("-J", "save bodies with --output-dir DIR --name-by header"),
    (
        "--remote-header-name",
        "save bodies with --output-dir DIR --name-by header",
    ),
    (
        "-R",
        "that is --remote-time, together with --output-dir DIR",
    ),
    ("-Z", "requests already run concurrently; -c sets how many"),
    (
        "--parallel",
        "requests already run concurrently; -c sets how many",
    ),
    (
        "--parallel-max",
        "the number of concurrent requests is -c, --concurrency",
    ),
    ("-K", "read settings with --config FILE"),
    ("-e", "send a referrer with -H 'Referer: URL'"),
    (
        "-F",
        "multipart forms are not supported; --data @FILE sends a body",
    ),
    ("--compressed", "responses are always decompressed"),
];

/// The error, with a hint if it is about a flag of curl.
pub(super) fn for_curl_users(mut error: clap::Error) -> Failure {
    if error.kind() == ErrorKind::UnknownArgument {
        let flag = error
            .get(ContextKind::InvalidArg)
            .map(ToString::to_string)
            .unwrap_or_default();
        if let Some((_, hint)) = CURL.iter().find(|(name, _)| *name == flag) {
            error.remove(ContextKind::SuggestedArg);
            error.insert(
                ContextKind::Suggested,
                ContextValue::StyledStrs(vec![(*hint).into()]),
            );
        }
    }
    error.into()
}
