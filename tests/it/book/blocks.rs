//! The fenced blocks of a page, and the commands in those of the console.
//!
//! A comment on the line before a fence annotates the block: `<!-- file NAME -->` saves it under that name for the
//! commands of its page, and `<!-- not run: REASON -->` keeps a console block from being run.

/// One fenced block.
#[derive(Debug)]
pub(super) struct Block<'t> {
    /// The info string of the fence, such as `console`.
    pub(super) language: &'t str,
    pub(super) text: &'t str,
    /// The comment before the fence, if there is one.
    comment: &'t str,
    /// The line number of the fence, from 1.
    pub(super) line: usize,
}

/// A command of a console block, and the output that the page shows for it.
#[derive(Debug, PartialEq)]
pub(super) struct Command {
    pub(super) text: String,
    pub(super) output: Vec<String>,
}

/// Every fenced block of a page.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, &str, usize, usize)> = None;
    let (mut before, mut at) = ("", 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let bare = line.trim_end();
        match (open, bare.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language, before, at + line.len(), number + 1)),
            (Some((language, comment, start, line)), Some("")) => {
                let text = &text[start..at];
                open = None;
                blocks.push(Block {
                    language,
                    text,
                    comment,
                    line,
                });
            }
            _ => {}
        }
        before = bare;
        at += line.len();
    }
    assert!(open.is_none(), "a fence is not closed: {open:?}");
    blocks
}

impl Block<'_> {
    /// The name under which the block is saved for the commands of its page.
    pub(super) fn file(&self) -> Option<&str> {
        let name = self.comment.strip_prefix("<!-- file ")?;
        name.strip_suffix(" -->")
    }

    /// Whether its commands are run as written.
    pub(super) fn is_run(&self) -> bool {
        !self.comment.starts_with("<!-- not run: ")
    }

    /// Its commands: each line that starts with `$ `, with the lines of its here-document.
    pub(super) fn commands(&self) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        let mut end = None;
        for line in self.text.lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(text), _) if end.is_none() => {
                    end = text.split_once("<<'").and_then(|(_, rest)| {
                        let (end, _) = rest.split_once('\'')?;
                        Some(end.to_owned())
                    });
                    let text = text.to_owned();
                    let output = Vec::new();
                    commands.push(Command { text, output });
                }
                (_, Some(command)) if end.is_some() => {
                    command.text.push('\n');
                    command.text.push_str(line);
                    end = end.filter(|end| end != line);
                }
                (_, Some(command)) => command.output.push(line.to_owned()),
                (_, None) => panic!("line {}: no command comes first", self.line),
            }
        }
        commands
    }
}

#[test]
fn a_console_block_has_commands_with_their_here_documents_and_outputs() {
    let page = "text\n<!-- file a.toml -->\n```toml\nx = 1\n```\n<!-- not run: slow -->\n```console\n$ a 1\n2\n$ b <<'E'\n$ c\nE\nd\n```\n";
    let blocks = blocks(page);
    assert_eq!((blocks[0].language, blocks[0].text), ("toml", "x = 1\n"));
    assert_eq!((blocks[0].file(), blocks[0].line), (Some("a.toml"), 3));
    assert!(blocks[0].is_run() && !blocks[1].is_run());
    let [one, other] = [("a 1", "2"), ("b <<'E'\n$ c\nE", "d")].map(|(text, output)| Command {
        text: text.to_owned(),
        output: vec![output.to_owned()],
    });
    assert_eq!(blocks[1].commands(), [one, other]);
}
