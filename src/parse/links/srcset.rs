//! Extracts the URLs of a `srcset` (HTML 4.8.4.2.1, "parsing a srcset attribute").
//!
//! Invariant: the value is split where a browser splits it, taking commas inside URLs and parentheses into account. A
//! candidate with invalid descriptors is still returned: the page names its URL, and which candidate a browser would
//! show does not matter here.

/// Returns the URL of each candidate, in order.
pub(in crate::parse) fn urls(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_ascii_whitespace());
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let (candidate, tail) = rest.split_at(end);
        let url = candidate.trim_end_matches(',');
        rest = if url.len() < candidate.len() {
            tail
        } else {
            &tail[descriptors_length(tail)..]
        };
        Some(url)
    })
}

/// The length of the descriptors: up to a comma outside parentheses.
fn descriptors_length(text: &str) -> usize {
    let mut in_parentheses = false;
    text.bytes()
        .position(|byte| {
            // Parentheses do not nest: the first ")" ends them.
            in_parentheses = match byte {
                b'(' => true,
                b')' => false,
                _ => in_parentheses,
            };
            byte == b',' && !in_parentheses
        })
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::urls;

    #[test]
    fn a_srcset_is_split_where_a_browser_splits_it() {
        for (value, expected) in [
            ("a.png 1x, b.png 2x", vec!["a.png", "b.png"]),
            ("a.png", vec!["a.png"]),
            ("a,b,c.png 1x,d.png", vec!["a,b,c.png", "d.png"]),
            ("a.png,b.png", vec!["a.png,b.png"]),
            ("a.png, b.png", vec!["a.png", "b.png"]),
            ("a.png,,, b.png", vec!["a.png", "b.png"]),
            (" ,, a.png (1,2) 1x , b", vec!["a.png", "b"]),
            (
                "data:image/png;base64,AAAA 2x",
                vec!["data:image/png;base64,AAAA"],
            ),
            ("a 1x,b 2x,", vec!["a", "b"]),
            ("a 100w 50h, b", vec!["a", "b"]),
            (" , ", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(urls(value).collect::<Vec<_>>(), expected, "{value:?}");
        }
    }
}
