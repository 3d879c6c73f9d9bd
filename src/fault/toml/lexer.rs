//! Cuts the text into tokens, each with its line.

use super::PlanError;

/// What a text consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A key, a number, `true` or `false`.
    Word(&'t str),
    /// What stands between quotation marks.
    Text(&'t str),
    /// `=`, `[`, `]`, `{`, `}`, `,` or `.`.
    Sign(char),
    LineEnd,
    End,
}

impl Token<'_> {
    /// As an error calls it.
    pub(super) fn name(self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Text(text) => format!("\"{text}\""),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::LineEnd => "the line's end".to_owned(),
            Self::End => "the file's end".to_owned(),
        }
    }
}

/// Gives one token after the other.
#[derive(Clone)]
pub(super) struct Lexer<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Lexer<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { rest: text, line: 1 }
    }

    /// The next token, and the line on which it stands.
    pub(super) fn next(&mut self) -> Result<(Token<'t>, usize), PlanError> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        if self.rest.starts_with('#') {
            let line = self.rest.split_inclusive('\n').next().unwrap_or_default();
            let comment = match line.strip_suffix('\n') {
                Some(comment) => comment.strip_suffix('\r').unwrap_or(comment),
                None => line,
            };
            if let Some(control) = comment.chars().find(|character| is_control(*character)) {
                return Err(self.error(format!("a comment cannot hold the control character {control:?}")));
            }
            self.advance(comment.len());
        }
        let line = self.line;
        let Some(first) = self.rest.chars().next() else { return Ok((Token::End, line)) };
        let token = match first {
            '\n' => self.line_end(1),
            '\r' if self.rest.starts_with("\r\n") => self.line_end(2),
            '=' | '[' | ']' | '{' | '}' | ',' | '.' => {
                self.advance(1);
                Token::Sign(first)
            }
            '"' => self.text()?,
            _ if is_bare(first) => {
                let end = self.rest.find(|character| !is_bare(character)).unwrap_or(self.rest.len());
                Token::Word(self.take(end))
            }
            _ => return Err(self.error(format!("{first:?} has no meaning here"))),
        };
        Ok((token, line))
    }

    fn line_end(&mut self, octets: usize) -> Token<'t> {
        self.advance(octets);
        self.line += 1;
        Token::LineEnd
    }

    /// What stands between two quotation marks.
    fn text(&mut self) -> Result<Token<'t>, PlanError> {
        self.advance(1);
        let Some(end) = self.rest.find(|character| character == '"' || character == '\\' || is_control(character))
        else {
            return Err(self.error("a text has no second quotation mark"));
        };
        let text = self.take(end);
        if !self.rest.starts_with('"') {
            return Err(self.error(format!("the text \"{text}… holds a backslash or a control character")));
        }
        self.advance(1);
        Ok(Token::Text(text))
    }

    fn take(&mut self, octets: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(octets).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn advance(&mut self, octets: usize) {
        self.take(octets);
    }

    fn error(&self, what: impl Into<String>) -> PlanError {
        PlanError::new(self.line, what)
    }
}

const fn is_bare(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

const fn is_control(character: char) -> bool {
    character.is_ascii_control() && character != '\t'
}
