//! The Practice Gazette: what generated pages say, and how they are marked up.
//!
//! Invariant: the same seed, host, number and edition give the same bytes, nonces apart. The editions of a page share
//! its title and its links, and no text. Edge: a page that is too small for text has some in its later editions.

use std::fmt::Write;

use super::calendar;
use super::dice::Dice;
use super::editions::CHILDREN;
use super::prose::Prose;
use super::settings::OriginSettings;

/// The number of sections that every page links to.
const NAMED_SECTIONS: u64 = 4;

/// The purposes of the dice. The text of each edition has a purpose of its own, that far from the one before.
const FOR_TEXT: u64 = 21;
const FOR_LINK: u64 = 22;
const EDITION: u64 = 64;

/// The style sheet.
pub(crate) const STYLE: &str = "body{max-width:42rem;margin:auto;padding:1rem;font:1rem/1.5 serif;color:#222}\n\
    header img{height:2rem}nav ul{display:flex;gap:1rem;list-style:none;padding:0}\nfooter{border-top:1px solid #ccc}\n";

/// The logo.
pub(crate) const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7\" fill=\"#246\"/>\
    <path d=\"M4 9h8M8 4v8\" stroke=\"#fff\" stroke-width=\"2\"/></svg>\n";

const FOOTER: &str = "</article></main><footer><p>Printed for practice. <a href=\"/\">Front page</a> \
    <a href=\"/sitemap.xml\">Sitemap</a></p></footer></body></html>\n";

/// A writer of pages.
#[derive(Debug)]
pub(crate) struct Gazette {
    /// The pages of the first edition, to which cross links lead.
    pages: u64,
    page_bytes: usize,
    links: u64,
    dice: Dice,
    prose: Prose,
    header: String,
}

/// One page of one edition, for one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Issue<'a> {
    pub(crate) number: u64,
    /// The edition in which it last changed.
    pub(crate) edition: u64,
    pub(crate) nonce: Option<u64>,
    /// The site's URL, without the slash at its end.
    pub(crate) base: &'a str,
}

impl Gazette {
    /// A writer for settings that were checked.
    pub(crate) fn new(settings: &OriginSettings) -> Gazette {
        let dice = Dice::new(settings.seed);
        let mut header = String::from(
            "<link rel=\"stylesheet\" href=\"/static/site.css\"></head><body><header><a href=\"/\">\
             <img src=\"/static/logo.svg\" alt=\"The Practice Gazette\"></a><nav><ul>",
        );
        for section in 0..settings.pages.min(NAMED_SECTIONS) {
            let _ = write!(
                header,
                "<li><a href=\"/page/{section}\">Section {section}</a></li>"
            ); // writing to memory cannot fail
        }
        header.push_str("</ul></nav></header>\n<main><article>");
        Gazette {
            pages: settings.pages,
            page_bytes: settings.page_bytes,
            links: settings.links_per_page as u64,
            dice,
            prose: Prose::new(dice),
            header,
        }
    }

    /// The front page, which also links to some pages that were added.
    pub(crate) fn front(&self, nonce: Option<u64>, added: impl Iterator<Item = u64>) -> String {
        let mut page = String::with_capacity(4 << 10);
        page.push_str(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>The Practice Gazette</title>\
             <meta name=\"description\" content=\"Pages to practise on.\">",
        );
        push_nonce(&mut page, nonce);
        page.push_str(&self.header);
        page.push_str("<h1>The Practice Gazette</h1>\n<p>");
        page.push_str(self.prose.paragraph(self.dice.throw(FOR_TEXT, 0)));
        page.push_str("</p>\n<ul class=\"sections\">");
        for section in 0..self.pages.min(CHILDREN) {
            self.link(&mut page, "/page/", section);
        }
        for child in added {
            self.link(&mut page, "/page/", child);
        }
        page.push_str("</ul>");
        page.push_str(FOOTER);
        page
    }

