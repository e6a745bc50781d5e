//! Finds the first `<meta>` of a page that declares a charset, as a parser does.
//!
//! See HTML 13.2.6.4.4 and 13.2.3.5. Unlike the prescan, the scanner understands comments, scripts and attribute
//! values, and reads to the end of the page.

use std::ops::ControlFlow;

use super::prescan;
use super::{Charset, CharsetSource};
use crate::parse::scan::{Name, Tag, Visitor, scan};

/// The charset that a page declares, wherever it does so.
pub(super) fn in_page(html: &[u8]) -> Option<Charset> {
    let mut finder = Finder(None);
    scan(html, &mut finder);
    finder.0
}

struct Finder(Option<Charset>);

impl<'a> Visitor<'a> for Finder {
    #[inline]
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        if tag.name() != Name::Meta || tag.is_foreign() {
            return ControlFlow::Continue(());
        }
        let offset = tag.offset();
        let Some([charset, pragma, content]) = tag.pick(["charset", "http-equiv", "content"])
        else {
            return ControlFlow::Continue(());
        };
        let Some(encoding) = prescan::meta_encoding(charset, pragma, content) else {
            return ControlFlow::Continue(());
        };
        let source = if offset < prescan::PRESCAN_LIMIT {
            CharsetSource::Meta
        } else {
            CharsetSource::LateMeta
        };
        self.0 = Some(Charset { encoding, source });
        ControlFlow::Break(())
    }

    fn raw_text(&mut self, _: Name, _: &'a [u8], _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
