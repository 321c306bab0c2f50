//! Sloth's windows, which give each condition's share of the budget and hold for one period.

use super::{BurnCondition, BurnWindows, Urgency};
use crate::duration::Window;
use crate::fields::Fields;
use crate::finding::{Collector, Finding};
use crate::yaml::{self, Node};

/// The four conditions of sloth for objectives of one period.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertWindows {
    /// The period.
    pub period: Window,
    /// Quick and slow page, quick and slow ticket.
    shares: [Share; 4],
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Share {
    percent: f64,
    short: Window,
    long: Window,
}

const URGENCIES: [Urgency; 4] = [Urgency::Page, Urgency::Page, Urgency::Ticket, Urgency::Ticket];

impl AlertWindows {
    /// Those for 30 and for 28 days.
    ///
    /// # Panics
    /// Never: the embedded file is read by a test.
    pub fn built_in() -> Vec<Self> {
        let mut out = Collector::new("sloth.yaml");
        let nodes = yaml::parse(include_str!("sloth.yaml")).expect("the embedded file is YAML, which a test proves");
        nodes.iter().filter_map(|node| read(node, &mut out)).collect()
    }

    /// The conditions, with factors for the period.
    pub fn conditions(&self) -> [BurnCondition; 4] {
        std::array::from_fn(|i| {
            let Share { percent, short, long } = self.shares[i];
            let factor = percent / 100.0 * (self.period.as_secs_f64() / long.as_secs_f64());
            BurnCondition { urgency: URGENCIES[i], short, long, factor, minimum_failed_events: 0.0 }
        })
    }

    /// Every window, shortest first.
    pub fn all(&self) -> Vec<Window> {
        let mut windows: Vec<_> = self.shares.iter().flat_map(|share| [share.short, share.long]).collect();
        windows.sort_unstable();
        windows.dedup();
        windows
    }

    /// The window of the ratio that stands for the present.
    pub fn shortest(&self) -> Window {
        self.shares[0].short
    }

    /// The same conditions with the guards and holds of others.
    pub fn guarded(&self, guards: &BurnWindows) -> BurnWindows {
        let guard = |condition: BurnCondition| {
            let same = guards.conditions.iter().filter(|other| other.urgency == condition.urgency);
            let minimum = same.map(|other| other.minimum_failed_events).fold(0.0, f64::max);
            BurnCondition { minimum_failed_events: minimum, ..condition }
        };
        BurnWindows { conditions: self.conditions().map(guard).to_vec(), ..guards.clone() }
    }
}

/// What a file of windows holds.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowFile {
    /// Conditions for every period.
    Burn(BurnWindows),
    /// Sloth's, each for one period.
    Shares(Vec<AlertWindows>),
}

impl WindowFile {
    /// Reads a file of windows in this crate's or in sloth's format.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Finding>> {
        let mut out = Collector::new(file);
        let nodes = match yaml::parse(text) {
            Ok(nodes) => nodes.into_iter().filter(|node| !node.is_null()).collect(),
            Err(error) => {
                out.error(error.at, "yaml", error.message, None);
                Vec::new()
            }
        };
        let is_ours = nodes.first().is_some_and(|node| crate::input::has(node, "conditions"));
        let windows = if is_ours {
            nodes.first().and_then(|node| super::read(node, &mut out)).map(Self::Burn)
        } else {
            Some(Self::Shares(nodes.iter().filter_map(|node| read(node, &mut out)).collect()))
        };
        crate::finding::quote(&mut out.findings, file, text);
        match windows {
            Some(windows) if out.findings.is_empty() => Ok(windows),
            _ => Err(out.findings),
        }
    }
}

