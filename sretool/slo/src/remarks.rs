//! What people should know about generated rules: how soon an outage pages, and what rules cannot express.

use crate::catalog::{Sli, Slo};
use crate::duration::Window;
use crate::model::{NoData, Origin};
use crate::rules::{Options, Style};
use crate::windows::{BurnCondition, BurnWindows, Urgency};

/// A scrape and an evaluation may each come a minute after the event.
const SLACK: Window = Window::minutes(2);

/// How long after its begin a full outage pages at the latest, at a rate of events a second that held before it.
/// `None` where nobody is paged at that rate.
///
/// A condition needs its share of bad events in the long window, `factor · budget · long`, and its least number of
/// failures, `minimum / rate`; then it must hold.
pub fn outage_bound(slo: &Slo, burn: &BurnWindows, rate: f64) -> Option<Window> {
    let pages = burn.conditions.iter().filter(|condition| condition.urgency == Urgency::Page);
    let needed = pages.filter_map(|condition| {
        let long = condition.long.as_secs_f64();
        let share = condition.factor * slo.error_budget();
        let failures = if is_raw(slo) { 0.0 } else { condition.minimum_failed_events / rate };
        (share < 1.0 && failures <= long).then_some((share * long).max(failures))
    });
    let seconds = needed.fold(f64::INFINITY, f64::min);
    seconds.is_finite().then(|| rounded(seconds).plus(burn.page_hold).plus(SLACK))
}

fn is_raw(slo: &Slo) -> bool {
    matches!(slo.sli, Sli::Raw { .. })
}

fn rounded(seconds: f64) -> Window {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a window's length in seconds")]
    Window::from_millis(seconds.ceil() as u64 * 1000)
}

/// What to know about the rules of an objective, one line each.
pub fn remarks(slo: &Slo, options: &Options) -> Vec<String> {
    let drop_in =
        options.style == Style::Sloth || (matches!(slo.origin, Origin::Sloth(_)) && options.style == Style::AsWritten);
    if drop_in {
        return Vec::new();
    }
    let mut remarks = Vec::new();
    if options.alerts && !slo.alerting.page.disabled {
        remarks.push(format!("{}: {}", slo.id, paging(slo, &options.burn_for(slo.period))));
    }
    let missing = [
        slo.calendar
            .is_some()
            .then(|| format!("the budget's series roll over {}; the report follows the calendar", slo.period)),
        (!slo.exclusions.is_empty())
            .then(|| "excluded times count in the rules; the report leaves them out".to_owned()),
        (slo.no_data != NoData::Exclude && (slo.slices.is_none() || !slo.group_by.is_empty())).then(|| {
            "time without data is left out by the rules; the report counts it as the document says".to_owned()
        }),
    ];
    remarks.extend(missing.into_iter().flatten().map(|text| format!("{}: {text}", slo.id)));
    remarks
}

fn paging(slo: &Slo, burn: &BurnWindows) -> String {
    let pages = || burn.conditions.iter().filter(|condition| condition.urgency == Urgency::Page);
    let budget = slo.error_budget();
    let Some(quick) = pages().find(|condition| condition.factor * budget < 1.0) else {
        return "no outage can page: every factor times the budget is 1 or more".to_owned();
    };
    let share = rounded(quick.factor * budget * quick.long.as_secs_f64());
    let bound = share.plus(burn.page_hold).plus(SLACK);
    if is_raw(slo) || quick.minimum_failed_events <= 0.0 {
        return format!("a full outage pages within {bound}");
    }
    let rate = quick.minimum_failed_events / share.as_secs_f64();
    let slowest =
        pages().filter(|condition| condition.factor * budget < 1.0).map(least_rate).fold(f64::INFINITY, f64::min);
    let latest = outage_bound(slo, burn, slowest).unwrap_or(bound);
    format!(
        "a full outage pages within {bound} at {} or more, and within {latest} down to {}; a single error never pages",
        per(rate),
        per(slowest)
    )
}

fn least_rate(condition: &BurnCondition) -> f64 {
    condition.minimum_failed_events / condition.long.as_secs_f64()
}

/// A rate in the unit in which it is at least 1.
fn per(rate: f64) -> String {
    let units = [("second", 1.0), ("minute", 60.0), ("hour", 3600.0)];
    let (unit, factor) = units.into_iter().find(|(_, factor)| rate * factor >= 1.0).unwrap_or(("day", 86_400.0));
    let article = if unit == "hour" { "an" } else { "a" };
    format!("{} events {article} {unit}", (rate * factor * 100.0).ceil() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;

    fn slo(percent: &str) -> Slo {
        let text = format!(
            "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: ok}}\nspec:\n  service: shop\n  \
             timeWindow: [{{duration: 30d, isRolling: true}}]\n  budgetingMethod: Occurrences\n  \
             objectives: [{{targetPercent: {percent}}}]\n  indicator:\n    metadata: {{name: ok}}\n    spec:\n      \
             ratioMetric:\n        counter: true\n        \
             bad: {{metricSource: {{spec: {{query: errors_total}}}}}}\n        \
             total: {{metricSource: {{spec: {{query: requests_total}}}}}}\n"
        );
        Catalog::load([("a.yaml", text.as_str())]).slos.remove(0)
    }

    #[test]
    fn a_busy_service_pages_within_minutes_and_a_quiet_one_later() {
        let (slo, burn) = (slo("99.9"), BurnWindows::workbook());
        // 14.4 · 0.001 of an hour is 52 s; two minutes of hold and two of slack follow.
        assert_eq!(outage_bound(&slo, &burn, 100.0).map(|bound| bound.to_string()), Some("4m52s".into()));
        // Five failures at one a minute.
        assert_eq!(outage_bound(&slo, &burn, 1.0 / 60.0), Some(Window::minutes(9)));
        // Ten in six hours, for the slow page.
        assert_eq!(outage_bound(&slo, &burn, 10.0 / 21_600.0), Some(Window::minutes(364)));
        assert_eq!(outage_bound(&slo, &burn, 9.0 / 21_600.0), None);
    }

    #[test]
    fn remarks_say_the_bound() {
        let options = Options::new("dev");
        let text = remarks(&slo("99.9"), &options);
        let expected = "shop-ok: a full outage pages within 4m52s at 5.77 events a minute or more, and within 6h4m down \
            to 1.67 events an hour; a single error never pages";
        assert_eq!(text, [expected]);
        let text = remarks(&slo("50"), &options);
        assert!(text[0].contains("no outage can page"), "{text:?}");
        assert_eq!(remarks(&slo("99.9"), &Options { style: Style::Sloth, ..options }), Vec::<String>::new());
    }
}
