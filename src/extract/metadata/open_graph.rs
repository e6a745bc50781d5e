//! OpenGraph (<https://ogp.me/>): properties in page order, media with their details.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::properties::object;

/// Prefixes of OpenGraph names: its own, those of its types, and those of its first users.
const PREFIXES: [&str; 11] = [
    "og",
    "article",
    "book",
    "profile",
    "music",
    "video",
    "product",
    "fb",
    "place",
    "business",
    "restaurant",
];
/// Properties that have properties of their own (`og:image:width`).
const MEDIA: [&str; 3] = ["image", "video", "audio"];

/// The OpenGraph properties of a page.
///
/// As JSON they are an object, by names without `og:`; names with another prefix (`article:section`) stay whole. A
/// value is a text, or a list if the name occurs more than once. `image`, `video` and `audio` are always lists of
/// objects `{"url": …, "width": …}`: each `og:image` starts a new one, and the details that follow it are added to
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenGraph {
    /// Lower-case names with their prefix, and their values, in page order.
    pub properties: Vec<(String, String)>,
}

/// A picture, video or sound: the names and texts that belong to it.
struct Medium<'o>(Vec<(&'o str, &'o str)>);

/// The values of one name.
enum Values<'o> {
    Texts(Vec<&'o str>),
    Media(Vec<Medium<'o>>),
}

impl OpenGraph {
    /// Whether there are no properties.
    pub fn is_empty(&self) -> bool {
        self.properties.is_empty()
    }

    /// The value of the first property of a name: `og:title`.
    pub fn first(&self, name: &str) -> Option<&str> {
        let mut properties = self.properties.iter();
        let property = properties.find(|(known, _)| known == name);
        property.map(|(_, text)| text.as_str())
    }

    fn values(&self) -> Vec<(&str, Values<'_>)> {
        let mut values: Vec<(&str, Values<'_>)> = Vec::new();
        for (name, text) in &self.properties {
            let short = name.strip_prefix("og:").unwrap_or(name);
            let (root, part) = match short.split_once(':') {
                Some((root, part)) => (root, Some(part)),
                None => (short, None),
            };
            let is_medium = short.len() < name.len() && MEDIA.contains(&root);
            let key = if is_medium { root } else { short };
            let at = values
                .iter()
                .position(|(known, _)| *known == key)
                .unwrap_or_else(|| {
                    let empty = match is_medium {
                        true => Values::Media(Vec::new()),
                        false => Values::Texts(Vec::new()),
                    };
                    values.push((key, empty));
                    values.len() - 1
                });
            match &mut values[at].1 {
                Values::Texts(texts) => texts.push(text),
                Values::Media(media) => add(media, part, text),
            }
        }
        values
    }
}

/// Adds a property to the medium that it belongs to: the last one.
fn add<'o>(media: &mut Vec<Medium<'o>>, part: Option<&'o str>, text: &'o str) {
    let last = media.last().map(|medium| &medium.0);
    let url = last.and_then(|medium| medium.iter().find(|(name, _)| *name == "url"));
    let begins = match (part, url) {
        (None, _) => true,
        // This is the same as the part's other name, and some pages use both.
        (Some("url"), Some((_, known))) if *known == text => return,
        (Some("url"), Some(_)) => true,
        (Some(_), _) => media.is_empty(),
    };
    if begins {
        media.push(Medium(Vec::new()));
    }
    if let Some(Medium(medium)) = media.last_mut() {
        medium.push((part.unwrap_or("url"), text));
    }
}

/// Whether a name belongs to OpenGraph.
pub(super) fn is_property(name: &str) -> bool {
    let prefix = name.split_once(':').map(|(prefix, _)| prefix);
    prefix.is_some_and(|prefix| PREFIXES.contains(&prefix))
}

impl Serialize for OpenGraph {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let values = self.values();
        let mut object = to.serialize_map(Some(values.len()))?;
        for (name, values) in &values {
            match values {
                Values::Texts(texts) if texts.len() == 1 => {
                    object.serialize_entry(name, texts[0])?
                }
                Values::Texts(texts) => object.serialize_entry(name, texts)?,
                Values::Media(media) => object.serialize_entry(name, media)?,
            }
        }
        object.end()
    }
}

impl Serialize for Medium<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        object(&self.0, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(properties: &[(&str, &str)]) -> String {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let properties = properties.iter().map(owned).collect();
        serde_json::to_string(&OpenGraph { properties }).unwrap()
    }

    #[test]
    fn the_details_of_a_picture_stay_with_it() {
        let json = json(&[
            ("og:title", "T"),
            ("og:image", "a"),
            ("og:image:width", "1"),
            ("og:image", "b"),
            ("article:tag", "x"),
            ("og:image", "c"),
            ("og:image:url", "c"),
            ("og:image:width", "3"),
            ("article:tag", "y"),
            ("og:image:url", "d"),
            ("og:video:width", "4"),
            ("og:video:width", "5"),
            ("video:duration", "6"),
        ]);
        assert_eq!(
            json,
            r#"{"title":"T","image":[{"url":"a","width":"1"},{"url":"b"},{"url":"c","width":"3"},{"url":"d"}],"article:tag":["x","y"],"video":[{"width":["4","5"]}],"video:duration":"6"}"#
        );
    }

    #[test]
    fn open_graph_names_are_recognized_by_their_prefix() {
        assert!(is_property("og:title") && is_property("article:tag"));
        assert!(!is_property("twitter:card") && !is_property("og") && !is_property("dc.date"));
    }
}
