//! The targets of a job.

use super::Problems;
use super::raw::{RawGlobal, RawRelabel, RawScrape};
use crate::server::{Credentials, Relabel, RelabelAction, ScrapeSettings, Target, relabel};
use base64::Engine as _;
use promql::Labels;
use serde_saphyr::{Location, Spanned};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct JobReader<'a> {
    pub global: &'a RawGlobal,
    pub folder: &'a Path,
    pub problems: &'a mut Problems,
    pub default_interval: Option<Duration>,
}

type Targets = (Vec<Target>, Vec<(String, Labels)>);

impl JobReader<'_> {
    /// The targets that are scraped, and the labels of those that relabelling drops.
    pub(super) fn targets(&mut self, job: &RawScrape) -> Targets {
        let settings = Arc::new(self.settings(job));
        let rules = self.relabel(job.relabel_configs.as_deref().unwrap_or_default());
        let (mut targets, mut dropped) = (Vec::new(), Vec::new());
        for group in job.static_configs.iter().flatten() {
            for address in group.targets.iter().flatten() {
                let own = group.labels.iter().flatten();
                let discovered = discovered(job, address, &settings).chain(own.map(|(n, v)| (n.clone(), v.clone())));
                let discovered: Labels = discovered.collect();
                match relabel(&discovered, &rules).filter(|labels| !labels.get("__address__").is_empty()) {
                    None => dropped.push((job.job_name.value.clone(), discovered)),
                    Some(labels) => {
                        targets.extend(self.target(job, address.referenced, discovered, &labels, &settings))
                    }
                }
            }
        }
        if let Some(limit) = job.target_limit.filter(|limit| *limit > 0 && targets.len() > *limit) {
            let message = format!("the job has {} targets, but its `target_limit` is {limit}", targets.len());
            self.problems.report(job.job_name.referenced, &message);
        }
        (targets, dropped)
    }

    fn target(
        &mut self,
        job: &RawScrape,
        at: Location,
        discovered: Labels,
        labels: &Labels,
        settings: &Arc<ScrapeSettings>,
    ) -> Option<Target> {
        let address = with_port(labels.get("__address__"), labels.get("__scheme__"));
        let url = format!("{}://{address}{}", labels.get("__scheme__"), labels.get("__metrics_path__"));
        let mut url = match reqwest::Url::parse(&url) {
            Ok(url) => url,
            Err(error) => {
                self.problems.report(at, &format!("`{url}` cannot be scraped: {error}"));
                return None;
            }
        };
        let params: Vec<_> = labels.iter().filter_map(|(n, v)| Some((n.strip_prefix("__param_")?, v))).collect();
        if !params.is_empty() {
            url.query_pairs_mut().extend_pairs(params);
        }
        let shown = labels.without(|name| name.starts_with("__"));
        let shown = if shown.get("instance").is_empty() { shown.with("instance", &address) } else { shown };
        let (job, settings) = (job.job_name.value.clone(), settings.clone());
        Some(Target { job, url: url.into(), labels: shown, discovered, settings })
    }

    fn settings(&mut self, job: &RawScrape) -> ScrapeSettings {
        let global = self.global;
        let interval = self.problems.duration(job.scrape_interval.as_ref(), "scrape_interval");
        let timeout = job.scrape_timeout.as_ref().or(global.scrape_timeout.as_ref());
        let timeout_given = self.problems.duration(timeout, "scrape_timeout");
        if let (Some(timeout), Some(own)) = (timeout_given, &job.scrape_timeout)
            && interval.or(self.default_interval).is_some_and(|interval| timeout > interval)
        {
            self.problems.report(own.referenced, "`scrape_timeout` is longer than the interval; shorten it");
        }
        let size = job.body_size_limit.as_ref().or(global.body_size_limit.as_ref());
        let limit = |own: Option<usize>, all: Option<usize>| own.or(all).unwrap_or(0);
        ScrapeSettings {
            interval,
            timeout: timeout_given,
            honor_labels: job.honor_labels,
            ignore_timestamps: job.honor_timestamps == Some(false),
            track_timestamps_staleness: job.track_timestamps_staleness,
            body_size_limit: self.problems.bytes(size, "body_size_limit"),
            sample_limit: limit(job.sample_limit, global.sample_limit),
            label_limit: limit(job.label_limit, global.label_limit),
            label_name_length_limit: limit(job.label_name_length_limit, global.label_name_length_limit),
            label_value_length_limit: limit(job.label_value_length_limit, global.label_value_length_limit),
            metric_relabel: self.relabel(job.metric_relabel_configs.as_deref().unwrap_or_default()),
            authorization: self.credentials(job),
        }
    }

    fn credentials(&mut self, job: &RawScrape) -> Option<Credentials> {
        if let Some(basic) = &job.basic_auth {
            let password = self.secret(basic.password.as_ref(), basic.password_file.as_ref());
            let pair = format!("{}:{}", basic.username, password.unwrap_or_default());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            return Some(Credentials::new(format!("Basic {encoded}")));
        }
        let authorization = job.authorization.as_ref()?;
        let kind = authorization.kind.as_deref().unwrap_or("Bearer");
        let secret = self.secret(authorization.credentials.as_ref(), authorization.credentials_file.as_ref());
        Some(Credentials::new(format!("{kind} {}", secret.unwrap_or_default())))
    }

    fn secret(&mut self, text: Option<&String>, file: Option<&Spanned<String>>) -> Option<String> {
        let Some(file) = file else { return text.cloned() };
        match std::fs::read_to_string(self.folder.join(&file.value)) {
            Ok(secret) => Some(secret.trim().to_owned()),
            Err(error) => {
                self.problems.report(file.referenced, &format!("`{}` cannot be read: {error}", file.value));
                None
            }
        }
    }

    fn relabel(&mut self, raw: &[RawRelabel]) -> Vec<Relabel> {
        raw.iter().filter_map(|raw| self.relabel_rule(raw)).collect()
    }

    fn relabel_rule(&mut self, raw: &RawRelabel) -> Option<Relabel> {
        let at = |text: &Option<Spanned<String>>| text.as_ref().map_or(Location::UNKNOWN, |text| text.referenced);
        let named = raw.action.as_ref().map_or("replace", |action| action.value.as_str());
        let Some(action) = action(named) else {
            let message =
                format!("the action `{named}` is unknown here; there are {}", ACTIONS.map(|(n, _)| n).join(", "));
            self.problems.report(at(&raw.action), &message);
            return None;
        };
        let source = raw.source_labels.clone().unwrap_or_default();
        let rule = Relabel::new(action, source, raw.target_label.as_deref().unwrap_or_default());
        let rule = rule.and_then(|rule| match &raw.regex {
            Some(regex) => rule.with_regex(&regex.value),
            None => Ok(rule),
        });
        match rule {
            Ok(mut rule) => {
                if let Some(separator) = &raw.separator {
                    rule = rule.with_separator(separator);
                }
                Some(raw.replacement.iter().fold(rule, |rule, replacement| rule.with_replacement(replacement)))
            }
            Err(error) => {
                let place = if raw.regex.is_some() { at(&raw.regex) } else { at(&raw.action) };
                self.problems.report(place, &format!("relabelling: {error}"));
                None
            }
        }
    }
}

