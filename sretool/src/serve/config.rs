//! The configuration file of `serve`: the part of Prometheus' format that this server does, read strictly.

mod raw;
mod scrape;

use crate::server::Target;
use promql::Labels;
use raw::{RawAlertmanager, RawConfig, RawGlobal};
use serde_saphyr::{Location, Spanned};
use std::path::Path;
use std::time::Duration;

/// What a configuration file says. What it leaves out is the flags' to say.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub text: String,
    pub scrape_interval: Option<Duration>,
    pub eval_interval: Option<Duration>,
    pub out_of_order: Option<Duration>,
    pub external_labels: Labels,
    /// Patterns of rule files, relative ones from the folder of the file.
    pub rule_files: Vec<String>,
    pub alertmanagers: Vec<String>,
    pub targets: Vec<Target>,
    /// Pools and labels of targets that relabelling dropped.
    pub dropped: Vec<(String, Labels)>,
}

/// Reads a configuration file.
pub(super) fn read(path: &Path) -> Result<Config, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&name, &text, folder)
}

/// Reads a configuration; relative paths in it start from `folder`. All problems come in one answer, one a line.
pub(super) fn parse(name: &str, text: &str, folder: &Path) -> Result<Config, String> {
    let mut problems = Problems { name: name.to_owned(), found: Vec::new() };
    let options = serde_saphyr::options! { with_snippet: false };
    let raw = match text.trim().is_empty() {
        true => Ok(RawConfig::default()),
        false => serde_saphyr::from_str_with_options::<RawConfig>(text, options),
    };
    let raw = raw.map_err(|error| {
        let at = error.location().unwrap_or(Location::UNKNOWN);
        problems.line(at, &rules::yaml_message(&error, "configuration of Prometheus"))
    })?;
    let global = raw.global.unwrap_or_default();
    let mut config = Config {
        text: text.to_owned(),
        scrape_interval: problems.duration(global.scrape_interval.as_ref(), "scrape_interval"),
        eval_interval: problems.duration(global.evaluation_interval.as_ref(), "evaluation_interval"),
        external_labels: Labels::new(global.external_labels.iter().flatten()),
        ..Config::default()
    };
    let tsdb = raw.storage.and_then(|storage| storage.tsdb);
    let window = tsdb.and_then(|tsdb| tsdb.out_of_order_time_window);
    config.out_of_order = problems.duration(window.as_ref(), "out_of_order_time_window");
    let rooted = |pattern: String| folder.join(pattern).display().to_string();
    config.rule_files = raw.rule_files.unwrap_or_default().into_iter().map(rooted).collect();
    for alertmanager in raw.alerting.and_then(|alerting| alerting.alertmanagers).unwrap_or_default() {
        config.alertmanagers.extend(alertmanager_urls(&alertmanager));
    }
    jobs(raw.scrape_configs.unwrap_or_default(), &global, folder, &mut config, &mut problems);
    if problems.found.is_empty() { Ok(config) } else { Err(problems.found.join("\n")) }
}

fn jobs(jobs: Vec<raw::RawScrape>, global: &RawGlobal, folder: &Path, config: &mut Config, problems: &mut Problems) {
    let mut seen = std::collections::BTreeSet::new();
    for job in jobs {
        if !seen.insert(job.job_name.value.clone()) {
            let message = format!("the job `{}` is there twice; give every job its own name", job.job_name.value);
            problems.report(job.job_name.referenced, &message);
        }
        let mut reader = scrape::JobReader { global, folder, problems, default_interval: config.scrape_interval };
        let (targets, dropped) = reader.targets(&job);
        config.targets.extend(targets);
        config.dropped.extend(dropped);
    }
}

fn alertmanager_urls(raw: &RawAlertmanager) -> Vec<String> {
    let scheme = raw.scheme.as_deref().unwrap_or("http");
    let prefix = raw.path_prefix.as_deref().unwrap_or("/").trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    let targets = raw.static_configs.iter().flatten().flat_map(|group| group.targets.iter().flatten());
    targets.map(|target| format!("{scheme}://{}{slash}{prefix}", target.value)).collect()
}

/// What is wrong, as `file:line:column: message`.
#[derive(Debug)]
struct Problems {
    name: String,
    found: Vec<String>,
}

impl Problems {
    fn line(&self, at: Location, message: &str) -> String {
        format!("{}:{}:{}: {message}", self.name, at.line().max(1), at.column().max(1))
    }

    fn report(&mut self, at: Location, message: &str) {
        self.found.push(self.line(at, message));
    }

    fn duration(&mut self, raw: Option<&Spanned<String>>, key: &str) -> Option<Duration> {
        let raw = raw?;
        match rules::parse_duration(&raw.value).map(u64::try_from) {
            Ok(Ok(ms)) => Some(Duration::from_millis(ms)),
            Ok(Err(_)) => None,
            Err(error) => {
                self.report(raw.referenced, &format!("`{key}`: {error}"));
                None
            }
        }
    }

    /// A number of bytes such as `10MB`, in powers of 1,024 as Prometheus counts.
    fn bytes(&mut self, raw: Option<&Spanned<String>>, key: &str) -> Option<usize> {
        let raw = raw?;
        let bytes = parse_bytes(&raw.value);
        if bytes.is_none() {
            let message =
                format!("`{key}`: `{}` is no size; write a number with a unit, such as 512KB or 10MB", raw.value);
            self.report(raw.referenced, &message);
        }
        bytes.filter(|bytes| *bytes > 0)
    }
}

fn parse_bytes(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_uppercase();
    let power = match unit.replace("IB", "B").as_str() {
        "" | "B" => 0,
        "KB" => 1,
        "MB" => 2,
        "GB" => 3,
        "TB" => 4,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(1024_usize.checked_pow(power)?)
}

#[cfg(test)]
mod tests;
