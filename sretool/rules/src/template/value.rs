//! Values within a template.

use super::number;
use promql::{Labels, VectorSample};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Val {
    Str(String),
    /// An integer constant or a count; Go does not mix these with floats.
    Int(i64),
    Num(f64),
    Bool(bool),
    Labels(Labels),
    Vector(Vec<VectorSample>),
    Sample(VectorSample),
    /// The data of the template: `.` outside of blocks.
    Root,
}

impl Val {
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Str(text) => !text.is_empty(),
            Self::Int(int) => *int != 0,
            Self::Num(number) => *number != 0.0,
            Self::Bool(value) => *value,
            Self::Labels(labels) => !labels.is_empty(),
            Self::Vector(samples) => !samples.is_empty(),
            Self::Sample(_) | Self::Root => true,
        }
    }

    /// The name of the Go type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Str(_) => "string",
            Self::Int(_) => "int",
            Self::Num(_) => "float64",
            Self::Bool(_) => "bool",
            Self::Labels(_) => "map[string]string",
            Self::Vector(_) => "a query result",
            Self::Sample(_) => "a sample",
            Self::Root => "the template's data",
        }
    }

    /// As `{{ . }}` prints it.
    pub(super) fn print(&self) -> Result<String, String> {
        Ok(match self {
            Self::Str(text) => text.clone(),
            Self::Int(int) => int.to_string(),
            Self::Num(number) => number::shortest(*number),
            Self::Bool(value) => value.to_string(),
            Self::Labels(labels) => {
                let pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("map[{}]", pairs.join(" "))
            }
            Self::Vector(_) | Self::Sample(_) | Self::Root => {
                return Err(format!("{} cannot be printed; take its `value` or a label", self.type_name()));
            }
        })
    }

    /// The number that the humanizing functions work on: strings are read as numbers.
    pub(super) fn number(&self) -> Result<f64, String> {
        match self {
            Self::Num(number) => Ok(*number),
            #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
            Self::Int(int) => Ok(*int as f64),
            Self::Str(text) => text.parse().map_err(|_| format!("`{text}` is no number")),
            other => Err(format!("can't convert {} to float", other.type_name())),
        }
    }

    pub(super) fn string(&self) -> Result<&str, String> {
        match self {
            Self::Str(text) => Ok(text),
            other => Err(format!("wrong type for value; expected string; got {}", other.type_name())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_is_not_being_zero_or_empty() {
        for (value, expected) in [
            (Val::Str(String::new()), false),
            (Val::Str("x".into()), true),
            (Val::Int(0), false),
            (Val::Num(0.0), false),
            (Val::Num(f64::NAN), true),
            (Val::Vector(vec![]), false),
            (Val::Labels(Labels::default()), false),
            (Val::Root, true),
        ] {
            assert_eq!(value.is_true(), expected, "{value:?}");
        }
    }

    #[test]
    fn numbers_come_from_numbers_and_their_text() {
        assert_eq!(Val::Str("12.5".into()).number(), Ok(12.5));
        assert_eq!(Val::Int(3).number(), Ok(3.0));
        assert!(Val::Str("x".into()).number().is_err());
        assert!(Val::Bool(true).number().is_err());
    }
}
