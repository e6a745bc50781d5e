//! Removes clutter inside an article: navigation, forms, lists of related articles.
//!
//! dom_smoothie removes what surrounds an article and most of what interrupts it; this module removes the rest.
//! Each rule needs a sign in the markup or a label, *and* little running text: a form around a whole page stays,
//! and so does a chapter headed "Related". Invariant: nothing with a quarter or more of the article's text is
//! removed; the time is that of elements and text times their depth, which the copy has bounded. Edge: captions
//! stay, and so does a single "read more" with its link: of the two sets of pages that `benches/article` scores,
//! one counts captions as article text, and the other counts that line.

use std::collections::HashMap;

use dom_query::{NodeId, NodeRef};

/// The most characters outside links in a box, not counting spaces.
///
/// Sign-up boxes have a sentence or three; anything longer is real text.
const SENTENCES: usize = 400;

/// The most characters of a label, not counting spaces.
const LABEL: usize = 40;

/// The most characters of a label and of the links next to it in one paragraph.
const LABELLED: usize = 800;

/// Labels that head lists of other articles, in lower case.
///
/// "See also" and "further reading" are not among them: those head what an author has chosen.
const LABELS: [&str; 60] = [
    "related",
    "related articles",
    "related content",
    "related coverage",
    "related links",
    "related news",
    "related posts",
    "related reading",
    "related stories",
    "related topics",
    "read also",
    "read more",
    "read next",
    "more from this section",
    "more news",
    "more on this",
    "more on this story",
    "more on this topic",
    "more stories",
    "you may also like",
    "you might also like",
    "you may be interested in",
    "recommended",
    "recommended for you",
    "recommended stories",
    "most popular",
    "most read",
    "most viewed",
    "trending",
    "trending now",
    "mehr zum thema",
    "lesen sie auch",
    "auch interessant",
    "meistgelesen",
    "lire aussi",
    "à lire aussi",
    "sur le même sujet",
    "les plus lus",
    "lee también",
    "noticias relacionadas",
    "te puede interesar",
    "lo más leído",
    "leggi anche",
    "articoli correlati",
    "leia também",
    "leia mais",
    "lees ook",
    "läs också",
    "czytaj także",
    "czytaj też",
    "ilgili haberler",
    "читайте также",
    "по теме",
    "あわせて読みたい",
    "関連記事",
    "相关阅读",
    "相关新闻",
    "相關新聞",
    "관련기사",
    "เรื่องที่เกี่ยวข้อง",
];

/// Removes what is not part of the article.
pub(super) fn remove_clutter(article: &NodeRef<'_>) {
    let inside = article.descendants();
    let extents = Extents::read(article, &inside);
    let whole = extents.of(article).text;
    for element in inside.iter().filter(|node| is_block(node)) {
        let extent = extents.of(element);
        if extent.text == 0 || extent.text * 4 > whole || element.parent().is_none() {
            continue;
        }
        let is_box = extent.outside() <= SENTENCES && is_aside(element);
        if is_box || is_label_with_links(element, extent, &extents) {
            element.remove_from_parent();
        } else if is_label(element, extent, &extents) {
            remove_labelled(element, whole, &extents);
        }
    }
}

/// The amount of text and links in an element. Characters are counted without spaces.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    text: usize,
    /// The part of the text that is in links.
    linked: usize,
    links: usize,
}

impl Extent {
    fn outside(self) -> usize {
        self.text - self.linked
    }

    /// Whether it is links and hardly anything else.
    fn is_links(self) -> bool {
        self.links > 0 && self.outside() * 5 <= self.text
    }
}

struct Extents(HashMap<NodeId, Extent>);

impl Extents {
    /// Measures all nodes. `inside` must have parents before their children.
    fn read(article: &NodeRef<'_>, inside: &[NodeRef<'_>]) -> Self {
        let mut extents = HashMap::with_capacity(inside.len() + 1);
        extents.insert(article.id, Extent::default());
        // One pass down to find out what is inside a link, and one pass up to add the numbers.
        let mut linked: HashMap<NodeId, bool> = HashMap::with_capacity(inside.len());
        for node in inside {
            let parent = node.parent().and_then(|parent| linked.get(&parent.id));
            let is_linked = node.has_name("a") || parent.copied().unwrap_or(false);
            linked.insert(node.id, is_linked);
            let text = if node.is_text() {
                node.text().chars().filter(|c| !c.is_whitespace()).count()
            } else {
                0
            };
            extents.insert(
                node.id,
                Extent {
                    text,
                    linked: if is_linked { text } else { 0 },
                    links: usize::from(node.has_name("a")),
                },
            );
        }
        for node in inside.iter().rev() {
            let own = extents.get(&node.id).copied().unwrap_or_default();
            if let Some(parent) = node.parent()
                && let Some(sum) = extents.get_mut(&parent.id)
            {
                sum.text += own.text;
                sum.linked += own.linked;
                sum.links += own.links;
            }
        }
        Self(extents)
    }

    fn of(&self, node: &NodeRef<'_>) -> Extent {
        self.0.get(&node.id).copied().unwrap_or_default()
    }
}

fn is_block(node: &NodeRef<'_>) -> bool {
    node.node_name().is_some_and(|name| {
        matches!(
            &*name,
            "blockquote"
                | "div"
                | "dl"
                | "footer"
                | "form"
                | "h2"
                | "h3"
                | "h4"
                | "h5"
                | "h6"
                | "header"
                | "li"
                | "nav"
                | "ol"
                | "p"
                | "search"
                | "section"
                | "table"
                | "ul"
        )
    })
}

/// Whether HTML itself marks it as navigation, a form or a search.
fn is_aside(element: &NodeRef<'_>) -> bool {
    ["form", "nav", "search"]
        .iter()
        .any(|name| element.has_name(name))
}

/// Whether a block consists of a label and two or more links.
fn is_label_with_links(element: &NodeRef<'_>, extent: Extent, extents: &Extents) -> bool {
    if extent.links < 2 || extent.text > LABELLED || !(1..=LABEL).contains(&extent.outside()) {
        return false;
    }
    // This uses the measured extents, because searching for links around each text would take time quadratic in the
    // depth.
    let outside: String = element
        .descendants_it()
        .filter(|node| node.is_text() && extents.of(node).outside() > 0)
        .map(|node| format!("{} ", node.text()))
        .collect();
    is_known_label(&outside)
}

/// Whether it is a label and nothing else.
///
/// Of nested elements with the same text, the outermost counts.
fn is_label(element: &NodeRef<'_>, extent: Extent, extents: &Extents) -> bool {
    extent.text <= LABEL
        && element
            .parent()
            .is_none_or(|parent| extents.of(&parent).text > extent.text)
        && is_known_label(&element.text())
}

fn is_known_label(label: &str) -> bool {
    let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
    let label = label
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    LABELS.contains(&&*label)
}

/// Removes a label with the links after it, or a label with nothing after it.
///
/// A label followed by anything else stays.
fn remove_labelled(label: &NodeRef<'_>, whole: usize, extents: &Extents) {
    let mut links = Vec::new();
    let mut next = label.next_sibling();
    let mut is_last = true;
    while let Some(node) = next {
        let extent = extents.of(&node);
        next = node.next_sibling();
        if extent.text == 0 {
            continue;
        }
        if !extent.is_links() || extent.text * 4 > whole {
            is_last = false;
            break;
        }
        links.push(node);
    }
    if is_last || !links.is_empty() {
        label.remove_from_parent();
    }
    for node in links {
        node.remove_from_parent();
    }
}
