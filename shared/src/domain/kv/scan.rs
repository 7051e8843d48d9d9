//! Reads JSON text that is known to be valid and compact step by step, without building a tree.
//!
//! Every step returns `None` if the text is not what was expected.

use std::borrow::Cow;

/// A position in a JSON text.
pub struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner at the beginning of `text`.
    pub const fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// The position, in bytes from the beginning.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The byte at the position; `None` at the end.
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    /// Steps over the byte `expected`; `None` if there is another byte.
    pub fn take(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.position += 1)
    }

    /// Steps over a comma (`true`: another element follows) or over `end`, the end of the array or object (`false`).
    pub fn another(&mut self, end: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.position += 1;
        match byte {
            b',' => Some(true),
            _ if byte == end => Some(false),
            _ => None,
        }
    }

    /// Steps over the name of a member, and returns it without its escapes.
    pub fn name(&mut self) -> Option<Cow<'a, str>> {
        let start = self.position;
        self.skip_string()?;
        let quoted = self.text.get(start..self.position)?;
        if quoted.contains('\\') {
            return serde_json::from_str(quoted).ok().map(Cow::Owned);
        }
        quoted.get(1..quoted.len() - 1).map(Cow::Borrowed)
    }

    /// Steps over a value, at any depth of nesting, without recursion.
    pub fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'[' | b'{' => {
                    depth += 1;
                    self.position += 1;
                }
                b']' | b'}' => {
                    depth = depth.checked_sub(1)?;
                    self.position += 1;
                }
                b',' | b':' if depth > 0 => {
                    self.position += 1;
                    continue;
                }
                _ => self.skip_scalar()?,
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            let rest = self.text.as_bytes().get(self.position..)?;
            self.position += rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            if self.take(b'"').is_some() {
                return Some(());
            }
            self.position += 2;
        }
    }

    /// Steps over a number, `true`, `false` or `null`.
    fn skip_scalar(&mut self) -> Option<()> {
        let rest = self.text.as_bytes().get(self.position..)?;
        let end = rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | b':'));
        let length = end.unwrap_or(rest.len());
        self.position += length;
        (length > 0).then_some(())
    }
}
