//! What documents may say beyond OpenSLO's fields.

use crate::exclusions::Exclusion;

/// What an objective may say beyond OpenSLO's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// Labels by whose values the objective is divided, such as a tenant or a cluster.
    pub group_by: Vec<String>,
    /// How time without data counts.
    pub no_data: Option<NoData>,
    /// Times that do not count.
    pub exclusions: Vec<Exclusion>,
}

/// How time without data counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoData {
    /// As good.
    Good,
    /// As bad.
    Bad,
    /// Not at all.
    #[default]
    Exclude,
}

impl NoData {
    pub(crate) const NAMES: [&'static str; 3] = ["good", "bad", "exclude"];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Good, Self::Bad, Self::Exclude].into_iter().find(|rule| rule.name() == name)
    }

    /// As written in a document.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Which events of a histogram count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistogramUse {
    /// Whether it is a native histogram; a classic one is read through its `_bucket` and `_count` series.
    pub native: bool,
    /// The greatest value that counts; every value where there is none.
    pub le: Option<f64>,
}
