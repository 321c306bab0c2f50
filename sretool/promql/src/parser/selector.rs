//! Selectors and what may follow them: ranges, subqueries, `offset` and `@`.

use super::{Node, Parsed, Parser};
use crate::ast::{At, Duration, Expr, ExprKind, Extension, Literal, MatrixSelector, Span, Subquery, VectorSelector};
use crate::error::ParseError;
use crate::labels::{METRIC_NAME, MatchOp, Matcher};
use crate::lexer::Kind;

impl Parser<'_> {
    /// A selector whose name, if any, has been read already.
    pub(super) fn vector_selector(&mut self, name: Option<Span>) -> Parsed<Node> {
        let (selector, span) = self.selector(name)?;
        self.node(ExprKind::Vector(selector), span, 0)
    }

    /// Matchers that need not select anything by themselves, as the second argument of `info`.
    pub(super) fn label_selector(&mut self) -> Parsed<Node> {
        if !self.is_sign("{") {
            let remedy = "write `{__name__=\"…_info\"}` to choose the info metric";
            return Err(ParseError::of_type("expected label selectors only", self.span()).with_remedy(remedy));
        }
        let (selector, span) = self.selector(None)?;
        Ok(Node { expr: Expr { kind: ExprKind::Vector(selector), span }, height: 1 })
    }

    fn selector(&mut self, name: Option<Span>) -> Parsed<(VectorSelector, Span)> {
        let start = name.unwrap_or_else(|| self.span());
        let mut matchers = Vec::new();
        if let Some(open) = self.take_sign("{") {
            self.matchers(open, &mut matchers)?;
        }
        let span = start.to(self.previous());
        if let Some(name) = name {
            let name = self.text(name);
            if let Some(twice) = matchers.iter().find(|m| &*m.name == METRIC_NAME) {
                let message = format!("metric name must not be set twice: {name:?} or {:?}", twice.value);
                return Err(ParseError::syntax(message, span));
            }
            matchers.insert(0, matcher(METRIC_NAME, MatchOp::Equal, name, span)?);
        }
        // With the name in front, equal selectors have equal matchers however they were written.
        let names: Vec<_> = (0..matchers.len()).filter(|i| &*matchers[*i].name == METRIC_NAME).collect();
        if let [only] = names[..]
            && matchers[only].op == MatchOp::Equal
        {
            let name = matchers.remove(only);
            matchers.insert(0, name);
        }
        Ok((VectorSelector { matchers, ..VectorSelector::default() }, span))
    }

    /// Matchers up to and including the closing brace.
    fn matchers(&mut self, open: Span, matchers: &mut Vec<Matcher>) -> Parsed<()> {
        while self.take_sign("}").is_none() {
            let start = self.span();
            let name = match self.peek().clone() {
                Kind::Word => self.word().to_owned(),
                Kind::Text(text) => text,
                Kind::End => return Err(ParseError::syntax("unclosed left brace", open)),
                _ => return Err(self.unexpected("a label name or \"}\"")),
            };
            let quoted = self.peek() != &Kind::Word;
            self.next();
            match self.match_op() {
                Some(op) => {
                    let Kind::Text(value) = self.peek().clone() else {
                        return Err(self.unexpected("a string in quotes"));
                    };
                    let end = self.next();
                    matchers.push(matcher(&name, op, &value, start.to(end))?);
                }
                None if quoted => matchers.push(matcher(METRIC_NAME, MatchOp::Equal, &name, start)?),
                None => return Err(self.unexpected("\"=\", \"!=\", \"=~\" or \"!~\"")),
            }
            if self.take_sign(",").is_none() && !self.is_sign("}") {
                if self.peek() == &Kind::End {
                    return Err(ParseError::syntax("unclosed left brace", open));
                }
                return Err(self.unexpected("\",\" or \"}\""));
            }
        }
        Ok(())
    }

    fn match_op(&mut self) -> Option<MatchOp> {
        let op = match self.peek() {
            Kind::Sign("=") => MatchOp::Equal,
            Kind::Sign("!=") => MatchOp::NotEqual,
            Kind::Sign("=~") => MatchOp::Regex,
            Kind::Sign("!~") => MatchOp::NotRegex,
            _ => return None,
        };
        self.next();
        Some(op)
    }

    /// Everything that may follow an operand.
    pub(super) fn postfix(&mut self, mut node: Node) -> Parsed<Node> {
        loop {
            if self.is_sign("[") {
                node = self.brackets(node)?;
            } else if self.is_word("offset") {
                self.next();
                let offset = self.offset_duration()?;
                let end = self.previous();
                set_offset(&mut node.expr, offset, end)?;
            } else if self.is_sign("@") {
                self.next();
                let at = self.at_time()?;
                let end = self.previous();
                set_at(&mut node.expr, at, end)?;
            } else if let Some(extension) = self.extension() {
                let end = self.next();
                set_extension(&mut node.expr, extension, end)?;
            } else {
                return Ok(node);
            }
        }
    }

    /// The modifier ahead, if one is.
    fn extension(&self) -> Option<Extension> {
        [Extension::Anchored, Extension::Smoothed].into_iter().find(|e| self.is_word(&e.to_string()))
    }

    /// `[range]` or `[range:step]`.
    fn brackets(&mut self, node: Node) -> Parsed<Node> {
        let open = self.next();
        let range = self.positive_duration()?;
        if self.take_sign(":").is_some() {
            let step = if self.is_sign("]") { None } else { Some(self.positive_duration()?) };
            let close = self.take_sign("]").ok_or_else(|| self.unexpected("\"]\""))?;
            let span = node.expr.span.to(close);
            let subquery = Subquery { expr: node.expr, range, step, offset: None, at: None };
            return self.node(ExprKind::Subquery(Box::new(subquery)), span, node.height);
        }
        let close = self.take_sign("]").ok_or_else(|| self.unexpected("\":\" or \"]\""))?;
        let span = node.expr.span.to(close);
        let message = match node.expr.kind {
            ExprKind::Vector(VectorSelector { offset: Some(_), .. }) => "no offset modifiers allowed before range",
            ExprKind::Vector(VectorSelector { at: Some(_), .. }) => "no @ modifiers allowed before range",
            ExprKind::Vector(selector) => {
                return self.node(ExprKind::Matrix(MatrixSelector { selector, range }), span, node.height);
            }
            _ => "ranges only allowed for vector selectors",
        };
        let error = ParseError::syntax(message, open.to(close));
        Err(match message {
            "ranges only allowed for vector selectors" => error.with_remedy("write `[5m:1m]` to make a subquery"),
            _ => error.with_remedy("write the modifier after the range"),
        })
    }

    fn at_time(&mut self) -> Parsed<At> {
        for (word, at) in [("start", At::Start), ("end", At::End)] {
            if self.is_word(word) {
                self.next();
                self.expect_sign("(")?;
                self.expect_sign(")")?;
                return Ok(at);
            }
        }
        let start = self.span();
        let minus = self.take_sign("-").is_some();
        if !minus {
            self.take_sign("+");
        }
        let seconds = match *self.peek() {
            Kind::Number(value) => value,
            Kind::Duration(ms) => ms as f64 / 1000.0,
            _ => return Err(self.unexpected("a timestamp, start() or end()")),
        };
        let span = start.to(self.next());
        let ms = (if minus { -seconds } else { seconds } * 1000.0).round();
        // Beyond this a time does not fit into milliseconds.
        if !(-9.2e18..9.2e18).contains(&ms) {
            return Err(ParseError::syntax("timestamp out of bounds for @ modifier", span));
        }
        Ok(At::Time(ms as i64))
    }
}

