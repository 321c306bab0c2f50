//! Builds the tree of a template from its tokens.

use super::TemplateError;
use super::functions;
use super::lexer::{Piece, Token, split};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    /// Conditions with their branches, in order, and the `else` branch.
    If(Vec<(Pipeline, Vec<Node>)>, Vec<Node>),
    With(Pipeline, Vec<Node>, Vec<Node>),
    /// Names of the index and element variables, what is ranged over, the body, and the `else` branch.
    Range {
        index: Option<String>,
        element: Option<String>,
        over: Pipeline,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    /// Ends the innermost `range`, or goes on with its next element.
    Break,
    Continue,
    /// A named template, at the top level only.
    Define(String, Vec<Node>),
    /// Expands a named template with a value as its `.`.
    Template(String, Option<Pipeline>),
}

#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Pipeline {
    /// Variable that receives the value, and whether it is a new one.
    pub target: Option<(String, bool)>,
    pub commands: Vec<Vec<Operand>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Function(String),
    Variable(String, Vec<String>),
    Dot(Vec<String>),
    Str(String),
    Int(i64),
    Num(f64),
    Bool(bool),
    Nested(Pipeline, Vec<String>),
}

/// How a list of nodes ended.
enum Stop {
    Input,
    End,
    Else(usize, Vec<Token>),
}

pub(super) fn parse(text: &str) -> Result<Vec<Node>, TemplateError> {
    let variables = ["", "labels", "externalLabels", "externalURL", "value"].map(str::to_owned).to_vec();
    let pieces = split(text)?.into_iter();
    let mut parser = Parser { pieces, variables, depth: 0, ranges: 0, defined: Vec::new(), used: Vec::new() };
    match parser.nodes()? {
        (mut nodes, Stop::Input) => {
            let missing = |(_, name): &&(usize, String)| {
                !parser.defined.iter().any(|d| matches!(d, Node::Define(n, _) if n == name))
            };
            if let Some((offset, name)) = parser.used.iter().find(missing) {
                return Err(TemplateError::syntax(
                    *offset,
                    format!("the template {name:?} is not defined; add its `define`"),
                ));
            }
            nodes.splice(0..0, parser.defined);
            Ok(nodes)
        }
        (_, Stop::End | Stop::Else(..)) => {
            Err(TemplateError::syntax(0, "there is an `end` or `else` without an `if`, `with` or `range`"))
        }
    }
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
    /// Variables in scope.
    variables: Vec<String>,
    depth: usize,
    /// How many `range` stand around.
    ranges: usize,
    defined: Vec<Node>,
    /// Templates that are expanded, with the place.
    used: Vec<(usize, String)>,
}

/// Deeper nesting than anybody writes, and far from the end of the stack.
const MAX_DEPTH: usize = 64;