fn read(node: &Node, out: &mut Collector) -> Option<AlertWindows> {
    let fields = Fields::open(node, "", &["apiVersion", "kind", "metadata", "spec"], out)?;
    fields.required_node("apiVersion", out);
    fields.one_of("apiVersion", &[crate::sloth::KUBERNETES_VERSION], out);
    fields.required_node("kind", out);
    fields.one_of("kind", &["AlertWindows"], out);
    let spec = Fields::open(fields.required_node("spec", out)?, "spec", &["sloPeriod", "page", "ticket"], out)?;
    spec.required_node("sloPeriod", out);
    let period = spec.prometheus_duration("sloPeriod", out);
    let [page, ticket] = ["page", "ticket"].map(|key| urgency(&spec, key, out));
    let ([a, b], [c, d]) = (page?, ticket?);
    Some(AlertWindows { period: period?, shares: [a, b, c, d] })
}

fn urgency(spec: &Fields<'_>, key: &str, out: &mut Collector) -> Option<[Share; 2]> {
    let node = spec.required_node(key, out)?;
    let fields = Fields::open(node, &spec.path_of(key), &["quick", "slow"], out)?;
    let [quick, slow] = ["quick", "slow"].map(|key| share(&fields, key, out));
    Some([quick?, slow?])
}

fn share(parent: &Fields<'_>, key: &str, out: &mut Collector) -> Option<Share> {
    let node = parent.required_node(key, out)?;
    let keys = ["errorBudgetPercent", "shortWindow", "longWindow"];
    let fields = Fields::open(node, &parent.path_of(key), &keys, out)?;
    for key in keys {
        fields.required_node(key, out);
    }
    let (percent, text) = fields.number("errorBudgetPercent", out)?;
    if percent <= 0.0 || percent > 100.0 {
        out.error(text.at, "value", format!("errorBudgetPercent {percent} is not in (0, 100]"), None);
    }
    let (short, long) =
        (fields.prometheus_duration("shortWindow", out)?, fields.prometheus_duration("longWindow", out)?);
    if short >= long {
        let message = format!("the short window, {short}, is not shorter than the long one, {long}");
        out.error(fields.place_of("shortWindow"), "value", message, Some("use a twelfth of the long window".into()));
    }
    Some(Share { percent, short, long })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_windows_have_sloths_factors() {
        let windows = AlertWindows::built_in();
        let factors = |windows: &AlertWindows| windows.conditions().map(|c| (c.factor * 1e4).round() / 1e4);
        assert_eq!(windows.len(), 2);
        assert_eq!(factors(&windows[0]), [14.4, 6.0, 3.0, 1.0]);
        assert_eq!(factors(&windows[1]), [13.44, 5.6, 2.8, 0.9333]);
        assert_eq!(windows[0].all().len(), 7);
        assert_eq!(windows[0].shortest(), Window::minutes(5));
        let guarded = windows[1].guarded(&BurnWindows::workbook());
        assert_eq!(guarded.conditions[0].minimum_failed_events, 10.0);
        assert_eq!(guarded.page_hold, BurnWindows::workbook().page_hold);
    }

    #[test]
    fn either_format_is_read() {
        let ours = WindowFile::parse("a.yaml", include_str!("../burn-windows.yaml"));
        assert_eq!(ours, Ok(WindowFile::Burn(BurnWindows::workbook())));
        let theirs = WindowFile::parse("b.yaml", include_str!("sloth.yaml"));
        assert_eq!(theirs, Ok(WindowFile::Shares(AlertWindows::built_in())));
    }

    #[test]
    fn mistakes_have_a_place() {
        let text = include_str!("sloth.yaml").replacen("percent", "precent", 1).replacen(
            "errorBudgetPercent: 2",
            "errorBudgetPercent: 200",
            1,
        );
        let findings = WindowFile::parse("b.yaml", &text).unwrap_err();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].render().contains("^^^"), "{}", findings[0].render());
        let text = include_str!("sloth.yaml").replacen("shortWindow: 5m", "shortWindow: 5h", 1);
        assert!(WindowFile::parse("b.yaml", &text).unwrap_err()[0].message.contains("not shorter"));
        assert!(WindowFile::parse("b.yaml", "kind: AlertWindows\nspec: {}\n").is_err());
        assert!(WindowFile::parse("b.yaml", "[").is_err());
    }
}
