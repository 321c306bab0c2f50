//! Burn-rate conditions, read from data files.

mod budget_shares;

use crate::duration::Window;
use crate::fields::Fields;
use crate::finding::{Collector, Finding};
use crate::yaml;
pub use budget_shares::{AlertWindows, WindowFile};
use std::fmt;

/// Whom a burn concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Somebody now.
    Page,
    /// Somebody on the next working day.
    Ticket,
}

impl Urgency {
    /// As the label `severity` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One condition: both windows burn faster than the factor, and enough events failed in the long one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurnCondition {
    /// Whom it concerns.
    pub urgency: Urgency,
    /// Ends the alert soon after the cause ends.
    pub short: Window,
    /// Makes sure that the burn matters.
    pub long: Window,
    /// Burn rate: 1 uses up the budget in exactly its period.
    pub factor: f64,
    /// Events that must have failed in the long window.
    pub minimum_failed_events: f64,
}

/// Conditions and how long they must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct BurnWindows {
    /// The conditions.
    pub conditions: Vec<BurnCondition>,
    /// How long a page's condition must hold.
    pub page_hold: Window,
    /// How long a ticket's condition must hold.
    pub ticket_hold: Window,
    /// How long a page keeps firing after its condition has ended.
    pub page_keep: Option<Window>,
    /// How long a ticket keeps firing after its condition has ended.
    pub ticket_keep: Option<Window>,
}

impl BurnWindows {
    /// The conditions of the Site Reliability Workbook, with a guard against low traffic.
    ///
    /// # Panics
    /// Never: the embedded file is read by a test.
    pub fn workbook() -> Self {
        Self::parse("burn-windows.yaml", include_str!("burn-windows.yaml"))
            .expect("the embedded file is valid, which a test proves")
    }

    /// Reads conditions.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Finding>> {
        let mut out = Collector::new(file);
        let windows = match yaml::parse(text) {
            Err(error) => {
                out.error(error.at, "yaml", error.message, None);
                None
            }
            Ok(nodes) => nodes.first().and_then(|node| read(node, &mut out)),
        };
        match windows {
            Some(windows) if out.findings.is_empty() => Ok(windows),
            _ => Err(out.findings),
        }
    }

    /// Every window that a condition looks at, shortest first.
    pub fn all(&self) -> Vec<Window> {
        let mut windows: Vec<_> = self.conditions.iter().flat_map(|c| [c.short, c.long]).collect();
        windows.sort_unstable();
        windows.dedup();
        windows
    }

    /// How long a condition must hold.
    pub fn hold(&self, urgency: Urgency) -> Window {
        match urgency {
            Urgency::Page => self.page_hold,
            Urgency::Ticket => self.ticket_hold,
        }
    }

    /// How long an alert keeps firing after its condition has ended.
    pub fn keep(&self, urgency: Urgency) -> Option<Window> {
        match urgency {
            Urgency::Page => self.page_keep,
            Urgency::Ticket => self.ticket_keep,
        }
    }
}

fn read(node: &yaml::Node, out: &mut Collector) -> Option<BurnWindows> {
    let fields = Fields::open(node, "", &["conditions", "hold", "keepFiring"], out)?;
    fields.required_node("conditions", out)?;
    let items = fields.list("conditions", out);
    let conditions: Vec<_> =
        items.iter().enumerate().filter_map(|(i, node)| condition(node, &format!("conditions[{i}]"), out)).collect();
    let hold = Fields::open(fields.required_node("hold", out)?, "hold", &["page", "ticket"], out)?;
    let page_hold = hold.required_duration("page", out);
    let ticket_hold = hold.required_duration("ticket", out);
    let keep = fields.node("keepFiring").and_then(|node| Fields::open(node, "keepFiring", &["page", "ticket"], out));
    let [page_keep, ticket_keep] = ["page", "ticket"].map(|key| keep.as_ref().and_then(|keep| keep.duration(key, out)));
    Some(BurnWindows { conditions, page_hold: page_hold?, ticket_hold: ticket_hold?, page_keep, ticket_keep })
}

fn condition(node: &yaml::Node, path: &str, out: &mut Collector) -> Option<BurnCondition> {
    let keys = ["severity", "shortWindow", "longWindow", "factor", "minimumFailedEvents"];
    let fields = Fields::open(node, path, &keys, out)?;
    for key in keys {
        fields.required_node(key, out);
    }
    let urgency = match fields.one_of("severity", &["page", "ticket"], out)?.value {
        "page" => Urgency::Page,
        _ => Urgency::Ticket,
    };
    let (short, long) = (fields.duration("shortWindow", out)?, fields.duration("longWindow", out)?);
    if short >= long {
        let message = format!("the short window, {short}, is not shorter than the long one, {long}");
        out.error(fields.place_of("shortWindow"), "value", message, Some("use a twelfth of the long window".into()));
    }
    let (factor, text) = fields.number("factor", out)?;
    let (minimum_failed_events, _) = fields.number("minimumFailedEvents", out)?;
    if factor <= 0.0 {
        out.error(text.at, "value", "a factor must be positive".into(), None);
    }
    Some(BurnCondition { urgency, short, long, factor, minimum_failed_events })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_is_the_workbooks_table() {
        let windows = BurnWindows::workbook();
        let rows: Vec<_> = windows
            .conditions
            .iter()
            .map(|c| (c.urgency.as_str(), c.short.to_string(), c.long.to_string(), c.factor))
            .collect();
        assert_eq!(
            rows,
            [
                ("page", "5m".into(), "1h".into(), 14.4),
                ("page", "30m".into(), "6h".into(), 6.0),
                ("ticket", "2h".into(), "1d".into(), 3.0),
                ("ticket", "6h".into(), "3d".into(), 1.0),
            ]
        );
        // The share of a 30-day budget that each condition lets burn before it notifies.
        let shares: Vec<_> = windows.conditions.iter().map(|c| c.factor * c.long.as_days() / 30.0).collect();
        for (share, expected) in shares.iter().zip([0.02, 0.05, 0.10, 0.10]) {
            assert!((share - expected).abs() < 1e-12, "{shares:?}");
        }
        let all: Vec<_> = windows.all().iter().map(ToString::to_string).collect();
        assert_eq!(all, ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]);
    }

    #[test]
    fn mistakes_are_reported() {
        let text = "conditions:\n- {severity: pager, shortWindow: 1h, longWindow: 1h, factor: 0, extra: 1}\nhold: {}\n";
        let found: Vec<_> = BurnWindows::parse("w.yaml", text).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|f| f.contains("did you mean \"page\"")), "{found:?}");
        assert!(found.iter().any(|f| f.contains("unknown key")), "{found:?}");
        assert!(found.iter().any(|f| f.contains("\"hold.page\" is required")), "{found:?}");
        let text = "conditions:\n- {severity: page, shortWindow: 1h, longWindow: 1h, factor: 0, minimumFailedEvents: 1}\nhold: {page: 1m, ticket: 1m}\n";
        assert_eq!(BurnWindows::parse("w.yaml", text).unwrap_err().len(), 2);
        assert!(BurnWindows::parse("w.yaml", "[").is_err());
    }
}
