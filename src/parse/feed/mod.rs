//! Feeds: the latest pages of a site. RSS 2.0 and 1.0, Atom (RFC 4287) and JSON Feed 1.1.
//!
//! The links of a feed and its entries are pages; what an entry embeds or attaches is an asset; the next page of a
//! feed (RFC 5005) is followed like any page. Invariant: one pass, and nothing is stored but the links. The HTML
//! inside an entry is not searched: the entry's own page has it.

mod json;

pub(super) use json::{is_json, json};

use std::ops::ControlFlow;

use super::gather::Gathering;
use super::resolve::Resolver;
use super::xml::{Element, Piece, Xml};
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;
use crate::visit::found::FoundKind;

/// The most nested `xml:base` attributes.
const BASES: usize = 8;

/// The role of an element in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeedElement {
    /// `channel` or `feed`.
    Feed,
    /// `item` or `entry`.
    Entry,
    /// The image of an RSS feed.
    Image,
    /// Text that is a URL.
    Url(UrlUse),
    Other,
}

/// The purpose of a URL in an element's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UrlUse {
    Link,
    /// Counts only if the entry has no link, and if it is absolute: an identifier need not be a URL.
    Guid,
    /// Counts only if it is absolute: some feeds write a number here.
    Comments,
    Asset,
}

/// Reads an XML feed. With `assets`, including what its entries embed or attach.
pub(super) fn xml(
    text: &str,
    url: &PageUrl,
    fingerprints: Fingerprints,
    assets: bool,
    gathering: &mut Gathering,
) {
    let mut xml = Xml::new(text);
    let mut reader = FeedReader {
        url,
        bases: Vec::new(),
        resolver: Resolver::new(url, fingerprints),
        fingerprints,
        assets,
        gathering,
        open_elements: Vec::new(),
        text: String::new(),
        guid: None,
        has_link: false,
    };
    for piece in &mut xml {
        let flow = match piece {
            Piece::Open(element) => reader.open(&element),
            Piece::Text(text) => {
                reader.append_text(&text);
                ControlFlow::Continue(())
            }
            Piece::Close => reader.close(),
        };
        if flow.is_break() {
            return;
        }
    }
    if xml.is_broken() {
        gathering.note(|found| found.more = true);
    }
}

/// A feed while it is read.
struct FeedReader<'u, 'g> {
    url: &'u PageUrl,
    /// The current `xml:base` values, with the depth at which each was set.
    bases: Vec<(usize, PageUrl)>,
    resolver: Resolver<'u>,
    fingerprints: Fingerprints,
    assets: bool,
    gathering: &'g mut Gathering,
    open_elements: Vec<FeedElement>,
    text: String,
    guid: Option<String>,
    has_link: bool,
}

impl FeedReader<'_, '_> {
    fn open(&mut self, element: &Element<'_>) -> ControlFlow<()> {
        let parent = self
            .open_elements
            .last()
            .copied()
            .unwrap_or(FeedElement::Other);
        if let Some(base) = element.attribute("xml:base")
            && self.bases.len() < BASES
            && let Ok(base) = self.base().join(base.trim_ascii())
        {
            self.bases.push((self.open_elements.len(), base));
        }
        let (prefix, name) = element.name();
        let mut role = FeedElement::Other;
        let mut flow = ControlFlow::Continue(());
        match (prefix, name, parent) {
            (_, "channel" | "feed", _) => role = FeedElement::Feed,
            (_, "item" | "entry", _) => {
                role = FeedElement::Entry;
                self.guid = None;
                self.has_link = false;
            }
            (_, "link", FeedElement::Feed | FeedElement::Entry | FeedElement::Image) => {
                match element.attribute("href") {
                    Some(href) => flow = self.take_link(element, &href, parent),
                    None => role = FeedElement::Url(UrlUse::Link),
                }
            }
            (_, "guid", FeedElement::Entry)
                if element.attribute("isPermaLink").as_deref() != Some("false") =>
            {
                role = FeedElement::Url(UrlUse::Guid);
            }
            (None, "comments", FeedElement::Entry) => role = FeedElement::Url(UrlUse::Comments),
            (None, "image", _) => role = FeedElement::Image,
            (None, "url", FeedElement::Image) | (_, "icon" | "logo", FeedElement::Feed) => {
                role = FeedElement::Url(UrlUse::Asset);
            }
            (None, "enclosure", FeedElement::Entry)
            | (Some("media"), "content" | "thumbnail", _) => {
                flow = self.take_attribute(element, "url", FoundKind::Asset);
            }
            (Some("itunes"), "image", _) => {
                flow = self.take_attribute(element, "href", FoundKind::Asset)
            }
            // RFC 4287 4.1.3.2: the content is at another URL.
            (None | Some("atom"), "content", FeedElement::Entry) => {
                flow = self.take_attribute(element, "src", FoundKind::Page);
            }
            _ => {}
        }
        if let FeedElement::Url(_) = role {
            self.text.clear();
        }
        self.open_elements.push(role);
        flow
    }

