//! Walks over JSON text that is known to be well formed and compact, without building anything.
//!
//! Every step answers `None` where the text is not what it should be.

use std::borrow::Cow;

/// A place in a text.
pub struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    /// At the beginning of a text.
    pub const fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// Bytes from the beginning.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The byte here.
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    /// Goes past this byte.
    pub fn take(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.position += 1)
    }

    /// Goes past a comma or past the end of an array or object: whether something follows.
    pub fn another(&mut self, end: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.position += 1;
        match byte {
            b',' => Some(true),
            _ if byte == end => Some(false),
            _ => None,
        }
    }

    /// Goes past a member's name.
    pub fn name(&mut self) -> Option<Cow<'a, str>> {
        let start = self.position;
        self.skip_string()?;
        let quoted = self.text.get(start..self.position)?;
        if quoted.contains('\\') {
            return serde_json::from_str(quoted).ok().map(Cow::Owned);
        }
        quoted.get(1..quoted.len() - 1).map(Cow::Borrowed)
    }

    /// Goes past a value, however deep it is nested.
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

    /// Goes past a number, `true`, `false` or `null`.
    fn skip_scalar(&mut self) -> Option<()> {
        let rest = self.text.as_bytes().get(self.position..)?;
        let end = rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | b':'));
        let length = end.unwrap_or(rest.len());
        self.position += length;
        (length > 0).then_some(())
    }
}
