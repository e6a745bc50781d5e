//! Compacts JSON as it occurs in pages into JSON without white space.
//!
//! Whatever pages contain and JSON does not allow is removed or repaired, and reported: comments, a trailing comma,
//! line breaks in strings, invalid escapes, unpaired surrogates, a semicolon at the end. Markers that hide a script
//! from old browsers (`<!-- -->`, `<![CDATA[ ]]>`) are removed silently. None of these can occur in JSON outside of
//! a string, so text that was JSON keeps its content: order, numbers and repeated names too. Invariant: time is
//! linear, nothing recurses, and the output is at most six times as long. Edge: whether the result is JSON is not
//! checked here.

/// Nesting depth of objects and arrays.
///
/// JSON parsers commonly stop at 128 levels, and the record adds some around this.
const DEPTH: usize = 64;

/// A text while it is being compacted.
#[derive(Debug, Default)]
pub(super) struct Compact {
    /// The text.
    pub(super) text: String,
    /// The repairs that were made, each listed once.
    pub(super) repairs: Vec<&'static str>,
    depth: usize,
    /// Whether something was removed since the last character.
    gap: bool,
    /// Whether there is no further `-->`, so that it is not searched for again and again.
    no_more_ends: bool,
}

impl Compact {
    /// Compacts a text.
    ///
    /// # Errors
    /// If it is nested too deeply.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut compact = Self::default();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            rest = compact.token(next, rest)?;
        }
        Ok(compact)
    }

    /// Reads one token, or one character of it; returns the rest of the text.
    fn token<'t>(&mut self, next: char, rest: &'t str) -> Result<&'t str, String> {
        let after = &rest[next.len_utf8()..];
        match next {
            '"' => return Ok(self.string(after)),
            '{' | '[' => {
                self.depth += 1;
                if self.depth > DEPTH {
                    return Err(format!("it is nested more than {DEPTH} deep"));
                }
                self.text.push(next);
            }
            ']' if rest.starts_with("]]>") => return Ok(&rest[3..]),
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.text.ends_with(',') {
                    self.text.pop();
                    self.note_repair("a trailing comma");
                }
                self.text.push(next);
            }
            '/' if after.starts_with(['/', '*']) => return Ok(self.comment(rest)),
            '<' if rest.starts_with("<![CDATA[") => return Ok(&rest[9..]),
            '<' if rest.starts_with("<!--") => return Ok(self.hidden(&rest[4..])),
            '-' if rest.starts_with("-->") => return Ok(&rest[3..]),
            ';' if self.depth == 0 => self.note_repair("a semicolon"),
            ' ' | '\t' | '\n' | '\r' => self.gap = true,
            space if space.is_whitespace() || space == '\u{feff}' => {
                self.gap = true;
                self.note_repair("a space that JSON does not allow");
            }
            word => {
                let is_word = |c: char| c.is_alphanumeric() || "+-._".contains(c);
                // `1 2` must not become `12`.
                if self.gap && is_word(word) && self.text.ends_with(is_word) {
                    self.text.push(' ');
                }
                self.text.push(word);
                self.gap = false;
            }
        }
        Ok(after)
    }

    fn comment<'t>(&mut self, rest: &'t str) -> &'t str {
        self.gap = true;
        if let Some(line) = rest.strip_prefix("//") {
            let line = line.trim_start_matches([' ', '\t']);
            // `//<![CDATA[` hides the marker from JavaScript.
            if ["<![CDATA[", "]]>", "<!--", "-->"]
                .iter()
                .any(|marker| line.starts_with(marker))
            {
                return line;
            }
            self.note_repair("a comment");
            return line.find(['\n', '\r']).map_or("", |end| &line[end..]);
        }
        let (comment, after) = rest[2..].split_once("*/").unwrap_or((rest, ""));
        if !comment.contains("CDATA[") && !comment.contains("]]>") {
            self.note_repair("a comment");
        }
        after
    }

    /// Reads a string from after its opening quote; returns what follows its closing one.
    fn string<'t>(&mut self, mut rest: &'t str) -> &'t str {
        self.text.push('"');
        self.gap = false;
        loop {
            let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
            let Some(at) = rest.as_bytes().iter().position(special) else {
                // Never closed, so this is not JSON.
                self.text.push_str(rest);
                return "";
            };
            self.text.push_str(&rest[..at]);
            let byte = rest.as_bytes()[at];
            rest = &rest[at + 1..];
            match byte {
                b'"' => {
                    self.text.push('"');
                    return rest;
                }
                b'\\' => rest = self.escape(rest),
                control => {
                    self.note_repair("a line break or control character in a string");
                    match control {
                        b'\n' => self.text.push_str("\\n"),
                        b'\r' => self.text.push_str("\\r"),
                        b'\t' => self.text.push_str("\\t"),
                        other => self.text.push_str(&format!("\\u{other:04x}")),
                    }
                }
            }
        }
    }

    /// Reads an escape from after its backslash; returns what follows it.
    fn escape<'t>(&mut self, rest: &'t str) -> &'t str {
        match rest.as_bytes().first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.text.push('\\');
                self.text.push_str(&rest[..1]);
                return &rest[1..];
            }
            Some(b'u') => {
                if let Some(unit) = unit(&rest[1..]) {
                    return self.unit(unit, rest);
                }
            }
            _ => {}
        }
        // The character itself stays, as in JavaScript.
        self.note_repair("an escape that JSON does not allow");
        rest
    }

    /// Reads the UTF-16 unit after `\u`, with the second one if they form a surrogate pair.
    fn unit<'t>(&mut self, first: u16, rest: &'t str) -> &'t str {
        let after = &rest[5..];
        let second = after.strip_prefix("\\u").and_then(unit);
        match (first, second) {
            (0xD800..0xDC00, Some(0xDC00..0xE000)) => {
                self.text.push('\\');
                self.text.push_str(&rest[..11]);
                &after[6..]
            }
            (0xD800..0xE000, _) => {
                self.note_repair("an unpaired surrogate");
                self.text.push('\u{fffd}');
                after
            }
            _ => {
                self.text.push('\\');
                self.text.push_str(&rest[..5]);
                after
            }
        }
    }

    /// What follows `<!--`: the JSON that it hides, or the text after the comment.
    fn hidden<'t>(&mut self, rest: &'t str) -> &'t str {
        let inside = rest.trim_start();
        if inside.starts_with(['{', '[', '/', '<']) {
            return inside;
        }
        let end = if self.no_more_ends {
            None
        } else {
            rest.split_once("-->")
        };
        self.no_more_ends = end.is_none();
        match end {
            Some((_, after)) => after,
            None => rest.find('\n').map_or("", |end| &rest[end..]),
        }
    }

    fn note_repair(&mut self, what: &'static str) {
        if !self.repairs.contains(&what) {
            self.repairs.push(what);
        }
    }
}