fn matcher(name: &str, op: MatchOp, value: &str, span: Span) -> Parsed<Matcher> {
    Matcher::new(name, op, value).map_err(|e| {
        let cause = e.to_string();
        let cause = cause.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        ParseError::syntax(format!("invalid regular expression {value:?}: {cause}"), span)
    })
}

fn set_offset(expr: &mut Expr, value: Duration, end: Span) -> Parsed<()> {
    let span = expr.span;
    let slot = match &mut expr.kind {
        ExprKind::Vector(selector) => &mut selector.offset,
        ExprKind::Matrix(m) => &mut m.selector.offset,
        ExprKind::Subquery(s) => &mut s.offset,
        _ => {
            let message =
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery";
            return Err(ParseError::syntax(message, span));
        }
    };
    if slot.is_some() {
        return Err(ParseError::syntax("offset may not be set multiple times", span));
    }
    // An offset of nothing says nothing; dropping it makes equal expressions equal.
    if !matches!(value, Duration::Seconds(Literal(0.0))) {
        *slot = Some(value);
    }
    expr.span = span.to(end);
    Ok(())
}

fn set_at(expr: &mut Expr, value: At, end: Span) -> Parsed<()> {
    let span = expr.span;
    let slot = match &mut expr.kind {
        ExprKind::Vector(selector) => &mut selector.at,
        ExprKind::Matrix(m) => &mut m.selector.at,
        ExprKind::Subquery(s) => &mut s.at,
        _ => {
            let message =
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery";
            return Err(ParseError::syntax(message, span));
        }
    };
    if slot.is_some() {
        return Err(ParseError::syntax("@ <timestamp> may not be set multiple times", span));
    }
    *slot = Some(value);
    expr.span = span.to(end);
    Ok(())
}

fn set_extension(expr: &mut Expr, value: Extension, end: Span) -> Parsed<()> {
    let span = expr.span;
    let slot = match &mut expr.kind {
        ExprKind::Vector(selector) => &mut selector.extension,
        ExprKind::Matrix(m) => &mut m.selector.extension,
        ExprKind::Subquery(_) => {
            return Err(ParseError::syntax(format!("{value} modifier is not supported for subqueries"), span));
        }
        _ => return Err(ParseError::syntax(format!("{value} modifier must be preceded by a selector"), span)),
    };
    if slot.is_some_and(|set| set != value) {
        return Err(ParseError::syntax("anchored and smoothed modifiers cannot be used together", span));
    }
    *slot = Some(value);
    expr.span = span.to(end);
    Ok(())
}
