//! `sretool slo rules` and `sretool slo inhibition`.

use super::files;
use crate::exit;
use crate::io::Io;
use slo::{Catalog, LoadOptions, Manifest, Options, Origin, RuleFile, Slo, Style, Window, WindowFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `sretool slo rules`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files or folders with OpenSLO, sloth or Pyrra documents, or - for standard input [default: slo]
    files: Vec<PathBuf>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Period of objectives whose format names none, such as sloth's
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = period)]
    period: Window,
    /// Folder of burn-rate conditions: this tool's or sloth's AlertWindows
    #[arg(long, value_name = "DIR")]
    windows: Option<PathBuf>,
    /// Add a label to every series and alert
    #[arg(long = "extra-label", value_name = "KEY=VALUE", value_parser = label)]
    extra_labels: Vec<(String, String)>,
    /// Leave the alerting rules out
    #[arg(long)]
    no_alerts: bool,
    /// Leave the recording rules out
    #[arg(long)]
    no_recordings: bool,
    /// Also write promtool tests that prove that every alert fires and resets on time
    #[arg(long, value_name = "DIR")]
    with_tests: Option<PathBuf>,
    /// Form of the output [default: operator for Kubernetes resources of sloth, prometheus for everything else]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Exact rules for documents of sloth as well
    #[arg(long, conflicts_with = "sloth")]
    exact: bool,
    /// Sloth's rules for every document
    #[arg(long)]
    sloth: bool,
    /// How long alerts keep firing after their condition has ended
    #[arg(long, value_name = "DURATION", value_parser = period)]
    keep_firing_for: Option<Window>,
    /// Accept unknown keys
    #[arg(long)]
    lenient: bool,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A rule file
    Prometheus,
    /// PrometheusRule resources of the Prometheus operator
    Operator,
    /// AnalysisTemplate resources of Argo Rollouts
    Rollouts,
}

/// Arguments of `sretool slo inhibition`.
#[derive(Debug, clap::Args)]
pub(super) struct InhibitionArgs {
    /// Files or folders with documents, or - for standard input [default: slo]
    files: Vec<PathBuf>,
}

/// Reads a duration as Prometheus writes it.
pub(super) fn period(text: &str) -> Result<Window, String> {
    Window::from_prometheus(text).ok_or_else(|| "write a duration such as 28d".to_owned())
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if promql::is_label_name(key) => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, the key of letters, digits and underscores".to_owned()),
    }
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> ExitCode {
    match generate(args, io) {
        Ok(()) => exit::good(),
        Err(code) => code,
    }
}

/// Prints the inhibition rules of Alertmanager.
pub(super) fn inhibition(args: &InhibitionArgs, io: &mut Io<'_>) -> ExitCode {
    match files::load_usable(&args.files, io) {
        Ok(catalog) => {
            io.line(slo::inhibition(&catalog.slos).trim_end());
            exit::good()
        }
        Err(code) => code,
    }
}

fn generate(args: &Args, io: &mut Io<'_>) -> Result<(), ExitCode> {
    let load = LoadOptions { lenient: args.lenient, period: args.period };
    let catalog = files::load_usable_with(&args.files, load, io)?;
    let options = options(args).map_err(|error| refuse(error, io))?;
    let rules = slo::generate(&catalog.slos, &options).map_err(|error| refuse(error.to_string(), io))?;
    let is_kubernetes = |slo: &Slo| resource(slo).is_some();
    let default = if catalog.slos.iter().all(is_kubernetes) { Format::Operator } else { Format::Prometheus };
    let text = match args.format.unwrap_or(default) {
        Format::Prometheus => rules.to_string(),
        Format::Operator => manifests(&catalog, &options).map_err(|error| refuse(error, io))?,
        Format::Rollouts => rollouts(&catalog, &options),
    };
    match &args.output {
        None => {
            // A closed pipe means that the reader has seen enough.
            let _ = io.out.write_all(text.as_bytes());
        }
        Some(path) => {
            write(path, &text).map_err(|error| refuse(error, io))?;
            io.note(format_args!("{}: rules of {} objectives", path.display(), catalog.slos.len()));
        }
    }
    if let Some(folder) = &args.with_tests {
        let written = with_tests(folder, &catalog, &rules, &options).map_err(|error| refuse(error, io))?;
        io.note(format_args!("{}: {written} files; run promtool test rules *.test.yaml there", folder.display()));
    }
    if options.alerts && args.format != Some(Format::Rollouts) {
        for slo in &catalog.slos {
            slo::remarks(slo, &options).into_iter().for_each(|remark| io.note(remark));
        }
    }
    Ok(())
}

