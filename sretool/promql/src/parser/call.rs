//! Names: functions, aggregations and metrics.

use super::{Node, Parsed, Parser};
use crate::ast::{AggregateExpr, AggregateOp, Call, ExprKind, Grouping, Span};
use crate::error::ParseError;
use crate::functions;
use crate::lexer::Kind;

/// Words that end or modify an expression, so that they cannot begin one as a metric name.
const NOT_A_METRIC: [&str; 6] = ["on", "ignoring", "bool", "group_left", "group_right", "atan2"];

impl Parser<'_> {
    /// What begins with a word: an aggregation, a function call or a selector.
    pub(super) fn word_expr(&mut self) -> Parsed<Node> {
        let word = self.word();
        let called = self.peek_after(1) == &Kind::Sign("(");
        if let Some(op) = AggregateOp::parse(word) {
            let clause = matches!(self.peek_after(1), Kind::Word) && {
                let next = self.text(self.tokens[self.at + 1].span);
                next.eq_ignore_ascii_case("by") || next.eq_ignore_ascii_case("without")
            };
            if called || clause {
                return self.aggregate(op);
            }
        } else if called {
            return self.call();
        }
        if NOT_A_METRIC.iter().any(|w| w.eq_ignore_ascii_case(word)) {
            return Err(self.unexpected("an expression"));
        }
        let span = self.next();
        self.vector_selector(Some(span))
    }

    fn call(&mut self) -> Parsed<Node> {
        let start = self.next();
        let name = self.text(start);
        // Preprocessors are keywords, so they are read in any case.
        let keyword =
            ["start", "end", "step", "range", "min_of", "max_of"].iter().find(|k| k.eq_ignore_ascii_case(name));
        let function = match functions::find(keyword.unwrap_or(&name)) {
            Some(function) => function,
            None => return Err(unknown(name, start)),
        };
        let (args, height) = if function.name == "info" { self.info_arguments()? } else { self.arguments()? };
        self.node(ExprKind::Call(Call { function, args }), start.to(self.previous()), height)
    }

    /// `(a, b, c)`; yields the arguments and the height of the highest.
    fn arguments(&mut self) -> Parsed<(Vec<crate::Expr>, usize)> {
        let open = self.expect_sign("(")?;
        let mut args = Vec::new();
        let mut height = 0;
        if self.take_sign(")").is_some() {
            return Ok((args, height));
        }
        loop {
            let arg = self.expr(0)?;
            height = height.max(arg.height);
            args.push(arg.expr);
            let Some(comma) = self.take_sign(",") else { break };
            if self.is_sign(")") {
                return Err(ParseError::syntax("trailing commas not allowed in function call args", comma));
            }
        }
        if self.peek() == &Kind::End {
            return Err(ParseError::syntax("unclosed left parenthesis", open));
        }
        self.take_sign(")").ok_or_else(|| self.unexpected("\",\" or \")\""))?;
        Ok((args, height))
    }

    /// `(vector)` or `(vector, {…})`.
    fn info_arguments(&mut self) -> Parsed<(Vec<crate::Expr>, usize)> {
        self.expect_sign("(")?;
        if self.is_sign(")") {
            self.next();
            return Ok((Vec::new(), 0));
        }
        let vector = self.expr(0)?;
        let mut args = vec![vector.expr];
        if self.take_sign(",").is_some() {
            args.push(self.label_selector()?.expr);
        }
        self.expect_sign(")")?;
        Ok((args, vector.height))
    }

    fn aggregate(&mut self, op: AggregateOp) -> Parsed<Node> {
        let start = self.next();
        let mut grouping = self.grouping()?;
        if op == AggregateOp::CountValues && self.peek_after(1) == &Kind::BadText {
            let label = self.tokens[self.at + 1].span;
            return Err(ParseError::syntax(format!("invalid label name {}", self.text(label)), label));
        }
        let (mut args, height) = self.arguments()?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let span = start.to(self.previous());
        let wanted = 1 + usize::from(op.takes_param());
        if args.len() != wanted {
            let message = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {}",
                args.len()
            );
            return Err(ParseError::syntax(message, span));
        }
        // `wanted` is at least one.
        let expr = args.remove(wanted - 1);
        let param = args.pop();
        let grouping = grouping.unwrap_or(Grouping::By(Vec::new()));
        let aggregate = AggregateExpr { op, expr, param, grouping };
        self.node(ExprKind::Aggregate(Box::new(aggregate)), span, height)
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        if self.take_word("by").is_some() {
            return Ok(Some(Grouping::By(self.label_list()?)));
        }
        if self.take_word("without").is_some() {
            return Ok(Some(Grouping::Without(self.label_list()?)));
        }
        Ok(None)
    }

    /// `(a, b)`: names of labels, with or without quotes.
    pub(super) fn label_list(&mut self) -> Parsed<Vec<String>> {
        self.expect_sign("(")?;
        let mut labels = Vec::new();
        while self.take_sign(")").is_none() {
            let label = match self.peek().clone() {
                Kind::Word if !self.is_word("without") => self.word().to_owned(),
                Kind::Text(text) if !text.is_empty() => text,
                _ => return Err(self.unexpected("a label name or \")\"")),
            };
            labels.push(label);
            self.next();
            if self.take_sign(",").is_none() && !self.is_sign(")") {
                return Err(self.unexpected("\",\" or \")\""));
            }
        }
        Ok(labels)
    }
}

fn unknown(name: &str, span: Span) -> ParseError {
    let error = ParseError::syntax(format!("unknown function with name {name:?}"), span);
    match functions::nearest(name) {
        Some(near) => error.with_remedy(format!("did you mean `{near}`?")),
        None => error,
    }
}
