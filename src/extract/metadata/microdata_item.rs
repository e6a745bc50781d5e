//! A microdata item: its types, properties and values.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A microdata item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MicrodataItem {
    /// Its types, absolute URLs as the page has them: `https://schema.org/Product`.
    pub types: Vec<String>,
    /// Its global identifier, an absolute URL.
    pub id: Option<String>,
    /// Its properties, in the order in which the page first names them.
    ///
    /// The values of each are in page order.
    pub properties: Vec<(String, Vec<MicrodataValue>)>,
}

/// A value of a property.
#[derive(Debug, Clone, PartialEq)]
pub enum MicrodataValue {
    /// A text, or an absolute URL where the element has one.
    Text(String),
    /// A nested item.
    Item(Box<MicrodataItem>),
}

impl MicrodataItem {
    /// The texts of a property.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(|value| match value {
            MicrodataValue::Text(text) => Some(text.as_str()),
            MicrodataValue::Item(_) => None,
        })
    }

    /// The values of a property.
    pub fn values(&self, name: &str) -> &[MicrodataValue] {
        let mut properties = self.properties.iter();
        let property = properties.find(|(known, _)| known == name);
        property.map_or(&[], |(_, values)| values)
    }
}

/// The JSON format of the standard (HTML 5.4.1).
///
/// It is `{"type": […], "id": …, "properties": {name: [values]}}`.
impl Serialize for MicrodataItem {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Properties<'i>(&'i [(String, Vec<MicrodataValue>)]);
        impl Serialize for Properties<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_map(self.0.iter().map(|(name, values)| (name, values)))
            }
        }
        let mut object = to.serialize_map(None)?;
        if !self.types.is_empty() {
            object.serialize_entry("type", &self.types)?;
        }
        if let Some(id) = &self.id {
            object.serialize_entry("id", id)?;
        }
        object.serialize_entry("properties", &Properties(&self.properties))?;
        object.end()
    }
}

impl Serialize for MicrodataValue {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Item(item) => item.serialize(to),
        }
    }
}