impl Parser {
    fn nodes(&mut self) -> Result<(Vec<Node>, Stop), TemplateError> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (offset, tokens) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(offset, tokens) => (offset, tokens),
            };
            let keyword = match tokens.first() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            match keyword.as_str() {
                "end" => return Ok((nodes, Stop::End)),
                "else" => return Ok((nodes, Stop::Else(offset, tokens[1..].to_vec()))),
                "if" | "with" | "range" => nodes.push(self.block(&keyword, offset, tokens[1..].to_vec())?),
                "break" | "continue" if tokens.len() == 1 && self.ranges > 0 => {
                    nodes.push(if keyword == "break" { Node::Break } else { Node::Continue });
                }
                "break" | "continue" => {
                    let message = format!("`{keyword}` stands alone, and within a `range`");
                    return Err(TemplateError::syntax(offset, message));
                }
                "define" => self.define(offset, &tokens)?,
                "template" | "block" => nodes.push(self.template(offset, tokens)?),
                _ => nodes.push(Node::Action(self.pipeline(offset, tokens)?)),
            }
        }
        Ok((nodes, Stop::Input))
    }

    fn block(&mut self, keyword: &str, offset: usize, tokens: Vec<Token>) -> Result<Node, TemplateError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TemplateError::syntax(offset, format!("blocks nest deeper than {MAX_DEPTH}")));
        }
        let scope = self.variables.len();
        let node = match keyword {
            "if" => self.if_block(offset, tokens),
            "with" => {
                let subject = self.pipeline(offset, tokens)?;
                self.body_and_else(offset, keyword).map(|(body, otherwise)| Node::With(subject, body, otherwise))
            }
            _ => self.range_block(offset, tokens),
        };
        self.variables.truncate(scope);
        self.depth -= 1;
        node
    }

    fn define(&mut self, offset: usize, tokens: &[Token]) -> Result<(), TemplateError> {
        let [_, Token::Str(name)] = tokens else {
            return Err(TemplateError::syntax(offset, "`define` takes a name between quotes"));
        };
        if self.depth > 0 {
            return Err(TemplateError::syntax(offset, "`define` stands outside of all blocks"));
        }
        self.body_of(name.clone(), offset, "define")
    }

    /// The body of a named template, which sees no variable of what stands around it.
    fn body_of(&mut self, name: String, offset: usize, keyword: &str) -> Result<(), TemplateError> {
        let (outside, ranges) = (std::mem::replace(&mut self.variables, vec![String::new()]), self.ranges);
        (self.ranges, self.depth) = (0, self.depth + 1);
        let (body, end) = self.nodes()?;
        closed(&end, offset, keyword)?;
        (self.variables, self.ranges, self.depth) = (outside, ranges, self.depth - 1);
        self.defined.push(Node::Define(name, body));
        Ok(())
    }

    fn template(&mut self, offset: usize, tokens: Vec<Token>) -> Result<Node, TemplateError> {
        let is_block = matches!(tokens.first(), Some(Token::Word(word)) if word == "block");
        let mut tokens = tokens.into_iter().skip(1);
        let Some(Token::Str(name)) = tokens.next() else {
            return Err(TemplateError::syntax(offset, "a template is named between quotes"));
        };
        let rest: Vec<_> = tokens.collect();
        let value = if rest.is_empty() { None } else { Some(self.pipeline(offset, rest)?) };
        if is_block {
            self.body_of(name.clone(), offset, "block")?;
        }
        self.used.push((offset, name.clone()));
        Ok(Node::Template(name, value))
    }

    fn if_block(&mut self, offset: usize, tokens: Vec<Token>) -> Result<Node, TemplateError> {
        let mut branches = Vec::new();
        let mut condition = self.pipeline(offset, tokens)?;
        loop {
            let (body, end) = self.nodes()?;
            branches.push((condition, body));
            match end {
                Stop::End => return Ok(Node::If(branches, Vec::new())),
                Stop::Input => return Err(unclosed(offset, "if")),
                Stop::Else(at, rest) => match rest.first() {
                    Some(Token::Word(word)) if word == "if" => condition = self.pipeline(at, rest[1..].to_vec())?,
                    Some(_) => return Err(TemplateError::syntax(at, "only `if` can follow `else`")),
                    None => {
                        let (otherwise, end) = self.nodes()?;
                        closed(&end, offset, "if")?;
                        return Ok(Node::If(branches, otherwise));
                    }
                },
            }
        }
    }

    fn body_and_else(&mut self, offset: usize, keyword: &str) -> Result<(Vec<Node>, Vec<Node>), TemplateError> {
        let (body, end) = self.nodes()?;
        match end {
            Stop::Else(_, rest) if rest.is_empty() => {
                let (otherwise, end) = self.nodes()?;
                closed(&end, offset, keyword)?;
                Ok((body, otherwise))
            }
            Stop::Else(at, rest)
                if keyword == "with" && matches!(rest.first(), Some(Token::Word(w)) if w == "with") =>
            {
                // One `end` closes both.
                let subject = self.pipeline(at, rest[1..].to_vec())?;
                let (inner, otherwise) = self.body_and_else(offset, keyword)?;
                Ok((body, vec![Node::With(subject, inner, otherwise)]))
            }
            Stop::Else(at, _) => {
                Err(TemplateError::syntax(at, format!("nothing can follow `else` within `{keyword}`")))
            }
            end => closed(&end, offset, keyword).map(|()| (body, Vec::new())),
        }
    }

    fn range_block(&mut self, offset: usize, tokens: Vec<Token>) -> Result<Node, TemplateError> {
        let (names, rest) = match tokens.as_slice() {
            [Token::Variable(i, a), Token::Comma, Token::Variable(e, b), Token::Declare, rest @ ..]
                if a.is_empty() && b.is_empty() =>
            {
                ((Some(i.clone()), Some(e.clone())), rest)
            }
            [Token::Variable(e, a), Token::Declare, rest @ ..] if a.is_empty() => ((None, Some(e.clone())), rest),
            rest => ((None, None), rest),
        };
        let over = self.pipeline(offset, rest.to_vec())?;
        self.variables.extend(names.0.iter().chain(&names.1).cloned());
        self.ranges += 1;
        let (body, otherwise) = self.body_and_else(offset, "range")?;
        self.ranges -= 1;
        Ok(Node::Range { index: names.0, element: names.1, over, body, otherwise })
    }

    fn pipeline(&mut self, offset: usize, tokens: Vec<Token>) -> Result<Pipeline, TemplateError> {
        let (target, rest) = match tokens.as_slice() {
            [Token::Variable(name, fields), Token::Declare, rest @ ..] if fields.is_empty() => {
                (Some((name.clone(), true)), rest)
            }
            [Token::Variable(name, fields), Token::Assign, rest @ ..] if fields.is_empty() => {
                self.known(offset, name)?;
                (Some((name.clone(), false)), rest)
            }
            rest => (None, rest),
        };
        let mut commands = Commands { parser: self, tokens: rest.iter().cloned(), offset, depth: 0 };
        let pipeline = Pipeline { target, ..commands.read(false)?.0 };
        if let Some((name, true)) = &pipeline.target {
            self.variables.push(name.clone());
        }
        Ok(pipeline)
    }

    fn known(&self, offset: usize, name: &str) -> Result<(), TemplateError> {
        if self.variables.iter().any(|v| v == name) {
            return Ok(());
        }
        Err(TemplateError::syntax(offset, format!("the variable `${name}` is not defined; $labels and $value are")))
    }
}