    /// A page, which also links to its children among those that were added.
    pub(crate) fn page(&self, issue: Issue<'_>, added: impl Iterator<Item = u64>) -> String {
        let Issue {
            number,
            edition,
            nonce,
            base,
        } = issue;
        let mut page = String::with_capacity(self.page_bytes + (3 << 10));
        let purpose = FOR_TEXT + (edition - 1) * EDITION;
        let text = |place: u64| {
            self.prose
                .paragraph(self.dice.throw(purpose, number * 64 + place))
        };
        page.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
        self.prose.write_title(number, &mut page);
        page.push_str(" | The Practice Gazette</title><meta name=\"description\" content=\"");
        page.push_str(cut(text(0), 150));
        // Writing to memory cannot fail, so the results are ignored, here and below.
        let _ = write!(
            page,
            "\"><link rel=\"canonical\" href=\"{base}/page/{number}\">"
        );
        push_nonce(&mut page, nonce);
        page.push_str(&self.header);
        page.push_str("<h1>");
        self.prose.write_title(number, &mut page);
        let day = calendar::day(number, edition);
        let _ = write!(
            page,
            "</h1>\n<p class=\"byline\"><time datetime=\"{day}\">{day}</time></p>\n"
        );

        let mut links = String::with_capacity(1 << 10);
        self.push_links(&mut links, number, base, added);
        let mut place = 1;
        let mut needs_text = edition > 1; // or it would not differ from the edition before
        while needs_text || page.len() + links.len() + FOOTER.len() < self.page_bytes {
            if place == 3 {
                let _ = write!(
                    page,
                    "<h2 id=\"figure\">A figure</h2><figure><img src=\"/static/logo.svg\" alt=\"Figure {number}\">"
                );
                page.push_str("<figcaption>As it was found.</figcaption></figure>\n");
            }
            let room = self
                .page_bytes
                .saturating_sub(page.len() + links.len() + FOOTER.len() + 8)
                .max(if needs_text { usize::MAX } else { 1 });
            needs_text = false;
            page.push_str("<p>");
            page.push_str(cut(text(place), room));
            page.push_str("</p>\n");
            place += 1;
        }
        page.push_str(&links);
        page.push_str(FOOTER);
        page
    }

    /// Writes the children, then the cross links, in every spelling that a page may use.
    fn push_links(
        &self,
        links: &mut String,
        number: u64,
        base: &str,
        added: impl Iterator<Item = u64>,
    ) {
        links.push_str("<ul class=\"related\">");
        let first = (number + 1).saturating_mul(CHILDREN);
        for child in first.min(self.pages)..(first + CHILDREN).min(self.pages) {
            self.link(links, "", child);
        }
        for child in added {
            self.link(links, "", child);
        }
        for place in 0..self.links {
            let other = self
                .dice
                .below(FOR_LINK, number * 16_384 + place, self.pages);
            match place % 5 {
                0 => self.link(links, "/page/", other),
                1 => self.link(links, "../page/", other),
                2 => {
                    let _ = write!(
                        links,
                        "<li><a href=\"{base}/page/{other}\">Elsewhere</a></li>"
                    );
                }
                3 => {
                    let _ = write!(
                        links,
                        "<li><a href='/page/{other}#figure'>The figure of {other}</a></li>"
                    );
                }
                _ => {
                    let again = self.dice.below(FOR_LINK, number * 16_384, self.pages); // the first cross link again
                    self.link(links, "/page/", again);
                }
            }
        }
        links.push_str("</ul>");
    }

    fn link(&self, page: &mut String, before: &str, number: u64) {
        let _ = write!(
            page,
            "<li><a href=\"{before}{number}\">Page {number}</a></li>"
        );
    }
}

/// Writes a nonce where nobody reads it as text.
fn push_nonce(page: &mut String, nonce: Option<u64>) {
    if let Some(nonce) = nonce {
        let _ = write!(page, "<meta name=\"csrf-token\" content=\"{nonce:016x}\">");
    }
}

/// The start of an ASCII text, up to a space if there is one.
fn cut(text: &str, room: usize) -> &str {
    if text.len() <= room {
        return text;
    }
    let start = &text[..room];
    start.rfind(' ').map_or(start, |space| &start[..space])
}
