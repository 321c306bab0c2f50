//! Parses expressions: a Pratt parser over the tokens of the lexer.

mod call;
mod check;
mod duration;
mod selector;

use crate::ast::{BinaryExpr, BinaryOp, Expr, ExprKind, Fill, Literal, Span, UnaryOp, VectorMatching};
use crate::error::{ParseError, ParseErrorKind};
use crate::lexer::{Kind, Token, tokenize};

/// How deep a tree may be. Evaluation recurses as deep, so this also guards the evaluator's stack.
const MAX_HEIGHT: usize = 160;

/// How deep brackets, signs and calls may nest. The parser recurses as deep, on up to 15 KiB of stack a level without
/// optimisation, and a thread has 2 MiB.
const MAX_DEPTH: usize = 96;

/// Parses an expression and checks its types.
///
/// # Errors
/// The first mistake, with its place; [`ParseError::render`] shows it in the source.
pub fn parse(src: &str) -> Result<Expr, ParseError> {
    let tokens = tokenize(src)?;
    let mut parser = Parser { src, tokens, at: 0, depth: 0 };
    if parser.peek() == &Kind::End {
        return Err(ParseError::syntax("no expression found in input", parser.span()));
    }
    let node = parser.expr(0)?;
    if parser.peek() != &Kind::End {
        return Err(parser.unexpected("an operator or the end of the expression"));
    }
    Ok(node.expr)
}

/// An expression and the height of its tree.
struct Node {
    expr: Expr,
    height: usize,
}

