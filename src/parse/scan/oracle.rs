//! html5ever as an oracle: the events of a page according to its tokenizer, and according to ours.
//!
//! There are two ways to drive html5ever's tokenizer. [`ByName`] decides by element names, as our scanner does, and so
//! compares only the tokenizer states; [`Tree`] is html5ever's own tree builder, and so compares with what a browser
//! sees.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag as TheirTag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer,
};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilder, TreeSink};
use html5ever::{Attribute, ExpandedName, QualName, TokenizerResult};

use super::{Name, Tag, TextContext, Visitor, decode, scan, utf8};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Start(String, Vec<(String, String)>),
    End(String),
    Text(String),
}

// Our events.

#[derive(Default)]
struct Ours(Vec<Event>);

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name)
        .replace('\0', "\u{FFFD}")
        .to_ascii_lowercase()
}

impl<'a> Visitor<'a> for Ours {
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        let mut attributes: Vec<(String, String)> = Vec::new();
        while let Some(attribute) = tag.next_attribute() {
            let name = lower(attribute.name);
            if !attributes.iter().any(|(existing, _)| *existing == name) {
                let value = decode(attribute.value, TextContext::Attribute, &utf8);
                attributes.push((name, value.into_owned()));
            }
        }
        if tag.close() {
            self.0
                .push(Event::Start(lower(tag.name_text()), attributes));
        }
        ControlFlow::Continue(())
    }

    fn raw_text(&mut self, name: Name, text: &'a [u8], _: usize) -> ControlFlow<()> {
        let text = match name {
            Name::Title | Name::Textarea => decode(text, TextContext::Text, &utf8).into_owned(),
            _ => String::from_utf8_lossy(text)
                .replace("\r\n", "\n")
                .replace('\r', "\n")
                .replace('\0', "\u{FFFD}"),
        };
        if !text.is_empty() {
            self.0.push(Event::Text(text));
        }
        ControlFlow::Continue(())
    }

    fn end_tag(&mut self, name: &'a [u8]) -> ControlFlow<()> {
        self.0.push(Event::End(lower(name)));
        ControlFlow::Continue(())
    }
}

pub(super) fn ours(html: &str) -> Vec<Event> {
    let mut ours = Ours::default();
    scan(html.as_bytes(), &mut ours);
    ours.0
}

// html5ever's events.

/// A sink that records the tokenizer's tokens and lets an oracle respond to them.
struct Recorder<S> {
    oracle: S,
    events: RefCell<Vec<Event>>,
    text: RefCell<Option<String>>,
}

impl<S: TokenSink> TokenSink for Recorder<S> {
    type Handle = S::Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<S::Handle> {
        let mut text = self.text.borrow_mut();
        match &token {
            Token::CharacterTokens(characters) => {
                if let Some(text) = text.as_mut() {
                    text.push_str(characters);
                }
            }
            Token::NullCharacterToken => {
                if let Some(text) = text.as_mut() {
                    text.push('\0');
                }
            }
            Token::TagToken(_) | Token::EOFToken => {
                let text = text.take().filter(|text| !text.is_empty());
                self.events.borrow_mut().extend(text.map(Event::Text));
            }
            _ => {}
        }
        if let Token::TagToken(tag) = &token {
            self.events.borrow_mut().push(their_event(tag));
        }
        let result = self.oracle.process_token(token, line);
        if matches!(
            result,
            TokenSinkResult::RawData(_) | TokenSinkResult::Plaintext
        ) {
            *text = Some(String::new());
        }
        result
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.oracle
            .adjusted_current_node_present_but_not_in_html_namespace()
    }
}

fn their_event(tag: &TheirTag) -> Event {
    match tag.kind {
        TagKind::StartTag => Event::Start(
            tag.name.to_string(),
            tag.attrs
                .iter()
                .map(|attribute| {
                    (
                        attribute.name.local.to_string(),
                        attribute.value.to_string(),
                    )
                })
                .collect(),
        ),
        TagKind::EndTag => Event::End(tag.name.to_string()),
    }
}

