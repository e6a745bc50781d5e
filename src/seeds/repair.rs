//! Repairs JSON that serde_json refuses or rounds, so that no row is lost.
//!
//! Other programs do write such JSON. An unpaired surrogate becomes U+FFFD, and a control character in a string is
//! escaped; numbers that do not fit, `NaN` and `Infinity` become strings that spell them. Edge: text that is not
//! JSON at all stays as it is.

/// The number of digits of the longest 64-bit integers, minus one.
const DIGITS: usize = 19;

/// The repaired text.
pub(super) fn repaired(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string(rest, &mut out),
            '-' | '0'..='9' | 'N' | 'I' => scalar(rest, &mut out),
            _ => {
                out.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out
}

/// Whether a line may contain an integer beyond 64 bits, which would become a float.
pub(super) fn may_round(line: &[u8]) -> bool {
    let mut run = 0;
    line.iter().any(|byte| {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        run > DIGITS
    })
}

/// Copies the string that starts here; returns its length.
fn string(text: &str, out: &mut String) -> usize {
    out.push('"');
    let mut at = 1;
    while let Some(next) = text[at..].chars().next() {
        match next {
            '"' => {
                out.push('"');
                return at + 1;
            }
            '\\' => {
                let length = escape(&text[at..], out);
                at += length;
            }
            control if control < ' ' => {
                out.push_str(&format!("\\u{:04x}", control as u32));
                at += 1;
            }
            other => {
                out.push(other);
                at += other.len_utf8();
            }
        }
    }
    at
}

/// Copies an escape; both halves of a surrogate pair are copied together.
fn escape(text: &str, out: &mut String) -> usize {
    let Some(first) = code_unit(text) else {
        // The escaped character may be a quote, or it may be missing.
        let length = text.chars().take(2).map(char::len_utf8).sum();
        out.push_str(&text[..length]);
        return length;
    };
    let second = code_unit(&text[6..]);
    match (first, second) {
        (0xd800..=0xdbff, Some(0xdc00..=0xdfff)) => {
            out.push_str(&text[..12]);
            12
        }
        (0xd800..=0xdfff, _) => {
            out.push_str("\\ufffd");
            6
        }
        _ => {
            out.push_str(&text[..6]);
            6
        }
    }
}

/// The UTF-16 code unit of an escape at the start of `text`: `\u` and four hexadecimal digits.
fn code_unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Copies a number or a word in place of one, quoted if serde_json cannot represent it.
fn scalar(text: &str, out: &mut String) -> usize {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let length = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let word = &text[..length];
    let is_integer = word
        .trim_start_matches('-')
        .bytes()
        .all(|b| b.is_ascii_digit());
    let fits = match word {
        "NaN" | "Infinity" | "-Infinity" => false,
        _ if is_integer => word.parse::<i64>().is_ok() || word.parse::<u64>().is_ok(),
        _ => word.parse::<f64>().map_or(true, f64::is_finite),
    };
    if fits {
        out.push_str(word);
    } else {
        out.push('"');
        out.push_str(word);
        out.push('"');
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_serde_json_refuses_is_repaired_and_the_rest_is_unchanged() {
        for (line, as_repaired) in [
            (r#"{"a":"\ud800x"}"#, r#"{"a":"\ufffdx"}"#),
            (
                r#"{"a":"\udc00\ud83e\udd80"}"#,
                r#"{"a":"\ufffd\ud83e\udd80"}"#,
            ),
            (
                r#"{"\ud800":["\uD800\uD800"]}"#,
                r#"{"\ufffd":["\ufffd\ufffd"]}"#,
            ),
            (
                r#"{"a":1e400,"b":-1E+999,"c":1e3}"#,
                r#"{"a":"1e400","b":"-1E+999","c":1e3}"#,
            ),
            (
                r#"{"a":NaN,"b":-Infinity}"#,
                r#"{"a":"NaN","b":"-Infinity"}"#,
            ),
            (
                r#"{"a":123456789012345678901,"b":-9223372036854775808}"#,
                r#"{"a":"123456789012345678901","b":-9223372036854775808}"#,
            ),
            ("{\"a\":\"x\ty\"}", r#"{"a":"x\u0009y"}"#),
            (r#"{"a":"1e400 \" NaN \\"}"#, r#"{"a":"1e400 \" NaN \\"}"#),
            (
                r#"{"a":true,"b":null,"é":"é"}"#,
                r#"{"a":true,"b":null,"é":"é"}"#,
            ),
            (r#"{"a":"\"#, r#"{"a":"\"#),
            (r#"{"a":"\u12"#, r#"{"a":"\u12"#),
            (r#"{"a":"\ué"}"#, r#"{"a":"\ué"}"#),
        ] {
            assert_eq!(repaired(line), as_repaired);
        }
        assert!(may_round(b"x12345678901234567890") && !may_round(b"1234567890 123456789"));
    }
}