fn refuse(error: String, io: &mut Io<'_>) -> ExitCode {
    io.error(error);
    exit::invalid()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn options(args: &Args) -> Result<Options, String> {
    let mut options = Options::new(env!("CARGO_PKG_VERSION"));
    options.recordings = !args.no_recordings;
    options.alerts = !args.no_alerts;
    options.extra_labels.clone_from(&args.extra_labels);
    options.style = match (args.exact, args.sloth) {
        (true, _) => Style::Exact,
        (_, true) => Style::Sloth,
        _ => Style::AsWritten,
    };
    read_windows(args.windows.as_deref(), &mut options)?;
    if let Some(keep) = args.keep_firing_for {
        (options.burn.page_keep, options.burn.ticket_keep) = (Some(keep), Some(keep));
    }
    Ok(options)
}

/// Reads a folder of conditions.
pub(super) fn read_windows(folder: Option<&Path>, options: &mut Options) -> Result<(), String> {
    let Some(folder) = folder else { return Ok(()) };
    for (name, text) in files::read(&[folder.to_owned()])? {
        match WindowFile::parse(&name, &text) {
            Ok(WindowFile::Burn(burn)) => options.burn = burn,
            Ok(WindowFile::Shares(windows)) => options.by_period.extend(windows),
            Err(findings) => {
                let findings: Vec<_> = findings.iter().map(slo::Finding::render).collect();
                return Err(findings.join("\n"));
            }
        }
    }
    Ok(())
}

/// The Kubernetes resource that an objective comes from.
fn resource(slo: &Slo) -> Option<&slo::sloth::Resource> {
    match &slo.origin {
        Origin::Sloth(own) => match &own.format {
            slo::sloth::SlothFormat::Kubernetes(resource) => Some(resource),
            _ => None,
        },
        _ => None,
    }
}

/// Objectives that go into one resource.
struct Owner {
    name: String,
    namespace: String,
    labels: BTreeMap<String, String>,
    slos: Vec<Slo>,
}

/// A resource for each that objectives come from; one for each service of the others.
fn manifests(catalog: &Catalog, options: &Options) -> Result<String, String> {
    let mut owners: Vec<Owner> = Vec::new();
    for slo in &catalog.slos {
        let (name, namespace, own) = match resource(slo) {
            Some(resource) => (resource.name.clone(), resource.namespace.clone(), resource.labels.clone()),
            None => (format!("slo-{}", slo.service), String::new(), Vec::new()),
        };
        match owners.iter_mut().find(|owner| owner.name == name && owner.namespace == namespace) {
            Some(owner) => owner.slos.push(slo.clone()),
            None => owners.push(Owner { name, namespace, labels: own.into_iter().collect(), slos: vec![slo.clone()] }),
        }
    }
    let mut parts = Vec::new();
    for Owner { name, namespace, mut labels, slos } in owners {
        let as_sloth = options.style == Style::AsWritten && slos.iter().all(|slo| resource(slo).is_some());
        let manager = if as_sloth { "sloth" } else { "sretool" };
        labels.insert("app.kubernetes.io/component".into(), "SLO".into());
        labels.insert("app.kubernetes.io/managed-by".into(), manager.into());
        let rules = slo::generate(&slos, options).map_err(|error| error.to_string())?;
        parts.push(Manifest { name, namespace, labels, rules }.to_string());
    }
    Ok(parts.join("---\n"))
}

fn rollouts(catalog: &Catalog, options: &Options) -> String {
    let template = |slo: &Slo| slo::analysis_template(slo, &options.burn_for(slo.period));
    catalog.slos.iter().filter_map(template).collect::<Vec<_>>().join("---\n")
}

/// Writes the rules and their tests into a folder; returns the number of files.
fn with_tests(folder: &Path, catalog: &Catalog, rules: &RuleFile, options: &Options) -> Result<usize, String> {
    const RULES: &str = "slo.rules.yaml";
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    write(&folder.join(RULES), &rules.to_string())?;
    let mut written = 1;
    for slo in &catalog.slos {
        for (name, text) in slo::rule_tests(slo, options, RULES) {
            write(&folder.join(name), &text)?;
            written += 1;
        }
    }
    Ok(written)
}
