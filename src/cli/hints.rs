//! Hints for fingers that know curl.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::exit::Failure;

/// Flags of curl that haul spells otherwise, with what to write instead.
const CURL: [(&str, &str); 19] = [
    ("--retry", "tries after the first are --retries N"),
    (
        "-d",
        "a body is sent with --data (-d is the depth of a crawl)",
    ),
    ("--data-binary", "a body is sent with --data or --json"),
    ("--data-raw", "a body is sent with --data or --json"),
    ("-L", "redirects are followed; --max-redirs 0 follows none"),
    (
        "--location",
        "redirects are followed; --max-redirs 0 follows none",
    ),
    ("-s", "--silent is -q here"),
    ("-S", "errors are always shown"),
    ("-I", "a HEAD request is -X HEAD"),
    ("--head", "a HEAD request is -X HEAD"),
    (
        "-m",
        "a fetch may take --timeout 30s, the whole run --max-time 10m",
    ),
    ("-O", "bodies are saved with --output-dir DIR"),
    ("-Z", "requests run side by side; -c says how many"),
    ("--parallel", "requests run side by side; -c says how many"),
    (
        "--parallel-max",
        "how many requests run side by side is -c, --concurrency",
    ),
    ("-K", "settings are read with --config FILE"),
    ("-e", "a referrer is sent with -H 'Referer: URL'"),
    (
        "-F",
        "forms with files are not sent; --data @FILE sends a body",
    ),
    ("--compressed", "answers are always decompressed"),
];

/// The error, with a hint where it is about a flag of curl's.
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
