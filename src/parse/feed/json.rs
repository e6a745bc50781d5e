//! JSON Feed (1.1), read as a stream: nothing is stored.

use std::fmt;
use std::ops::ControlFlow;

use memchr::memmem;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::parse::gather::Gathering;
use crate::parse::resolve::Resolver;
use crate::visit::found::FoundKind;

/// The URL by which every JSON Feed identifies itself.
const VERSION: &[u8] = b"//jsonfeed.org/version/";
/// The number of bytes in which [`VERSION`] is searched for.
const VERSION_WITHIN: usize = 4 << 10;

/// Whether JSON identifies itself as a feed. Its slashes may be escaped.
pub(in crate::parse) fn is_json(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(VERSION_WITHIN)];
    memmem::find(head, VERSION).is_some()
        || memmem::find(head, br"\/\/jsonfeed.org\/version\/").is_some()
}

/// Reads a JSON feed. With `assets`, including the images and attachments of its entries.
pub(in crate::parse) fn json(
    text: &str,
    assets: bool,
    resolver: &mut Resolver<'_>,
    gathering: &mut Gathering,
) {
    let mut take = |url: &str, kind| match url.trim_ascii() {
        "" => ControlFlow::Continue(()),
        _ if kind == FoundKind::Asset && !assets => ControlFlow::Continue(()),
        url => gathering.take(resolver, url, kind, false),
    };
    let visitor = ValueVisitor {
        role: ValueRole::Feed,
        take: &mut take,
    };
    // Reading stops at damage, and when there is no room for more links: both mean that there is more.
    if visitor
        .deserialize(&mut serde_json::Deserializer::from_str(text))
        .is_err()
    {
        gathering.note(|found| found.more = true);
    }
}

/// The role of a value in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueRole {
    Feed,
    Entries,
    Entry,
    Attachments,
    Attachment,
    Url(FoundKind),
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    HomePageUrl,
    NextUrl,
    Icon,
    Favicon,
    Items,
    Url,
    ExternalUrl,
    Image,
    BannerImage,
    Attachments,
    #[serde(other)]
    Other,
}

impl ValueRole {
    /// The role of the value of a key; `None` if a feed has no use for it.
    fn of_member(self, key: &Key) -> Option<ValueRole> {
        Some(match (self, key) {
            (ValueRole::Feed, Key::HomePageUrl | Key::NextUrl) => ValueRole::Url(FoundKind::Page),
            (ValueRole::Feed, Key::Icon | Key::Favicon) => ValueRole::Url(FoundKind::Asset),
            (ValueRole::Feed, Key::Items) => ValueRole::Entries,
            (ValueRole::Entry, Key::Url | Key::ExternalUrl) => ValueRole::Url(FoundKind::Page),
            (ValueRole::Entry, Key::Image | Key::BannerImage) => ValueRole::Url(FoundKind::Asset),
            (ValueRole::Entry, Key::Attachments) => ValueRole::Attachments,
            (ValueRole::Attachment, Key::Url) => ValueRole::Url(FoundKind::Asset),
            _ => return None,
        })
    }

    /// The role of each element of a list.
    fn of_element(self) -> Option<ValueRole> {
        match self {
            ValueRole::Entries => Some(ValueRole::Entry),
            ValueRole::Attachments => Some(ValueRole::Attachment),
            _ => None,
        }
    }
}

/// Visits one value and all values in it.
struct ValueVisitor<'t> {
    role: ValueRole,
    take: &'t mut dyn FnMut(&str, FoundKind) -> ControlFlow<()>,
}

impl<'de> DeserializeSeed<'de> for ValueVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON Feed")
    }

    fn visit_str<E: Error>(self, url: &str) -> Result<(), E> {
        match self.role {
            ValueRole::Url(kind) if (self.take)(url, kind).is_break() => Err(E::custom("no room")),
            _ => Ok(()),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            match self.role.of_member(&key) {
                Some(role) => map.next_value_seed(ValueVisitor {
                    role,
                    take: &mut *self.take,
                })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        match self.role.of_element() {
            Some(role) => {
                while list
                    .next_element_seed(ValueVisitor {
                        role,
                        take: &mut *self.take,
                    })?
                    .is_some()
                {}
            }
            None => while list.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}
