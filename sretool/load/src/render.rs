//! The formats that a result is written in.

use crate::report::Report;
use crate::{csv, hgrm, html, junit, markdown, text};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A format of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For people.
    Text,
    /// All of it: other formats are made from it.
    Json,
    /// One page that needs nothing else.
    Html,
    /// A test case a threshold.
    Junit,
    /// A comment on a change.
    Markdown,
    /// A row a second.
    Csv,
    /// The percentile distribution of the response time, as HdrHistogram's plotting tools read it.
    Hgrm,
}

/// A format that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {0:?}; known: {known}", known = Kind::ALL.map(Kind::name).join(", "))]
pub struct KindError(String);

impl Kind {
    /// All formats.
    pub const ALL: [Self; 7] = [Self::Text, Self::Json, Self::Html, Self::Junit, Self::Markdown, Self::Csv, Self::Hgrm];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Html => "html",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
            Self::Hgrm => "hgrm",
        }
    }

    /// The format that a file's extension tells.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "txt" => Some(Self::Text),
            "json" => Some(Self::Json),
            "html" | "htm" => Some(Self::Html),
            "xml" => Some(Self::Junit),
            "md" => Some(Self::Markdown),
            "csv" => Some(Self::Csv),
            "hgrm" => Some(Self::Hgrm),
            _ => None,
        }
    }

    /// A result in this format, with a line break at its end.
    pub fn render(self, report: &Report) -> String {
        let text = match self {
            Self::Text => text(report),
            Self::Json => report.to_json(),
            Self::Html => html(report),
            Self::Junit => junit(report),
            Self::Markdown => markdown(report),
            Self::Csv => csv(report),
            Self::Hgrm => hgrm(&report.whole.overall().response),
        };
        format!("{}\n", text.trim_end())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| KindError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn every_format_has_a_name_and_content() {
        let report = report(&["p95<200ms"]);
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            let content = kind.render(&report);
            assert!(content.len() > 200 && content.ends_with('\n') && !content.ends_with("\n\n"), "{kind}: {content}");
        }
        assert!("pdf".parse::<Kind>().unwrap_err().to_string().contains("text, json, html"));
    }

    #[test]
    fn extensions_tell_the_format() {
        for (file, kind) in [
            ("a/r.txt", Some(Kind::Text)),
            ("r.json", Some(Kind::Json)),
            ("r.html", Some(Kind::Html)),
            ("r.xml", Some(Kind::Junit)),
            ("r.md", Some(Kind::Markdown)),
            ("r.csv", Some(Kind::Csv)),
            ("r.hgrm", Some(Kind::Hgrm)),
            ("r.pdf", None),
            ("r", None),
        ] {
            assert_eq!(Kind::of(Path::new(file)), kind, "{file}");
        }
    }
}
