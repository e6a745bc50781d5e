//! Detects paths that go round in circles.
//!
//! They come from a relative link on a page that is served under every path. There are two forms: one segment that
//! occurs again and again, anywhere in the path (`/a/x/a/y/a`), or a sequence of segments that repeats
//! (`/a/b/a/b/a/b`). Other crawlers know both: StormCrawler counts the first, Heritrix the second. Paths put together
//! at random from a few segments are only detected once one of them occurs too often.

use crate::visit::skip::Skip;

/// The most segments that are checked: more than any plausible path has, but few enough to compare each with each.
const SEGMENT_LIMIT: usize = 64;

/// A repetition in the path, if there is one.
///
/// That is a segment that occurs `limit` times, or a sequence that repeats one time less. Numbers and single
/// characters may occur twice as often.
pub(super) fn find(path: &str, limit: u16) -> Option<Skip> {
    let limit = usize::from(limit).max(2);
    if !may_repeat(path.as_bytes(), limit) {
        return None;
    }
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let segments: Vec<&str> = segments.take(SEGMENT_LIMIT).collect();
    find_segment(&segments, limit).or_else(|| find_sequence(&segments, limit))
}

/// Whether enough segments resemble an earlier one by length and first letter: hardly any path does.
fn may_repeat(path: &[u8], limit: usize) -> bool {
    let mut seen_marks = 0_u64;
    let mut similar_count = 0;
    let mut start = 1;
    for end in memchr::memchr_iter(b'/', path).skip(1).chain([path.len()]) {
        if let Some(first) = path[start.min(end)..end].first() {
            let mark = 1 << ((end - start + 11 * usize::from(*first)) % 64);
            similar_count += usize::from(seen_marks & mark != 0);
            seen_marks |= mark;
        }
        start = end + 1;
    }
    similar_count + 1 >= limit
}

/// Finds one segment that repeats anywhere in the path.
fn find_segment(segments: &[&str], limit: usize) -> Option<Skip> {
    let last = segments.len().checked_sub(limit)?;
    // The first of `limit` occurrences is no later than this.
    segments[..=last]
        .iter()
        .enumerate()
        .find_map(|(at, segment)| {
            let times = segments[at..]
                .iter()
                .filter(|other| *other == segment)
                .count();
            (times >= limit * weight(segment)).then(|| skip_repeated(&[segment], times))
        })
}

/// Finds a sequence of two or more segments that repeats.
fn find_sequence(segments: &[&str], limit: usize) -> Option<Skip> {
    let rounds = (limit - 1).max(2);
    (2..=segments.len() / rounds).find_map(|length| {
        // The number of consecutive segments that equal the one `length` before them.
        let mut matching = 0;
        (length..segments.len()).find_map(|at| {
            matching = if segments[at] == segments[at - length] {
                matching + 1
            } else {
                0
            };
            let round = &segments[at + 1 - length..=at];
            let times = matching / length + 1;
            let round_weight = round
                .iter()
                .map(|segment| weight(segment))
                .min()
                .unwrap_or(1);
            (times >= rounds * round_weight).then(|| skip_repeated(round, times))
        })
    })
}

/// How much more often than a word this segment may occur in a path.
fn weight(segment: &str) -> usize {
    let is_short = segment.len() < 2 || segment.bytes().all(|byte| byte.is_ascii_digit());
    if is_short { 2 } else { 1 }
}

fn skip_repeated(segments: &[&str], times: usize) -> Skip {
    Skip::RepeatedSegments {
        segments: Skip::cut(&format!("/{}", segments.join("/"))),
        times: u16::try_from(times).unwrap_or(u16::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &str) -> Option<String> {
        find(path, 4).map(|skip| skip.to_string())
    }

    #[test]
    fn a_path_that_goes_round_in_circles_is_detected() {
        for (path, text) in [
            ("/news/news/news/news/", "the path repeats /news 4 times"),
            (
                "/en/img/x/img/y/img/z/img/logo.png",
                "the path repeats /img 4 times",
            ),
            ("/aa/bb/aa/bb/aa/bb", "the path repeats /aa/bb 3 times"),
            (
                "/x/aa/bb/cc/aa/bb/cc/aa/bb/cc/",
                "the path repeats /aa/bb/cc 3 times",
            ),
            ("/a/b/a/b/a/b/a/b/a/b/a/b/", "the path repeats /a/b 6 times"),
            ("/1/1/1/1/1/1/1/1", "the path repeats /1 8 times"),
        ] {
            assert_eq!(message(path).as_deref(), Some(text), "{path}");
        }
    }

    #[test]
    fn paths_of_real_sites_are_accepted() {
        for path in [
            "/",
            "/2011/11/11/11/",
            "/tiles/0/0/0.png",
            "/tiles/4/4/4/4",
            "/EC/1/1/1/1",
            "/jobs/all/all/all/",
            "/src/test/java/org/example/test/ExampleTest.java",
            "/node_modules/a/node_modules/b/node_modules/c/index.js",
            "/pool/main/a/a/a/a_1.0.orig.tar.gz",
            "/std/ops/ops/index.html",
            "/en/products/saws/en/products/planes",
            "/a/b/a/b/a/b",
            "/r/1/2/1/2/1/2",
            "//////////",
        ] {
            assert_eq!(message(path), None, "{path}");
        }
    }

    #[test]
    fn a_segment_may_occur_fewer_times_than_the_limit() {
        let path = |times| format!("/{}", "again/".repeat(times));
        for limit in 2..20 {
            assert!(
                find(&path(usize::from(limit) - 1), limit).is_none(),
                "{limit}"
            );
            assert!(find(&path(usize::from(limit)), limit).is_some(), "{limit}");
        }
        assert!(find(&path(1), 0).is_none());
    }
}