struct Parser<'a> {
    src: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    fn peek(&self) -> &Kind {
        &self.tokens[self.at].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    fn peek_after(&self, n: usize) -> &Kind {
        &self.tokens[(self.at + n).min(self.tokens.len() - 1)].kind
    }

    /// The text of the token ahead if it is a word, else nothing.
    fn word(&self) -> &'a str {
        if self.peek() == &Kind::Word { self.text(self.span()) } else { "" }
    }

    fn text(&self, span: Span) -> &'a str {
        &self.src[span.start..span.end]
    }

    fn next(&mut self) -> Span {
        let span = self.span();
        // The last token is `End`, which no rule consumes.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        span
    }

    /// The token before the one ahead.
    fn previous(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Kind::Sign(s) if *s == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        self.word().eq_ignore_ascii_case(word)
    }

    fn take_sign(&mut self, sign: &str) -> Option<Span> {
        self.is_sign(sign).then(|| self.next())
    }

    fn take_word(&mut self, word: &str) -> Option<Span> {
        self.is_word(word).then(|| self.next())
    }

    fn expect_sign(&mut self, sign: &'static str) -> Parsed<Span> {
        self.take_sign(sign).ok_or_else(|| self.unexpected(&format!("{sign:?}")))
    }

    fn unexpected(&self, expected: &str) -> ParseError {
        let found = match self.peek() {
            Kind::End => "end of input".to_owned(),
            Kind::BadText => {
                let construct = format!("a string that is not valid UTF-8, {},", self.text(self.span()));
                return ParseError::unsupported(construct, self.span());
            }
            _ => format!("`{}`", self.text(self.span())),
        };
        ParseError::syntax(format!("unexpected {found}, expected {expected}"), self.span())
    }

    /// Runs a rule one level deeper; refuses what would nest too deeply.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn too_deep(&self) -> ParseError {
        let message = format!("the expression nests more than {MAX_DEPTH} levels deep");
        ParseError { kind: ParseErrorKind::TooDeep, message, remedy: None, span: self.span() }
    }

    /// Makes a node above others, `height` being that of the highest.
    fn node(&self, kind: ExprKind, span: Span, height: usize) -> Parsed<Node> {
        if height >= MAX_HEIGHT {
            return Err(self.too_deep());
        }
        let expr = Expr { kind, span };
        check::check(&expr)?;
        Ok(Node { expr, height: height + 1 })
    }

    /// An expression whose operators bind at least as tightly as `min`.
    fn expr(&mut self, min: u8) -> Parsed<Node> {
        let mut lhs = self.nested(Self::prefix)?;
        while let Some(op) = self.binary_op().filter(|op| op.precedence() >= min) {
            self.next();
            let return_bool = self.take_word("bool").is_some();
            let matching = self.matching()?;
            let next = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
            let rhs = self.nested(|p| p.expr(next))?;
            let span = lhs.expr.span.to(rhs.expr.span);
            let height = lhs.height.max(rhs.height);
            let binary = BinaryExpr { op, lhs: lhs.expr, rhs: rhs.expr, return_bool, matching };
            lhs = self.node(ExprKind::Binary(Box::new(binary)), span, height)?;
        }
        Ok(lhs)
    }

    fn binary_op(&self) -> Option<BinaryOp> {
        match self.peek() {
            Kind::Sign(sign) => BinaryOp::parse(sign),
            Kind::Word => BinaryOp::parse(self.word()),
            _ => None,
        }
    }

    /// `on (…) group_left (…)` and its like, after an operator.
    fn matching(&mut self) -> Parsed<VectorMatching> {
        let mut matching = VectorMatching::default();
        let group_ahead = |p: &Self| p.is_word("group_left") || p.is_word("group_right");
        if self.is_word("on") || self.is_word("ignoring") {
            matching.on = self.is_word("on");
            self.next();
            matching.labels = self.label_list()?;
            if group_ahead(self) {
                matching.cardinality = if self.is_word("group_left") {
                    crate::ast::Cardinality::ManyToOne
                } else {
                    crate::ast::Cardinality::OneToMany
                };
                self.next();
                if self.is_sign("(") {
                    matching.include = self.label_list()?;
                }
            }
        } else if group_ahead(self) {
            let remedy = format!("write `on (…) {}` or `ignoring (…) {0}`", self.word());
            return Err(self.unexpected("an operand").with_remedy(remedy));
        }
        matching.fill = self.fill()?;
        Ok(matching)
    }

    /// `fill (v)`, or `fill_left (v)` and `fill_right (v)` in any order. Before anything but a bracket these words are
    /// names of metrics.
    fn fill(&mut self) -> Parsed<Fill> {
        let mut fill = Fill::default();
        while self.peek_after(1) == &Kind::Sign("(") {
            let both = self.is_word("fill");
            let (left, right) = (self.is_word("fill_left"), self.is_word("fill_right"));
            let taken = (both && !fill.is_empty()) || (left && fill.left.is_some()) || (right && fill.right.is_some());
            if taken || !(both || left || right) {
                break;
            }
            self.next();
            let value = Some(self.fill_value()?);
            if both || left {
                fill.left = value;
            }
            if both || right {
                fill.right = value;
            }
            if both {
                break;
            }
        }
        Ok(fill)
    }

    fn fill_value(&mut self) -> Parsed<Literal> {
        self.expect_sign("(")?;
        let minus = self.take_sign("-").is_some();
        if !minus {
            self.take_sign("+");
        }
        let value = match *self.peek() {
            Kind::Number(value) => value,
            Kind::Duration(ms) => ms as f64 / 1000.0,
            _ => return Err(self.unexpected("a number")),
        };
        self.next();
        self.expect_sign(")")?;
        Ok(Literal(if minus { -value } else { value }))
    }

    /// A sign and its operand, or an operand with its modifiers.
    fn prefix(&mut self) -> Parsed<Node> {
        let op = if self.is_sign("-") {
            UnaryOp::Minus
        } else if self.is_sign("+") {
            UnaryOp::Plus
        } else {
            let primary = self.primary()?;
            return self.postfix(primary);
        };
        let start = self.next();
        // A sign binds as tightly as `*`, less than `^`: -2^2 is -4.
        let operand = self.nested(|p| p.expr(BinaryOp::Pow.precedence()))?;
        let span = start.to(operand.expr.span);
        if let ExprKind::Number(Literal(value)) = operand.expr.kind {
            let value = if op == UnaryOp::Minus { -value } else { value };
            return self.node(ExprKind::Number(Literal(value)), span, 0);
        }
        self.node(ExprKind::Unary(op, Box::new(operand.expr)), span, operand.height)
    }

    fn primary(&mut self) -> Parsed<Node> {
        let span = self.span();
        match self.peek().clone() {
            Kind::Number(value) => {
                self.next();
                self.node(ExprKind::Number(Literal(value)), span, 0)
            }
            Kind::Duration(ms) => {
                self.next();
                self.node(ExprKind::Number(Literal(ms as f64 / 1000.0)), span, 0)
            }
            Kind::Text(text) => {
                self.next();
                self.node(ExprKind::Text(text), span, 0)
            }
            Kind::Sign("(") => {
                self.next();
                let inner = self.expr(0)?;
                let close = self.close(span)?;
                self.node(ExprKind::Paren(Box::new(inner.expr)), span.to(close), inner.height)
            }
            Kind::Sign("{") => self.vector_selector(None),
            Kind::Word => self.word_expr(),
            _ => Err(self.unexpected("an expression")),
        }
    }

    /// The bracket that closes the one at `open`.
    fn close(&mut self, open: Span) -> Parsed<Span> {
        if self.peek() == &Kind::End {
            return Err(ParseError::syntax("unclosed left parenthesis", open));
        }
        self.take_sign(")").ok_or_else(|| self.unexpected("an operator or \")\""))
    }
}

#[cfg(test)]
mod tests;
