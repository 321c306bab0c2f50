//! Data that requests are fed with: rows of CSV files, in turn or by weight.

use crate::mix::Turns;
use std::sync::{Mutex, PoisonError};

/// Why a data file is unreadable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct FeederError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub cause: String,
}

/// The rows of a CSV file (RFC 4180 with a header). With a column `weight` rows come as often as it says, spread
/// evenly; without one they take turns.
#[derive(Debug)]
pub struct Feeder {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    turns: Mutex<Turns<usize>>,
}

/// One row of a [`Feeder`].
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    header: &'a [String],
    cells: &'a [String],
}

impl<'a> Row<'a> {
    /// The cell of a column; empty where there is no such column.
    pub fn get(&self, column: &str) -> &'a str {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| self.cells.get(at)).map_or("", String::as_str)
    }

    /// The cell of a column as a number.
    pub fn number<N: std::str::FromStr>(&self, column: &str) -> Option<N> {
        self.get(column).parse().ok()
    }
}

impl Feeder {
    /// Reads a file's text.
    ///
    /// # Errors
    /// When a row has more or fewer cells than the header, a quote is left open, a weight is no number, or there is no
    /// row.
    pub fn parse(text: &str) -> Result<Self, FeederError> {
        let mut rows = parse(text)?;
        let error = |line, cause: &str| FeederError { line, cause: cause.to_owned() };
        if rows.len() < 2 {
            return Err(error(1, "a header and at least one row are needed"));
        }
        let (_, header) = rows.remove(0);
        let weight = header.iter().position(|name| name == "weight");
        let mut weights = Vec::new();
        for (i, (line, row)) in rows.iter().enumerate() {
            if row.len() != header.len() {
                return Err(error(*line, &format!("{} cells under {} columns", row.len(), header.len())));
            }
            let of_row = weight.map_or(Ok(1), |at| row[at].parse::<u32>());
            weights.push((i, of_row.map_err(|_| error(*line, "the weight is no whole number"))?));
        }
        if weights.iter().all(|(_, weight)| *weight == 0) {
            return Err(error(1, "every weight is 0"));
        }
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Ok(Self { header, rows, turns: Mutex::new(Turns::new(weights)) })
    }

    /// The next row.
    pub fn next(&self) -> Row<'_> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // There is at least one row with a weight.
        let at = turns.next().unwrap_or_default();
        Row { header: &self.header, cells: &self.rows[at] }
    }

    /// All rows in the file's order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { header: &self.header, cells })
    }
}

/// Rows with the line on which each begins. Empty lines are none.
fn parse(text: &str) -> Result<Vec<(usize, Vec<String>)>, FeederError> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut line, mut begun) = (false, 1, 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        line += usize::from(c == '\n');
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                if !row.is_empty() || !cell.is_empty() {
                    row.push(std::mem::take(&mut cell));
                    rows.push((begun, std::mem::take(&mut row)));
                }
                begun = line;
            }
            c => cell.push(c),
        }
    }
    if quoted {
        return Err(FeederError { line: begun, cause: "a quote is not closed".to_owned() });
    }
    if !row.is_empty() || !cell.is_empty() {
        row.push(cell);
        rows.push((begun, row));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_take_turns() {
        let feeder = Feeder::parse("name,age\nAda,36\n\"Smith, \"\"J\"\"\",\"4\n2\"\r\n").unwrap();
        let mut names: Vec<_> = (0..4).map(|_| feeder.next().get("name").to_owned()).collect();
        names.sort();
        assert_eq!(names, ["Ada", "Ada", "Smith, \"J\"", "Smith, \"J\""]);
        let rows: Vec<_> = feeder.rows().collect();
        assert_eq!((rows[0].get("name"), rows[0].number::<u32>("age")), ("Ada", Some(36)));
        assert_eq!((rows[1].get("name"), rows[1].get("age")), ("Smith, \"J\"", "4\n2"));
        assert_eq!((rows[1].number::<u32>("age"), rows[0].get("none")), (None, ""));
    }

    #[test]
    fn weights_are_kept_exactly() {
        let feeder = Feeder::parse("method,weight\ncard,97\ncard_declined,3\nnone,0\n").unwrap();
        let declined = (0..1000).filter(|_| feeder.next().get("method") == "card_declined").count();
        assert_eq!(declined, 30);
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, line, part) in [
            ("", 1, "at least one row"),
            ("name\n", 1, "at least one row"),
            ("a,b\n1,2\n3\n", 3, "1 cells under 2 columns"),
            ("a,weight\n1,2\n3,much\n", 3, "no whole number"),
            ("a\n\"open\n", 2, "not closed"),
            ("a,weight\n1,0\n", 1, "every weight is 0"),
        ] {
            let error = Feeder::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}");
            assert!(error.cause.contains(part), "{error}");
        }
    }
}