pub(crate) fn theirs<S: TokenSink>(html: &str, oracle: S) -> Vec<Event> {
    let recorder = Recorder {
        oracle,
        events: RefCell::default(),
        text: RefCell::default(),
    };
    let tokenizer = Tokenizer::new(recorder, Default::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
    tokenizer.end();
    tokenizer.sink.events.into_inner()
}

/// The characters outside of tags according to html5ever.
///
/// Only for input without raw text.
pub(super) fn text(html: &str) -> String {
    #[derive(Default)]
    struct Characters(RefCell<String>);
    impl TokenSink for Characters {
        type Handle = ();

        fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
            if let Token::CharacterTokens(characters) = token {
                self.0.borrow_mut().push_str(&characters);
            }
            TokenSinkResult::Continue
        }
    }
    let tokenizer = Tokenizer::new(Characters::default(), Default::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

/// An oracle that decides by the element's name, with scripting off.
pub(crate) struct ByName;

impl TokenSink for ByName {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => match &*tag.name {
                "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
                "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
                    TokenSinkResult::RawData(RawKind::Rawtext)
                }
                "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                "plaintext" => TokenSinkResult::Plaintext,
                _ => TokenSinkResult::Continue,
            },
            _ => TokenSinkResult::Continue,
        }
    }
}

/// A tree without children: html5ever's tree builder only asks for names.
#[derive(Default)]
pub(crate) struct Tree(Cell<usize>);

pub(crate) type Node = Rc<(usize, QualName, bool)>;

impl Tree {
    fn node(&self, name: QualName, point: bool) -> Node {
        self.0.set(self.0.get() + 1);
        Rc::new((self.0.get(), name, point))
    }

    fn nameless(&self) -> Node {
        self.node(QualName::new(None, "".into(), "".into()), false)
    }

    pub(crate) fn oracle() -> TreeBuilder<Node, Tree> {
        let options = html5ever::tree_builder::TreeBuilderOpts {
            scripting_enabled: false,
            ..Default::default()
        };
        TreeBuilder::new(Tree::default(), options)
    }
}

impl TreeSink for Tree {
    type Handle = Node;
    type Output = ();
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) {}
    fn parse_error(&self, _: Cow<'static, str>) {}
    fn get_document(&self) -> Node {
        self.nameless()
    }
    fn elem_name<'a>(&'a self, node: &'a Node) -> ExpandedName<'a> {
        node.1.expanded()
    }
    fn create_element(&self, name: QualName, _: Vec<Attribute>, flags: ElementFlags) -> Node {
        self.node(name, flags.mathml_annotation_xml_integration_point)
    }
    fn create_comment(&self, _: StrTendril) -> Node {
        self.nameless()
    }
    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Node {
        self.nameless()
    }
    fn append(&self, _: &Node, _: NodeOrText<Node>) {}
    fn append_based_on_parent_node(&self, _: &Node, _: &Node, _: NodeOrText<Node>) {}
    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}
    fn get_template_contents(&self, node: &Node) -> Node {
        node.clone()
    }
    fn same_node(&self, one: &Node, other: &Node) -> bool {
        one.0 == other.0
    }
    fn set_quirks_mode(&self, _: QuirksMode) {}
    fn append_before_sibling(&self, _: &Node, _: NodeOrText<Node>) {}
    fn add_attrs_if_missing(&self, _: &Node, _: Vec<Attribute>) {}
    fn remove_from_parent(&self, _: &Node) {}
    fn reparent_children(&self, _: &Node, _: &Node) {}
    fn is_mathml_annotation_xml_integration_point(&self, node: &Node) -> bool {
        node.2
    }
}

/// The pages under `HAUL_HTML`, at most `HAUL_HTML_PAGES`.
///
/// By default, this machine's documentation.
pub(crate) fn pages() -> Vec<PathBuf> {
    let root = std::env::var("HAUL_HTML").unwrap_or_else(|_| "/usr/share/doc".to_owned());
    let limit = std::env::var("HAUL_HTML_PAGES").map_or(100, |limit| limit.parse().unwrap());
    pages_under(Path::new(&root), limit)
}

/// At most `limit` pages in a folder and its subfolders.
pub(crate) fn pages_under(root: &Path, limit: usize) -> Vec<PathBuf> {
    let mut folders = vec![root.to_owned()];
    let mut pages = Vec::new();
    while let (Some(folder), true) = (folders.pop(), pages.len() < limit) {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if is_html(&path) {
                pages.push(path);
            }
        }
    }
    pages.truncate(limit);
    pages
}

fn is_html(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "html" || extension == "htm")
}
