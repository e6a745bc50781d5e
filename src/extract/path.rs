//! JSONPath (RFC 9535).

use serde_json::Value;
use serde_json_path::JsonPath;

use super::fault::Fault;

/// The longest query, in bytes.
const LONGEST: usize = 4 << 10;
/// Nesting depth of brackets: the query compiler recurses.
const DEPTH: usize = 16;

/// A compiled query. Its `$` is the value it is applied to: inside an item, the item.
#[derive(Debug)]
pub(super) struct Path(JsonPath);

impl Path {
    /// Compiles a query.
    ///
    /// # Errors
    /// Where and why it is not a valid query.
    pub(super) fn compile(text: &str) -> Result<Self, Fault> {
        if text.len() > LONGEST {
            return Err(Fault {
                at: LONGEST,
                problem: format!("a JSONPath longer than {LONGEST} bytes"),
            });
        }
        let mut depth = 0_usize;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > DEPTH {
                return Err(Fault {
                    at,
                    problem: "brackets are nested too deeply".to_owned(),
                });
            }
        }
        JsonPath::parse(text).map(Path).map_err(|error| Fault {
            at: error.position(),
            problem: format!("not a JSONPath: {}", error.message()),
        })
    }

    /// The first `limit` values that it matches.
    pub(super) fn query<'v>(&self, value: &'v Value, limit: usize) -> Vec<&'v Value> {
        self.0.query(value).into_iter().take(limit).collect()
    }
}
