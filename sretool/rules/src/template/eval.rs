//! Expands the tree of a template.

use super::functions;
use super::parser::{Node, Operand, Pipeline};
use super::value::Val;
use super::{TemplateData, TemplateError};
use std::collections::HashMap;

pub(super) fn expand(nodes: &[Node], data: &TemplateData<'_>) -> Result<String, TemplateError> {
    let defined = nodes.iter().filter_map(|node| match node {
        Node::Define(name, body) => Some((name.as_str(), body.as_slice())),
        _ => None,
    });
    let mut scope = Scope { data, variables: Vec::new(), out: String::new(), defined: defined.collect(), templates: 0 };
    scope.bind("", Val::Root);
    scope.bind("labels", Val::Labels(data.labels.clone()));
    scope.bind("externalLabels", Val::Labels(data.external_labels.clone()));
    scope.bind("externalURL", Val::Str(data.external_url.to_owned()));
    scope.bind("value", Val::Num(data.value));
    scope.nodes(nodes, &Val::Root)?;
    Ok(scope.out)
}

/// Templates may expand themselves, but not for ever.
const MOST_TEMPLATES: usize = 100;

/// How to go on after some nodes.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct Scope<'a> {
    data: &'a TemplateData<'a>,
    variables: Vec<(String, Val)>,
    out: String,
    defined: HashMap<&'a str, &'a [Node]>,
    /// How many templates are being expanded.
    templates: usize,
}

