//! A target in a profile.

use super::At;
use load::http::{Target, TargetError};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// `[[targets]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    url: Spanned<String>,
    method: Option<Spanned<String>>,
    #[serde(default)]
    headers: BTreeMap<Spanned<String>, String>,
    body: Option<String>,
    name: Option<String>,
    weight: Option<Spanned<u32>>,
    #[serde(default)]
    expect: Option<Spanned<Vec<u16>>>,
}

pub(super) fn read(raw: &Spanned<Raw>) -> At<Target> {
    let Raw { url, method, headers, body, name, weight, expect } = raw.get_ref();
    let at = |span: std::ops::Range<usize>| move |error: TargetError| (span, error.to_string());
    let mut target = Target::parse(url.get_ref()).map_err(at(url.span()))?;
    if let Some(method) = method {
        target = target.with_method(method.get_ref()).map_err(at(method.span()))?;
    }
    for (key, value) in headers {
        target = target.with_header(&format!("{}: {value}", key.get_ref())).map_err(at(key.span()))?;
    }
    if let Some(body) = body {
        target = target.with_body(body.clone());
    }
    if let Some(name) = name {
        target = target.named(name);
    }
    if let Some(weight) = weight {
        let fits = *weight.get_ref() <= 1_000_000;
        target.weight = if fits {
            *weight.get_ref()
        } else {
            return Err((weight.span(), "the weight must be at most 1,000,000".to_owned()));
        };
    }
    if let Some(expect) = expect {
        if !expect.get_ref().iter().all(|status| (100..=599).contains(status)) {
            return Err((expect.span(), "a status is from 100 to 599".to_owned()));
        }
        target.expected.clone_from(expect.get_ref());
    }
    Ok(target)
}