const ACTIONS: [(&str, RelabelAction); 10] = [
    ("replace", RelabelAction::Replace),
    ("keep", RelabelAction::Keep),
    ("drop", RelabelAction::Drop),
    ("keepequal", RelabelAction::KeepEqual),
    ("dropequal", RelabelAction::DropEqual),
    ("labelmap", RelabelAction::LabelMap),
    ("labeldrop", RelabelAction::LabelDrop),
    ("labelkeep", RelabelAction::LabelKeep),
    ("lowercase", RelabelAction::Lowercase),
    ("uppercase", RelabelAction::Uppercase),
];

fn action(name: &str) -> Option<RelabelAction> {
    ACTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, action)| *action)
}

/// The labels that a target has before relabelling.
fn discovered(
    job: &RawScrape,
    address: &Spanned<String>,
    settings: &ScrapeSettings,
) -> impl Iterator<Item = (String, String)> {
    let text = |duration: Duration| rules::format_duration(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
    let mut pairs = vec![
        ("job".to_owned(), job.job_name.value.clone()),
        ("__address__".to_owned(), address.value.clone()),
        ("__scheme__".to_owned(), job.scheme.as_ref().map_or("http", |scheme| scheme.value.as_str()).to_owned()),
        ("__metrics_path__".to_owned(), job.metrics_path.clone().unwrap_or_else(|| "/metrics".to_owned())),
    ];
    pairs.extend(settings.interval.map(|interval| ("__scrape_interval__".to_owned(), text(interval))));
    pairs.extend(settings.timeout.map(|timeout| ("__scrape_timeout__".to_owned(), text(timeout))));
    for (name, values) in job.params.iter().flatten() {
        pairs.extend(values.first().map(|value| (format!("__param_{name}"), value.clone())));
    }
    pairs.into_iter()
}

/// An address without a port gets that of its scheme, as in Prometheus 2.
fn with_port(address: &str, scheme: &str) -> String {
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match (has_port, scheme) {
        (true, _) => address.to_owned(),
        (false, "https") => format!("{address}:443"),
        (false, _) => format!("{address}:80"),
    }
}
