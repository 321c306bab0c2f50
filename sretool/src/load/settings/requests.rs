//! What the HTTP executor requests.

use super::UsageError;
use crate::load::args::RunArgs;
use load::AccessLog;
use load::http::{Target, Targets};
use loadtests::Profile;
use std::path::Path;

/// Whether anything names a URL.
pub(super) fn has_targets(args: &RunArgs, profile: Option<&Profile>) -> bool {
    !args.http.url.is_empty() || args.http.targets.is_some() || profile.is_some_and(|p| !p.targets.is_empty())
}

pub(super) fn targets(
    args: &RunArgs,
    profile: Option<&Profile>,
    log: Option<&AccessLog>,
) -> Result<Targets, UsageError> {
    let http = &args.http;
    let targets = match (log, &http.targets, profile) {
        (Some(log), _, _) => logged(log, &http.url)?,
        (None, Some(file), _) => Targets::read(file, &read(file, "list of targets")?)?,
        (None, None, Some(profile)) if http.url.is_empty() => {
            Targets::new(profile.targets.clone()).ok_or(UsageError::NoUrl)?
        }
        _ => Targets::new(http.url.iter().map(|url| of_url(url, args)).collect::<Result<_, _>>()?)
            .ok_or(UsageError::NoUrl)?,
    };
    // Checked on one first, so that an unreadable header is an error and not lost in the mapping.
    if let Some(target) = targets.all().first() {
        http.header.iter().try_fold(target.clone(), |target, header| target.with_header(header))?;
    }
    let with_headers = |target: Target| {
        let add = |target: Target, header: &String| target.clone().with_header(header).unwrap_or(target);
        http.header.iter().fold(target, add)
    };
    Ok(targets.map(with_headers))
}

fn of_url(url: &str, args: &RunArgs) -> Result<Target, UsageError> {
    let mut target = Target::parse(url)?;
    let method = match (&args.http.method, &args.http.body) {
        (Some(method), _) => method,
        (None, Some(_)) => "POST",
        (None, None) => "GET",
    };
    target = target.with_method(method)?;
    // Before the body, whose kind is guessed only where no header tells it.
    for header in &args.http.header {
        target = target.with_header(header)?;
    }
    Ok(match &args.http.body {
        None => target,
        Some(body) => match body.strip_prefix('@') {
            Some(file) => target.with_body(read(Path::new(file), "body")?),
            None => target.with_body(body.clone()),
        },
    })
}

fn logged(log: &AccessLog, urls: &[String]) -> Result<Targets, UsageError> {
    let [base] = urls else { return Err(UsageError::NoBase) };
    let base = base.trim_end_matches('/');
    let target = |(method, path): &(String, String)| Target::parse(&format!("{base}{path}"))?.with_method(method);
    let all = log.requests.iter().map(target).collect::<Result<_, _>>()?;
    Targets::in_sequence(all, log.sequence.clone()).ok_or(UsageError::NoBase)
}

fn read(file: &Path, what: &'static str) -> Result<String, UsageError> {
    std::fs::read_to_string(file).map_err(|error| UsageError::Unreadable {
        what,
        path: file.display().to_string(),
        cause: error.to_string(),
    })
}
