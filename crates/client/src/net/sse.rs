//! The parser of `text/event-stream`, by the rules of the WHATWG HTML standard, §9.2.6.
//!
//! Bytes in, events out; no socket and no clock. Not an EventSource: reconnecting, and what the events mean, is the feed's. Beyond the
//! standard it reports an `id:` that came without data (so that quiet readers' cursors advance), and it bounds what it keeps: an event that
//! is too large is skipped up to its blank line and reported by its id, because failing the stream would bring it again for ever.

/// Most bytes of one event. The largest that a server stores is 64 KiB of content in base64 and some fields.
const MAX_EVENT: usize = 1024 * 1024;

/// What came down the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// An event with data.
    Event {
        /// Its `event:`; `None` when it had none.
        name: Option<String>,
        /// Its `data:` lines, joined by newlines.
        data: String,
        /// The cursor after it.
        id: String,
    },
    /// No data, but the cursor advanced to this.
    Cursor(String),
    /// An event that was too large was skipped; the cursor after it.
    Oversize(String),
    /// The server says how long to wait before reconnecting, in milliseconds.
    Retry(u64),
}

/// A stream as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    begun: bool,
    after_cr: bool,
    name: String,
    data: String,
    has_data: bool,
    id: String,
    told_id: String,
    oversize: bool,
}

impl Parser {
    /// One that continues from the cursor `id` (empty at the very beginning).
    pub(crate) fn new(id: String) -> Self {
        Self { told_id: id.clone(), id, ..Self::default() }
    }

    /// Takes the next bytes, however they were cut, and gives what they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' if std::mem::take(&mut self.after_cr) => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    self.end_of_line(&line, &mut items);
                    self.line = line;
                    self.line.clear();
                }
                _ => {
                    self.after_cr = false;
                    if self.line.len() < MAX_EVENT {
                        self.line.push(byte);
                    } else {
                        self.oversize = true;
                    }
                }
            }
        }
        items
    }

    fn end_of_line(&mut self, line: &[u8], items: &mut Vec<Item>) {
        let line = if self.begun { line } else { line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line) };
        self.begun = true;
        if line.is_empty() {
            self.dispatch(items);
            return;
        }
        let text = String::from_utf8_lossy(line);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" if self.oversize || self.data.len() + value.len() >= MAX_EVENT => {
                self.oversize = true;
                self.data = String::new();
            }
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                items.extend(value.parse().ok().map(Item::Retry));
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, items: &mut Vec<Item>) {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        let has_data = std::mem::take(&mut self.has_data);
        let id = self.id.clone();
        if std::mem::take(&mut self.oversize) {
            items.push(Item::Oversize(id.clone()));
        } else if has_data {
            items.push(Item::Event {
                name: Some(name).filter(|name| !name.is_empty()),
                data,
                id: id.clone(),
            });
        } else if id != self.told_id {
            items.push(Item::Cursor(id.clone()));
        }
        self.told_id = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &[u8]) -> Vec<Item> {
        Parser::default().push(text)
    }

    fn event(name: Option<&str>, data: &str, id: &str) -> Item {
        Item::Event { name: name.map(str::to_owned), data: data.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn fields_line_ends_and_comments_are_as_the_standard_says() {
        let text = "\u{feff}retry: 2000\r\n\r\n: hello\rid: g.1\revent: message\rdata: one\rdata:two\r\r\
                    data\n\nid: g.2\n\nid: g.2\n\nid:bad\0id\ndata:  x\nretry: 1s\nfoo: bar\n\ndata: unfinished";
        assert_eq!(
            parse(text.as_bytes()),
            [
                Item::Retry(2000),
                event(Some("message"), "one\ntwo", "g.1"),
                event(None, "", "g.1"),
                Item::Cursor("g.2".into()),
                event(None, " x", "g.2"),
            ]
        );
    }

    #[test]
    fn a_name_without_data_is_forgotten() {
        assert_eq!(parse(b"event: gap\n\ndata: x\n\n"), [event(None, "x", "")]);
    }

    #[test]
    fn an_event_that_is_too_large_is_skipped_and_its_cursor_kept() {
        let mut parser = Parser::default();
        assert_eq!(parser.push(b"id: 7\ndata: "), []);
        for _ in 0..20 {
            assert_eq!(parser.push(&vec![b'x'; 128 * 1024]), []);
        }
        assert!(parser.line.len() <= MAX_EVENT);
        assert_eq!(
            parser.push(b"\n\nid: 8\ndata: y\n\n"),
            [Item::Oversize("7".into()), event(None, "y", "8")]
        );
        let many = "data: 0123456789\n".repeat(200_000);
        assert_eq!(parser.push(many.as_bytes()), []);
        assert!(parser.data.is_empty());
        assert_eq!(parser.push(b"\n"), [Item::Oversize("8".into())]);
    }

    #[test]
    fn what_is_not_utf8_becomes_replacement_characters() {
        assert_eq!(parse(b"data: a\xff\xfeb\n\n"), [event(None, "a\u{fffd}\u{fffd}b", "")]);
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(
            lines in proptest::collection::vec("(data|id|event|retry|:)?:? ?[a-z0-9\u{fe}é]{0,5}(\r\n|\n|\r)(\r\n|\n|\r)?", 0..30),
            cuts in proptest::collection::vec(1usize..9, 0..60),
        ) {
            let text = lines.concat();
            let whole = parse(text.as_bytes());
            let mut parser = Parser::default();
            let mut items = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (piece, left) = rest.split_at(cut.min(rest.len()));
                items.extend(parser.push(piece));
                rest = left;
            }
            items.extend(parser.push(rest));
            prop_assert_eq!(items, whole);
        }

        #[test]
        fn garbage_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            parse(&bytes);
        }
    }
}