    fn append_text(&mut self, text: &str) {
        if let Some(FeedElement::Url(_)) = self.open_elements.last()
            && self.text.len() <= PageUrl::LONGEST
        {
            self.text.push_str(text);
        }
    }

    fn close(&mut self) -> ControlFlow<()> {
        let role = self.open_elements.pop();
        let text = std::mem::take(&mut self.text);
        let url = text.trim_ascii();
        let mut flow = ControlFlow::Continue(());
        match role {
            Some(FeedElement::Url(_)) if url.is_empty() => {}
            Some(FeedElement::Url(UrlUse::Link)) => {
                self.has_link |= self.open_elements.last() == Some(&FeedElement::Entry);
                flow = self.take(url, FoundKind::Page);
            }
            Some(FeedElement::Url(UrlUse::Guid)) if is_absolute(url) => {
                self.guid = Some(url.to_owned())
            }
            Some(FeedElement::Url(UrlUse::Comments)) if is_absolute(url) => {
                flow = self.take(url, FoundKind::Page)
            }
            Some(FeedElement::Url(UrlUse::Asset)) => flow = self.take(url, FoundKind::Asset),
            Some(FeedElement::Entry) => {
                if let (false, Some(guid)) = (self.has_link, self.guid.take()) {
                    flow = self.take(&guid, FoundKind::Page);
                }
            }
            _ => {}
        }
        self.text = text;
        if self
            .bases
            .last()
            .is_some_and(|(depth, _)| *depth >= self.open_elements.len())
        {
            self.bases.pop();
        }
        flow
    }

    /// A link in Atom's form (RFC 4287 4.2.7), which RSS borrows.
    fn take_link(
        &mut self,
        element: &Element<'_>,
        href: &str,
        parent: FeedElement,
    ) -> ControlFlow<()> {
        let relation = element.attribute("rel");
        let relation = relation
            .as_deref()
            .unwrap_or("alternate")
            .to_ascii_lowercase();
        match relation.as_str() {
            "alternate" => {
                self.has_link |= parent == FeedElement::Entry;
                self.take(href.trim_ascii(), FoundKind::Page)
            }
            "related" | "via" | "replies" | "next" | "prev" | "previous" | "first" | "last"
            | "current" | "next-archive" | "prev-archive" => {
                self.take(href.trim_ascii(), FoundKind::Page)
            }
            "enclosure" => self.take(href.trim_ascii(), FoundKind::Asset),
            _ => ControlFlow::Continue(()),
        }
    }

    fn take_attribute(
        &mut self,
        element: &Element<'_>,
        name: &str,
        kind: FoundKind,
    ) -> ControlFlow<()> {
        match element.attribute(name) {
            Some(url) if !url.trim_ascii().is_empty() => self.take(url.trim_ascii(), kind),
            _ => ControlFlow::Continue(()),
        }
    }

    fn take(&mut self, url: &str, kind: FoundKind) -> ControlFlow<()> {
        if kind == FoundKind::Asset && !self.assets {
            return ControlFlow::Continue(());
        }
        match self.bases.last() {
            None => self.gathering.take(&mut self.resolver, url, kind, false),
            Some((_, base)) => {
                let mut resolver = Resolver::new(base, self.fingerprints);
                self.gathering.take(&mut resolver, url, kind, false)
            }
        }
    }

    fn base(&self) -> &PageUrl {
        self.bases.last().map_or(self.url, |(_, base)| base)
    }
}