impl Scope<'_> {
    fn bind(&mut self, name: &str, value: Val) {
        self.variables.push((name.to_owned(), value));
    }

    fn nodes(&mut self, nodes: &[Node], dot: &Val) -> Result<Flow, TemplateError> {
        for node in nodes {
            let depth = self.variables.len();
            let flow = match node {
                Node::Text(text) => {
                    self.out.push_str(text);
                    Flow::Next
                }
                Node::Action(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    // An action that sets a variable prints nothing, and its variable outlives it.
                    if pipeline.target.is_none() {
                        let text = value.print().map_err(|message| TemplateError::call("print", message))?;
                        self.out.push_str(&text);
                    }
                    continue;
                }
                Node::If(branches, otherwise) => self.branches(branches, otherwise, dot)?,
                Node::With(subject, body, otherwise) => {
                    let value = self.pipeline(subject, dot)?;
                    if value.is_true() { self.nodes(body, &value)? } else { self.nodes(otherwise, dot)? }
                }
                Node::Range { index, element, over, body, otherwise } => {
                    let items = items(self.pipeline(over, dot)?)?;
                    if items.is_empty() {
                        self.nodes(otherwise, dot)?
                    } else {
                        self.repeat(items, [index, element], body)?
                    }
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
                Node::Define(..) => Flow::Next,
                Node::Template(name, value) => self.template(name, value.as_ref(), dot)?,
            };
            self.variables.truncate(depth);
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn repeat(
        &mut self,
        items: Vec<(Val, Val)>,
        [index, element]: [&Option<String>; 2],
        body: &[Node],
    ) -> Result<Flow, TemplateError> {
        for (key, item) in items {
            let depth = self.variables.len();
            index.iter().for_each(|name| self.bind(name, key.clone()));
            element.iter().for_each(|name| self.bind(name, item.clone()));
            let flow = self.nodes(body, &item)?;
            self.variables.truncate(depth);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    /// A named template sees its value and nothing else.
    fn template(&mut self, name: &str, value: Option<&Pipeline>, dot: &Val) -> Result<Flow, TemplateError> {
        let value = value.map(|value| self.pipeline(value, dot)).transpose()?.unwrap_or(Val::Str(String::new()));
        let body = self.defined.get(name).copied().unwrap_or_default();
        if self.templates == MOST_TEMPLATES {
            return Err(TemplateError::call("template", format!("{name:?} expands itself without end")));
        }
        self.templates += 1;
        let outside = std::mem::replace(&mut self.variables, vec![(String::new(), value.clone())]);
        let flow = self.nodes(body, &value);
        (self.variables, self.templates) = (outside, self.templates - 1);
        flow
    }

    fn branches(
        &mut self,
        branches: &[(Pipeline, Vec<Node>)],
        otherwise: &[Node],
        dot: &Val,
    ) -> Result<Flow, TemplateError> {
        for (condition, body) in branches {
            if self.pipeline(condition, dot)?.is_true() {
                return self.nodes(body, dot);
            }
        }
        self.nodes(otherwise, dot)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Val) -> Result<Val, TemplateError> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(command, value, dot)?);
        }
        let value = value.expect("the parser rejects a pipeline without commands");
        match &pipeline.target {
            None => {}
            Some((name, true)) => self.bind(name, value.clone()),
            Some((name, false)) => {
                if let Some(variable) = self.variables.iter_mut().rev().find(|(n, _)| n == name) {
                    variable.1 = value.clone();
                }
            }
        }
        Ok(value)
    }

    /// One command of a pipeline; the value of the one before is its last argument.
    fn command(&mut self, command: &[Operand], piped: Option<Val>, dot: &Val) -> Result<Val, TemplateError> {
        let (first, rest) = command.split_first().expect("the parser rejects an empty command");
        if let Operand::Function(name) = first {
            let mut arguments = Vec::with_capacity(rest.len() + 1);
            for operand in rest {
                arguments.push(self.operand(operand, dot)?);
            }
            arguments.extend(piped);
            return functions::call(name, arguments, self.data).map_err(|message| TemplateError::call(name, message));
        }
        if !rest.is_empty() || piped.is_some() {
            return Err(TemplateError::call("a value", "it is no function and takes no arguments"));
        }
        self.operand(first, dot)
    }

    fn operand(&mut self, operand: &Operand, dot: &Val) -> Result<Val, TemplateError> {
        match operand {
            Operand::Function(name) => {
                functions::call(name, Vec::new(), self.data).map_err(|message| TemplateError::call(name, message))
            }
            Operand::Variable(name, fields) => {
                let value = self.variables.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.clone());
                self.fields(value.unwrap_or(Val::Str(String::new())), fields)
            }
            Operand::Dot(fields) => self.fields(dot.clone(), fields),
            Operand::Str(text) => Ok(Val::Str(text.clone())),
            Operand::Int(int) => Ok(Val::Int(*int)),
            Operand::Num(number) => Ok(Val::Num(*number)),
            Operand::Bool(value) => Ok(Val::Bool(*value)),
            Operand::Nested(pipeline, fields) => {
                let value = self.pipeline(pipeline, dot)?;
                self.fields(value, fields)
            }
        }
    }

    fn fields(&self, mut value: Val, fields: &[String]) -> Result<Val, TemplateError> {
        for field in fields {
            value = match (value, field.as_str()) {
                (Val::Root, "Labels") => Val::Labels(self.data.labels.clone()),
                (Val::Root, "Value") => Val::Num(self.data.value),
                (Val::Root, "ExternalLabels") => Val::Labels(self.data.external_labels.clone()),
                (Val::Root, "ExternalURL") => Val::Str(self.data.external_url.to_owned()),
                (Val::Labels(labels), name) => Val::Str(labels.get(name).to_owned()),
                (Val::Sample(sample), "Labels") => Val::Labels(sample.labels),
                (Val::Sample(sample), "Value") => Val::Num(sample.v),
                (other, name) => {
                    let message = format!("{} has no field `{name}`", other.type_name());
                    return Err(TemplateError::call(&format!(".{name}"), message));
                }
            };
        }
        Ok(value)
    }
}

/// Keys and elements of what is ranged over.
fn items(value: Val) -> Result<Vec<(Val, Val)>, TemplateError> {
    match value {
        Val::Vector(samples) => {
            let numbered = (0_i64..).map(Val::Int).zip(samples.into_iter().map(Val::Sample));
            Ok(numbered.collect())
        }
        Val::Labels(labels) => {
            let pairs = labels.iter().map(|(name, value)| (Val::Str(name.to_owned()), Val::Str(value.to_owned())));
            Ok(pairs.collect())
        }
        other => Err(TemplateError::call("range", format!("range can't iterate over {}", other.type_name()))),
    }
}
