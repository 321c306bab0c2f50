use super::*;

const CONFIG: &str = r#"
receivers: [{name: default}, {name: pager}, {name: db}, {name: audit}, {name: night}]
time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: "22:00", end_time: "24:00"}, {start_time: "00:00", end_time: "06:00"}]
- name: office
  time_intervals:
  - weekdays: ["monday:friday"]
    times: [{start_time: "09:00", end_time: "17:00"}]
route:
  receiver: default
  group_by: [alertname]
  routes:
  - receiver: audit
    matchers: ['severity=~"page|ticket"']
    continue: true
  - matchers: [severity = page]
    receiver: pager
    group_by: [...]
    mute_time_intervals: [nights]
    routes:
    - match: {service: db}
      receiver: db
      group_wait: 5s
  - match_re: {team: "a|b"}
    active_time_intervals: [office]
inhibit_rules:
- source_matchers: [severity = page]
  target_matchers: [severity =~ "page|ticket"]
  equal: [service]
"#;

fn config() -> Config {
    parse("am.yml", CONFIG).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().copied())
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn receivers(pairs: &[(&str, &str)]) -> Vec<String> {
    let config = config();
    let found = config.destinations(&labels(pairs), at("2026-11-25T12:00:00Z"));
    found.iter().map(|d| d.route.receiver.clone()).collect()
}

#[test]
fn the_first_child_wins_unless_it_continues() {
    assert_eq!(receivers(&[]), ["default"]);
    assert_eq!(receivers(&[("severity", "ticket")]), ["audit"]);
    assert_eq!(receivers(&[("severity", "page")]), ["audit", "pager"]);
    assert_eq!(receivers(&[("severity", "page"), ("service", "db")]), ["audit", "db"]);
    assert_eq!(receivers(&[("team", "a")]), ["default"]);
}

#[test]
fn what_a_child_does_not_say_it_inherits() {
    let config = config();
    let db = &config.root.routes[1].routes[0];
    assert_eq!((db.group_wait_ms, db.group_interval_ms, db.group_by.is_none()), (5000, 300_000, true));
    assert_eq!(config.root.nodes().len(), 5);
    let found =
        config.destinations(&labels(&[("alertname", "A"), ("team", "b"), ("x", "y")]), at("2026-11-25T12:00:00Z"));
    assert_eq!(found[0].group, labels(&[("alertname", "A")]));
}

#[test]
fn intervals_mute_and_activate() {
    let config = config();
    let muted = |pairs: &[(&str, &str)], time: &str| {
        config.destinations(&labels(pairs), at(time)).last().and_then(|d| d.muted.clone())
    };
    let page = [("severity", "page")];
    assert_eq!(muted(&page, "2026-11-25T23:30:00Z"), Some(Muted::Interval("nights".into())));
    assert_eq!(muted(&page, "2026-11-25T06:00:00Z"), None);
    assert_eq!(muted(&[("team", "a")], "2026-11-25T17:00:00Z"), Some(Muted::NotActive));
    assert_eq!(muted(&[("team", "a")], "2026-11-25T16:59:00Z"), None);
    // Its parent's intervals are not a child's.
    assert_eq!(muted(&[("severity", "page"), ("service", "db")], "2026-11-25T23:30:00Z"), None);
}

#[test]
fn inhibition_needs_equal_labels_and_spares_alerts_that_match_both_sides() {
    let config = config();
    let alert = |severity: &str, service: &str| labels(&[("severity", severity), ("service", service)]);
    let firing = [alert("page", "a")];
    assert!(config.inhibited(&alert("ticket", "a"), &firing).is_some_and(|(_, source)| source.get("service") == "a"));
    assert!(config.inhibited(&alert("ticket", "b"), &firing).is_none());
    assert!(config.inhibited(&alert("page", "a"), &firing).is_none());
    assert!(config.inhibited(&alert("other", "a"), &firing).is_none());
}

#[test]
fn problems_name_line_cause_and_remedy() {
    let bad = CONFIG
        .replace("receiver: pager\n", "receiver: nobody\n")
        .replace("mute_time_intervals: [nights]", "mute_time_intervals: [days]")
        .replace("group_wait: 5s", "group_wait: 5sec")
        .replace("\"24:00\"", "\"25:00\"")
        .replace("severity = page]\n    receiver", "severity page]\n    receiver");
    let found: Vec<_> = parse("am.yml", &bad).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 5, "{found:#?}");
    for (i, cause) in
        ["no time of day", "`nobody` is not defined", "no matcher", "`days` is not defined", "5sec"].iter().enumerate()
    {
        assert!(found.iter().any(|f| f.contains(cause) && f.starts_with("am.yml:")), "{i} {cause} {found:#?}");
    }
    for (text, cause) in [
        ("receivers: []\n", "no `route`"),
        ("route: {}\n", "no `receiver`"),
        ("route: {receiver: a, matchers: [b=c]}\nreceivers: [{name: a}]\n", "every alert"),
        ("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]\n", "twice"),
        ("route: {receiver: a, group_by: [..., b]}\nreceivers: [{name: a}]\n", "stands alone"),
        ("routes: {}\n", "unknown"),
    ] {
        let found = parse("am.yml", text).unwrap_err();
        assert!(found[0].message.contains(cause), "{text}: {found:?}");
    }
}
