//! Names and their texts as a JSON object.

use serde::ser::{SerializeMap, Serializer};

/// Serializes names and texts as a JSON object, with lists for repeated names.
pub(super) fn object<S: Serializer, N: AsRef<str>, T: AsRef<str>>(
    properties: &[(N, T)],
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut names: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, text) in properties {
        let (name, text) = (name.as_ref(), text.as_ref());
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, texts)) => texts.push(text),
            None => names.push((name, vec![text])),
        }
    }
    let mut object = to.serialize_map(Some(names.len()))?;
    for (name, texts) in &names {
        match texts[..] {
            [text] => object.serialize_entry(name, text)?,
            _ => object.serialize_entry(name, texts)?,
        }
    }
    object.end()
}