fn is_absolute(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        let start = url.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit::found::FoundLinks;

    fn in_short(found: &FoundLinks) -> Vec<String> {
        let links = found.iter().map(|link| {
            let url = link
                .url
                .strip_prefix("http://h.example")
                .unwrap_or(link.url);
            format!("{} {url}", link.kind.as_str())
        });
        links.chain(found.more.then(|| "more".to_owned())).collect()
    }

    fn read(text: &str, assets: bool) -> Vec<String> {
        let url = PageUrl::parse("http://h.example/blog/feed").unwrap();
        let mut gathering = Gathering::new(1000);
        xml(text, &url, Fingerprints::default(), assets, &mut gathering);
        in_short(&gathering.finish().unwrap_or_default())
    }

    fn read_json(text: &str, assets: bool) -> Vec<String> {
        let url = PageUrl::parse("http://h.example/blog/feed").unwrap();
        let mut resolver = Resolver::new(&url, Fingerprints::default());
        let mut gathering = Gathering::new(3);
        json(text, assets, &mut resolver, &mut gathering);
        in_short(&gathering.finish().unwrap_or_default())
    }

    const RSS: &str = "<rss version='2.0' xmlns:atom='a' xmlns:media='m' xmlns:slash='s'><channel>
        <title>t</title><link> http://h.example/ </link>
        <atom:link rel='self' href='/self'/><atom:link rel='next' href='?page=2'/>
        <image><url>/logo.png</url><link>http://h.example/</link></image>
        <item><link>http://h.example/1?a=b&amp;c=d</link><guid>http://h.example/?p=1</guid>
          <comments>http://h.example/1/talk#x</comments><slash:comments>5</slash:comments>
          <enclosure url='/1.mp3' type='audio/mpeg' length='1'/><media:thumbnail url='/1.png'/>
          <description>&lt;a href='/inside'>x&lt;/a></description></item>
        <item><guid>http://h.example/2</guid></item>
        <item><guid isPermaLink='false'>http://h.example/3</guid></item>
        <item><guid>urn:4</guid></item>
        <item><link><![CDATA[/5]]></link></item>
        </channel></rss>";

    #[test]
    fn rss_lists_the_pages_of_its_items() {
        let pages = [
            "page /",
            "page /blog/feed?page=2",
            "page /1?a=b&c=d",
            "page /1/talk",
            "page /2",
            "page /5",
        ];
        assert_eq!(read(RSS, false), pages);
        let assets: Vec<_> = read(RSS, true)
            .into_iter()
            .filter(|link| link.starts_with("asset"))
            .collect();
        assert_eq!(assets, ["asset /logo.png", "asset /1.mp3", "asset /1.png"]);
    }

    #[test]
    fn rss_1_has_its_items_next_to_the_channel() {
        let feed = "<rdf:RDF xmlns:rdf='r' xmlns='p'><channel rdf:about='/'><link>/home</link><items><rdf:Seq/></items></channel>
            <item rdf:about='/1'><title>x</title><link>/1</link></item></rdf:RDF>";
        assert_eq!(read(feed, false), ["page /home", "page /1"]);
    }

    #[test]
    fn atom_links_have_a_relation_and_a_base() {
        let feed = "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='http://h.example/x/'><link href='.'/><link rel='self' href='s'/>
            <link rel='hub' href='/hub'/><icon>/i.ico</icon><id>urn:x</id>
            <entry xml:base='y/'><link rel='alternate' href='1'/><link rel='enclosure' href='1.mp3'/><link rel='edit' href='/e'/>
              <source><link href='/other'/></source></entry>
            <entry><link href='2'/><content type='text/html' src='full/2'/></entry></feed>";
        let pages = ["page /x/", "page /x/y/1", "page /x/2", "page /x/full/2"];
        assert_eq!(read(feed, false), pages);
        assert_eq!(read(feed, true).len(), 6);
    }

    #[test]
    fn links_before_the_damage_count() {
        let cut = &RSS[..RSS.find("<enclosure").unwrap() + 5];
        assert_eq!(read(cut, false).last().unwrap(), "more");
        assert!(read(cut, false).contains(&"page /1?a=b&c=d".to_owned()));
    }

    #[test]
    fn a_json_feed_lists_the_pages_of_its_items() {
        let feed = r#"{"version":"https://jsonfeed.org/version/1.1","title":"t","home_page_url":"/","feed_url":"/self","items":[
            {"id":"/id","url":"/1","external_url":null,"image":"/1.png","authors":[{"url":"/ann"}],
             "attachments":[{"url":"/1.mp3","size_in_bytes":1}],"tags":["/tag"]},
            7, {"url":{"url":"/no"}}, {"url":"/2"}],"next_url":"/3"}"#;
        assert!(is_json(feed.as_bytes()) && is_json(feed.replace('/', r"\/").as_bytes()));
        assert!(!is_json(br#"{"items":[{"url":"/1"}]}"#));
        assert_eq!(
            read_json(feed, false),
            ["page /", "page /1", "page /2", "more"]
        );
        assert_eq!(
            read_json(feed, true),
            ["page /", "page /1", "asset /1.png", "more"]
        );
        let cut = &feed[..feed.find("/2").unwrap()];
        assert_eq!(read_json(cut, false), ["page /", "page /1", "more"]);
        assert_eq!(read_json(&"[".repeat(100_000), false), ["more"]);
    }

    #[test]
    fn random_feed_pieces_never_panic() {
        const PIECES: &[&str] = &[
            "<rss>",
            "<channel>",
            "</channel>",
            "<item>",
            "</item>",
            "<entry xml:base='/é/'>",
            "</entry>",
            "<link>",
            "<link href='x'/>",
            "</link>",
            "<guid>",
            "</guid>",
            "http://h.example/é",
            "&amp;",
            "&#0;",
            "<![CDATA[x]]>",
            "<image>",
            "<url>",
            "</url>",
            "<enclosure url=''/>",
            "<content src='y'/>",
            "</x>",
            "<",
            "&",
        ];
        for _ in 0..20_000 {
            let soup: String = (0..fastrand::usize(0..16))
                .map(|_| PIECES[fastrand::usize(0..PIECES.len())])
                .collect();
            read(&soup, true);
        }
    }
}
