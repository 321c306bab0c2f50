//! Templates of labels and annotations: the part of Go's `text/template` that alert rules use, with Prometheus'
//! functions. What is outside of that part is an error that names the construct, found when the file is read.

mod calendar;
mod eval;
mod functions;
mod lexer;
mod number;
mod parser;
mod printf;
mod value;

use promql::{Labels, VectorSample};
use std::fmt;

/// A parsed template.
#[derive(Clone, PartialEq)]
pub struct Template {
    source: String,
    nodes: Vec<parser::Node>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

/// Answers a query within a template at the time of the evaluation.
pub type TemplateQuery<'a> = dyn Fn(&str) -> Result<Vec<VectorSample>, String> + 'a;

/// What a template sees.
#[derive(Clone, Copy)]
pub struct TemplateData<'a> {
    /// `$labels`: labels of the sample, the metric name included.
    pub labels: &'a Labels,
    /// `$value`
    pub value: f64,
    /// `$externalLabels`
    pub external_labels: &'a Labels,
    /// `$externalURL`: where people reach this server.
    pub external_url: &'a str,
    /// The function `query`.
    pub query: &'a TemplateQuery<'a>,
}

impl fmt::Debug for TemplateData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateData").field("labels", self.labels).field("value", &self.value).finish_non_exhaustive()
    }
}

/// Why a template cannot be read or expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Not well formed.
    #[error("{message}")]
    Syntax {
        /// Byte offset in the template.
        offset: usize,
        /// Cause and remedy.
        message: String,
    },
    /// Well-formed, but outside of the supported part of the language.
    #[error("{construct} is not supported in templates here")]
    Unsupported {
        /// Byte offset in the template.
        offset: usize,
        /// The construct, as written.
        construct: String,
    },
    /// Failed with this data.
    #[error("error calling {function}: {message}")]
    Call {
        /// The function.
        function: String,
        /// Its complaint.
        message: String,
    },
}

impl TemplateError {
    fn syntax(offset: usize, message: impl Into<String>) -> Self {
        Self::Syntax { offset, message: message.into() }
    }

    fn unsupported(offset: usize, construct: String) -> Self {
        Self::Unsupported { offset, construct }
    }

    fn call(function: &str, message: impl Into<String>) -> Self {
        Self::Call { function: function.to_owned(), message: message.into() }
    }

    /// Byte offset in the template of an error of its text.
    pub fn offset(&self) -> Option<usize> {
        match self {
            Self::Syntax { offset, .. } | Self::Unsupported { offset, .. } => Some(*offset),
            Self::Call { .. } => None,
        }
    }
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// [`TemplateError::Syntax`] or [`TemplateError::Unsupported`] with the offset of the action at fault.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        Ok(Self { source: source.to_owned(), nodes: parser::parse(source)? })
    }

    /// A text that stands for itself: recording rules do not expand their labels.
    pub fn literal(source: &str) -> Self {
        Self { source: source.to_owned(), nodes: vec![parser::Node::Text(source.to_owned())] }
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Expands the template.
    ///
    /// # Errors
    /// [`TemplateError::Call`] when a function rejects its arguments.
    pub fn expand(&self, data: &TemplateData<'_>) -> Result<String, TemplateError> {
        if let [parser::Node::Text(text)] = self.nodes.as_slice() {
            return Ok(text.clone());
        }
        eval::expand(&self.nodes, data)
    }

    /// Expands the template; on failure the text is the error, as Prometheus does, so that the alert still goes out.
    pub fn expand_or_error(&self, data: &TemplateData<'_>) -> String {
        self.expand(data).unwrap_or_else(|error| format!("<error expanding template: {error}>"))
    }
}

#[cfg(test)]
mod tests;