/// Four hexadecimal digits.
fn unit(text: &str) -> Option<u16> {
    let digits = text.get(..4)?;
    let valid = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(text: &str) -> (String, Vec<&'static str>) {
        let compact = Compact::read(text).unwrap();
        (compact.text, compact.repairs)
    }

    #[test]
    fn valid_json_only_loses_its_white_space() {
        for text in [
            r#"{"b":1.10,"a":[1e400,-0,true,null],"a":"x"}"#,
            r#"{"url":"https://x.example/*a*/ // <!-- ]]> --> ;","e":"\u00e9\ud83d\ude00\"\\\/"}"#,
            "[]",
            r#""text""#,
            "[[1],[[2]]]",
        ] {
            assert_eq!(compact(text), (text.to_owned(), vec![]));
        }
        let spaced = "\n { \"a b\" :\t[ 1 , 2 ] }\r\n";
        assert_eq!(compact(spaced), (r#"{"a b":[1,2]}"#.to_owned(), vec![]));
    }

    #[test]
    fn markers_around_json_are_removed_silently() {
        for text in [
            "<!-- {\"a\":[[1]]} -->",
            "<!--\n{\"a\":[[1]]}\n//-->",
            "<![CDATA[{\"a\":[[1]]}]]>",
            "//<![CDATA[\n{\"a\":[[1]]}\n//]]>",
            "// <![CDATA[\n{\"a\":[[1]]}\n// ]]>",
            "/*<![CDATA[*/{\"a\":[[1]]}/*]]>*/",
            "<!-- Product data, 2 --> {\"a\":[[1]]}",
        ] {
            assert_eq!(
                compact(text),
                (r#"{"a":[[1]]}"#.to_owned(), vec![]),
                "{text}"
            );
        }
        assert_eq!(compact("<![CDATA[[[1]]]]>").0, "[[1]]");
    }

    #[test]
    fn what_json_does_not_allow_is_repaired_and_reported() {
        for (text, json, repairs) in [
            ("{\"a\":1,}", r#"{"a":1}"#, "a trailing comma"),
            ("[1, 2 , ]", "[1,2]", "a trailing comma"),
            ("{\"a\":1} // yes", r#"{"a":1}"#, "a comment"),
            ("{\"a\":/* no */2}", r#"{"a":2}"#, "a comment"),
            ("{\"a\":1};", r#"{"a":1}"#, "a semicolon"),
            (
                "{\u{a0}\"a\":1}",
                r#"{"a":1}"#,
                "a space that JSON does not allow",
            ),
            (
                "[\"a\nb\tc\u{1}\"]",
                r#"["a\nb\tc\u0001"]"#,
                "a line break or control character in a string",
            ),
            (
                r#"["it\'s \u12 \é"]"#,
                r#"["it's u12 é"]"#,
                "an escape that JSON does not allow",
            ),
            (
                r#"["\ud83d x \ude00"]"#,
                "[\"\u{fffd} x \u{fffd}\"]",
                "an unpaired surrogate",
            ),
            (
                r#"["\ud83d\ud83d\ude00"]"#,
                "[\"\u{fffd}\\ud83d\\ude00\"]",
                "an unpaired surrogate",
            ),
        ] {
            assert_eq!(compact(text), (json.to_owned(), vec![repairs]), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_json_does_not_become_json() {
        for text in [
            "[1 2]",
            "[tr ue]",
            "[1/* */2]",
            "{\"a\" \"b\"}",
            "[\"a",
            "{,}x",
            "[- 1]",
        ] {
            let (compact, _) = compact(text);
            assert!(
                serde_json::from_str::<serde_json::Value>(&compact).is_err(),
                "{compact}"
            );
        }
        assert!(Compact::read(&"[".repeat(65)).is_err());
        assert!(Compact::read(&"[]".repeat(65)).is_ok());
    }
}