fn unclosed(offset: usize, keyword: &str) -> TemplateError {
    TemplateError::syntax(offset, format!("`{keyword}` has no `{{{{ end }}}}`; add it"))
}

fn closed(end: &Stop, offset: usize, keyword: &str) -> Result<(), TemplateError> {
    if matches!(end, Stop::End) { Ok(()) } else { Err(unclosed(offset, keyword)) }
}

struct Commands<'a, I> {
    parser: &'a Parser,
    tokens: I,
    offset: usize,
    depth: usize,
}

impl<I: Iterator<Item = Token>> Commands<'_, I> {
    /// Reads commands up to the end, or to the closing parenthesis, whose fields are returned too.
    fn read(&mut self, nested: bool) -> Result<(Pipeline, Vec<String>), TemplateError> {
        let mut commands = vec![Vec::new()];
        let mut fields = None;
        while let Some(token) = self.tokens.next() {
            match token {
                Token::Pipe => commands.push(Vec::new()),
                Token::Close(after) if nested => {
                    fields = Some(after);
                    break;
                }
                token => {
                    let operand = self.operand(token)?;
                    commands.last_mut().expect("the list starts with one command").push(operand);
                }
            }
        }
        if nested && fields.is_none() {
            return Err(TemplateError::syntax(self.offset, "a parenthesis is not closed; add `)`"));
        }
        if commands.iter().any(Vec::is_empty) {
            return Err(TemplateError::syntax(self.offset, "a value is missing in the action"));
        }
        Ok((Pipeline { target: None, commands }, fields.unwrap_or_default()))
    }

    fn operand(&mut self, token: Token) -> Result<Operand, TemplateError> {
        Ok(match token {
            Token::Word(word) if word == "true" || word == "false" => Operand::Bool(word == "true"),
            Token::Word(word) if functions::is_known(&word) => Operand::Function(word),
            Token::Word(word) => return Err(TemplateError::unsupported(self.offset, format!("the function `{word}`"))),
            Token::Variable(name, fields) => {
                self.parser.known(self.offset, &name)?;
                Operand::Variable(name, fields)
            }
            Token::Dot(fields) => Operand::Dot(fields),
            Token::Str(text) => Operand::Str(text),
            Token::Int(int) => Operand::Int(int),
            Token::Num(number) => Operand::Num(number),
            Token::Open => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(TemplateError::syntax(self.offset, "parentheses nest too deeply"));
                }
                let (pipeline, fields) = self.read(true)?;
                self.depth -= 1;
                Operand::Nested(pipeline, fields)
            }
            Token::Pipe | Token::Close(_) | Token::Declare | Token::Assign | Token::Comma => {
                return Err(TemplateError::syntax(self.offset, "an operator stands where a value is expected"));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn blocks_nest() {
        let nodes =
            parse("{{ if $value }}a{{ else if true }}{{ range $i, $e := query \"x\" }}b{{ end }}{{ else }}c{{ end }}");
        let Node::If(branches, otherwise) = &nodes.unwrap()[0] else { panic!("no if") };
        assert_eq!(branches.len(), 2);
        assert!(
            matches!(&branches[1].1[0], Node::Range { index: Some(i), element: Some(e), .. } if i == "i" && e == "e")
        );
        assert_eq!(otherwise, &[Node::Text("c".into())]);
    }

    #[test]
    fn variables_end_with_their_block() {
        assert!(parse("{{ with $x := 1 }}{{ $x }}{{ end }}").is_ok());
        assert!(error("{{ with $x := 1 }}{{ end }}{{ $x }}").contains("`$x` is not defined"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(error("{{ if true }}x").contains("`if` has no `{{ end }}`"));
        assert!(error("x{{ end }}").contains("without an `if`"));
        assert!(error("{{ template \"x\" }}").contains("the template \"x\" is not defined"));
        assert!(error("{{ template x }}").contains("between quotes"));
        assert!(error("{{ break }}").contains("within a `range`"));
        assert!(error("{{ if true }}{{ define \"x\" }}{{ end }}{{ end }}").contains("outside of all blocks"));
        assert!(error("{{ define \"x\" }}{{ $value }}{{ end }}").contains("`$value` is not defined"));
        assert!(error("{{ range query \"x\" }}{{ else if true }}{{ end }}").contains("nothing can follow"));
        assert!(error("{{ $value | frobnicate }}").contains("the function `frobnicate`"));
        assert!(error("{{ ($value }}").contains("not closed"));
        assert!(error("{{ $value | }}").contains("a value is missing"));
        assert!(error("{{ }}").contains("a value is missing"));
        assert!(error("{{ $value , 1 }}").contains("operator"));
        assert!(error(&"{{ if true }}".repeat(100)).contains("nest deeper"));
        assert!(error(&format!("{{{{ {} }}}}", "(".repeat(100))).contains("nest too deeply"));
    }
}
